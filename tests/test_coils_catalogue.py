import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import CircularTurns, MagneticDipoles


@pytest.mark.parametrize("name", coils.catalogue.names())
def test_every_coil_lies_above_its_face_and_inside_its_casing(name):
    coil = coils.read(name)
    points = np.concatenate([each.surface_points for each in coil.elements])
    casing = np.asarray(coil.casing)
    assert (points >= casing.min(axis=0)).all()
    assert (points <= casing.max(axis=0)).all()
    assert casing[:, 2].max() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", coils.catalogue.names())
def test_dipoles_stand_for_every_coil(name):
    coil = coils.read(name)
    sources = coil.sources()
    assert len(sources.dipole_positions) >= 200
    dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
    x = np.linspace(-0.08, 0.08, 33)
    points = jnp.asarray(np.stack(np.meshgrid(x, x, [0.01]), -1).reshape(-1, 3))
    expected = coil.vector_potential(points)
    error = np.linalg.norm(dipoles.vector_potential(points) - expected)
    assert error < 1e-3 * np.linalg.norm(expected)


def test_the_double_coil_has_the_moment_of_its_turns():
    coil = coils.read("Magstim 70mm double")
    sources = coil.sources()
    left = np.asarray(sources.dipole_positions)[:, 0] < 0
    radii = coils.catalogue.design("magstim-70mm-double").wings[0].radii(1.75e-3)
    assert len(radii) == 9
    expected = np.pi * np.sum(radii**2)
    moments = np.asarray(sources.dipole_moments)
    np.testing.assert_allclose(moments[left].sum(axis=0), [0, 0, -expected], rtol=1e-12)
    np.testing.assert_allclose(moments[~left].sum(axis=0), [0, 0, expected], rtol=1e-12)
    turns = [each for each in coil.elements if isinstance(each, CircularTurns)]
    assert len(turns) == 4


def test_unknown_names_list_the_known_and_the_nearest():
    with pytest.raises(
        ValueError, match=r"Did you mean 'magstim-70mm-double'\?.*round"
    ):
        coils.read("magstim-70mm-dubble")
