import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import CircularTurns, MagneticDipoles, SampledPotential


FLAT = jnp.zeros(2)


def test_no_curvature_changes_nothing(key):
    points = 0.1 * jr.normal(key, (20, 3))
    np.testing.assert_allclose(coils.bend_points(points, FLAT), points, rtol=1e-15)


def test_a_line_becomes_an_arc_of_its_length():
    radius = 0.1
    x = jnp.linspace(-0.1, 0.1, 11)
    line = jnp.stack([x, 0 * x, 0 * x], axis=1)
    arc = coils.bend_points(line, jnp.array([1 / radius, 0.0]))
    np.testing.assert_allclose(arc[:, 0], radius * np.sin(x / radius), rtol=1e-12)
    np.testing.assert_allclose(arc[:, 2], radius * (1 - np.cos(x / radius)), atol=1e-15)
    above = coils.bend_points(
        line + jnp.array([[0, 0, -0.01]]), jnp.array([1 / radius, 0])
    )
    np.testing.assert_allclose(np.linalg.norm(above - arc, axis=1), 0.01, rtol=1e-12)


def test_a_bent_winding_stays_closed_and_its_dipoles_agree():
    turns = CircularTurns(np.zeros(3), np.array([0, 0, 1.0]), np.array([0.03]))
    curvature = jnp.array([6.0, 3.0])
    bent = coils.bend(turns, curvature)
    sources = turns.sources()
    dipoles = coils.bend(
        MagneticDipoles(sources.dipole_positions, sources.dipole_moments), curvature
    )
    ends = bent.sources().current_vectors
    np.testing.assert_allclose(np.sum(ends, axis=0), 0, atol=1e-15)
    points = jnp.array([[0.02, 0.01, 0.12], [0.0, -0.03, 0.15]])
    # A bent disc of dipoles is Ampère's shell of the bent turn, up to the change of area.
    np.testing.assert_allclose(
        dipoles.vector_potential(points),
        bent.vector_potential(points),
        rtol=3e-2,
        atol=1e-15,
    )


@pytest.mark.long
def test_gradients_in_curvature_equal_finite_differences_at_zero_too():
    coil = coils.read("magstim-70mm-double")
    points = jnp.array([[0.02, 0.01, 0.05], [0.0, 0.03, 0.06]])

    def energy(curvature):
        return 1e10 * jnp.sum(coils.bend(coil, curvature).vector_potential(points) ** 2)

    for at in (FLAT, jnp.array([2.0, -1.0])):
        gradient = jax.grad(energy)(at)
        for axis in range(2):
            step = 1e-4 * jnp.eye(2)[axis]
            slope = (energy(at + step) - energy(at - step)) / 2e-4
            np.testing.assert_allclose(gradient[axis], slope, rtol=1e-5, atol=1e-6)


def test_the_casing_is_bent_along_and_grids_are_refused():
    coil = coils.read("magstim-90mm-round")
    bent = coils.bend(coil, jnp.array([4.0, 0.0]))
    assert isinstance(bent, coils.Coil)
    assert coil.casing is not None
    assert bent.casing is not None
    assert float(bent.casing[:, 2].max()) > float(coil.casing[:, 2].max()) + 5e-3
    with pytest.raises(ValueError, match="cannot be bent"):
        coils.bend(SampledPotential(np.zeros((2, 2, 2, 3)), np.eye(4)), FLAT)


def sphere(radius):
    """The plane laid on a sphere below it, radius by radius."""

    def surface(place):
        square = jnp.sum(place**2) / radius**2
        cosine = jnp.sqrt(1 - square)
        return jnp.array([place[0], place[1], radius * (1 - cosine)])

    return surface


def test_points_on_a_sphere_keep_their_height_above_it(rng):
    points = jnp.asarray(rng.uniform(-0.05, 0.05, (30, 3)))
    laid = coils.lay_points(points, sphere(0.1))
    centre = np.array([0, 0, 0.1])
    # Downwards z is into the sphere, on whose top the plane lies.
    distances = np.linalg.norm(np.asarray(laid) - centre, axis=1)
    np.testing.assert_allclose(distances, 0.1 - points[:, 2], rtol=1e-12)


def test_a_ring_laid_on_a_sphere_is_a_ring():
    turns = CircularTurns(np.zeros(3), np.array([0, 0, 1.0]), np.array([0.03]))
    laid = coils.lay(turns, sphere(0.1))
    lower = CircularTurns(
        np.array([0, 0, 0.1 - np.sqrt(0.1**2 - 0.03**2)]), np.array([0, 0, 1.0]),
        np.array([0.03]),
    )  # fmt: skip
    points = jnp.array([[0.02, 0.01, 0.08], [0.0, -0.03, 0.1]])
    np.testing.assert_allclose(
        laid.vector_potential(points),
        lower.vector_potential(points),
        rtol=2e-3,
        atol=1e-15,
    )


@pytest.mark.long
def test_gradients_in_the_surface_equal_finite_differences():
    coil = coils.read("magstim-70mm-double")
    dipoles = MagneticDipoles(np.array([[0.02, 0.01, -0.005]]), np.eye(3)[None, 0])
    points = jnp.array([[0.02, 0.01, 0.08], [0.0, 0.03, 0.09]])
    for each in (coil, dipoles):

        def energy(radius, each=each):
            laid = coils.lay(each, sphere(radius))
            casing = jnp.sum(laid.surface_points**2)
            return 1e10 * jnp.sum(laid.vector_potential(points) ** 2) + casing

        value = jax.jit(energy)
        slope = (value(0.15 + 1e-6) - value(0.15 - 1e-6)) / 2e-6
        np.testing.assert_allclose(jax.jit(jax.grad(energy))(0.15), slope, rtol=1e-6)
