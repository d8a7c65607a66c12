"""The last millimetres of a search: on the triangles of the true scalp.

A search runs on a smooth scalp. The triangles of the true one lie up to a tenth of a
millimetre off it, and the coil is set on these: near an optimum, where the objective is
flat over millimetres, that decides which place is the best. So the places around it are
rated with the distance that each has to the triangles.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..meshing import Scalp
from .batches import batched_derivatives, batched_poses, projected
from .first_look import triangular_lattice
from .problem import Problem
from .unknowns import LENGTH


_REACH, _STEP = 3.5e-3, 1.7e-3  # Of the places around an optimum. [m]
_TURN = 0.1  # For the curvature along the angle, in scaled unknowns.
_FARTHEST = 0.5  # That an angle is corrected. [1]
_LOWER = 0.2e-3  # For the slope along the distance. [m]
_BACK = 0.1  # Rays begin so far behind the coil. [m]


def promising(
    problem: Problem,
    scalp: Scalp,
    best: Float[ndarray, "n"],
    size: int,
    turning: bool = True,
) -> Float[ndarray, "point n"]:
    """Order places around an optimum by their value on the true scalp.

    The angle of each is corrected by a Newton step, and its value by the distance that the
    triangles have where the smooth scalp has the wanted one.

    Args:
        problem: The objective over places.
        scalp: With the triangles.
        best: The optimum.
        size: Of the batches for which the problem is compiled.
        turning: Whether angles may be corrected.

    Returns:
        Places, the best first.
    """
    lattice = triangular_lattice(_REACH, _STEP)
    points = np.repeat(best[None], len(lattice), axis=0)
    points[:, :2] += lattice / LENGTH
    points = np.array(projected(problem, jnp.asarray(points)))
    turn = _TURN * np.eye(len(best))[2]
    every = np.concatenate([points, [best - turn, best + turn]])
    values, gradients = batched_derivatives(problem, every, size)
    curvature = (gradients[-1, 2] - gradients[-2, 2]) / (2 * _TURN)
    values, slopes = values[:-2], gradients[:-2, 2]
    here = values[np.argmin(np.linalg.norm(lattice, axis=1))]
    if curvature < 0 and turning:
        step = np.clip(-slopes / curvature, -_FARTHEST, _FARTHEST)
        points[:, 2] += step
        values = values + slopes * step + curvature * step**2 / 2
    distance = problem.unknowns.held.distance
    lowered = eqx.tree_at(
        lambda whole: whole.unknowns.held.distance, problem, distance - _LOWER
    )
    low = batched_derivatives(lowered, best[None], size)[0]
    slope = (low - here) / _LOWER
    placed = batched_poses(problem, points, size)
    axes = np.asarray(placed.rotation)[:, :, 2]
    behind = np.asarray(placed.translation) - _BACK * axes
    off = scalp.surface.cast(behind, axes) - _BACK - float(distance)
    promised = values + np.where(np.isfinite(off), off, 0.0) * slope
    return points[np.argsort(-promised, kind="stable")]
