import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import CircularTurns, MagneticDipoles


@pytest.mark.parametrize("name", coils.catalogue.names())
def test_every_coil_lies_inside_its_casing_and_closes(name):
    coil = coils.read(name)
    points = np.concatenate([each.surface_points for each in coil.elements])
    casing = np.asarray(coil.casing)
    assert (points > casing.min(axis=0)).all()
    assert (points < casing.max(axis=0)).all()
    assert coils.warnings_about(coil) == ()
    design = coils.catalogue.design(name)
    assert design.sources
    if all(wing.axis[0] == 0 for wing in design.wings):
        assert casing[:, 2].max() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["magstim-70mm-double", "magstim-double-cone"])
def test_dipoles_stand_for_a_coil_10_mm_from_its_casing(name):
    coil = coils.read(name)
    sources = coil.sources()
    assert len(sources.dipole_positions) >= 200
    dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
    design = coils.catalogue.design(name)
    x = np.linspace(-0.08, 0.08, 17)
    points = np.stack(np.meshgrid(x, x, [0.01, 0.02, 0.05, 0.1]), -1).reshape(-1, 3)
    for wing in design.wings:  # Only what lies on the head's side of both wings.
        up = np.array(wing.axis) * np.sign(wing.axis[2])
        points = points[(points - wing.centre) @ up > design.face + 0.0099]
    assert len(points) > 200
    points = jnp.asarray(points)
    expected = coil.vector_potential(points)
    error = np.linalg.norm(dipoles.vector_potential(points) - expected)
    assert error < 1e-3 * np.linalg.norm(expected)


# The maker's values include the cable, about 1 µH.
@pytest.mark.parametrize(
    ("name", "microhenry"),
    [
        ("magstim-70mm-double", 16.35),
        ("magstim-double-cone", 17.87),
        ("magstim-90mm-round", 23.47),
    ],
)
def test_inductances_agree_with_the_makers(name, microhenry):
    design = coils.catalogue.design(name)
    actual = coils.self_inductance(design.build(), *design.conductor) * 1e6
    assert actual == pytest.approx(microhenry, rel=0.08)


def test_coils_agree_with_measured_ones(test_data):
    limits = {
        "magstim-70mm-double": ("MagStim_D70.ccd", 0.05),
        "magventure-c-b60": ("MagVenture_C-B60.ccd", 0.1),
        "magventure-cool-b65": ("MagVenture_Cool-B65.ccd", 0.1),
    }
    x = np.linspace(-0.08, 0.08, 17)
    depths = np.linspace(0.01, 0.06, 6)
    points = jnp.asarray(np.stack(np.meshgrid(x, x, depths), -1).reshape(-1, 3))
    for name, (file, limit) in limits.items():
        expected = coils.read(test_data / "coils" / file).vector_potential(points)
        error = np.linalg.norm(coils.read(name).vector_potential(points) - expected)
        assert error < limit * np.linalg.norm(expected)


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


def test_a_coil_that_is_not_published_says_what_to_do():
    with pytest.raises(ValueError, match=r"read the \.tcd file"):
        coils.read("Brainsway H1")
