import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.special import ellipe, ellipk

from tmsgrad.coils import Coil, MagneticDipoles, Pose


MU0 = 4e-7 * np.pi


def loop_potential(radius, points):
    """Azimuthal potential of a 1 A circular loop, by elliptic integrals.

    Jackson, *Classical Electrodynamics*, 3rd ed., eq. 5.37, with m = k².
    """
    rho, z = np.hypot(points[:, 0], points[:, 1]), points[:, 2]
    m = 4 * radius * rho / ((radius + rho) ** 2 + z**2)
    series = ((2 - m) * ellipk(m) - 2 * ellipe(m)) / m
    size = MU0 / np.pi * radius / np.sqrt((radius + rho) ** 2 + z**2) * series
    azimuth = np.stack([-points[:, 1], points[:, 0], 0 * z], axis=1) / rho[:, None]
    return size[:, None] * azimuth


def loop_as_dipoles(radius, rings, spokes):
    """Ampère's shell: a loop is a disc of dipoles, its moment I dA per area."""
    nodes, weights = np.polynomial.legendre.leggauss(rings)
    r = radius * (nodes + 1) / 2
    area = weights * radius / 2 * r * 2 * np.pi / spokes
    r, angle = np.meshgrid(r, 2 * np.pi * np.arange(spokes) / spokes, indexing="ij")
    flat = np.stack([r * np.cos(angle), r * np.sin(angle), 0 * r], axis=-1)
    moments = np.zeros((rings * spokes, 3))
    moments[:, 2] = np.repeat(area, spokes)
    return MagneticDipoles(flat.reshape(-1, 3), moments)


@pytest.mark.parametrize(("rings", "rtol"), [(4, 1e-3), (8, 1e-7), (16, 1e-13)])
def test_disc_of_dipoles_converges_to_the_current_loop(rings, rtol, key):
    radius = 0.045
    points = jr.uniform(key, (50, 3), minval=-0.08, maxval=0.08)
    points = points.at[:, 2].set(jnp.abs(points[:, 2]) + 0.03)  # Below the coil: head.
    actual = loop_as_dipoles(radius, rings, 4 * rings).vector_potential(points)
    expected = loop_potential(radius, np.asarray(points))
    error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
    assert error < rtol


def test_curl_is_the_dipole_field_and_divergence_is_zero(key):
    position, moment, point = jr.normal(key, (3, 3))
    coil = MagneticDipoles(position[None], moment[None])
    jacobian = jax.jacfwd(lambda x: coil.vector_potential(x[None])[0])(point)
    y, z = np.array([1, 2, 0]), np.array([2, 0, 1])  # The axes that follow each axis.
    curl = jacobian[z, y] - jacobian[y, z]
    r = point - position
    n, distance = r / jnp.linalg.norm(r), jnp.linalg.norm(r)
    field = MU0 / (4 * np.pi) * (3 * n * (n @ moment) - moment) / distance**3
    np.testing.assert_allclose(curl, field, rtol=1e-12)
    np.testing.assert_allclose(jnp.trace(jacobian), 0.0, atol=1e-20)


def test_blocks_equal_one_sum_and_far_origins_lose_no_digits(key):
    coil = loop_as_dipoles(0.045, 16, 64)
    points = jr.uniform(key, (3001, 3), minval=0.05, maxval=0.15)
    far = jnp.array([10.0, -20.0, 30.0])
    shifted = MagneticDipoles(coil.positions + far[None], coil.moments)
    expected = loop_potential(0.045, np.asarray(points))
    for actual in (
        coil.vector_potential(points),
        shifted.vector_potential(points + far[None]),
    ):
        error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
        assert error < 2e-12


def test_reverse_mode_agrees_with_finite_differences(key):
    coil = loop_as_dipoles(0.045, 4, 8)
    points, step = jnp.array([[0.01, 0.02, 0.05]]), 1e-6 * jr.normal(key, (1, 3))
    energy = lambda x: jnp.sum(coil.vector_potential(x) ** 2)
    slope = (energy(points + step) - energy(points - step)) / 2
    np.testing.assert_allclose(
        jnp.sum(jax.grad(energy)(points) * step), slope, rtol=1e-6
    )


def test_placed_coil_equals_coil_of_placed_dipoles(key):
    coil = loop_as_dipoles(0.045, 4, 8)
    pose = Pose(jnp.eye(3), jnp.zeros(3)).moved(*jr.normal(key, (2, 3)))
    placed = MagneticDipoles(
        pose.to_head(coil.positions), coil.moments @ pose.rotation.T
    )
    points = 3 + jr.uniform(key, (20, 3))
    np.testing.assert_allclose(
        coil.potential_at(points, pose), placed.vector_potential(points), rtol=1e-12
    )


def test_elements_add_up(key):
    coil = loop_as_dipoles(0.045, 4, 8)
    points = 0.05 + 0.1 * jr.uniform(key, (20, 3))
    twice = Coil((coil, coil), name="twice")
    np.testing.assert_allclose(
        twice.vector_potential(points), 2 * coil.vector_potential(points), rtol=1e-15
    )
    assert twice.surface_points.shape == (64, 3)


def test_mismatched_moments_are_refused():
    with pytest.raises(ValueError, match="one moment for each position"):
        MagneticDipoles(np.zeros((4, 3)), np.zeros((5, 3)))


def test_a_coil_without_elements_is_refused():
    with pytest.raises(ValueError, match="no elements"):
        Coil(())
