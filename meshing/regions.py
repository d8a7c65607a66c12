"""Targets: sets of tetrahedra with weights that average a field over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from .head import TISSUE_NAMES, HeadMesh, tissue_tag


@dataclass(frozen=True, eq=False)
class Region:
    """Tetrahedra and how much each counts.

    Attributes:
        tetrahedra: Indices into the head's tetrahedra.
        weights: Positive, of sum 1: shares of the region's volume, times what a map says
            where it is a weighted region.
        centre: Where the region was asked for, or its centre of gravity. [m]
    """

    tetrahedra: Int[ndarray, "selected"]
    weights: Float[ndarray, "selected"]
    centre: Float[ndarray, "3"]

    def __repr__(self) -> str:
        """Say how many tetrahedra there are, and where."""
        place = ", ".join(f"{x * 1e3:.1f}" for x in np.asarray(self.centre))
        return f"Region({len(self.tetrahedra)} tetrahedra about ({place}) mm)"


def region(head: HeadMesh, selected: ArrayLike) -> Region:
    """Make a region of given tetrahedra, weighted by their volumes.

    Args:
        head: The head.
        selected: Indices of tetrahedra, or a mask over all.

    Raises:
        ValueError: There is none, or an index is out of range or repeated.
    """
    chosen = np.asarray(selected)
    if chosen.dtype == bool:
        if chosen.shape != head.tags.shape:
            raise ValueError(
                f"`selected` must have the shape {head.tags.shape}, got {chosen.shape}."
            )
        chosen = np.flatnonzero(chosen)
    if chosen.ndim != 1 or chosen.size == 0:
        raise ValueError("`selected` names no tetrahedron.")
    if chosen.dtype.kind not in "iu":
        raise ValueError(f"`selected` must hold integers, got the type {chosen.dtype}.")
    if chosen.min() < 0 or chosen.max() >= len(head.tags):
        raise ValueError(
            f"`selected` must lie within 0 to {len(head.tags) - 1}, got "
            f"{chosen.min()} to {chosen.max()}."
        )
    taken = np.zeros(len(head.tags), dtype=bool)
    taken[chosen] = True
    if np.count_nonzero(taken) != len(chosen):
        raise ValueError("`selected` names a tetrahedron twice.")
    weights = head.volumes[chosen] / head.volumes[chosen].sum()
    return Region(chosen, weights, weights @ head.centroids[chosen])


def weighted_region(
    head: HeadMesh, selected: ArrayLike, importance: ArrayLike
) -> Region:
    """Make a region of given tetrahedra, weighted by volume times importance.

    Means over it, such as Σ w |E|, then count a tetrahedron by what a map says of it.

    Args:
        head: The head.
        selected: Indices of tetrahedra, or a mask over all.
        importance: Of each selected one, (selected,), positive, of any unit.

    Raises:
        ValueError: As for `region`, or `importance` is not positive.
    """
    plain = region(head, selected)
    given = np.asarray(importance, dtype=np.float64)
    if given.shape != plain.weights.shape:
        raise ValueError(
            f"`importance` must have the shape {plain.weights.shape}, got {given.shape}."
        )
    if not (np.isfinite(given).all() and (given > 0).all()):
        raise ValueError(
            "`importance` must be positive and finite; leave tetrahedra that do not count "
            "out of `selected`."
        )
    weights = plain.weights * given
    weights /= weights.sum()
    return Region(plain.tetrahedra, weights, weights @ head.centroids[plain.tetrahedra])


def ball(
    head: HeadMesh,
    centre: ArrayLike,
    radius: float,
    tissue: str | int = "gray matter",
) -> Region:
    """Take the tetrahedra of a tissue whose centroid lies within a ball.

    Args:
        head: The head.
        centre: (3,). [m]
        radius: [m]
        tissue: Name or tag, such as `"gray matter"`.

    Raises:
        ValueError: The tissue is not in the head, or no tetrahedron of it lies within
            the ball; the message says how far the nearest is.
    """
    middle = np.asarray(centre, dtype=np.float64)
    if middle.shape != (3,) or not np.isfinite(middle).all():
        raise ValueError(f"`centre` must be three finite numbers in m, got {centre!r}.")
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"`radius` must be a positive number in m, got {radius!r}.")
    tag = tissue_tag(tissue)
    candidates = np.flatnonzero(head.of(tag))
    if len(candidates) == 0:
        present = ", ".join(TISSUE_NAMES[t] for t in head.tissues)
        raise ValueError(
            f"the head has no {TISSUE_NAMES[tag]}; its tissues are {present}."
        )
    distances = np.linalg.norm(head.centroids[candidates] - middle, axis=1)
    inside = distances <= radius
    if not inside.any():
        raise ValueError(_nothing_there(head, middle, radius, tag, distances.min()))
    found = region(head, candidates[inside])
    return Region(found.tetrahedra, found.weights, middle)


def _nothing_there(
    head: HeadMesh, centre: ndarray, radius: float, tag: int, nearest: float
) -> str:
    low, high = head.nodes.min(axis=0) * 1e3, head.nodes.max(axis=0) * 1e3
    at = ", ".join(f"{value * 1e3:g}" for value in centre)
    span = " × ".join(f"{a:.0f}…{b:.0f}" for a, b in zip(low, high, strict=True))
    return (
        f"no {TISSUE_NAMES[tag]} lies within {radius * 1e3:g} mm of the target ({at}) mm; "
        f"the nearest is {nearest * 1e3:.1f} mm away, and the head spans {span} mm. Check "
        "the coordinates (in mm on the command line, in m in Python), or take a larger "
        "radius."
    )


def extent(head: HeadMesh, region: Region) -> tuple[Float[ndarray, "3"], float]:
    """The centre of a region, and the radius of a ball that spreads as far. [m]

    At least 1 mm; the mean square of the distances from the centre of a ball of radius R
    is 3/5 R².
    """
    apart = head.centroids[region.tetrahedra] - region.centre
    spread = region.weights @ np.sum(apart**2, axis=1)
    return region.centre, float(max(np.sqrt(spread * 5 / 3), 1e-3))


def volume_percentiles(
    values: Float[ndarray, "tet"],
    volumes: Float[ndarray, "tet"],
    shares: Sequence[float],
) -> list[float]:
    """Percentiles of a value per tetrahedron, counting each by its volume.

    Args:
        values: Of each tetrahedron.
        volumes: [m³]
        shares: From 0 to 100.

    Returns:
        The least value that so much of the volume does not exceed.
    """
    order = np.argsort(values)
    filled = np.cumsum(volumes[order])
    at = np.searchsorted(filled, np.asarray(shares) / 100 * filled[-1])
    return [float(x) for x in values[order][np.minimum(at, len(order) - 1)]]
