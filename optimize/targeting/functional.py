"""A target from functional connectivity, and how far it can be trusted.

The correlation of a seed's time course with every voxel, after Fisher's transformation, is
searched in a region for the voxels of strongest anticorrelation; of these the weightiest
cluster is taken, and its centre of gravity is the target, which is steadier than the peak
[Cash et al. 2021, doi:10.1002/hbm.25330]; weights are squares, so that where a fold makes
one side of the cluster large, its middle counts more. Where the seed's own signal is too
noisy, as in the subgenual cingulate, a group's connectivity map of it weighs all voxels
outside the search region to a time course [Fox et al. 2013, PMC3594474].

How far the target moves between resampled blocks of time [Künsch 1989, doi:10.1214/aos/
1176347265] gives an interval, and between the halves of the series a measure of
reliability.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage

from .bold import CleanSeries


SHARE = 0.05  # Of the search region, that is the candidate cluster at most. Ours.
SMOOTHING = 6e-3  # Full width at half maximum. [m]
BLOCK = 60.0  # Half a period of the slowest fluctuations that are kept. [s]
DRAWS = 300
# How far the centre of gravity of a folded patch lies off its middle: the median of 60
# patches of 8 mm (deviation) on the template's left prefrontal cortex. [m]
_FOLD = 2.3e-3
_CONFIDENCE = 0.95
_FWHM = np.sqrt(8 * np.log(2))
_MOST_Z = 1 - 1e-12
_BETTER = (
    "Look for first volumes that are not steady and for motion, take a longer series, "
    "confounds, a group's map for the seed, or another seed or region."
)


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
class FunctionalTarget:
    """A target, and what speaks for it.

    Attributes:
        centre: Centre of gravity of the cluster. [m]
        cluster: Which voxels of the mask it is.
        weights: Of these: the smoothed Fisher z, squared.
        peak: The voxel of strongest anticorrelation. [m]
        z: Of every voxel of the mask, not smoothed.
        mean_z: Of the cluster.
    """

    centre: Float[ndarray, "3"]
    cluster: Int[ndarray, "chosen"]
    weights: Float[ndarray, "chosen"]
    peak: Float[ndarray, "3"]
    z: Float[ndarray, "voxel"]
    mean_z: float


@dataclass(frozen=True, eq=False)
class Reliability:
    """How far the target may be off.

    Attributes:
        split_half: Between the targets of the two halves of time. [m]
        radius: Of the ball around the target that holds the truth in 95% of cases: of the
            bootstrap's targets, half a voxel's diagonal, and 2.3 mm by which folds shift
            a centre of gravity, added as squares. [m]
        median: Distance of the bootstrap's targets. [m]
        targets: Of the bootstrap. [m]
        block: Of time that is drawn together. [s]
    """

    split_half: float
    radius: float
    median: float
    targets: Float[ndarray, "draw 3"]
    block: float


def seed_course(
    clean: CleanSeries, weights: Float[ndarray, "voxel"]
) -> Float[ndarray, "time"]:
    """Average signals to a time course.

    Args:
        clean: The signals.
        weights: Of each voxel: a mask, or a group's connectivity map with both signs.

    Raises:
        ValueError: All weights are zero, or there are not as many as voxels.
    """
    signals = clean.series.signals
    if weights.shape != (signals.shape[1],) or not np.isfinite(weights).all():
        raise ValueError(
            f"`weights` must be {signals.shape[1]} finite numbers, one for each voxel, got "
            f"the shape {weights.shape}."
        )
    if not weights.any():
        raise ValueError("the seed has no voxel in the brain: all weights are zero.")
    course = signals @ weights / np.abs(weights).sum()
    return (course - course.mean()) / course.std()


def connectivity(
    clean: CleanSeries, course: Float[ndarray, "time"]
) -> Float[ndarray, "voxel"]:
    """Correlate every voxel with a time course: Fisher's z = artanh r."""
    signals = clean.series.signals
    r = course @ signals / len(signals)
    return np.arctanh(np.clip(r, -_MOST_Z, _MOST_Z))


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


