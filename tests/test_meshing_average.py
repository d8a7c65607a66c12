"""The way of values to fsaverage."""

import numpy as np
import pytest

from tmsgrad import meshing
from tmsgrad.meshing.average import HEMISPHERES


pytest.importorskip("nilearn", reason="carries fsaverage")


@pytest.fixture(scope="module", params=HEMISPHERES)
def cortex(request):
    return meshing.average_cortex(request.param)


def test_it_is_a_cortex_of_mni_space(cortex):
    points = cortex.middle.vertices
    assert len(points) == len(cortex.depth) == 10242
    side = -1 if cortex.hemisphere == "L" else 1
    assert (points[:, 0] * side > -5e-3).all()
    assert np.median(points[:, 0] * side) > 20e-3
    # Halves of a middle surface have some 900 cm² in adults.
    assert 0.05 < cortex.areas.sum() < 0.12
    a, b, c = cortex.middle.corners
    whole = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert cortex.areas.sum() == pytest.approx(whole)


def test_values_at_its_own_vertices_stay(cortex):
    generator = np.random.default_rng(0)
    matrix = np.diag([1.1, 0.9, 1.05]) + generator.normal(0, 0.02, (3, 3))
    to_head = lambda points: points @ matrix.T + [0.01, -0.02, 0.03]
    values = generator.normal(size=(10242, 2))
    found = meshing.onto_average(
        values, to_head(cortex.middle.vertices), cortex, to_head
    )
    known = np.isfinite(found[:, 0])
    # Left out is only what lies beyond the midline.
    assert known.mean() > 0.99
    np.testing.assert_array_equal(found[known], values[known])


def test_the_other_hemisphere_and_what_is_far_give_nothing(cortex):
    same = lambda points: points
    points = cortex.middle.vertices
    other = points * [-1.0, 1.0, 1.0]
    values = np.ones(len(points))
    lost = meshing.onto_average(values, other, cortex, same, reach=1.0)
    # Only points at the midline itself may serve both sides.
    assert np.isfinite(lost).all() == (np.abs(points[:, 0]).min() < 2e-3)
    shifted = meshing.onto_average(values, points + np.array([0, 0, 0.2]), cortex, same)
    assert np.isnan(shifted).all()
    with pytest.raises(ValueError, match="3 values"):
        meshing.onto_average(np.ones(3), points, cortex, same)


def test_values_of_a_surface_are_read_by_their_names(tmp_path):
    file = tmp_path / "a.func.gii"
    given = {"magnE": np.arange(5.0), "E_normal": -np.arange(5.0)}
    meshing.write_surface_values(file, given)
    found = meshing.read_surface_values(file)
    assert list(found) == list(given)
    for name, values in given.items():
        np.testing.assert_array_equal(found[name], values)
    meshing.write_surface(file, meshing.average_cortex("L").middle)
    with pytest.raises(ValueError, match="none of numbers at vertices"):
        meshing.read_surface_values(file)
