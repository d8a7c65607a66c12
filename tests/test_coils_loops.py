import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.special import ellipe, ellipk

from tmsgrad.coils import CircularTurns, MagneticDipoles, Pose


MU0 = 4e-7 * np.pi


def loop_potential(radius, points):
    """Jackson, *Classical Electrodynamics*, 3rd ed., eq. 5.37, with m = k²."""
    rho, z = np.hypot(points[:, 0], points[:, 1]), points[:, 2]
    m = 4 * radius * rho / ((radius + rho) ** 2 + z**2)
    series = ((2 - m) * ellipk(m) - 2 * ellipe(m)) / m
    size = MU0 / np.pi * radius / np.sqrt((radius + rho) ** 2 + z**2) * series
    azimuth = np.stack([-points[:, 1], points[:, 0], 0 * z], axis=1) / rho[:, None]
    return size[:, None] * azimuth


def test_turns_agree_with_elliptic_integrals(key):
    radii = np.linspace(0.028, 0.0435, 9)
    points = jr.uniform(key, (500, 3), minval=-0.1, maxval=0.1)
    actual = CircularTurns(np.zeros(3), np.array([0, 0, 2.0]), radii).vector_potential(
        points
    )
    expected = sum(loop_potential(radius, np.asarray(points)) for radius in radii)
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-20)


def test_a_turned_winding_has_the_turned_field(key):
    pose = Pose(jnp.eye(3), jnp.zeros(3)).moved(*(0.3 * jr.normal(key, (2, 3))))
    upright = CircularTurns(np.zeros(3), np.array([0.0, 0.0, 1.0]), np.array([0.04]))
    turned = CircularTurns(
        pose.translation, pose.rotation[:, 2], np.array([0.04]), -1.0
    )
    points = jr.uniform(key, (50, 3))
    np.testing.assert_allclose(
        turned.vector_potential(points), -upright.potential_at(points, pose), rtol=1e-12
    )


def test_field_on_the_axis_and_its_gradient_are_those_of_a_loop():
    radius, z = 0.045, 0.02
    coil = CircularTurns(np.zeros(3), np.array([0.0, 0.0, 1.0]), np.array([radius]))
    jacobian = jax.jacrev(lambda x: coil.vector_potential(x[None])[0])(
        jnp.array([0.0, 0.0, z])
    )
    on_axis = MU0 * radius**2 / 2 / (radius**2 + z**2) ** 1.5  # B, by Biot and Savart.
    np.testing.assert_allclose(jacobian[1, 0] - jacobian[0, 1], on_axis, rtol=1e-12)
    np.testing.assert_allclose(jnp.trace(jacobian), 0.0, atol=1e-20)


@pytest.mark.parametrize(("depth", "rtol"), [(0.01, 1e-3), (0.02, 2e-6), (0.03, 1e-8)])
def test_dipoles_stand_for_the_winding(depth, rtol):
    coil = CircularTurns(
        np.zeros(3), np.array([0.0, 0.0, 1.0]), np.linspace(0.028, 0.0435, 9), -1.0
    )
    sources = coil.sources()
    assert len(sources.dipole_positions) >= 200
    dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
    x = np.linspace(-0.08, 0.08, 41)
    points = jnp.asarray(np.stack(np.meshgrid(x, x, [depth]), -1).reshape(-1, 3))
    expected = coil.vector_potential(points)
    error = np.linalg.norm(dipoles.vector_potential(points) - expected)
    assert error < rtol * np.linalg.norm(expected)


def test_sources_can_be_traced_and_differentiated_in_shape():
    points = jnp.array([[0.02, 0.01, 0.06]])

    def strength(radius):
        coil = CircularTurns(
            jnp.zeros(3), jnp.array([0.0, 0.1, 1.0]), radius * jnp.linspace(0.6, 1, 5)
        )
        sources = eqx.filter_jit(lambda each: each.sources())(coil)
        dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
        return 1e6 * jnp.sum(dipoles.vector_potential(points))

    slope = (strength(0.04 + 1e-6) - strength(0.04 - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.grad(strength)(0.04), slope, rtol=1e-6)


def test_a_current_for_each_turn_is_refused():
    with pytest.raises(ValueError, match="another element"):
        CircularTurns(np.zeros(3), np.ones(3), np.ones(2), np.ones(2))


@pytest.mark.long
def test_slopes_are_those_of_differences_at_the_axis_too():
    """By place, by the turns' radii, and twice."""
    points = jnp.array([[0.0, 0.0, 0.01], [1e-9, 0, 0.02], [0.03, -0.02, 0.008]])
    weights = jnp.array([[0.2, -1.0, 0.5], [1.0, 0.3, -0.4], [0.7, 0.1, 0.6]])
    scales = jnp.array([0.01] * 12)

    def value(x):
        coil = CircularTurns(
            jnp.zeros(3), jnp.array([0.1, 0.2, 1.0]), 0.04 + 0.01 * x[:3]
        )
        at = points + (scales[3:] * x[3:]).reshape(3, 3)
        return 1e6 * jnp.sum(weights * coil.vector_potential(at))

    x, gradient = jnp.linspace(-0.1, 0.2, 12), jax.jit(jax.grad(value))
    for v in jnp.eye(12):
        step = 1e-5 * v
        slope = (value(x + step) - value(x - step)) / 2e-5
        np.testing.assert_allclose(gradient(x) @ v, slope, rtol=1e-7, atol=1e-9)
    v = jnp.cos(jnp.arange(12.0))
    twice = (gradient(x + 1e-5 * v) - gradient(x - 1e-5 * v)) / 2e-5
    along = jax.jvp(gradient, (x,), (v,))[1]
    np.testing.assert_allclose(along, twice, rtol=1e-7, atol=1e-9)
