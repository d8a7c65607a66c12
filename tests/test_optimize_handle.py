"""Handles that people can hold: rules, what they cost, and that they are kept."""

import jax.numpy as jnp
import numpy as np
import pytest
from heads import five_layers, scalp_of_five_layers

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Pose
from tmsgrad.optimize.handle import handle_angle, sides


def rotation(handle, normal):
    """The axes of a coil that lies on a head with its handle in a direction."""
    y = -np.array(handle, float) / np.linalg.norm(handle)
    z = -np.array(normal, float)
    return np.stack([np.cross(y, z), y, z], axis=1)


@pytest.mark.parametrize(
    ("handle", "normal", "degrees"),
    [
        ([0, -1, 0], [0, 0, 1], 0),
        ([1, -1, 0], [0, 0, 1], 45),
        ([-1, 0, 0], [0, 0, 1], -90),
        ([0, -1, 0], [-1, 0, 0], 0),
        ([0, -1, -1], [1, 0, 0], 45),  # Down at the right side is outwards.
        ([0, -1, -1], [-1, 0, 0], -45),  # And so at the left one.
        ([0, 0, 1], [0, 1, 0], 0),  # Up at the forehead is back,
        ([0, 0, -1], [0, -1, 0], 0),  # and down at the back of the head.
    ],
)
def test_the_angle_is_that_from_straight_back_to_the_right(handle, normal, degrees):
    found = np.degrees(handle_angle(rotation(handle, normal)))
    assert found == pytest.approx(degrees, abs=1e-9)


def test_the_usual_handle_of_the_rules_is_one_of_45_degrees():
    scalp, coil = scalp_of_five_layers(), coils.read("magstim-70mm-double")
    for x in (-0.04, 0.04):
        point = scalp.nearest(np.array([x, 0.01, 0.09]))
        pose = optimize.handle_back(scalp, point, coil)
        (side,) = sides(np.asarray(pose.translation))
        assert np.degrees(side * handle_angle(np.asarray(pose.rotation))) == (
            pytest.approx(45, abs=3)
        )
        assert optimize.Handle(within=np.radians(3)).deviation(pose) == 0


def test_near_the_midline_either_side_is_outwards():
    rule = optimize.Handle(angle=np.radians(45), within=0.0)
    for handle, x, degrees in (
        ([1, -1, 0], 0.01, 0),
        ([-1, -1, 0], 0.01, 0),
        ([-1, -1, 0], 0.04, 90),
    ):
        pose = Pose(rotation(handle, [0, 0, 1]), np.array([x, 0, 0.1]))
        assert np.degrees(rule.deviation(pose)) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("angle", 4.0), ("within", -0.1), ("cost", 1.5), ("cost", np.nan)],
)
def test_rules_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}` of a `Handle`"):
        optimize.Handle(**{name: value})


@pytest.fixture(scope="module")
def searched():
    """The free search, and how to search by a rule."""
    head, scalp = five_layers(), scalp_of_five_layers()
    coil = coils.read("magstim-70mm-double")
    # A direction makes the sign count, so that a coil turned round is another one.
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, np.array([0.03, -0.02, 0.05]), 8e-3)
    objective = optimize.MeanComponent(
        efield.reciprocal(conductor, target), np.array([0.2, 1.0, 0.1])
    )
    wheel = coils.rings(coil)

    def search(**handle):
        rule = optimize.Handle(**handle) if handle else None
        domain = optimize.Domain(radius=15e-3, handle=rule)
        prepared = optimize.prepare_search(
            coil, scalp, objective.centre, domain, wheel=wheel
        )
        return prepared.run(objective), rule

    return search


@pytest.mark.long
def test_a_rule_that_costs_little_is_kept_and_its_cost_said(searched):
    free, _ = searched()
    angle = handle_angle(np.asarray(free.pose.rotation))
    turned, rule = searched(
        angle=angle + np.radians(25), within=np.radians(20), cost=0.05
    )
    assert free.free is None
    assert rule.deviation(free.pose) > 0
    assert rule.deviation(turned.pose) == 0
    assert turned.free.value == free.value
    assert 0 < turned.handle_cost < 0.05
    assert turned.value == pytest.approx(free.value * (1 - turned.handle_cost))
    assert turned.optima[0] is turned.best


def test_a_rule_that_costs_too_much_is_come_near_to(searched):
    free, _ = searched()
    angle = handle_angle(np.asarray(free.pose.rotation))
    far = {"angle": angle + np.radians(80), "within": 0.0}
    found = {cost: searched(**far, cost=cost) for cost in (0.01, 0.1)}
    beyond = {cost: rule.deviation(each.pose) for cost, (each, rule) in found.items()}
    for cost, (each, _) in found.items():
        assert each.handle_cost <= cost
    assert 0 < beyond[0.1] < beyond[0.01] < np.radians(80)


def test_a_rule_that_the_best_keeps_anyway_changes_nothing(searched):
    free, _ = searched()
    angle = handle_angle(np.asarray(free.pose.rotation))
    same, _ = searched(angle=angle, within=np.radians(30))
    assert same.free is None
    assert same.handle_cost == 0
    np.testing.assert_array_equal(same.pose.to_matsimnibs(), free.pose.to_matsimnibs())
    assert same.evaluations == free.evaluations


def test_what_knows_no_handles_says_so():
    scalp = scalp_of_five_layers()
    nothing = efield.Reciprocal(
        jnp.ones((1, 3)), jnp.zeros((3, 1, 3)), jnp.array([0.03, -0.02, 0.05])
    )
    objective = optimize.MeanMagnitude(nothing)
    domain = optimize.Domain(handle=optimize.Handle())
    coil = coils.read("magstim-70mm-double")
    with pytest.raises(ValueError, match="`handle`"):
        optimize.problem(objective, coil, scalp, domain)
    with pytest.raises(ValueError, match="`handle` of the domain"):
        optimize.sweep(objective, coil, scalp, domain=domain)


def test_figures_of_eight_are_reported_from_other_coils():
    assert coils.is_figure_of_eight(coils.read("magstim-70mm-double"))
    assert not coils.is_figure_of_eight(coils.read("magstim-90mm-round"))
    assert not coils.is_figure_of_eight(coils.read("brainsway-h1"))
