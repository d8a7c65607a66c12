import jax.numpy as jnp
import numpy as np
import pytest

from tmsgrad import coils
from tmsgrad.coils import CircularTurns, MagneticDipoles, StraightSegments
from tmsgrad.coils.catalogue import Design, NestedDesign
from tmsgrad.validation.measured_coils import PAIRS, compare


def planar(name):
    design = coils.catalogue.design(name)
    assert isinstance(design, Design)
    return design


@pytest.mark.long
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
    if isinstance(design, Design) and all(wing.axis[0] == 0 for wing in design.wings):
        assert casing[:, 2].max() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["magstim-70mm-double", "magstim-double-cone"])
def test_dipoles_stand_for_a_coil_10_mm_from_its_casing(name):
    coil = coils.read(name)
    sources = coil.sources()
    assert len(sources.dipole_positions) >= 200
    dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
    design = planar(name)
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
    design = planar(name)
    actual = coils.self_inductance(design.build(), *design.conductor) * 1e6
    assert actual == pytest.approx(microhenry, rel=0.08)


LIMITS = {"magstim-70mm-double": 0.05}  # The others: 10%.


@pytest.mark.parametrize("name", PAIRS)
def test_coils_agree_with_measured_ones(name, test_data):
    errors = compare(name, test_data / "coils" / PAIRS[name])
    assert len(errors) == 7
    assert errors[0.0] < LIMITS.get(name, 0.1)
    assert max(errors.values()) < 0.1


def test_the_double_coil_has_the_moment_of_its_turns():
    coil = coils.read("Magstim 70mm double")
    sources = coil.sources()
    left = np.asarray(sources.dipole_positions)[:, 0] < 0
    radii = planar("magstim-70mm-double").wings[0].radii(1.75e-3)
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


def test_the_h1_is_closed_turns_of_one_direction_in_padding():
    design = coils.catalogue.design("Brainsway H1")
    assert isinstance(design, NestedDesign)
    coil = design.build()
    (wires,) = coil.elements
    assert isinstance(wires, StraightSegments)
    turns = sum(nest.turns for nest in design.nests)
    assert turns == 12
    vectors = np.asarray(wires.vectors).reshape(turns, -1, 3)
    np.testing.assert_allclose(vectors.sum(axis=1), 0, atol=1e-15)
    starts = np.asarray(wires.midpoints).reshape(turns, -1, 3) - vectors / 2
    areas = np.cross(starts, vectors).sum(axis=1) / 2
    assert (areas @ areas.sum(axis=0) > 0).all()
    # The padding is a closed surface around the wires, whose normals point outwards.
    surface = coil.casing_surface()
    assert surface is not None
    points, faces = surface
    volume = np.linalg.det(points[faces]).sum() / 6
    length = np.linalg.norm(vectors, axis=2).sum()
    hexagon = 3 * np.sqrt(3) / 2 * design.casing**2
    assert volume == pytest.approx(hexagon * length, rel=0.05)
