"""How far two fields, or two placements, are apart.

RDM and MAG separate an error of shape from one of size [Meijs et al. 1989,
doi:10.1109/10.40805]. Norms are integrals: values count by the volume they stand for.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import ArrayLike, Bool, Float
from numpy import ndarray

from ..coils import Pose


def relative_error(
    field: ArrayLike, reference: ArrayLike, volumes: ArrayLike | None = None
) -> float:
    """Measure |a - b| / |b| in the L2 norm.

    Args:
        field: What was computed, (points,) or (points, components).
        reference: What is right, of the same shape.
        volumes: What each point stands for, (points,); by default all count alike. [m³]

    Raises:
        ValueError: Shapes differ, a value is not finite, volumes are negative, or the
            reference is zero.
    """
    a, b, weights = _checked(field, reference, volumes)
    return _norm(a - b, weights) / _norm(b, weights)


def rdm(
    field: ArrayLike, reference: ArrayLike, volumes: ArrayLike | None = None
) -> float:
    """Measure the relative difference of two fields scaled to norm one: of their shape.

    Args:
        field: As for `relative_error`.
        reference: As for `relative_error`.
        volumes: As for `relative_error`. [m³]

    Returns:
        From 0, where the shapes are the same, to 2, where they are opposite.

    Raises:
        ValueError: As `relative_error`, or the field is zero.
    """
    a, b, weights = _checked(field, reference, volumes)
    size = _norm(a, weights)
    if size == 0:
        raise ValueError("`field` is zero everywhere, and has no shape to compare.")
    return _norm(a / size - b / _norm(b, weights), weights)


def mag(
    field: ArrayLike, reference: ArrayLike, volumes: ArrayLike | None = None
) -> float:
    """Measure the magnification |a| / |b|: 1 where the sizes are the same.

    Args:
        field: As for `relative_error`.
        reference: As for `relative_error`.
        volumes: As for `relative_error`. [m³]

    Raises:
        ValueError: As `relative_error`.
    """
    a, b, weights = _checked(field, reference, volumes)
    return _norm(a, weights) / _norm(b, weights)


def peak(
    magnitude: Float[ndarray, "point"],
    volumes: Float[ndarray, "point"],
    percentile: float = 99.9,
) -> float:
    """Find the magnitude that a share of the volume does not exceed.

    A percentile stands for the peak, as the largest value of all is that of the worst
    element.

    Args:
        magnitude: |E|. [V/m]
        volumes: Of the elements. [m³]
        percentile: From 0 to 100, of the volume.

    Returns:
        The smallest of the magnitudes for which it holds. [V/m]

    Raises:
        ValueError: The percentile is out of range, or there is no element.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"`percentile` must lie within 0 to 100, got {percentile!r}.")
    if len(magnitude) == 0:
        raise ValueError("`magnitude` is empty: there is no peak.")
    order = np.argsort(magnitude, kind="stable")
    share = np.cumsum(volumes[order])
    # Rounding of the sum must not push 100% past the last element.
    at = np.searchsorted(share, percentile / 100 * share[-1] * (1 - 1e-12))
    return float(magnitude[order[at]])


def peak_place(
    magnitude: Float[ndarray, "point"],
    volumes: Float[ndarray, "point"],
    positions: Float[ndarray, "point 3"],
    percentile: float = 99.9,
) -> Float[ndarray, "3"]:
    """Find the centre of gravity of what reaches the peak.

    Args:
        magnitude: |E|. [V/m]
        volumes: Of the elements. [m³]
        positions: Their centroids. [m]
        percentile: That defines the peak.

    Returns:
        A position. [m]
    """
    above = magnitude >= peak(magnitude, volumes, percentile)
    return volumes[above] @ positions[above] / volumes[above].sum()


def above_half(
    magnitude: Float[ndarray, "point"], volumes: Float[ndarray, "point"]
) -> Bool[ndarray, "point"]:
    """Find which elements reach half of the peak."""
    return magnitude >= peak(magnitude, volumes) / 2


