"""Fewer sources with the same field outside the head.

Outside the head each component of the vector potential of a target's currents is a
harmonic function, so it is determined by its values on a closed surface around the head.
A few hundred point currents beneath the scalp are fitted to it there (the method of
fundamental solutions [Fairweather & Karageorghis 1998, doi:10.1023/A:1018981221740]). By
the maximum principle the error of the fit is largest on that surface, and decays away
from it.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl
from jaxtyping import Array, Float
from numpy import ndarray

from ..meshing import Scalp
from .reciprocity import Reciprocal


EQUIVALENT_SOURCES = 400

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
    centre = np.asarray(reciprocal.centre)
    layout = _EVERYWHERE if everywhere else _AROUND_TARGET
    inner = _shell(scalp, -layout.depth)
    outer = _shell(scalp, _HEIGHT)
    beneath = _thinned(inner, centre, sources, layout)
    checks = int(layout.checks * sources)
    above = _thinned(outer, centre, checks + sources // 4, layout)
    # Points come in the order of thinning: the last ones lie between the others.
    fit, test = above[: -(sources // 4)], above[-(sources // 4) :]
    wanted = np.asarray(_potential(reciprocal, jnp.asarray(above)))
    wanted = wanted.astype(np.float64).reshape(len(above), -1)
    found = _fit(fit, beneath, wanted[: len(fit)], centre, layout)
    count = reciprocal.currents.shape[0]
    currents = np.moveaxis(found.reshape(len(beneath), count, 3), 0, 1)
    few = Reciprocal(jnp.asarray(beneath), jnp.asarray(currents), reciprocal.centre)
    missed = np.asarray(_potential(few, jnp.asarray(test))).reshape(len(test), -1)
    weights = _importance(test, centre, layout)[:, None]
    error = np.linalg.norm(weights * (missed - wanted[len(fit) :]), axis=0)
    size = np.linalg.norm(weights * wanted[len(fit) :])
    return few, float(np.sqrt(np.sum(error**2)) / size)


@jax.jit
def _potential(
    reciprocal: Reciprocal, points: Float[Array, "point 3"]
) -> Float[Array, "point direction 3"]:
    """Sum in single precision: four times as fast, and four digits better than the fit."""
    single = lambda leaf: leaf.astype(jnp.float32)
    return jax.tree.map(single, reciprocal).vector_potential(single(points))


def _fit(
    points: ndarray,
    sources: ndarray,
    wanted: ndarray,
    centre: ndarray,
    layout: _Layout,
) -> ndarray:
    weights = _importance(points, centre, layout)[:, None]
    distances = np.sqrt(
        sum((points[:, None, c] - sources[None, :, c]) ** 2 for c in range(3))
    )
    # Columns of like size make one ridge fit all.
    scale = _spacings(sources, centre, layout)
    matrix = weights * (1e-7 / distances) * scale
    gram = matrix.T @ matrix
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram)
    solution = sl.cho_solve(sl.cho_factor(gram), matrix.T @ (weights * wanted))
    return scale[:, None] * solution


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
