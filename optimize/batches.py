"""Problems at many places, compiled for batches of one size."""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy import ndarray

from ..coils import Pose, Rings
from .problem import Problem, lifted_by
from .turns import mean_of_turns


_LIFT_ANGLES = 8  # At which a first look asks how far the coil must be lifted.


@eqx.filter_jit
def rate_turns(
    problem: Problem, positions: Float[Array, "position 2"], angles: int
) -> Float[Array, "position angles"]:
    """Rate positions [m] at all angles, without tilt.

    The coil is lifted as far as it must be on average over the angles.
    """
    assert isinstance(problem.coil, Rings)
    held = problem.unknowns.held
    some = jnp.asarray(2 * np.pi * np.arange(_LIFT_ANGLES) / _LIFT_ANGLES)

    def pose(position: Float[Array, "2"]) -> Pose:
        at = lambda angle: problem.chart.pose(position, angle, held.distance)
        lift = jnp.mean(jax.lax.map(lambda a: problem.constraint.lift(at(a)), some))
        return lifted_by(at(jnp.zeros(())), lift)

    means = mean_of_turns(
        problem.objective.reciprocal,
        problem.coil,
        jax.vmap(pose)(positions),
        angles,
        held.current_rate,
    )
    return jax.lax.map(jax.vmap(problem.objective.value, in_axes=1), means)


@eqx.filter_jit
def derivatives(
    problem: Problem,
    points: Float[Array, "start n"],
    active: Bool[Array, "start"],
) -> tuple[Float[Array, "start"], Float[Array, "start n"]]:
    """Evaluate the objective and its gradient at several places, where these are active.

    One after the other: each keeps the cores busy, and what is inactive takes no time.
    """
    both = jax.value_and_grad(problem)
    nothing = lambda point: (jnp.zeros(()), jnp.zeros_like(point))
    return jax.lax.map(
        lambda one: jax.lax.cond(one[1], both, nothing, one[0]), (points, active)
    )


@eqx.filter_jit
def value_of(problem: Problem, pose: Pose) -> Float[Array, ""]:
    """Rate any pose. [V/m]"""
    return problem.rated(pose)


@eqx.filter_jit
def near_poses(problem: Problem, points: Float[Array, "start n"]) -> Pose:
    """Place the coil at several places, not lifted."""
    return jax.vmap(problem.near)(points)


@eqx.filter_jit
def projected(
    problem: Problem, points: Float[Array, "start n"]
) -> Float[Array, "start n"]:
    """Bring several places back into what is searched."""
    return jax.vmap(problem.project)(points)


def batched_derivatives(
    problem: Problem, points: Float[ndarray, "point n"], size: int
) -> tuple[Float[ndarray, "point"], Float[ndarray, "point n"]]:
    """Evaluate values and gradients of any number of places.

    Args:
        problem: The objective.
        points: The places.
        size: Of the batches, for which the code is compiled already.
    """
    parts = []
    for block, filled in _batches(points, size):
        active = np.arange(size) < len(block)
        found = derivatives(problem, jnp.asarray(filled), jnp.asarray(active))
        parts.append([np.asarray(x)[: len(block)] for x in found])
    values, gradients = zip(*parts, strict=True)
    return np.concatenate(values), np.concatenate(gradients)


def batched_poses(
    problem: Problem, points: Float[ndarray, "point n"], size: int
) -> Pose:
    """Place the coil at any number of places, not lifted."""
    parts = []
    for block, filled in _batches(points, size):
        found = near_poses(problem, jnp.asarray(filled))
        parts.append((found.rotation[: len(block)], found.translation[: len(block)]))
    rotations, translations = zip(*parts, strict=True)
    return Pose(jnp.concatenate(rotations), jnp.concatenate(translations))


def _batches(
    points: Float[ndarray, "point n"], size: int
) -> Iterator[tuple[Float[ndarray, "block n"], Float[ndarray, "size n"]]]:
    for start in range(0, len(points), size):
        block = points[start : start + size]
        yield block, block[np.minimum(np.arange(size), len(block) - 1)]
