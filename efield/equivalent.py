"""Fewer sources with the same field outside the head.

Outside the head each component of the vector potential of a target's currents is a
harmonic function, so it is determined by its values on a closed surface around the head.
A few hundred point currents beneath the scalp are fitted to it there (the method of
fundamental solutions [Fairweather & Karageorghis 1998, doi:10.1023/A:1018981221740]). By
the maximum principle the error of the fit is largest on that surface, and decays away
from it.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl
from jaxtyping import Array, Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ..meshing import Scalp
from .reciprocity import Reciprocal


EQUIVALENT_SOURCES = 350

_HEIGHT = 3e-3  # Of the points above the scalp where the field is matched. [m]
_RIDGE = 1e-13  # Relative to the largest eigenvalue: the fit is ill-posed beyond that.
_NEAR = 60e-3  # Sources so near to the target are nowhere denser. [m]


@dataclass(frozen=True)
class _Layout:
    """Where sources and matched points lie.

    Attributes:
        depth: Of the sources beneath the scalp. [m]
        checks: Points for each source.
        doubling: The way over which the spacing of sources grows by as much as it is
            near the target. [m]
        reach: At this distance from the target an error counts half. [m]
    """

    depth: float
    checks: float
    doubling: float
    reach: float


_AROUND_TARGET = _Layout(depth=14e-3, checks=1.5, doubling=0.03, reach=0.08)
_EVERYWHERE = _Layout(depth=10e-3, checks=2.5, doubling=0.2, reach=1.0)


@dataclass(frozen=True)
class Arrangement:
    """Where a target's equivalent sources and matched points lie.

    Attributes:
        centre: Of the target. [m]
        sources: Beneath the scalp. [m]
        matched: Points above it to which the field is fitted. [m]
        tested: Points above it that the fit does not see. [m]
    """

    centre: Float[ndarray, "3"]
    sources: Float[ndarray, "source 3"]
    matched: Float[ndarray, "matched 3"]
    tested: Float[ndarray, "tested 3"]
    _layout: _Layout = field(repr=False)
    _system: "_System" = field(repr=False)

    def fitted(self, reciprocal: Reciprocal) -> Reciprocal:
        """Replace a target's currents, unless they are final; see `equivalent`."""
        if reciprocal.final:
            return reciprocal
        wanted = _potentials(reciprocal, self.matched)
        found = self._system.solve(wanted)
        count = reciprocal.currents.shape[0]
        currents = np.moveaxis(found.reshape(len(self.sources), count, 3), 0, 1)
        sources = jnp.asarray(self.sources)
        return Reciprocal(sources, jnp.asarray(currents), reciprocal.centre)

    def missed(self, reciprocal: Reciprocal, few: Reciprocal) -> float:
        """Measure the relative error of what `fitted` returned where it saw nothing."""
        wanted = _potentials(reciprocal, self.tested)
        missed = _potentials(few, self.tested) - wanted
        importance = _importance(self.tested, self.centre, self._layout)[:, None]
        size = np.linalg.norm(importance * wanted)
        return float(np.linalg.norm(importance * missed) / size)


def arrange(
    scalp: Scalp,
    centre: ArrayLike,
    sources: int = EQUIVALENT_SOURCES,
    *,
    everywhere: bool = False,
) -> Arrangement:
    """Choose where a target's equivalent sources lie, before its currents are known.

    Args:
        scalp: Of the head.
        centre: Of the target, (3,). [m]
        sources: As for `equivalent`.
        everywhere: As for `equivalent`.
    """
    place = np.asarray(centre, dtype=np.float64)
    layout = _EVERYWHERE if everywhere else _AROUND_TARGET
    beneath = _thinned(_shell(scalp, -layout.depth), place, sources, layout)
    more = sources // 4
    count = int(layout.checks * sources) + more
    above = _thinned(_shell(scalp, _HEIGHT), place, count, layout)
    # Points come in the order of thinning: the last ones lie between the others.
    fit, test = above[:-more], above[-more:]
    return Arrangement(
        place, beneath, fit, test, layout, _system(fit, beneath, place, layout)
    )


