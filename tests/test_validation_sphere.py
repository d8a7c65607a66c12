import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import figure_of_eight, pose_above, relative_error

from tmsgrad.coils import (
    CircularTurns,
    Coil,
    MagneticDipoles,
    Pose,
    Sources,
    StraightSegments,
    rotation_from_vector,
    wire,
)
from tmsgrad.validation.sphere import coil_field, sphere_field


AFTER, BEFORE = np.array([1, 2, 0]), np.array([2, 0, 1])
RADIUS = 0.08


@pytest.fixture
def points(rng):
    """Within the ball, at its centre, and on its surface above the sources."""
    directions = rng.normal(size=(30, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inside = directions * RADIUS * rng.uniform(0, 1, (30, 1)) ** (1 / 3)
    return jnp.asarray(np.concatenate([inside, np.zeros((1, 3)), [[0, 0, RADIUS]]]))


def finely(segments):
    """Give each segment so many sources that they have the field of the wire."""
    return StraightSegments(segments.midpoints, segments.vectors, points_per_segment=6)


def loop_of_wire():
    """A tilted polygon, whose current is closed."""
    angle = 2 * np.pi * np.arange(40) / 40
    ring = 0.03 * np.stack([np.cos(angle), np.sin(angle), 0.3 * np.cos(angle)], axis=1)
    return finely(wire(ring, closed=True))


COILS = {
    "one dipole": MagneticDipoles(
        np.array([[0.01, 0.0, 0.0]]), np.array([[1.0, 2.0, 3.0]])
    ),
    "figure of eight": figure_of_eight(),
    "loop of wire": loop_of_wire(),
    "both": Coil((figure_of_eight(), loop_of_wire())),
}
POSE = pose_above([0.2, 0.1, 1.0], 0.3, 10e-3).moved(
    jnp.zeros(3), jnp.array([0.2, -0.1, 0.0])
)


def jacobian_at(field, points):
    """[point, component, axis] by automatic differentiation."""
    return jax.vmap(jax.jacfwd(lambda x: field(x[None])[0]))(points)


def curl_of(jacobian):
    return jacobian[:, BEFORE, AFTER] - jacobian[:, AFTER, BEFORE]


@pytest.mark.parametrize("name", COILS)
def test_the_field_solves_the_equations(name, points):
    coil = COILS[name]
    sources = coil.sources().placed(POSE)
    field = sphere_field(sources, points)
    jacobian = jacobian_at(lambda x: sphere_field(sources, x), points)
    rate = jacobian_at(lambda x: coil.potential_at(x, POSE), points)
    scale = float(jnp.max(jnp.abs(field)))
    # Tangential, so that no current crosses a layer or leaves the head.
    radial = jnp.sum(field * points, axis=1)
    assert float(jnp.max(jnp.abs(radial))) < 1e-13 * scale * RADIUS
    # Faraday's law: E + ∂A/∂t is a gradient.
    assert relative_error(curl_of(jacobian), -curl_of(rate)) < 1e-9
    # Currents have no sources: with the above, div σE = 0 for any σ of the radius.
    divergence = jnp.trace(jacobian, axis1=1, axis2=2)
    assert float(jnp.max(jnp.abs(divergence))) < 1e-11 * float(
        jnp.max(jnp.abs(jacobian))
    )


def test_a_radial_dipole_needs_no_charges(points, rng):
    # Its A is tangential everywhere already.
    positions = np.array([[0.03, -0.02, 0.1], [0.0, 0.11, 0.01]])
    coil = MagneticDipoles(positions, positions * np.array([[2.0], [-3.0]]))
    expected = -coil.vector_potential(points)
    assert relative_error(sphere_field(coil.sources(), points), expected) < 1e-13


def test_far_away_the_field_is_that_of_a_uniform_change(points, rng):
    # E = -½ Ḃ × r, for Ḃ on the axis of a distant dipole, μ₀ m / 2π d³ [Jackson, eq. 5.56].
    up = np.array([0.6, 0.0, 0.8])
    errors = []
    for distance in (10.0, 100.0):
        coil = MagneticDipoles((distance * up)[None], up[None])
        change = 2e-7 / distance**3 * up
        expected = -np.cross(change, points) / 2
        errors.append(relative_error(sphere_field(coil.sources(), points), expected))
    assert errors[1] < 2e-3
    np.testing.assert_allclose(errors[0] / errors[1], 10, rtol=0.05)


def test_beneath_a_coaxial_loop_the_field_is_its_vector_potential(points):
    # By symmetry A has the direction of the azimuth, which is tangential.
    coil = CircularTurns(
        np.array([0.0, 0.0, 0.1]), np.array([0.0, 0.0, 1.0]), np.array([0.03, 0.04])
    )
    expected = -coil.vector_potential(points)
    actual = sphere_field(coil.sources(), points)
    assert relative_error(actual, expected) < 1e-3  # What its `sources` promise.
    angle = 2 * np.pi * np.arange(60) / 60
    ring = 0.035 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    # A polygon has other azimuths beside that of the symmetry, which fade with depth.
    deep = points[jnp.linalg.norm(points, axis=1) < 0.06]
    loop = finely(wire(ring + np.array([0, 0, 0.1]), closed=True))
    expected = -loop.vector_potential(deep)
    assert relative_error(sphere_field(loop.sources(), deep), expected) < 1e-10


def test_a_loop_of_wire_equals_its_disc_of_dipoles(points):
    nodes, weights = np.polynomial.legendre.leggauss(12)
    r, angle = np.meshgrid(0.015 * (nodes + 1), 2 * np.pi * np.arange(64) / 64)
    disc = np.stack([r * np.cos(angle), r * np.sin(angle), 0 * r], axis=-1)
    moments = np.zeros((disc.shape[0] * 12, 3))
    moments[:, 2] = (weights * 0.015 * r * 2 * np.pi / 64).ravel()
    angle = 2 * np.pi * np.arange(2000) / 2000
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    along = np.stack([-np.sin(angle), np.cos(angle), 0 * angle], axis=1)
    loop = Sources.of_currents(
        jnp.asarray(0.03 * ring), jnp.asarray(0.03 * 2 * np.pi / 2000 * along)
    )
    shell = Sources.of_dipoles(jnp.asarray(disc.reshape(-1, 3)), jnp.asarray(moments))
    actual = sphere_field(loop.placed(POSE), points)
    assert relative_error(actual, sphere_field(shell.placed(POSE), points)) < 1e-12


def test_the_field_turns_and_moves_with_the_sphere(points, rng):
    turn = rotation_from_vector(jnp.asarray(rng.normal(size=3)))
    shift = jnp.array([0.5, -0.3, 0.2])
    moved = Pose(turn @ POSE.rotation, turn @ POSE.translation + shift)
    coil = COILS["both"]
    here = coil_field(coil, POSE, np.asarray(points), 1e6)
    there = coil_field(
        coil, moved, np.asarray(points @ turn.T + shift[None]), 1e6, np.asarray(shift)
    )
    assert relative_error(there, here @ turn.T) < 1e-11


def test_the_field_is_linear_in_the_current(points):
    coil = COILS["both"]
    one = coil_field(coil, POSE, np.asarray(points))
    other = coil_field(coil, POSE, np.asarray(points), current_rate=-2.5e6)
    assert relative_error(other, -2.5 * one) < 1e-14


def test_many_points_come_in_blocks(rng):
    points = jnp.asarray(rng.uniform(-0.04, 0.04, (30_000, 3)))
    sources = figure_of_eight().sources().placed(POSE)
    whole = sphere_field(sources, points)
    some = sphere_field(sources, points[::1000])
    assert relative_error(whole[::1000], some) < 1e-14


@pytest.mark.parametrize("name", ["figure of eight", "loop of wire"])
def test_points_beyond_the_sources_are_refused(name):
    inside = np.array([[0.0, 0.0, 0.05], [0.0, 0.0, 0.2]])
    with pytest.raises(ValueError, match=r"lies 200 mm from the centre .* 9\d\.\d* mm"):
        coil_field(COILS[name], POSE, inside)
