"""Where a search may go, what it says of its end, and wishes that cannot be met."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers

from tmsgrad import efield, meshing, optimize
from tmsgrad.optimize.climb import climb


CENTRE = np.array([0.02, -0.015, 0.058])
UP = CENTRE / np.linalg.norm(CENTRE)


@functools.cache
def objective():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, CENTRE, 8e-3)
    return optimize.MeanMagnitude(efield.reciprocal(conductor, target))


@functools.cache
def searched():
    return optimize.find_pose(objective(), boxed_coil(), scalp_of_five_layers())


def foot(pose):
    return np.asarray(pose.translation + 4e-3 * pose.rotation[:, 2])


@pytest.mark.long
def test_a_forbidden_zone_is_kept_free_and_costs():
    zone = (foot(searched().pose), 12e-3)
    found = optimize.find_pose(
        objective(),
        boxed_coil(),
        scalp_of_five_layers(),
        optimize.Domain(forbidden=[zone]),
    )
    for optimum in found.optima:
        assert np.linalg.norm(foot(optimum.pose) - zone[0]) > 12e-3 - 1.5e-3
    assert 0.8 * searched().value < found.value < 0.995 * searched().value
    everything = (foot(searched().pose), 80e-3)
    with pytest.raises(ValueError, match="cover all of the scalp that is searched"):
        optimize.find_pose(
            objective(),
            boxed_coil(),
            scalp_of_five_layers(),
            optimize.Domain(forbidden=[everything]),
        )


def test_a_coil_is_lifted_over_what_it_must_clear():
    # An electrode beside the best place, beneath the casing.
    ball = (foot(searched().pose), 6e-3)
    found = optimize.find_pose(
        objective(),
        boxed_coil(),
        scalp_of_five_layers(),
        optimize.Domain(obstacles=[ball]),
    )
    for optimum in found.optima:
        placed = optimum.pose.to_head(
            jnp.asarray(optimize.casing_samples(boxed_coil()))
        )
        gap = np.linalg.norm(np.asarray(placed) - ball[0], axis=1).min() - ball[1]
        assert gap >= -1e-9
    assert found.value < searched().value


@pytest.mark.parametrize(
    "zone", [([0, 0], 1e-3), ([0, 0, np.nan], 1.0), ([0, 0, 0], 0.0)]
)
def test_a_zone_must_be_a_ball(zone):
    with pytest.raises(ValueError, match="a zone must be a pair"):
        optimize.Domain(forbidden=[zone])


def test_old_keywords_make_a_domain_and_show_the_new_line():
    match = r"domain=optimize.Domain\(radius=0.0\)"
    with (
        pytest.warns(DeprecationWarning, match=match),
        pytest.raises(ValueError, match="`radius`"),
    ):
        optimize.find_pose(
            objective(), boxed_coil(), scalp_of_five_layers(), radius=0.0
        )
    with pytest.raises(TypeError, match="unexpected keyword argument 'distanc'"):
        optimize.sweep(objective(), boxed_coil(), scalp_of_five_layers(), distanc=1)
    with pytest.raises(ValueError, match="give tilt in the `Domain`"):
        optimize.prepare_search(
            boxed_coil(),
            scalp_of_five_layers(),
            CENTRE,
            optimize.Domain(),
            tilt=0.1,
        )


def test_what_a_function_does_not_serve_is_refused():
    with pytest.raises(ValueError, match="a sweep does not serve `tilt`"):
        optimize.sweep(
            objective(),
            boxed_coil(),
            scalp_of_five_layers(),
            None,
            optimize.Domain(tilt=0.1),
        )


def test_a_map_keeps_to_forbidden_zones_and_is_lifted_over_obstacles():
    scalp = scalp_of_five_layers()
    positions = optimize.spread(scalp, 25e-3)
    zone = (positions[0], 30e-3)
    sweep = functools.partial(
        optimize.sweep, objective(), boxed_coil(), scalp, positions, angles=90
    )
    left = sweep(optimize.Domain(forbidden=[zone]))
    far = np.linalg.norm(positions - positions[0], axis=1) > 30e-3
    assert len(left.lifts) == far.sum() < len(positions)
    obstacle = (positions[far][0], 15e-3)
    lifted = sweep(optimize.Domain(forbidden=[zone], obstacles=[obstacle])).lifts
    assert lifted[0] > left.lifts[0] + 1e-3


def test_a_search_without_a_place_finds_the_target():
    found = optimize.find_pose(
        objective(),
        boxed_coil(),
        scalp_of_five_layers(),
        around=optimize.UpperHead(spacing=25e-3, hills=1),
    )
    np.testing.assert_allclose(found.value, searched().value, rtol=2e-3)
    swept = optimize.sweep(
        objective(),
        boxed_coil(),
        scalp_of_five_layers(),
        optimize.spread(scalp_of_five_layers(), 25e-3),
        angles=96,
    )
    assert 0.995 < found.share_of(swept) < 1.3


def test_sensitivity_is_what_displaced_placements_lose():
    found = searched().sensitivity
    assert found is not None
    assert found.tilt is None
    np.testing.assert_allclose(found.loss[0], 0.05, rtol=0.05)
    assert 4e-3 < found.position < 25e-3
    # In a sphere the field turns with the coil and keeps its size: no angle loses 5%.
    assert found.loss[1] < 0.05
    assert found.angle > np.radians(60)
    assert np.linalg.eigvalsh(found.hessian)[-1] < 0


def test_why_a_search_stopped_is_reported():
    assert "climbs converged" in searched().stopped
    assert len(searched().reasons) == searched().starts


def test_an_interruption_leaves_the_best_so_far():
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda x: 2 - jnp.sum((x - 3) ** 2))))
    calls = 0

    def interrupted(points, _):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return both(jnp.asarray(points))

    found = climb(interrupted, np.zeros((2, 2)), np.array([0.1, 0.1]))
    assert found.reasons == ("interrupted", "interrupted")
    assert (found.values > -16).all()
    assert not found.converged.any()


def test_a_lower_climb_of_one_hill_joins_the_higher():
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda x: 2 - jnp.sum(x**4))))
    found = climb(
        lambda points, _: both(jnp.asarray(points)),
        np.array([[1.0, 1.0], [1.3, 1.2]]),
        np.array([0.1, 0.1]),
        same=lambda a, b: bool(np.linalg.norm(a - b) < 0.3),
    )
    assert "another climb" in found.reasons[1] or "another climb" in found.reasons[0]
    assert found.evaluations.min() < found.evaluations.max()


def test_a_target_that_is_too_deep_is_reported():
    head = five_layers()
    conductor = efield.assemble(head, efield.isotropic(head))
    deep = meshing.ball(head, [0.0, 0.0, 0.0], 12e-3, "white matter")
    reciprocal = efield.reciprocal(conductor, deep)
    mean = reciprocal.mean_field(boxed_coil(), searched().pose)
    value = float(jnp.linalg.norm(mean))
    assert value < 0.2 * searched().value
    found = optimize.dose(value, 1e6, 100.0, highest=boxed_coil().max_current_rate)
    assert not found.reachable
    assert "cannot be reached" in found.statement
    assert f"the target gets {found.reached:.4g} V/m" in found.statement


def test_a_region_that_is_empty_or_partly_outside_is_reported():
    with pytest.raises(ValueError, match="no gray matter lies within 3 mm"):
        meshing.ball(five_layers(), [0.0, 0.0, 0.2], 3e-3)
    # What lies outside the tissue does not count: the weights are those of the rest.
    edge = meshing.ball(five_layers(), [0.0, 0.0, 0.075], 12e-3)
    np.testing.assert_allclose(edge.weights.sum(), 1.0)
    assert (five_layers().tags[edge.tetrahedra] == 2).all()


def test_the_way_forward_on_a_sphere_is_an_arc():
    radius = float(np.linalg.norm(scalp_of_five_layers().nearest([0.0, 0.0, 0.09])))
    hotspot = radius * np.array([-0.5, 0.0, np.sqrt(0.75)])
    # In the plane x = const the sphere is a circle.
    circle = radius * np.sqrt(0.75)
    for length in (0.05, 0.06):
        found = optimize.ahead_of(scalp_of_five_layers(), hotspot, length)
        angle = length / circle
        expected = np.array([-0.5 * radius, *(circle * np.array([np.sin(angle), 0]))])
        expected[2] = circle * np.cos(angle)
        np.testing.assert_allclose(found, expected, atol=1.5e-3)
    with pytest.raises(ValueError, match="`length` must lie between"):
        optimize.ahead_of(scalp_of_five_layers(), hotspot, 5.0)
    with pytest.raises(ValueError, match="faces to the side"):
        optimize.ahead_of(scalp_of_five_layers(), np.array([-0.09, 0.0, 0.0]), 0.05)


def test_rules_of_clinics_are_shares_of_the_best():
    rules = optimize.clinical_rules(
        objective(),
        boxed_coil(),
        scalp_of_five_layers(),
        CENTRE,
        searched().value,
        others={"5 cm rule": np.array([0.02, 0.05, 0.06])},
        named={"C4": 0.086 * np.array([0.7, 0.0, 0.7]), "Cz": np.array([0, 0, 0.086])},
    )
    assert [rule.name for rule in rules] == [
        "scalp projection",
        "10-20 position Cz",
        "5 cm rule",
    ]
    for rule in rules:
        mean = objective().reciprocal.mean_field(boxed_coil(), rule.pose)
        np.testing.assert_allclose(rule.value, objective().value(mean), rtol=1e-9)
        assert 0.1 < rule.share < 1.001
        np.testing.assert_allclose(rule.share, rule.value / searched().value)
    far = optimize.clinical_rules(
        *(objective(), boxed_coil(), scalp_of_five_layers(), CENTRE, searched().value),
        named={"Iz": np.array([0, -0.086, 0])},
    )
    assert [rule.name for rule in far] == ["scalp projection"]
    handle = -np.asarray(rules[0].pose.rotation[:, 1])
    # To the back, and outwards on the right side.
    assert handle[1] < -0.3
    assert handle @ [1.0, 0.0, -0.3] > 0.3
