import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import figure_of_eight, relative_error

from tmsgrad import coils
from tmsgrad.coils import MagneticDipoles, Pose


def below(depth, count=200):
    """Points of a head whose scalp touches the plane z = 0, so deep and deeper."""
    rng = np.random.default_rng(3)
    up = rng.normal(size=(count, 3))
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    up[:, 2] = -np.abs(up[:, 2])
    return jnp.asarray(np.array([0.0, 0.0, 0.085]) + (0.085 - depth) * up)


def lopsided():
    """Two discs of different tilt, size and moment: no symmetry hides an error."""
    disc = figure_of_eight()
    turn = coils.rotation_from_vector(jnp.array([0.2, -0.1, 0.4]))
    other = Pose(turn, jnp.array([0.01, 0.02, -0.012]))
    return MagneticDipoles(
        np.concatenate([disc.positions, other.to_head(disc.positions)]),
        np.concatenate([disc.moments, 0.7 * disc.moments @ turn.T]),
    )


def potential(sources, points):
    """Of point currents. [T m]"""
    arm = points[:, None] - sources.current_positions[None]
    return 1e-7 / jnp.linalg.norm(arm, axis=-1) @ sources.current_vectors


def raised(dipoles, height):
    return MagneticDipoles(
        dipoles.positions - jnp.array([[0, 0, height]]), dipoles.moments
    )


@pytest.mark.parametrize(
    ("coil", "bound"), [(figure_of_eight(), 1e-2), (lopsided(), 1e-2)]
)
def test_rings_have_the_field_of_the_coil_in_the_head(coil, bound):
    coil = raised(coil, 6e-3)
    found = coils.rings(coil).sources()
    for depth, share in ((4e-3, 1.0), (10e-3, 0.1), (25e-3, 0.1)):
        points = below(depth)
        error = relative_error(potential(found, points), coil.vector_potential(points))
        assert error < share * bound


def test_the_error_is_what_is_missed_at_the_gap():
    coil = raised(figure_of_eight(), 6e-3)
    rings = coils.rings(coil)
    found = rings.sources()
    points = below(4e-3)  # As far as the gap from the rings.
    error = relative_error(potential(found, points), coil.vector_potential(points))
    assert 0.1 * error < rings.error < 10 * error
    assert rings.error < 5e-3


def test_real_coils_are_as_near(test_data):
    for name, bound in (("MagStim_D70.ccd", 3e-4), ("MagVenture_C-B60.ccd", 6e-4)):
        coil = coils.read(test_data / "coils" / name)
        found = coils.rings(coil).sources()
        points = below(10e-3)
        expected = coil.vector_potential(points)
        assert relative_error(potential(found, points), expected) < bound


def test_a_coil_known_by_its_field_alone_gets_rings_too():
    coil = raised(figure_of_eight(), 6e-3)
    known = coils.sampled(coil, (-0.15, -0.15, -0.01), (0.15, 0.15, 0.15), 3e-3)
    found = coils.rings(known).sources()
    points = below(10e-3)
    error = relative_error(potential(found, points), coil.vector_potential(points))
    assert error < 5e-3  # Trilinear interpolation of the samples.


def test_a_coil_that_reaches_below_its_plane_unseen_is_refused():
    coil = raised(figure_of_eight(), -0.03)
    known = coils.sampled(coil, (-0.15, -0.15, -0.01), (0.15, 0.15, 0.15), 3.7e-3)
    with pytest.raises(ValueError, match="Is its head side towards positive z"):
        coils.rings(known)


def smooth_potential(points):
    """The vector potential of currents in a head, for two directions."""
    places = jnp.array([[0.01, -0.02, 0.04], [-0.02, 0.01, 0.05]])
    currents = jnp.array([[[1, 2, 0.5], [0.3, -1, 1]], [[0, 1, -1], [2, 0, 0.1]]])
    arm = points[:, None] - places[None]
    return 1 / jnp.linalg.norm(arm, axis=-1) @ currents


@pytest.mark.parametrize("angles", [96, 97, 360])
def test_turning_by_transforms_equals_turning(angles):
    rings = coils.rings(raised(lopsided(), 6e-3))
    positions = rings.positions
    field = smooth_potential(positions.reshape(-1, 3)).reshape(2, *positions.shape)
    found = rings.turned(field, angles)
    sources = rings.sources()
    for index in (0, 1, angles // 3, angles - 1):
        turn = jnp.array([0.0, 0.0, 2 * np.pi * index / angles])
        placed = sources.placed(Pose(coils.rotation_from_vector(turn), jnp.zeros(3)))
        there = smooth_potential(placed.current_positions)
        expected = jnp.einsum("dpc,pc->d", there, placed.current_vectors)
        scale = float(jnp.abs(found).max())
        np.testing.assert_allclose(found[:, index], expected, atol=2e-5 * scale)


def test_turning_by_the_angle_between_dipoles_is_exact(rng):
    rings = coils.rings(raised(figure_of_eight(), 6e-3))
    count = rings.currents.shape[1]
    field = jnp.asarray(rng.normal(size=(1, *rings.currents.shape)))
    found = rings.turned(field, count)
    currents = rings.sources().current_vectors.reshape(rings.currents.shape)
    for index in (0, 3, count - 1):
        turn = coils.rotation_from_vector(jnp.array([0, 0, 2 * np.pi * index / count]))
        turned = jnp.roll(currents, index, axis=1) @ turn.T
        np.testing.assert_allclose(
            found[0, index], jnp.sum(field[0] * turned), rtol=1e-9, atol=1e-12
        )
