"""Clusters of strongest anticorrelation in a search region of a map."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage

from .bold import CleanSeries


SHARE = 0.05  # Of the search region, that is the candidate cluster at most. Ours.
SMOOTHING = 6e-3  # Full width at half maximum. [m]
_FWHM = np.sqrt(8 * np.log(2))


@dataclass(frozen=True, eq=False)
class SearchGrid:
    """The search region on its box of voxels.

    Attributes:
        region: Which voxels of the mask it is.
        index: Of each of them in the box.
        shape: Of the box.
        positions: Of each. [m]
        spacing: Of voxels along the axes. [m]
    """

    region: Int[ndarray, "voxel"]
    index: tuple[ndarray, ndarray, ndarray]
    shape: tuple[int, int, int]
    positions: Float[ndarray, "voxel 3"]
    spacing: Float[ndarray, "3"]


@dataclass(frozen=True, eq=False)
class Cluster:
    """Voxels of strong anticorrelation that share faces.

    Attributes:
        centre: Of gravity, by the weights. [m]
        voxels: Which of the search region.
        weights: Of these: the smoothed values, squared.
        mass: The sum of the smoothed values, with their sign turned.
    """

    centre: Float[ndarray, "3"]
    voxels: Int[ndarray, "chosen"]
    weights: Float[ndarray, "chosen"]
    mass: float


def search_grid(clean: CleanSeries, region: Bool[ndarray, "voxel"]) -> SearchGrid:
    """Prepare the search in a region.

    Args:
        clean: The signals.
        region: Which voxels of the mask to search.

    Raises:
        ValueError: There are fewer than ten.
    """
    chosen = np.flatnonzero(region)
    if len(chosen) < 10:
        raise ValueError(
            f"the search region has {len(chosen)} voxels in the brain; are the images in "
            "another space?"
        )
    voxels = np.argwhere(clean.series.mask)[chosen]
    i, j, k = (voxels - voxels.min(axis=0)).T
    a, b, c = (voxels.max(axis=0) - voxels.min(axis=0) + 1).tolist()
    spacing = np.linalg.norm(clean.series.affine[:3, :3], axis=0)
    return SearchGrid(
        chosen, (i, j, k), (a, b, c), clean.series.positions[chosen], spacing
    )


def clusters(
    z: Float[ndarray, "voxel"],
    grid: SearchGrid,
    share: float,
    smoothing: float,
    least: float = 1.0,
    network: Float[ndarray, "voxel"] | None = None,
) -> list[Cluster]:
    """Find the clusters of the most negative voxels, the weightiest first.

    Args:
        z: A map in the search region; more negative is better.
        grid: The region.
        share: Of its voxels, that are candidates.
        smoothing: Of the map within the region, full width at half maximum. [m]
        least: Mass of what is returned, in units of the weightiest.
        network: How probable it is that each voxel belongs to a network of the person's
            own; it weighs the smoothed map, so that nothing is found where it is zero.

    Returns:
        Clusters; none where nothing is negative.
    """
    values = _smoothed(z, grid, smoothing)
    if network is not None:
        values = values * network
    count = max(int(np.ceil(share * len(z))), 1)
    limit = min(np.partition(values, count - 1)[count - 1], 0.0)
    candidates = (values <= limit) & (values < 0)
    if not candidates.any():
        return []
    marked = np.zeros(grid.shape, dtype=bool)
    marked[grid.index] = candidates
    labels = np.zeros(grid.shape, dtype=np.int32)
    ndimage.label(marked, output=labels)
    of_each = labels[grid.index]
    mass = np.bincount(of_each, -values)
    mass[0] = -np.inf
    order = np.argsort(-mass, kind="stable")
    kept = order[mass[order] >= least * mass[order[0]]]
    return [_cluster(values, grid, of_each == number) for number in kept]


def _cluster(
    values: Float[ndarray, "voxel"], grid: SearchGrid, chosen: Bool[ndarray, "voxel"]
) -> Cluster:
    kept = np.flatnonzero(chosen)
    weights = values[kept] ** 2
    centre = weights @ grid.positions[kept] / weights.sum()
    return Cluster(centre, kept, weights, -float(values[kept].sum()))


def _smoothed(
    z: Float[ndarray, "voxel"], grid: SearchGrid, smoothing: float
) -> Float[ndarray, "voxel"]:
    """Smooth a map within the region: what lies outside of it does not count."""
    box, there = np.zeros(grid.shape), np.zeros(grid.shape)
    box[grid.index], there[grid.index] = z, 1.0
    widths = smoothing / _FWHM / grid.spacing
    smooth = ndimage.gaussian_filter(box, widths, mode="constant")
    covered = ndimage.gaussian_filter(there, widths, mode="constant")
    return (smooth / np.where(there > 0, covered, 1.0))[grid.index]