def dice(
    one: Bool[ndarray, "point"],
    other: Bool[ndarray, "point"],
    volumes: Float[ndarray, "point"],
) -> float:
    """Measure the overlap of two regions by volume [Dice 1945, doi:10.2307/1932409].

    Args:
        one: Which elements are in it.
        other: Likewise.
        volumes: Of the elements. [m³]

    Returns:
        From 0, apart, to 1, the same. Two empty regions are the same.
    """
    both = volumes[one].sum() + volumes[other].sum()
    return float(2 * volumes[one & other].sum() / both) if both else 1.0


@dataclass(frozen=True)
class Comparison:
    """All measures of one field against another, on the same elements.

    Attributes:
        relative_error: In the L2 norm.
        rdm: Of the shapes.
        mag: Of the sizes.
        peak_difference: Of the 99.9% peaks, relative to that of the reference.
        peak_distance: Between the places of the peaks. [m]
        dice: Overlap of the regions above half of the peak.
    """

    relative_error: float
    rdm: float
    mag: float
    peak_difference: float
    peak_distance: float
    dice: float


def compare(
    field: ArrayLike,
    reference: ArrayLike,
    volumes: Float[ndarray, "point"],
    positions: Float[ndarray, "point 3"],
) -> Comparison:
    """Compare two vector fields in every way.

    Args:
        field: What was computed, (points, 3). [V/m]
        reference: What is right, (points, 3). [V/m]
        volumes: Of the elements. [m³]
        positions: Their centroids. [m]

    Raises:
        ValueError: As `relative_error`.
    """
    a, b, _ = _checked(field, reference, volumes)
    sizes = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    peaks = [peak(size, volumes) for size in sizes]
    places = [peak_place(size, volumes, positions) for size in sizes]
    return Comparison(
        relative_error(a, b, volumes),
        rdm(a, b, volumes),
        mag(a, b, volumes),
        peaks[0] / peaks[1] - 1,
        float(np.linalg.norm(places[0] - places[1])),
        dice(above_half(sizes[0], volumes), above_half(sizes[1], volumes), volumes),
    )


@dataclass(frozen=True)
class PoseDistance:
    """How far two placements are apart.

    Attributes:
        shift: Between the coils' centres. [m]
        turn: The angle of the rotation that takes one into the other. [rad]
    """

    shift: float
    turn: float

    @property
    def shift_mm(self) -> float:
        """Between the coils' centres. [mm]"""
        return self.shift * 1e3

    @property
    def turn_degrees(self) -> float:
        """The angle of the rotation. [°]"""
        return float(np.degrees(self.turn))


def pose_distance(one: Pose, other: Pose) -> PoseDistance:
    """Measure how far two single placements are apart.

    Args:
        one: A placement.
        other: Another.
    """
    shift = np.linalg.norm(np.asarray(one.translation) - np.asarray(other.translation))
    between = np.asarray(one.rotation).T @ np.asarray(other.rotation)
    # The sine is exact for small angles, where the cosine loses half of the digits.
    skew = between - between.T
    sine = np.sqrt(np.sum(skew**2) / 8)
    return PoseDistance(
        float(shift), float(np.arctan2(sine, (np.trace(between) - 1) / 2))
    )


def _checked(
    field: ArrayLike, reference: ArrayLike, volumes: ArrayLike | None
) -> tuple[ndarray, ndarray, ndarray]:
    a, b = np.asarray(field, np.float64), np.asarray(reference, np.float64)
    weights = (
        np.ones(b.shape[:1]) if volumes is None else np.asarray(volumes, np.float64)
    )
    if a.shape != b.shape or b.ndim not in (1, 2) or weights.shape != b.shape[:1]:
        raise ValueError(
            "`field` and `reference` must have one shape, (points,) or (points, "
            f"components), and `volumes` (points,); got {a.shape}, {b.shape} and "
            f"{weights.shape}."
        )
    for name, values in (("field", a), ("reference", b), ("volumes", weights)):
        if not np.isfinite(values).all():
            raise ValueError(f"`{name}` holds a value that is not finite.")
    if (weights < 0).any():
        raise ValueError("`volumes` holds a negative value.")
    if not _norm(b, weights) > 0:
        raise ValueError("`reference` is zero everywhere: nothing is relative to it.")
    return a, b, weights


def _norm(values: ndarray, weights: ndarray) -> float:
    square = values**2 if values.ndim == 1 else np.einsum("pc,pc->p", values, values)
    return float(np.sqrt(weights @ square))
