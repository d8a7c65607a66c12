import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad.optimize.climb import climb


CURVATURE = np.array([0.1, 0.1])


def climbed(function, starts, **options):
    both = jax.jit(jax.vmap(jax.value_and_grad(function)))
    return climb(
        lambda x, _: both(jnp.asarray(x)), np.asarray(starts), CURVATURE, **options
    )


def bowl(x):
    """With its maximum of 2 at (1, -0.5)."""
    matrix = jnp.array([[1.0, 0.6], [0.6, 0.8]])
    offset = x - jnp.array([1.0, -0.5])
    return 2.0 - offset @ matrix @ offset


def test_a_quadratic_is_solved_in_a_few_steps():
    found = climbed(bowl, [[0.0, 0.0], [3.0, 3.0], [1.0, -0.5]])
    np.testing.assert_allclose(found.points, [[1.0, -0.5]] * 3, atol=1e-5)
    np.testing.assert_allclose(found.values, 2.0, atol=1e-9)
    assert found.converged.all()
    assert found.evaluations.max() <= 14
    assert found.evaluations[2] == 2


def test_the_gradient_at_an_optimum_is_small_and_belongs_to_it():
    found = climbed(lambda x: jnp.exp(bowl(x)), [[0.0, 0.0], [0.3, 0.2]], gain=1e-12)
    expected = jax.vmap(jax.grad(lambda x: jnp.exp(bowl(x))))(found.points)
    np.testing.assert_allclose(found.gradients, expected, atol=1e-12)
    assert np.abs(found.gradients).max() < 1e-3


def test_a_curved_ridge_is_followed():
    def ridge(x):
        return 1.0 - (x[0] - 1.0) ** 2 - 20 * (x[1] - x[0] ** 2) ** 2

    found = climbed(ridge, [[-1.0, 1.0], [0.0, 0.0]], steps=80, gain=1e-12)
    assert found.converged.all()
    np.testing.assert_allclose(found.points, [[1.0, 1.0]] * 2, atol=2e-3)


def test_each_start_finds_its_own_maximum_and_leaves_saddles():
    def hills(x):
        return 3.0 + jnp.cos(2 * x[0]) + jnp.cos(2 * x[1])

    found = climbed(hills, [[0.4, -0.3], [np.pi / 2 + 0.02, 0.3], [2.9, 3.3]])
    turns = found.points / np.pi
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-3)
    np.testing.assert_array_equal(np.round(turns[[0, 2]]), [[0, 0], [1, 1]])


def test_values_never_fall_and_are_kept():
    found = climbed(
        lambda x: jnp.sin(3 * x[0]) * jnp.cos(x[1]), [[0.1, 0.4], [4.0, 2.0]]
    )
    assert (np.diff(found.history, axis=0) >= 0).all()
    np.testing.assert_array_equal(found.history[-1], found.values)


def test_a_border_holds_what_would_climb_beyond():
    def project(x):
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1.0)

    found = climbed(lambda x: 5.0 + x[0], [[0.0, 0.1]], project=project, steps=100)
    np.testing.assert_allclose(found.points, [[1.0, 0.0]], atol=2e-2)


def test_steps_are_limited():
    found = climbed(lambda x: x[0] + 1.0, [[0.0, 0.0]], steps=5)
    assert found.evaluations[0] == 6
    assert not found.converged[0]


def test_a_value_that_is_not_finite_is_no_optimum():
    with pytest.raises(FloatingPointError, match="not finite at"):
        climbed(lambda x: jnp.log(x[0]), [[-1.0, 0.0]])
