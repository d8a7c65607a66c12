"""Values at a placement beyond first order, where the search itself was of first order.

An objective that is no linear function of the field has no adjoint solution that serves all
placements. At one placement its derivative by the field in the target is a linear function,
whose error `efield.target_functions` finds as that of a mean.
"""

from jax import tree

from ..coils import Pose
from ..efield import (
    Conductor,
    ElectricField,
    MeshError,
    TargetField,
    left_elsewhere,
    rates,
    solve_rate,
    target_functions,
)
from .aims import Aim, Goal


def corrected_about(
    goal: Goal, aim: Aim, pose: Pose, field: ElectricField
) -> MeshError:
    """Correct the target's value at a placement, and bound what the mesh leaves in it.

    Args:
        goal: With elements of second order, and with weights.
        aim: What it is of, with a conductor of first order.
        pose: The placement.
        field: Of second order there, at 1e6 A/s.

    Raises:
        ValueError: The goal knows no weights, or no elements of second order.
    """
    found = _linear(goal, aim, field)
    return found.mesh_error(lambda values: values[0], aim.coil, pose)


def corrected_rating(goal: Goal, aim: Aim, pose: Pose) -> MeshError:
    """Correct the objective at a placement, and bound what the mesh leaves in it.

    The target's value is corrected as by `corrected_about`. What the field elsewhere
    multiplies it with is of second order, and a sixth of that change is in the bar.

    Args:
        goal: With elements of second order, and with weights.
        aim: What it is of, with a conductor of first order.
        pose: The placement.

    Raises:
        ValueError: The goal knows no weights, or no elements of second order.
    """
    first, second = (_direct(each, aim, pose) for each in (aim.conductor, goal.second))
    value = corrected_about(goal, aim, pose, second)
    before, after = (goal.rate(field) / goal.value(field) for field in (first, second))
    elsewhere = left_elsewhere(value.value * (after - before))
    return MeshError(value.value * after, value.error * abs(after) + elsewhere)


def _linear(goal: Goal, aim: Aim, field: ElectricField) -> TargetField:
    if goal.weights is None or goal.second is None:
        raise ValueError("the goal has no weights, or no elements of second order.")
    weights = goal.weights(field)[None]
    return target_functions(
        aim.conductor, aim.head, aim.target, weights, second=goal.second
    )


def _direct(conductor: Conductor | None, aim: Aim, pose: Pose) -> ElectricField:
    if conductor is None:
        raise ValueError("the goal has no elements of second order.")
    found = solve_rate(conductor, rates(conductor, aim.coil, pose)[None])
    return tree.map(lambda x: x[0], found)
