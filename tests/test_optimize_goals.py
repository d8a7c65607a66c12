"""Objectives over regions, on a head of five spheres: values and gradients."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from heads import boxed_coil, five_layers, scalp_of_five_layers

from tmsgrad import efield, meshing, optimize
from tmsgrad.optimize.unknowns import ANGLE, LENGTH


CENTRE = np.array([0.02, -0.015, 0.058])
ASIDE = np.array([-0.02, 0.03, 0.052])


@functools.cache
def conductor():
    head = five_layers()
    return efield.assemble(head, efield.isotropic(head))


@functools.cache
def region(which="target"):
    where = CENTRE if which == "target" else ASIDE
    return meshing.ball(five_layers(), where, 14e-3)


@functools.cache
def modes(which="target"):
    return optimize.region_modes(
        conductor(),
        boxed_coil(),
        scalp_of_five_layers(),
        region(which),
        centre=CENTRE,
    )


@functools.cache
def mean_of(which="target"):
    return efield.reciprocal(conductor(), region(which))


OBJECTIVES = {
    "norm of the mean": lambda: optimize.MeanMagnitude(mean_of()),
    "component": lambda: optimize.MeanComponent(mean_of(), [1.0, 2.0, -0.5]),
    "normal": lambda: optimize.NormalComponent(
        optimize.normal_reciprocal(conductor(), five_layers(), region())
    ),
    "mean of the norm": lambda: optimize.MeanOfMagnitude(modes()),
    "wanted vectors": lambda: optimize.WantedField(
        [mean_of(), mean_of("aside")], [[40.0, 10, 0], [0, -10, 5]], [2.0, 1.0]
    ),
    "wanted vectors, limited": lambda: optimize.WantedField(
        [mean_of()], [[40.0, 10, 0]], highest=20.0
    ),
    "wanted norms": lambda: optimize.WantedMagnitude(
        [mean_of(), mean_of("aside")], [60.0, 30.0]
    ),
    "focality": lambda: optimize.Focality(
        optimize.MeanMagnitude(mean_of()), [optimize.MeanOfMagnitude(modes("aside"))]
    ),
    "sum": lambda: optimize.WeightedSum(
        [
            optimize.MeanOfMagnitude(modes()),
            optimize.MeanMagnitude(mean_of("aside")),
        ],
        [1.0, -0.6],
    ),
    "reachable": lambda: optimize.Reachable(
        optimize.MeanMagnitude(mean_of()),
        [optimize.MeanOfMagnitude(modes("aside"))],
        [20.0],
        highest=60.0,
    ),
}


@functools.cache
def prepared():
    return optimize.prepare_search(boxed_coil(), scalp_of_five_layers(), CENTRE)


def problem(objective, uncertainty=None):
    few, _ = efield.equivalent(objective.reciprocal, scalp_of_five_layers())
    return prepared().problem(objective, few, 1e6, uncertainty)


def check_gradient(function, x, step=1e-4):
    x = np.asarray(x)
    gradient = jax.grad(function)(jnp.asarray(x))
    assert float(function(jnp.asarray(x))) != 0
    slopes = []
    for e in step * np.eye(len(x)):
        a, b, c, d = (function(jnp.asarray(x + n * e)) for n in (-2, -1, 1, 2))
        # Richardson's extrapolation: the error is of fourth order.
        slopes.append(float(8 * (c - b) - (d - a)) / (12 * step))
    np.testing.assert_allclose(
        gradient, slopes, atol=1e-6 * float(np.linalg.norm(slopes)), rtol=0
    )


@pytest.mark.long
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_by_the_field_equal_finite_differences(name):
    objective = OBJECTIVES[name]()
    rng = np.random.default_rng(4)
    mean = rng.normal(size=len(objective.reciprocal.currents))
    check_gradient(eqx.filter_jit(objective.value), mean)


@pytest.mark.long
@pytest.mark.parametrize(
    "errors",
    [None, optimize.Expected(tilt=0.05), "worst case"],
    ids=["none", "expected", "worst"],
)
def test_gradients_by_the_placement_equal_finite_differences(errors):
    objective = OBJECTIVES["sum"]()
    errors = FixedWorstCase(tilt=0.05) if errors == "worst case" else errors
    check_gradient(eqx.filter_jit(problem(objective, errors)), [0.7, -0.4, 0.9])


class FixedWorstCase(optimize.WorstCase):
    # The scale of the smooth minimum is no part of the gradient.
    def combined(self, values, planned):
        return super().combined(values, jnp.asarray(0.8))


def test_the_mean_of_the_magnitude_is_that_of_direct_solves():
    found = modes()
    assert float(found.share) < 2e-3
    assert float(found.residual) < 2e-2
    patch = optimize.chart(scalp_of_five_layers(), CENTRE)
    objective = optimize.MeanOfMagnitude(found)
    for place in ([0.0, 0.0, 0.3], [12e-3, -9e-3, 2.0], [-20e-3, 14e-3, 4.0]):
        pose = patch.pose(jnp.asarray(place[:2]), jnp.asarray(place[2]), 5e-3)
        field = efield.solve(conductor(), boxed_coil(), pose)
        mean = found.reciprocal.mean_field(boxed_coil(), pose)
        expected = float(field.mean_magnitude(region()))
        np.testing.assert_allclose(objective.value(mean), expected, rtol=2e-3)
        np.testing.assert_allclose(
            found.mean_field(mean), field.mean(region()), atol=2e-3 * expected
        )
        square = jnp.sum(field.vectors[region().tetrahedra] ** 2, axis=1)
        rms = np.sqrt(float(square @ region().weights))
        np.testing.assert_allclose(found.root_mean_square(mean), rms, rtol=2e-3)
        # It is no norm of the mean vector.
        assert float(jnp.linalg.norm(field.mean(region()))) < 0.999 * expected


def test_few_samples_stand_for_a_large_region():
    head = five_layers()
    every = meshing.region(head, head.tags == 2)
    found = optimize.region_modes(
        conductor(), boxed_coil(), scalp_of_five_layers(), every, centre=CENTRE
    )
    assert len(found.weights) < 400 < len(every.weights)
    np.testing.assert_allclose(np.sum(found.weights), 1.0)
    assert float(found.share) < 0.04


def test_the_normal_component_is_that_of_a_direct_solve():
    objective = OBJECTIVES["normal"]()
    patch = optimize.chart(scalp_of_five_layers(), CENTRE)
    pose = patch.pose(jnp.array([25e-3, 0.0]), jnp.asarray(1.5), 4e-3)
    tilted = pose.moved(jnp.zeros(3), jnp.array([0.0, 0.3, 0.0]))
    field = efield.solve(conductor(), boxed_coil(), tilted)
    head = five_layers()
    radial = head.centroids[region().tetrahedra]
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    inside = np.asarray(field.vectors)[region().tetrahedra]
    expected = region().weights @ np.sum(inside * radial, axis=1)
    found = objective.value(objective.reciprocal.mean_field(boxed_coil(), tilted))
    size = float(field.mean_magnitude(region()))
    # Facets of 16 mm are no sphere.
    np.testing.assert_allclose(found, expected, atol=0.1 * size)


def test_least_squares_choose_the_best_intensity():
    objective = optimize.WantedField([mean_of()], [[40.0, 10.0, 0.0]])
    mean = jnp.array([0.4, 0.2, 0.1])
    factor = float(objective.intensity(mean))
    values = [
        -np.sum((c * np.asarray(mean) - [40.0, 10.0, 0.0]) ** 2)
        for c in (0.99 * factor, factor, 1.01 * factor)
    ]
    assert np.argmax(values) == 1
    size = np.hypot(40.0, 10.0)
    np.testing.assert_allclose(objective.value(mean), values[1] / size)
    np.testing.assert_allclose(
        objective.value(jnp.array([0.8, 0.2, 0.0])), 0.0, atol=1e-12
    )
    assert float(objective.intensity(-mean)) == 0.0


def test_limits_hold_at_what_is_reachable():
    objective = OBJECTIVES["reachable"]()
    mean = jnp.concatenate([jnp.array([1.0, 0, 0]), 0.3 * jnp.ones(40)])
    mean = mean[: len(objective.reciprocal.currents)]
    target, aside = objective.parts.values(mean)
    factor = float(objective.intensity(mean))
    assert factor == pytest.approx(min(60.0, 20.0 / float(aside)))
    assert 0.96 * factor * target < objective.value(mean) <= factor * target * 1.000001


@pytest.mark.long
def test_a_search_finds_the_best_of_its_neighbours():
    objective = OBJECTIVES["reachable"]()
    found = prepared().run(objective)
    patch = prepared().chart
    at = lambda x: patch.pose(LENGTH * x[:2], ANGLE * x[2], 4e-3)
    function = jax.jit(
        lambda x: objective.value(objective.reciprocal.mean_field(boxed_coil(), at(x)))
    )
    rng = np.random.default_rng(3)
    spots = rng.uniform(-2.5, 2.5, (150, 3)) * [1, 1, 3]
    spots = spots[np.hypot(spots[:, 0], spots[:, 1]) < 2.9]
    values = [float(function(jnp.asarray(x))) for x in spots]
    assert found.value > 0.998 * max(values)


@pytest.mark.long
def test_the_expectation_is_the_mean_over_gaussian_errors():
    objective = optimize.MeanMagnitude(mean_of())
    errors = optimize.Expected(position=4e-3, angle=0.15)
    robust, plain = problem(objective, errors), problem(objective)
    x = np.array([0.2, 0.1, 0.3])
    rng = np.random.default_rng(0)
    half = rng.normal(size=(1000, 3)) * [4e-3 / LENGTH, 4e-3 / LENGTH, 0.15 / ANGLE]
    samples = x + np.concatenate([half, -half])
    values = eqx.filter_jit(lambda p: jax.lax.map(plain, p))(jnp.asarray(samples))
    np.testing.assert_allclose(robust(jnp.asarray(x)), np.mean(values), rtol=2e-3)
    assert float(robust(jnp.asarray(x))) < 0.999 * float(plain(jnp.asarray(x)))


def test_the_worst_case_is_the_least_of_all_cases():
    objective = optimize.MeanMagnitude(mean_of())
    errors = optimize.WorstCase(position=3e-3, angle=0.1, extent=2.0)
    robust, plain = problem(objective, errors), problem(objective)
    x = np.array([0.2, 0.1, 0.3])
    rng = np.random.default_rng(0)
    turn, reach = rng.uniform(0, 2 * np.pi, 1500), np.sqrt(rng.uniform(0, 1, 1500))
    offsets = np.stack(
        [
            6e-3 * reach * np.cos(turn) / LENGTH,
            6e-3 * reach * np.sin(turn) / LENGTH,
            rng.uniform(-0.2, 0.2, 1500) / ANGLE,
        ],
        axis=1,
    )
    values = eqx.filter_jit(lambda p: jax.lax.map(plain, p))(jnp.asarray(x + offsets))
    worst = float(robust(jnp.asarray(x)))
    assert 0.98 * float(values.min()) < worst < 1.003 * float(values.min())


@pytest.mark.long
def test_a_search_with_errors_of_placement_is_best_in_them():
    objective = optimize.MeanMagnitude(mean_of())
    errors = optimize.Expected(position=6e-3, angle=0.3)
    found = prepared().run(objective, uncertainty=errors)
    assert found.robust_value is not None
    assert found.robust_value < found.value
    robust = eqx.filter_jit(problem(objective, errors))
    here = float(robust(jnp.asarray(place_of(found.pose))))
    np.testing.assert_allclose(here, found.robust_value, rtol=2e-3)
    rng = np.random.default_rng(1)
    for offset in rng.uniform(-0.5, 0.5, (12, 3)):
        near = jnp.asarray(place_of(found.pose) + offset)
        assert float(robust(near)) < found.robust_value * (1 + 1e-4)


def place_of(pose):
    """Unknowns of a pose on the chart, found by Newton's method."""
    patch = prepared().chart
    y = pose.rotation[:, 1]

    def residual(x):
        there = patch.pose(LENGTH * x[:2], ANGLE * x[2], 4e-3)
        gap = patch.tangents @ (there.translation - pose.translation) / LENGTH
        return jnp.append(gap, jnp.dot(there.rotation[:, 0], y))

    x = jnp.array([0.0, 0.0, 0.0])
    starts = [jnp.array([0.0, 0.0, a]) for a in np.arange(0, 18, 3.0)]
    x = min(
        starts,
        key=lambda s: -float(patch.pose(s[:2], ANGLE * s[2], 4e-3).rotation[:, 1] @ y),
    )
    newton = jax.jit(
        lambda x: x - jnp.linalg.solve(jax.jacfwd(residual)(x), residual(x))
    )
    for _ in range(12):
        x = newton(x)
    return np.asarray(x)


