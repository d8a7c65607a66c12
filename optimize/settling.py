"""The end of any search: a placement set on the true scalp, and rated there."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..coils import Pose, casing_samples
from ..meshing import Scalp
from .batches import value_of
from .problem import Problem
from .results import Optimum
from .true_scalp import TrueScalp, exact_mean, gradient_norms


_OF_POSE = ("place", "angle", "tilt")
_AT_ONCE = 5  # Places that one call rates.


def settle(
    problem: Problem,
    x: Float[ArrayLike, "n"],
    scalp: Scalp,
    *,
    simplified: Problem | None = None,
) -> Optimum:
    """Set a coil on the true triangles of the scalp, clear of them, and rate it there.

    A problem's scalp is a smooth one, up to a tenth of a millimetre off the true one.

    Args:
        problem: The exact one, also where `x` was found with the simplified one.
        x: The unknowns.
        scalp: The scalp that the problem was made of.
        simplified: The same problem, simplified: places within 3.5 mm are then tried on
            the triangles, as `find_pose` does.

    Returns:
        Pose and value as people will have them; the gradient is that of the problem.

    Raises:
        ValueError: The problem is simplified, the coil cannot be set clear of the scalp,
            or places are to be tried while more than the pose is free.
    """
    point = jnp.asarray(x)
    at, coil = problem.variables(point), problem.coil_at(point)
    rest = TrueScalp(
        coil,
        casing_samples(coil),
        scalp,
        float(at.distance),
        float(problem.constraint.wanted),
        np.asarray(problem.constraint.obstacles),
    )

    def rated(pose: Pose) -> float:
        mean = exact_mean(problem.objective.reciprocal, coil, pose, at.current_rate)
        return float(problem.objective.value(mean))

    near = problem.near(point)
    pose, gap = rest.settled(
        Pose(np.asarray(near.rotation), np.asarray(near.translation))
    )
    value = rated(pose)
    if simplified is not None:
        _check_free(simplified)
        planned = float(value_of(simplified, pose))
        better = rest.on_facets(simplified, np.asarray(point), planned, _AT_ONCE)
        if better is not None and (tried := rated(better[1])) > value:
            place, pose, gap, _ = better
            point, value = jnp.asarray(place), tried
    _, gradient = (problem if simplified is None else simplified).value_and_grad(point)
    return Optimum(
        pose,
        value,
        scalp.distance_along(pose.translation, pose.rotation[:, 2]),
        gap,
        _norms(problem, gradient),
        problem.at_edge(np.asarray(point)),
    )


def _check_free(problem: Problem) -> None:
    more = set(problem.unknowns.free) - set(_OF_POSE)
    if more or "place" not in problem.unknowns.free:
        raise ValueError(
            f"places around are tried where place, angle and tilt are free, not with "
            f"{', '.join(problem.unknowns.free)}: leave `simplified` out."
        )


def _norms(problem: Problem, gradient: Float[Array, "n"]) -> tuple[float, float]:
    parts = {
        name: np.asarray(part)
        for name, part in problem.unknowns.split(gradient).items()
    }
    place, *turns = (parts.get(name, np.zeros(1)) for name in _OF_POSE)
    return gradient_norms(place, np.concatenate(turns))
