"""A target from functional connectivity, and how far it can be trusted.

The correlation of a seed's time course with every voxel, after Fisher's transformation, is
searched in a region for the voxels of strongest anticorrelation; of these the weightiest
cluster is taken, and its centre of gravity is the target, which is steadier than the peak
[Cash et al. 2021, doi:10.1002/hbm.25330]; weights are squares, so that where a fold makes
one side of the cluster large, its middle counts more. Where the seed's own signal is too
noisy, as in the subgenual cingulate, a group's connectivity map of it weighs all voxels
outside the search region to a time course [Fox et al. 2013, PMC3594474].
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .bold import CleanSeries
from .clusters import SHARE, SMOOTHING, Cluster, SearchGrid, clusters


_LEAST = 0.3  # Mass of a rival, in units of the target's.
_MOST_Z = 1 - 1e-12


@dataclass(frozen=True, eq=False)
class FunctionalTarget:
    """A target, and what speaks for it.

    Attributes:
        centre: Centre of gravity of the cluster. [m]
        cluster: Which voxels of the mask it is.
        weights: Of these: the smoothed Fisher z, times the network's probability where
            one weighs the search, squared.
        peak: The voxel of strongest anticorrelation. [m]
        z: Of every voxel of the mask, not smoothed.
        mean_z: Of the cluster.
        rivals: Other clusters with at least three tenths of the target's mass, the
            weightiest first.
        mass: Of the target's cluster.
    """

    centre: Float[ndarray, "3"]
    cluster: Int[ndarray, "chosen"]
    weights: Float[ndarray, "chosen"]
    peak: Float[ndarray, "3"]
    z: Float[ndarray, "voxel"]
    mean_z: float
    rivals: tuple[Cluster, ...]
    mass: float


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


def find_target(
    z: Float[ndarray, "voxel"],
    grid: SearchGrid,
    *,
    share: float = SHARE,
    smoothing: float = SMOOTHING,
    network: Float[ndarray, "voxel"] | None = None,
) -> FunctionalTarget:
    """Find the most anticorrelated cluster of a region, and its centre of gravity.

    Args:
        z: Connectivity of every voxel of the mask; more negative is better.
        grid: Where to search.
        share: Of the region's voxels, that are candidates.
        smoothing: Of z within the region, full width at half maximum. [m]
        network: Of every voxel of the mask: how probable it is that it belongs to a network
            of the person's own, which weighs the smoothed z.

    Raises:
        ValueError: Nothing in the region is anticorrelated, or the network is not there.
    """
    if not 0 < share <= 1:
        raise ValueError(f"`share` must lie above 0 and up to 1, got {share!r}.")
    prior = None if network is None else network[grid.region]
    if prior is not None and not prior.any():
        raise ValueError(
            "nothing of the network lies in the search region: take another network or "
            "region."
        )
    found = clusters(z[grid.region], grid, share, smoothing, _LEAST, prior)
    if not found:
        here = z[grid.region] if prior is None else z[grid.region][prior > 0]
        where = "" if prior is None else " and in the network"
        raise ValueError(
            f"nothing in the search region{where} is anticorrelated with the seed (the "
            f"least z is {here.min():.3g}): there is no such target."
        )
    first, *rivals = found
    voxels = grid.region[first.voxels]
    return FunctionalTarget(
        first.centre,
        voxels,
        first.weights,
        grid.positions[first.voxels[np.argmax(first.weights)]],
        z,
        float(z[voxels].mean()),
        tuple(rivals),
        first.mass,
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
