"""Several targets as one, weighed by how strong a person's symptoms are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .maps import VolumeMap, read_map
from .symptoms import SymptomTarget


# The box of the MNI template's images in voxels of 2 mm.
_SHAPE = (91, 109, 91)
_AFFINE = (
    np.array([[2, 0, 0, -90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1e3]], float)
    * 1e-3
)  # [m]
_MNI = ("MNI", "")


@dataclass(frozen=True)
class WeighedTarget:
    """A symptom target with its share.

    Attributes:
        row: The target.
        share: Of all of the same kind; they add up to one.
    """

    row: SymptomTarget
    share: float


def weighed_targets(
    rows: Sequence[SymptomTarget], scores: Mapping[str, float]
) -> tuple[WeighedTarget, ...]:
    """Weigh targets by symptom scores.

    A symptom's share of the scores is divided among its rows of one kind by their weights;
    then those of each kind are scaled to add up to one.

    Args:
        rows: Of the symptoms, of either kind.
        scores: How strong each symptom is, on comparable scales.

    Raises:
        ValueError: A score is negative or not finite, or all are zero.
    """
    for symptom, score in scores.items():
        if not (np.isfinite(score) and score >= 0):
            raise ValueError(
                f"`scores`: {symptom} must be zero or more, got {score!r}."
            )
    found = []
    for kind in ("direct", "indirect"):
        of_kind = [row for row in rows if row.kind == kind]
        sums = {
            symptom: sum(row.weight for row in of_kind if row.symptom == symptom)
            for symptom in scores
        }
        parts = [
            scores[row.symptom] * row.weight / sums[row.symptom] for row in of_kind
        ]
        found += [
            WeighedTarget(row, part / sum(parts))
            for row, part in zip(of_kind, parts, strict=True)
            if part > 0
        ]
    if not found:
        raise ValueError("`scores`: all are zero, so no target counts.")
    return tuple(found)


def places_map(targets: Sequence[WeighedTarget], radius: float) -> VolumeMap:
    """Add up balls around direct targets, by their shares.

    Args:
        targets: Those of kind `direct` count.
        radius: Of the balls. [m]

    Returns:
        In MNI space; the largest value is 1.

    Raises:
        ValueError: There is none, or a ball holds no voxel of the template's box.
    """
    chosen = [each for each in targets if each.row.kind == "direct"]
    return _summed([(each, _ball(each.row, radius)) for each in chosen], "direct")


def circuit_map(targets: Sequence[WeighedTarget], radius: float) -> VolumeMap:
    """Add up indirect targets, balls and maps, by their shares.

    Each is scaled so that the sizes of its values add up to one, as the mean over a ball
    does: a circuit does not outweigh a ball by its extent.

    Args:
        targets: Those of kind `indirect` count.
        radius: Of the balls. [m]

    Returns:
        In MNI space: weights of voxels to a seed's time course, as of a group's
        connectivity map. The largest size is 1.

    Raises:
        FileNotFoundError: A map is missing.
        ValueError: There is none, a map is not in MNI space or outside of its box.
    """
    parts = []
    for each in targets:
        if each.row.kind != "indirect":
            continue
        own = _circuit(each.row) if each.row.map else _ball(each.row, radius)
        parts.append((each, each.row.sign * own / np.abs(own).sum()))
    return _summed(parts, "indirect")


def _summed(
    parts: Sequence[tuple[WeighedTarget, Float[ndarray, "i j k"]]], kind: str
) -> VolumeMap:
    if not parts:
        raise ValueError(f"`targets`: there is no {kind} target.")
    values = sum((each.share * own for each, own in parts), np.zeros(_SHAPE))
    largest = np.abs(values).max()
    if not largest > 0:
        raise ValueError("`targets`: they cancel each other.")
    return VolumeMap(values / largest, _AFFINE, f"weighed {kind} targets", "MNI")


def _voxels() -> Float[ndarray, "voxel 3"]:
    """The centres of the voxels of the box. [m]"""
    every = np.ones(_SHAPE, dtype=bool)
    return VolumeMap(np.zeros(_SHAPE), _AFFINE).positions(every)


def _ball(row: SymptomTarget, radius: float) -> Float[ndarray, "i j k"]:
    apart = np.linalg.norm(_voxels() - np.asarray(row.centre) * 1e-3, axis=1)
    inside = (apart <= radius + 1e-9).astype(np.float64).reshape(_SHAPE)
    if not inside.any():
        raise ValueError(
            f"{row.name!r} at {row.centre}: no voxel of the template's box lies within "
            f"{radius * 1e3:g} mm."
        )
    return inside


def _circuit(row: SymptomTarget) -> Float[ndarray, "i j k"]:
    image = read_map(row.map)
    if image.space not in _MNI:
        raise ValueError(
            f"{row.map}: the header says that the map is in the space {image.space}; a "
            "circuit is to be in MNI space."
        )
    values = image.at(_voxels()).reshape(_SHAPE)
    if not values.any():
        raise ValueError(f"{row.map}: nothing of the map lies in the box of MNI space.")
    return values


def farthest(targets: Sequence[WeighedTarget]) -> float:
    """How far direct targets are from each other, at most. [m]"""
    places = [
        np.asarray(each.row.centre) * 1e-3
        for each in targets
        if each.row.kind == "direct"
    ]
    return max(
        (float(np.linalg.norm(a - b)) for a in places for b in places), default=0.0
    )