def test_what_makes_no_sense_is_refused():
    other = efield.Reciprocal(
        jnp.zeros((2, 3)), jnp.zeros((3, 2, 3)), jnp.asarray(CENTRE)
    )
    mean = optimize.MeanMagnitude(mean_of())
    with pytest.raises(ValueError, match="different heads"):
        optimize.WeightedSum([mean, optimize.MeanMagnitude(other)], [1.0, 1.0])
    with pytest.raises(ValueError, match="`objectives` is empty"):
        optimize.WeightedSum([], [])
    with pytest.raises(ValueError, match="2 finite numbers"):
        optimize.WeightedSum([mean, mean], [1.0])
    with pytest.raises(ValueError, match="no region to weigh"):
        optimize.Focality(mean, [])
    with pytest.raises(ValueError, match="`weights` must be positive"):
        optimize.Focality(mean, [mean], [-1.0])
    with pytest.raises(ValueError, match=r"`limits` must be 1 positive"):
        optimize.Reachable(mean, [mean], [0.0])
    with pytest.raises(ValueError, match="`highest` must be positive"):
        optimize.Reachable(mean, [], [])
    with pytest.raises(ValueError, match="directions x, y and z"):
        optimize.WantedField([modes().reciprocal], [[1.0, 0, 0]])
    with pytest.raises(ValueError, match="not all zero"):
        optimize.WantedMagnitude([mean_of()], [0.0])
    with pytest.raises(ValueError, match="must not be negative"):
        optimize.WantedMagnitude([mean_of()], [-3.0])
    with pytest.raises(ValueError, match="all errors of placement are zero"):
        optimize.Expected(position=0.0, angle=0.0)
    with pytest.raises(ValueError, match="`angle` must be a standard deviation"):
        optimize.WorstCase(angle=-1.0)
    with pytest.raises(ValueError, match="at least 9 placements"):
        efield.field_modes(conductor(), region(), np.ones((3, 1, 3)))