def equivalent(
    reciprocal: Reciprocal,
    scalp: Scalp,
    sources: int = EQUIVALENT_SOURCES,
    *,
    everywhere: bool = False,
) -> tuple[Reciprocal, float]:
    """Replace a target's currents at all nodes by fewer beneath the scalp.

    Sources are denser near the target, where the field varies most. Not differentiable:
    for gradients with respect to conductivities use the original.

    Args:
        reciprocal: The currents at the nodes.
        scalp: Of the same head.
        sources: About how many to take.
        everywhere: Whether coils will be all over the head, and not near the target
            alone; takes about twice as many sources.

    Returns:
        The currents beneath the scalp, and the largest relative error of the vector
        potential at points that the fit has not seen, a little above the scalp: the
        error's norm over that of the potential, weighted as the fit is.
    """
    arranged = arrange(scalp, reciprocal.centre, sources, everywhere=everywhere)
    few = arranged.fitted(reciprocal)
    return few, arranged.missed(reciprocal, few)


def _potentials(
    reciprocal: Reciprocal, points: Float[ndarray, "point 3"]
) -> Float[ndarray, "point component"]:
    found = np.asarray(_potential(reciprocal, jnp.asarray(points)))
    return found.astype(np.float64).reshape(len(points), -1)


@jax.jit
def _potential(
    reciprocal: Reciprocal, points: Float[Array, "point 3"]
) -> Float[Array, "point direction 3"]:
    """Sum in single precision: four times as fast, and four digits better than the fit."""
    single = lambda leaf: leaf.astype(jnp.float32)
    return jax.tree.map(single, reciprocal).vector_potential(single(points))


@dataclass(frozen=True)
class _System:
    """Regularised least squares for the sources' currents.

    Attributes:
        weights: Of the matched points.
        scale: Of the sources.
        matrix: Potentials at points by scaled currents, weighted.
        factor: Cholesky's, of its normal equations.
    """

    weights: ndarray
    scale: ndarray
    matrix: ndarray
    factor: tuple[ndarray, bool]

    def solve(self, wanted: ndarray) -> ndarray:
        """Fit currents to potentials at the matched points."""
        right = self.matrix.T @ (self.weights[:, None] * wanted)
        return self.scale[:, None] * sl.cho_solve(self.factor, right)


def _system(
    points: ndarray, sources: ndarray, centre: ndarray, layout: _Layout
) -> _System:
    weights = _importance(points, centre, layout)
    distances = np.sqrt(
        sum((points[:, None, c] - sources[None, :, c]) ** 2 for c in range(3))
    )
    # Columns of like size make one ridge fit all.
    scale = _spacings(sources, centre, layout)
    matrix = weights[:, None] * (1e-7 / distances) * scale
    gram = matrix.T @ matrix
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram)
    factor, lower = sl.cho_factor(gram)
    # SciPy 1.18 answers a NumPy bool.
    return _System(weights, scale, matrix, (factor, bool(lower)))


def _importance(points: ndarray, centre: ndarray, layout: _Layout) -> ndarray:
    """Weight the fit towards where coils for this target are."""
    return 1 / (1 + (np.linalg.norm(points - centre, axis=1) / layout.reach) ** 2)


def _spacings(points: ndarray, centre: ndarray, layout: _Layout) -> ndarray:
    """How far apart sources should be, relative to those nearest the target."""
    beyond = np.maximum(np.linalg.norm(points - centre, axis=1) - _NEAR, 0)
    return 1 + beyond / layout.doubling


def _shell(scalp: Scalp, height: float) -> Float[ndarray, "point 3"]:
    """Points of the scalp's grid in a layer about one voxel thick."""
    within = np.abs(scalp.distance - height) < 0.45 * scalp.spacing
    return scalp.origin + scalp.spacing * np.argwhere(within)


def _thinned(points: ndarray, centre: ndarray, count: int, layout: _Layout) -> ndarray:
    """Choose points one after the other, each the farthest from those before.

    Distances count in units of the wanted spacing.
    """
    count = min(count, len(points))
    spacing = _spacings(points, centre, layout)
    chosen = np.empty(count, dtype=int)
    chosen[0] = np.argmin(np.linalg.norm(points - centre, axis=1))
    gap = np.full(len(points), np.inf)
    for i in range(1, count):
        offset = points - points[chosen[i - 1]]
        gap = np.minimum(gap, np.einsum("pc,pc->p", offset, offset) / spacing**2)
        chosen[i] = np.argmax(gap)
    return points[chosen]
