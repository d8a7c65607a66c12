"""How far the best pose moves when conductivities are others than assumed.

At an optimum x of f(x, v) the gradient is zero for all conductivities v, so it moves by
dx/dv = -H⁻¹ ∂²f/∂x∂v, with the Hessian H by x: the implicit function theorem. As a
target's currents and their derivatives by conductivities give f for any pose, that needs
no solve beyond `efield.reciprocal_derivatives`. A few draws with their own solves show how
good the first order is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import Pose
from ..efield import (
    Conductor,
    Reciprocal,
    UncertainTissues,
    reciprocal,
    reciprocal_derivatives,
)
from ..meshing import Region
from .batches import derivatives, projected
from .climb import climb
from .objectives import AbstractObjective
from .prepared import PreparedSearch
from .problem import Problem
from .unknowns import ANGLE, LENGTH


@dataclass(frozen=True, eq=False)
class OptimumShift:
    """How uncertain conductivities make the best pose.

    Attributes:
        tissues: What is uncertain.
        position_by_tissue: How far the coil moves along the scalp when a tissue's
            conductivity changes by a standard deviation. [m]
        angle_by_tissue: How far it turns then. [rad]
        position: The standard deviation of the place, both directions together. [m]
        angle: The standard deviation of the in-plane angle. [rad]
        loss: The mean share of the objective that is lost by staying at the pose for
            mean conductivities, to first order in the shift.
        drawn_positions: Of drawn conductivities: how far the best pose is away. [m]
        drawn_angles: Likewise. [rad]
        drawn_losses: Of the objective, by staying, as a share.
    """

    tissues: tuple[str, ...]
    position_by_tissue: Float[ndarray, "tissue"]
    angle_by_tissue: Float[ndarray, "tissue"]
    position: float
    angle: float
    loss: float
    drawn_positions: Float[ndarray, "draw"]
    drawn_angles: Float[ndarray, "draw"]
    drawn_losses: Float[ndarray, "draw"]


def optimum_shift(
    prepared: PreparedSearch,
    conductor: Conductor,
    tissues: UncertainTissues,
    target: Region,
    pose: Pose,
    objective: Callable[[Reciprocal], AbstractObjective],
    *,
    draws: int = 8,
    seed: int = 2,
) -> OptimumShift:
    """Find how far the best pose moves with uncertain conductivities.

    Args:
        prepared: The search that found the pose.
        conductor: The head, with the conductivity that `tissues` was made with.
        tissues: Its uncertain conductivities.
        target: Of the search.
        pose: The best pose for that conductivity, or one near it.
        objective: Makes the objective of a target's currents.
        draws: How many sets of conductivities to solve for; each takes three solves.
        seed: Of the draws.

    Raises:
        RuntimeError: The solver failed.
        ValueError: There is no optimum near the pose: the border of the search keeps it.
    """
    centre = tissues.at_means(conductor)
    every = reciprocal_derivatives(centre, tissues, target)
    few = prepared.simplified(every)
    problem = prepared.problem(objective(_part(few, 0)), _part(few, 0))
    start = np.asarray(problem.at(pose))
    best = _climbed(problem, start)
    if problem.at_edge(best):
        raise ValueError(
            "`pose` lies at the border of the search, which keeps it from moving. Take a "
            "larger search radius."
        )
    slopes = _slopes(problem, few, objective, jnp.asarray(best), len(tissues.tags))
    moves, loss = _first_order(slopes, tissues.deviations)
    found = []
    for values in tissues.draws(draws, seed)[:draws] if draws else ():
        here = conductor.with_conductivity(tissues.conductivity(values))
        one = prepared.simplified(reciprocal(here, target))
        there = eqx.tree_at(lambda x: x.objective, problem, objective(one))
        moved = _climbed(there, best)
        value, _ = _rated(there, np.stack([best, moved]))
        lost = 1 - float(value[0] / value[1])
        found.append((*_way(moved - best), max(lost, 0.0)))
    drawn = np.array(found).reshape(-1, 3)
    return OptimumShift(
        tissues.names,
        LENGTH * np.linalg.norm(moves[:, :2], axis=1),
        ANGLE * np.abs(moves[:, 2]),
        float(LENGTH * np.linalg.norm(moves[:, :2])),
        float(ANGLE * np.linalg.norm(moves[:, 2])),
        loss,
        drawn[:, 0],
        drawn[:, 1],
        drawn[:, 2],
    )


def _part(every: Reciprocal, index: int) -> Reciprocal:
    currents = every.currents[3 * index : 3 * index + 3]
    return Reciprocal(every.positions, currents, every.centre)


def _rated(
    problem: Problem, points: Float[ndarray, "start n"]
) -> tuple[Float[Array, "start"], Float[Array, "start n"]]:
    every = jnp.ones(len(points), dtype=bool)
    return derivatives(problem, jnp.asarray(points), every)


def _climbed(problem: Problem, start: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
    maxima = climb(
        lambda points, _: _rated(problem, points),
        start[None],
        problem.unknowns.curvature,
        lambda points: np.asarray(projected(problem, jnp.asarray(points))),
        tolerance=1e-5,
        gain=1e-12,
    )
    return maxima.points[0]


@eqx.filter_jit
def _slopes(
    problem: Problem,
    few: Reciprocal,
    objective: Callable[[Reciprocal], AbstractObjective],
    best: Float[Array, "n"],
    count: int,
) -> tuple[Float[Array, "n n"], Float[Array, "n tissue"], Float[Array, ""]]:
    """The Hessian by the pose, its mixed part with conductivities, and the value."""

    def value(x: Float[Array, "n"], change: Float[Array, "tissue"]) -> Float[Array, ""]:
        parts = few.currents.reshape(count + 1, 3, -1, 3)
        currents = parts[0] + jnp.tensordot(change, parts[1:], axes=1)
        target = objective(Reciprocal(few.positions, currents, few.centre))
        return eqx.tree_at(lambda one: one.objective, problem, target)(x)

    def slope(x: Float[Array, "n"], change: Float[Array, "tissue"]):
        found, gradient = jax.value_and_grad(value)(x, change)
        return gradient, found

    both = jax.jacfwd(slope, argnums=(0, 1), has_aux=True)
    (hessian, mixed), found = both(best, jnp.zeros(count))
    return hessian, mixed, found


def _first_order(
    slopes: tuple[Array, Array, Array], deviations: Float[ndarray, "tissue"]
) -> tuple[Float[ndarray, "tissue n"], float]:
    """How the pose moves by a deviation of each tissue, and the mean loss by staying."""
    hessian, mixed, value = (np.asarray(each) for each in slopes)
    moves = -np.linalg.solve(hessian, mixed * deviations).T
    loss = float(-0.5 * np.einsum("ti,ij,tj->", moves, hessian, moves) / value)
    return moves, loss


def _way(move: Sequence[float] | ndarray) -> tuple[float, float]:
    x = np.asarray(move)
    turn = ANGLE * x[2]
    return (
        float(LENGTH * np.linalg.norm(x[:2])),
        float(abs((turn + np.pi) % (2 * np.pi) - np.pi)),
    )
