"""Values of objectives at a placement beyond first order, against finer elements."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import figure_of_eight
from test_efield_goal import CENTRES, POSE, coarse, on_pieces

from tmsgrad import efield, meshing, optimize


class Quick(optimize.Aim):
    """An aim whose regions need no modes, as nothing is searched for here."""

    def modes(self, region):  # pyright: ignore[reportIncompatibleMethodOverride]
        return optimize.MeanMagnitude(self.mean(region))


@pytest.fixture(scope="module")
def aim():
    head, conductor = coarse()
    target = meshing.ball(head, CENTRES[0], 0.02)
    scalp = meshing.scalp(head)
    return Quick(head, scalp, conductor, figure_of_eight(), target, 0.03)


@pytest.fixture(scope="module")
def second(aim):
    return efield.enriched(aim.conductor, aim.head)


@pytest.fixture(scope="module")
def fields(aim, second):
    """Of first and second order, and of second on pieces, averaged over elements."""
    found = [
        efield.solve(each, aim.coil, POSE, solver=efield.Direct())
        for each in (aim.conductor, second, on_pieces()[1])
    ]
    whole = np.asarray(found[2].vectors).reshape(-1, 8, 3).mean(axis=1)
    fine = efield.ElectricField(jnp.asarray(whole), found[0].potential, found[0].report)
    return found[0], found[1], fine


@pytest.mark.long
def test_a_component_is_corrected_as_the_search_corrects_it(aim, second, fields):
    direction = (0.3, -0.9, 0.1)
    goal = optimize.mean_goal(aim, direction)
    goal = dataclasses.replace(goal, second=second)
    found = optimize.corrected_about(goal, aim, POSE, fields[1])
    searched = optimize.mean_goal(aim, direction, corrected=True)
    assert searched.corrected is not None
    expected = searched.corrected.mesh_error(searched.objective.value, aim.coil, POSE)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_components_along_normals_are_corrected_in_the_search(
    aim, second, fields, monkeypatch
):
    """On a sphere normals are radial: the field along them vanishes, so others are laid."""
    outward = np.tile([0.6, 0.8, 0.0], (len(aim.target.tetrahedra), 1))
    for module in ("aims", "regional"):
        monkeypatch.setattr(
            f"tmsgrad.optimize.{module}.cortical_normals", lambda *_: outward
        )
    goal = optimize.normal_goal(aim, corrected=True)
    assert goal.corrected is not None
    value, bar = goal.corrected.mesh_error(goal.objective.value, aim.coil, POSE)
    first, _, fine = (goal.value(field) for field in fields)
    assert abs(value - fine) < 0.2 * abs(first - fine)
    assert 0.5 * abs(value - fine) < bar < abs(first - fine)
    before = optimize.normal_goal(aim)
    assert before.corrected is None
    mean = before.objective.reciprocal.mean_field(aim.coil, POSE)
    assert float(before.objective.value(mean)) == pytest.approx(first, rel=1e-9)


@pytest.mark.parametrize("kind", ["magnitude", "norm"])
def test_values_that_are_not_linear_are_corrected(kind, aim, second, fields):
    make = optimize.magnitude_goal if kind == "magnitude" else optimize.mean_goal
    goal = dataclasses.replace(make(aim), second=second)
    value, bar = optimize.corrected_about(goal, aim, POSE, fields[1])
    first, _, fine = (goal.value(field) for field in fields)
    assert abs(value - fine) < 0.2 * abs(first - fine)
    assert abs(value - fine) < bar < abs(first - fine)


@pytest.mark.parametrize("kind", ["magnitude", "norm", "component"])
def test_weights_are_the_derivative_by_the_field(kind, aim, fields):
    if kind == "magnitude":
        goal = optimize.magnitude_goal(aim)
    else:
        goal = optimize.mean_goal(aim, None if kind == "norm" else (1.0, 2.0, -0.5))
    field, chosen = fields[1], aim.target.tetrahedra
    rng = np.random.default_rng(0)
    step = rng.normal(size=field.vectors.shape) * 1e-6
    moved = lambda sign: dataclasses.replace(field, vectors=field.vectors + sign * step)
    slope = goal.value(moved(1)) - goal.value(moved(-1))
    assert goal.weights is not None
    along = float(np.sum(goal.weights(field) * step[chosen]))
    assert along == pytest.approx(slope / 2, rel=1e-6)


def test_a_ratio_is_corrected_in_both_parts(aim, second, fields):
    whole = meshing.region(aim.head, aim.head.of("gray matter"))

    def rating(field):
        return goal.value(field) / float(field.mean_magnitude(whole))

    goal = dataclasses.replace(optimize.mean_goal(aim), second=second, rating=rating)
    found = optimize.corrected_rating(goal, aim, POSE)
    first, _, fine = (goal.rate(field) for field in fields)
    assert abs(found.value - fine) < 0.3 * abs(first - fine)
    assert abs(found.value - fine) < found.error
    alone = optimize.corrected_about(goal, aim, POSE, fields[1])
    # The bar is wider, relative, than the target's alone: the rest has an error as well.
    assert found.error / found.value > alone.error / alone.value


def test_a_goal_without_elements_of_second_order_is_refused(aim, fields):
    goal = optimize.mean_goal(aim)
    with pytest.raises(ValueError, match="no weights, or no elements"):
        optimize.corrected_about(goal, aim, POSE, fields[1])
    with pytest.raises(ValueError, match="no elements of second order"):
        optimize.corrected_rating(goal, aim, POSE)


def test_what_is_left_elsewhere_is_a_share_of_what_second_order_brought():
    assert efield.left_elsewhere(-0.6) == pytest.approx(0.1)