def find_target(
    z: Float[ndarray, "voxel"],
    grid: SearchGrid,
    *,
    share: float = SHARE,
    smoothing: float = SMOOTHING,
) -> FunctionalTarget:
    """Find the most anticorrelated cluster of a region, and its centre of gravity.

    Args:
        z: Connectivity of every voxel of the mask; more negative is better.
        grid: Where to search.
        share: Of the region's voxels, that are candidates.
        smoothing: Of z within the region, full width at half maximum. [m]

    Raises:
        ValueError: Nothing in the region is anticorrelated.
    """
    if not 0 < share <= 1:
        raise ValueError(f"`share` must lie above 0 and up to 1, got {share!r}.")
    centre, kept, weights = _located(z[grid.region], grid, share, smoothing)
    if len(kept) == 0:
        raise ValueError(
            "nothing in the search region is anticorrelated with the seed (the least z is "
            f"{z[grid.region].min():.3g}): there is no such target."
        )
    return FunctionalTarget(
        centre,
        grid.region[kept],
        weights,
        grid.positions[kept[np.argmax(weights)]],
        z,
        float(z[grid.region[kept]].mean()),
    )


def blended(
    individual: Float[ndarray, "voxel"],
    normative: Float[ndarray, "voxel"],
    share: float,
    grid: SearchGrid,
) -> Float[ndarray, "voxel"]:
    """Mix a person's map with a group's, each in units of its spread in the region.

    Args:
        individual: Fisher z of the person.
        normative: Of a group, of any unit, sampled at the same voxels.
        share: Of the group, from 0 to 1.
        grid: The region in which both are brought to one scale.

    Raises:
        ValueError: The share is out of range, or the group's map is constant there.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must lie between 0 and 1, got {share!r}.")
    spread = normative[grid.region].std()
    if not (np.isfinite(normative).all() and spread > 0):
        raise ValueError(
            "the normative map is constant or not finite in the search region: is it in "
            "another space?"
        )
    own = individual[grid.region].std()
    return (1 - share) * individual + share * normative * own / spread


def reliability(
    clean: CleanSeries,
    course: Float[ndarray, "time"],
    target: FunctionalTarget,
    grid: SearchGrid,
    *,
    normative: Float[ndarray, "voxel"] | None = None,
    blend: float = 0.0,
    share: float = SHARE,
    smoothing: float = SMOOTHING,
    draws: int = DRAWS,
    block: float = BLOCK,
    seed: int = 0,
) -> Reliability:
    """Find how far a target moves between halves and resampled blocks of time.

    Args:
        clean: The signals.
        course: Of the seed.
        target: What was found with all of them.
        grid: Where to search.
        normative: A group's map, where it is blended in.
        blend: Its share.
        share: As for `find_target`.
        smoothing: As for `find_target`.
        draws: How many targets the bootstrap finds.
        block: Of time that is drawn together. [s]
        seed: Of the random numbers.

    Raises:
        ValueError: The series has fewer than six blocks, or a half or more than a twentieth
            of the resampled series has no target.
    """
    length = max(round(block / clean.series.repetition_time), 1)
    count = len(course) // length
    if count < 6:
        raise ValueError(
            f"the series has {count} blocks of {block:g} s; at least 6 are needed to show "
            "how reliable a target is."
        )
    sums = _block_sums(clean.series.signals[:, grid.region], course, count, length)

    def located(times: Float[ndarray, "block"]) -> Float[ndarray, "3"]:
        z = np.zeros(clean.series.signals.shape[1])
        z[grid.region] = _correlated(sums, times, length)
        if normative is not None:
            z = blended(z, normative, blend, grid)
        centre, kept, _ = _located(z[grid.region], grid, share, smoothing)
        return centre if len(kept) else np.full(3, np.nan)

    half = np.arange(count) < count // 2
    first, second = located(half.astype(float)), located((~half).astype(float))
    _check_halves(first, second)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    targets = np.array([located(times.astype(float)) for times in drawn])
    apart = np.linalg.norm(targets - target.centre, axis=1)
    none = np.isnan(apart)
    if none.mean() > 1 - _CONFIDENCE:
        raise ValueError(
            f"in {none.mean():.0%} of resampled series nothing in the search region is "
            f"anticorrelated with the seed: the target is not reliable. {_BETTER}"
        )
    apart = np.where(none, np.inf, apart)
    drawn_radius = float(np.quantile(apart, _CONFIDENCE, method="higher"))
    voxel = float(np.linalg.norm(grid.spacing)) / 2
    return Reliability(
        float(np.linalg.norm(first - second)),
        math.hypot(drawn_radius, voxel, _FOLD),
        float(np.median(apart)),
        targets,
        length * clean.series.repetition_time,
    )


def _check_halves(first: ndarray, second: ndarray) -> None:
    """Refuse a target that a half of the series does not have."""
    without = [
        name
        for name, each in (("first", first), ("second", second))
        if np.isnan(each).any()
    ]
    if without:
        raise ValueError(
            f"in the {' and the '.join(without)} half of the series nothing in the search "
            f"region is anticorrelated with the seed: the target is not reliable. {_BETTER}"
        )


def _located(
    z: Float[ndarray, "voxel"], grid: SearchGrid, share: float, smoothing: float
) -> tuple[ndarray, ndarray, ndarray]:
    """Centre of gravity, cluster and its weights: smoothed values, squared."""
    box, there = np.zeros(grid.shape), np.zeros(grid.shape)
    box[grid.index], there[grid.index] = z, 1.0
    widths = smoothing / _FWHM / grid.spacing
    smooth = ndimage.gaussian_filter(box, widths, mode="constant")
    covered = ndimage.gaussian_filter(there, widths, mode="constant")
    values = (smooth / np.where(there > 0, covered, 1.0))[grid.index]
    count = max(int(np.ceil(share * len(z))), 1)
    limit = min(np.partition(values, count - 1)[count - 1], 0.0)
    candidates = (values <= limit) & (values < 0)
    if not candidates.any():
        return np.full(3, np.nan), np.zeros(0, dtype=np.int64), np.zeros(0)
    marked = np.zeros(grid.shape, dtype=bool)
    marked[grid.index] = candidates
    labels = np.zeros(grid.shape, dtype=np.int32)
    ndimage.label(marked, output=labels)
    of_each = labels[grid.index]
    mass = np.bincount(of_each, -values)
    mass[0] = -np.inf
    kept = np.flatnonzero(of_each == np.argmax(mass))
    weights = values[kept] ** 2
    centre = weights @ grid.positions[kept] / weights.sum()
    return centre, kept, weights


def _block_sums(
    signals: Float[ndarray, "time voxel"],
    course: Float[ndarray, "time"],
    count: int,
    length: int,
) -> tuple[ndarray, ...]:
    """Sums over blocks of time of x, x², y, y² and x·y."""
    x = signals[: count * length].reshape(count, length, -1)
    y = course[: count * length].reshape(count, length, 1)
    return (
        x.sum(axis=1),
        (x**2).sum(axis=1),
        y.sum(axis=1),
        (y**2).sum(axis=1),
        (x * y).sum(axis=1),
    )


def _correlated(
    sums: tuple[ndarray, ...], times: Float[ndarray, "block"], length: int
) -> Float[ndarray, "voxel"]:
    """Fisher z over blocks, each taken so many times."""
    total = times.sum() * length
    x, xx, y, yy, xy = (times @ each / total for each in sums)
    spread = np.sqrt(np.maximum(xx - x**2, 0) * np.maximum(yy - y**2, 0))
    r = (xy - x * y) / np.where(spread > 0, spread, 1.0)
    return np.arctanh(np.clip(r, -_MOST_Z, _MOST_Z))
