"""How far a target of functional connectivity can be trusted.

How far it moves between resampled blocks of time [Künsch 1989, doi:10.1214/aos/1176347265]
gives an interval, and between the halves of the series a measure of reliability. In real
people clusters of about the same mass may stand apart, and the weightiest is now one and
now another: so it is counted how often each of them is found.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .bold import CleanSeries
from .clusters import SHARE, SMOOTHING, Cluster, SearchGrid, clusters
from .functional import FunctionalTarget, blended


BLOCK = 60.0  # Half a period of the slowest fluctuations that are kept. [s]
DRAWS = 300
WIDE = 10e-3  # An interval above which a target is not reliable. [m]
OFTEN = 0.2  # So often another cluster may be found before a target is not reliable.
# How far the centre of gravity of a folded patch lies off its middle: the median of 60
# patches of 8 mm (deviation) on the template's left prefrontal cortex. [m]
_FOLD = 2.3e-3
_CONFIDENCE = 0.95
_MOST_Z = 1 - 1e-12
_BETTER = (
    "Look for first volumes that are not steady and for motion, take a longer series, "
    "confounds, a group's map for the seed, or another seed or region."
)


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
        chosen: The share of resampled series that find the target's own cluster.
        of_rivals: The shares that find each of the target's rivals.
    """

    split_half: float
    radius: float
    median: float
    targets: Float[ndarray, "draw 3"]
    block: float
    chosen: float
    of_rivals: tuple[float, ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the target is not reliable, in words; empty where it is."""
        found = []
        if self.radius > WIDE:
            found.append(
                f"95% of resampled targets lie within {self.radius * 1e3:.0f} mm, more "
                f"than {WIDE * 1e3:g} mm"
            )
        if 1 - self.chosen > OFTEN:
            found.append(
                f"in {1 - self.chosen:.0%} of resampled series another cluster is the "
                f"weightiest, more than {OFTEN:.0%}"
            )
        return tuple(found)


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
    network: Float[ndarray, "voxel"] | None = None,
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
        network: As for `find_target`.

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
    prior = None if network is None else network[grid.region]
    sums = _block_sums(clean.series.signals[:, grid.region], course, count, length)

    def found(times: Float[ndarray, "block"]) -> Cluster | None:
        z = np.zeros(clean.series.signals.shape[1])
        z[grid.region] = _correlated(sums, times, length)
        if normative is not None:
            z = blended(z, normative, blend, grid)
        first = clusters(z[grid.region], grid, share, smoothing, network=prior)
        return first[0] if first else None

    half = np.arange(count) < count // 2
    first, second = (_centre(found(each.astype(float))) for each in (half, ~half))
    _check_halves(first, second)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    resampled = [found(times.astype(float)) for times in drawn]
    targets = np.array([_centre(each) for each in resampled])
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
        *_shares(resampled, target, grid),
    )


def _centre(found: Cluster | None) -> Float[ndarray, "3"]:
    return np.full(3, np.nan) if found is None else found.centre


def _shares(
    resampled: list[Cluster | None], target: FunctionalTarget, grid: SearchGrid
) -> tuple[float, tuple[float, ...]]:
    """How often the target's cluster was found, and each of its rivals: by overlap."""
    own = np.flatnonzero(np.isin(grid.region, target.cluster))
    known = [own, *(rival.voxels for rival in target.rivals)]
    counts = np.zeros(len(known))
    for each in resampled:
        if each is None:
            continue
        shared = [len(np.intersect1d(each.voxels, voxels)) for voxels in known]
        if max(shared):
            counts[int(np.argmax(shared))] += 1
    chosen, *others = (counts / len(resampled)).tolist()
    return chosen, tuple(others)


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
