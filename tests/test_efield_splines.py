import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad.efield import SplineGrid
from tmsgrad.efield.splines import cubic_weights


ORIGIN, SPACING, COUNT = np.array([-1.0, 0.5, 2.0]), 0.25, 12


def grid_points(origin, spacing, count):
    steps = [origin[c] + spacing * np.arange(count) for c in range(3)]
    return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)


def spline_of(function, spacing=SPACING, count=COUNT):
    points = jnp.asarray(grid_points(ORIGIN, spacing, count)).reshape(-1, 3)
    values = jax.jit(jax.vmap(function))(points).reshape(count, count, count, -1)
    return fitted(spacing, values)


@jax.jit
def fitted(spacing, values):
    return SplineGrid.fitted(ORIGIN, spacing, values)


@jax.jit
def evaluated(spline, points):
    return spline(points)


def inside(rng, size, spacing=SPACING, count=COUNT):
    """Points at least two layers from the border of the grid."""
    low, high = 2 * spacing, (count - 3.01) * spacing
    return jnp.asarray(ORIGIN + rng.uniform(low, high, (size, 3)))


def cubic_in_each(coefficients):
    """All products of powers up to three of the coordinates: two functions."""

    def function(point):
        x = point - jnp.array([0.2, 1.5, 3.0])
        powers = jnp.stack([jnp.ones(3), x, x * x, x * x * x])
        return jnp.einsum("fijk,i,j,k->f", coefficients, *powers.T)

    return function


@pytest.fixture
def cubic(rng):
    return cubic_in_each(jnp.asarray(rng.normal(size=(2, 4, 4, 4))))


def test_cubics_are_reproduced_with_all_their_derivatives(cubic, rng):
    spline = spline_of(cubic)
    at = lambda point: spline(point[None])[0]
    points = inside(rng, 40)
    for order, of in ((0, lambda f: f), (1, jax.jacfwd), (2, jax.hessian)):
        found = jax.jit(jax.vmap(of(at)))(points)
        expected = jax.jit(jax.vmap(of(cubic)))(points)
        scale = float(jnp.abs(expected).max())
        np.testing.assert_allclose(
            found, expected, atol=1e-11 * scale, err_msg=str(order)
        )


def test_a_quartic_is_not_reproduced():
    spline = spline_of(lambda x: x[:1] ** 4)
    middle = jnp.asarray(ORIGIN + 5.5 * SPACING)[None]
    assert abs(float(evaluated(spline, middle)[0, 0] - middle[0, 0] ** 4)) > 1e-4


def wave(point):
    return jnp.stack([jnp.sin(2 * point[0] - point[1]) * jnp.cos(point[2])])


def test_errors_fall_with_the_fourth_power_of_the_spacing(rng):
    points = inside(rng, 300)
    expected = jax.jit(jax.vmap(wave))(points)
    errors = []
    for halving in range(3):
        # The usable part stays within the coarsest grid.
        spline = spline_of(wave, SPACING / 2**halving, 12 * 2**halving)
        errors.append(float(jnp.abs(evaluated(spline, points) - expected).max()))
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    np.testing.assert_allclose(rates, 4, atol=0.25)


def test_the_second_derivative_is_continuous_where_cells_meet(rng):
    noise = jnp.asarray(rng.normal(size=(COUNT, COUNT, COUNT, 1)))
    spline = fitted(SPACING, noise)
    at = lambda point: spline(point[None])[0, 0]
    derivatives = jax.jit(lambda x: (at(x), jax.grad(at)(x), jax.hessian(at)(x)))
    third = jax.jit(jax.jacfwd(jax.hessian(at)))
    jumps = []
    others = rng.uniform(2.1, 8.9, (5, 2))
    for axis, other in itertools.product(range(3), others):
        knot = ORIGIN + SPACING * np.insert(other, axis, 5.0)
        step = 1e-9 * np.eye(3)[axis]
        before, after = jnp.asarray(knot - step), jnp.asarray(knot + step)
        for one, two in zip(derivatives(before), derivatives(after), strict=True):
            np.testing.assert_allclose(one, two, atol=1e-5)
        jumps.append(float(jnp.abs(third(before) - third(after)).max()))
    # Else the cells would not have met here.
    assert min(jumps) > 10


def test_what_happens_in_one_place_does_not_disturb_another(rng):
    values = rng.normal(size=(COUNT, COUNT, COUNT, 1))
    other = values.copy()
    other[6, 6, 6] += 1e6
    points = inside(rng, 2000)
    one, two = (
        evaluated(fitted(SPACING, jnp.asarray(v)), points) for v in (values, other)
    )
    cells = np.abs((np.asarray(points) - ORIGIN) / SPACING - 6).max(axis=1)
    changed = np.asarray(one != two)[:, 0]
    assert not changed[cells >= 3].any()
    assert changed[cells < 2.5].all()


@jax.jit
def slopes(spline, point):
    return jax.jacfwd(lambda x: spline(x[None])[0])(point)


def test_points_outside_get_the_value_at_the_border(cubic):
    spline = spline_of(cubic)
    middle = ORIGIN + 5.3 * SPACING
    for axis, way in itertools.product(range(3), (-1, 1)):
        far = middle.copy()
        far[axis] += 100 * way
        # Two layers are used up at the low end, and at the high end a little more.
        edge = middle.copy()
        edge[axis] = ORIGIN[axis] + SPACING * (2 if way < 0 else COUNT - 3.001)
        found = evaluated(spline, jnp.asarray(np.stack([far, edge])))
        np.testing.assert_allclose(found[0], found[1], rtol=1e-10)
        slope = slopes(spline, jnp.asarray(far))
        np.testing.assert_array_equal(slope[:, axis], 0)


def test_the_weights_of_the_four_splines_are_a_partition_of_unity():
    for t in (0.0, 0.3, 0.999, 1.0):
        weights = cubic_weights(jnp.asarray(t))
        offsets = jnp.array([-1.0, 0.0, 1.0, 2.0]) - t
        assert float(weights.sum()) == pytest.approx(1, abs=1e-15)
        assert float(weights @ offsets) == pytest.approx(0, abs=1e-15)
        # The variance of a cubic B-spline is a third of a spacing squared.
        assert float(weights @ offsets**2) == pytest.approx(1 / 3, abs=1e-15)
        assert float(weights.min()) >= 0


def test_the_rough_spline_joins_the_coefficients_by_straight_lines(rng):
    noise = jnp.asarray(rng.normal(size=(COUNT, COUNT, COUNT, 3)))
    rough = fitted(SPACING, noise).rough()
    points = inside(rng, 50)
    scaled = (np.asarray(points) - np.asarray(rough.origin)) / SPACING
    cell, t = np.floor(scaled).astype(int), scaled % 1
    expected = sum(
        np.prod(np.where(corner, t, 1 - t), axis=1)[:, None]
        * np.asarray(rough.coefficients)[*(cell + corner).T]
        for corner in itertools.product((0, 1), repeat=3)
    )
    np.testing.assert_allclose(evaluated(rough, points), expected, atol=1e-13)


def test_the_rough_spline_is_of_second_order(rng):
    points = inside(rng, 300)
    expected = jax.jit(jax.vmap(wave))(points)
    errors = []
    for n in (1, 2):
        rough = spline_of(wave, SPACING / n, 12 * n).rough()
        errors.append(float(jnp.abs(evaluated(rough, points) - expected).max()))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.3)
