"""A target from structural connectivity: where streamlines of a deep target reach cortex.

Of a tractogram, the streamlines count that reach the indirect target; the other ends of
these, smoothed over gray matter, are a map of the cortex from which the target can be
reached. Streamlines have no direction, and their number is no measure of the strength of
a connection; the map says where connections are, not what they do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage

from ...meshing import HeadMesh, Tractogram, VoxelGrid, elements_on_grid
from .maps import REACH, VolumeMap


SMOOTHING = (
    6e-3  # Full width at half maximum: about the thickness of a gyrus. Ours. [m]
)
NEAR_GRAY = 4e-3  # Streamlines stop before gray matter by so much. Ours. [m]
SHARE = 0.5  # Of the highest density, that belongs to the target. Ours.
_STEP = 0.5e-3  # Streamlines are looked at in such steps. [m]
_AT_ONCE = 5_000  # Streamlines.
_FWHM = np.sqrt(8 * np.log(2))
_GRAY = 2
_FEWEST = 10  # Streamlines of which a map is made.

Place = Callable[[Float[ndarray, "point 3"]], ndarray]


@dataclass(frozen=True, eq=False)
class Reaching:
    """The streamlines that reach a target.

    Attributes:
        which: Of the tractogram, in rising order.
        weights: How much each counts, up to 1.
        far: Of the first and last point, which is an end that counts: not one in the
            target or at the station it came through.
        direct: How many reach the target itself.
    """

    which: Int[ndarray, "some"]
    weights: Float[ndarray, "some"]
    far: Bool[ndarray, "some 2"]
    direct: int


@dataclass(frozen=True, eq=False)
class ConnectionMap:
    """Where streamlines of a target end in gray matter.

    Attributes:
        density: On the grid; its highest value in reach is 1.
        cluster: The weightiest cluster of what is at least a share of that and in reach.
        centre: Of gravity of the cluster. [m]
        streamlines: With an end in or near gray matter.
        lost: The weight of ends that are not, as a share of all.
        smoothing: Full width at half maximum. [m]
        deep: The share of the density that lies too deep.
    """

    density: VolumeMap
    cluster: VolumeMap
    centre: Float[ndarray, "3"]
    streamlines: int
    lost: float
    smoothing: float
    deep: float


def ball_place(centre: Float[ndarray, "3"], radius: float) -> Place:
    """Make a ball a place. [m]"""
    return lambda points: (np.sum((points - centre) ** 2, axis=1) <= radius**2).astype(
        np.float64
    )


def reaching(
    tracts: Tractogram,
    target: Place,
    waypoints: Sequence[Place] = (),
    stations: Sequence[Place] = (),
) -> Reaching:
    """Find the streamlines that reach a target.

    A streamline reaches a place where one of its points, 0.5 mm apart at most, has a
    positive weight there, and counts by its largest.

    Args:
        tracts: All streamlines.
        target: Weights of points [m], from 0 to 1: such as `ball_place`, `VolumeMap.at`.
        waypoints: Places, all of which a streamline must pass as well.
        stations: Places that lead on: streamlines that reach a station, but not the
            target, count by the share of the target's streamlines that reach it.

    Raises:
        ValueError: Fewer than ten streamlines are left; the message says at which place.
    """
    places = [target, *waypoints, *stations]
    weights, at_ends = _visited(tracts, places)
    hit = weights > 0
    needed = hit[1 : 1 + len(waypoints)].all(axis=0)
    direct = hit[0] & needed
    if np.count_nonzero(direct) < _FEWEST:
        of_each = ", ".join(
            f"{np.count_nonzero(row)} "
            + ("reach the target" if n == 0 else f"pass waypoint {n}")
            for n, row in enumerate(hit[: 1 + len(waypoints)])
        )
        raise ValueError(
            f"{tracts.name}: {np.count_nonzero(direct)} of {len(tracts)} streamlines "
            f"fulfil all ({of_each}); a map needs at least {_FEWEST}. Is the target in "
            "the head's space, and large enough to touch white matter?"
        )
    total = np.where(direct, weights[0], 0.0)
    far = ~at_ends[0]
    for number in range(1 + len(waypoints), len(places)):
        share = total @ hit[number] / total.sum() if direct.any() else 0.0
        onward = hit[number] & ~hit[0] & needed
        through = share * np.where(onward, weights[number], 0.0)
        better = through > total
        total = np.where(better, through, total)
        far = np.where(better[:, None], ~at_ends[number], far)
    which = np.flatnonzero(total > 0)
    return Reaching(which, total[which], far[which], int(np.count_nonzero(direct)))


def connection_map(
    head: HeadMesh,
    tracts: Tractogram,
    found: Reaching,
    grid: VoxelGrid,
    *,
    search: Place | None = None,
    smoothing: float = SMOOTHING,
    share: float = SHARE,
    reach: float | None = REACH,
) -> ConnectionMap:
    """Map where the other ends of streamlines lie in gray matter.

    Each end within 4 mm of gray matter is spread by a Gaussian, of which what lies in gray
    matter is kept. A streamline with two ends that count gives half to each.

    Args:
        head: The head.
        tracts: The streamlines that `found` was made of.
        found: Those that reach the target.
        grid: Of the map, such as the T1's.
        search: Where the cluster may be; all gray matter by default.
        smoothing: Full width at half maximum. [m]
        share: Of the highest density, that belongs to the cluster at least.
        reach: Below the scalp, that a coil reaches; None for no limit. [m]

    Raises:
        ValueError: The head has no gray matter in the grid, or no end lies in it, or none
            in reach; `smoothing` is negative or `share` no share.
    """
    if not smoothing >= 0 or not 0 < share <= 1:
        raise ValueError(
            f"`smoothing` must be 0 or more and `share` above 0 and up to 1, got "
            f"{smoothing!r} and {share!r}."
        )
    elements = elements_on_grid(head, grid)
    gray = (elements >= 0) & (head.tags[elements] == _GRAY)
    if not gray.any():
        raise ValueError("the head has no gray matter in the voxels of the grid.")
    ends, weights, owners = _far_ends(tracts, found)
    counts, kept = _counted(ends, weights, gray, grid)
    if not kept.any():
        raise ValueError(
            f"{tracts.name}: no other end of the streamlines that reach the target lies "
            f"within {NEAR_GRAY * 1e3:g} mm of gray matter: they stop in white matter, or "
            "they are not this head's."
        )
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    spread = ndimage.gaussian_filter(
        counts, smoothing / _FWHM / spacing, mode="constant"
    )
    density = np.where(gray, np.maximum(spread, 0.0), 0.0)
    allowed = _in_reach(head, gray, grid, density, reach)
    deep = float(density[~allowed].sum() / density.sum())
    if search is not None:
        points = VolumeMap(density, grid.affine).positions(allowed)
        allowed[allowed] = search(points) > 0
    top = density[allowed].max(initial=0.0)
    if not top > 0:
        raise ValueError(
            f"{tracts.name}: the streamlines of the target end in no gray matter that a "
            f"coil reaches{' in the search region' if search is not None else ''}."
        )
    scaled = VolumeMap(density / top, grid.affine, tracts.name)
    within = replace(scaled, values=np.where(allowed, scaled.values, 0.0))
    cluster = within.above(share).clusters()[0]
    return ConnectionMap(
        scaled,
        cluster,
        cluster.centre,
        len(np.unique(owners[kept])),
        float(weights[~kept].sum() / weights.sum()),
        smoothing,
        deep,
    )


def _visited(
    tracts: Tractogram, places: Sequence[Place]
) -> tuple[Float[ndarray, "place line"], Bool[ndarray, "place line 2"]]:
    """The largest weight of each place along streamlines, and which ends lie in it."""
    weights = np.zeros((len(places), len(tracts)))
    at_ends = np.zeros((len(places), len(tracts), 2), dtype=bool)
    for begin in range(0, len(tracts), _AT_ONCE):
        block = np.arange(begin, min(begin + _AT_ONCE, len(tracts)))
        some = tracts.chosen(block).resampled(_STEP)
        for number, place in enumerate(places):
            values = np.asarray(place(some.points), dtype=np.float64)
            weights[number, block] = np.maximum.reduceat(values, some.starts[:-1])
            first, last = values[some.starts[:-1]], values[some.starts[1:] - 1]
            at_ends[number, block] = np.stack([first, last], axis=1) > 0
    return np.maximum(weights, 0.0), at_ends


def _far_ends(
    tracts: Tractogram, found: Reaching
) -> tuple[Float[ndarray, "end 3"], Float[ndarray, "end"], Int[ndarray, "end"]]:
    """The ends that count, their weights, and whose they are."""
    of_each = found.weights / np.maximum(found.far.sum(axis=1), 1)
    ends = tracts.ends[found.which]
    owners = np.nonzero(found.far)[0]
    return ends[found.far], of_each[owners], owners


def _counted(
    ends: Float[ndarray, "end 3"],
    weights: Float[ndarray, "end"],
    gray: Bool[ndarray, "i j k"],
    grid: VoxelGrid,
) -> tuple[Float[ndarray, "i j k"], Bool[ndarray, "end"]]:
    """Count ends in voxels: those that lie in or near gray matter."""
    inverse = np.linalg.inv(grid.affine)
    index = np.rint(ends @ inverse[:3, :3].T + inverse[:3, 3]).astype(np.int64)
    kept = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    apart = np.asarray(ndimage.distance_transform_edt(~gray, sampling=spacing))
    i, j, k = index[kept].T
    kept[kept] = apart[i, j, k] <= NEAR_GRAY
    counts = np.zeros(grid.shape)
    np.add.at(counts, tuple(index[kept].T), weights[kept])
    return counts, kept


def _in_reach(
    head: HeadMesh,
    gray: Bool[ndarray, "i j k"],
    grid: VoxelGrid,
    density: Float[ndarray, "i j k"],
    reach: float | None,
) -> Bool[ndarray, "i j k"]:
    """Gray matter with a density that a coil reaches."""
    allowed = gray & (density > 1e-3 * density.max())
    if reach is not None:
        points = VolumeMap(density, grid.affine).positions(allowed)
        scalp = head.outer_surface
        allowed[allowed] = -scalp.signed_distance(points, reach + 0.01) <= reach
    return allowed
