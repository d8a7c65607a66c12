"""The cortex's mid-surface: halfway between two spheres, and what is no cortex."""

import numpy as np
import pytest

from tmsgrad.meshing import LabelImage
from tmsgrad.meshing.anatomy import midsurface
from tmsgrad.meshing.anatomy.grids import positions
from tmsgrad.meshing.anatomy.midsurface import midsurfaces
from tmsgrad.meshing.anatomy.registering import Alignment


THICK = 3.0  # Of gray matter. [mm]
MIDDLE = np.array([0.0, -18.0, 12.0])


def shells(voxel, white=30.0, turn=None):
    """Labels of two spheres, and how they lie in MNI space: as they are."""
    gray = white + THICK
    count = int(np.ceil(2 * (gray + 6) / voxel))
    affine = np.diag([voxel, voxel, voxel, 1.0])
    if turn is not None:
        affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = MIDDLE - affine[:3, :3] @ np.full(3, (count - 1) / 2 + 0.2)
    at = positions((count,) * 3, affine).astype(float)
    radius = np.linalg.norm(at - MIDDLE, axis=1).reshape((count,) * 3)
    labels = np.full(radius.shape, 3, np.uint8)
    labels[radius < gray], labels[radius < white] = 2, 1
    grid = np.diag([100.0, 100.0, 100.0, 1.0])
    grid[:3, 3] = -200
    places = positions((5, 5, 5), grid).astype(float).reshape(5, 5, 5, 3)
    return LabelImage(labels, affine), Alignment(np.eye(4), grid, places, places)


@pytest.fixture
def cortex_alone(monkeypatch):
    """No brain stem, cerebellum or depth."""
    monkeypatch.setattr(midsurface, "_other", lambda mni: np.zeros(len(mni), bool))
    monkeypatch.setattr(midsurface, "_deep", lambda mni: np.zeros(len(mni), bool))


@pytest.mark.parametrize(("voxel", "place", "angle"), [(1.0, 0.1, 3), (0.7, 0.1, 2.5)])
def test_it_lies_halfway_between_two_spheres(cortex_alone, voxel, place, angle):
    found = midsurfaces(*shells(voxel))
    assert set(found) == {"lh", "rh"}
    for name, sign in (("lh", -1), ("rh", 1)):
        away = 1e3 * found[name].vertices - MIDDLE
        radius = np.linalg.norm(away, axis=1)
        assert abs(radius.mean() - 31.5) < place
        assert radius.std() < 2 * place
        assert (sign * away[:, 0] > -midsurface._VOXEL).all()
        cosine = (found[name].vertex_normals * away / radius[:, None]).sum(axis=1)
        # The normals of the open edge are of one side only.
        inner = np.abs(away[:, 0]) > 4
        turned = np.degrees(np.arccos(np.clip(cosine[inner], -1, 1)))
        assert np.sqrt(np.mean(turned**2)) < angle


def test_both_sides_together_have_the_area_of_the_sphere(cortex_alone):
    c, s = np.cos(0.3), np.sin(0.3)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    for given in (None, turn):
        found = midsurfaces(*shells(1.0, turn=given))
        area = 0.0
        for surface in found.values():
            a, b, c_ = surface.corners
            area += 0.5e6 * np.linalg.norm(np.cross(b - a, c_ - a), axis=1).sum()
        assert area == pytest.approx(4 * np.pi * 31.5**2, rel=0.02)


def test_depth_brain_stem_and_cerebellum_are_left_out():
    labels, alignment = shells(1.5, 60.0)
    # Gray matter and a ventricle in the depth make no surface.
    at = positions(labels.labels.shape, labels.affine).reshape(*labels.labels.shape, 3)
    for side in (-1, 1):
        away = np.linalg.norm(at - [14 * side, -5, 6], axis=-1)
        labels.labels[away < 14] = 2
        labels.labels[away < 8] = 3
    found = midsurfaces(labels, alignment)
    for surface in found.values():
        place = 1e3 * surface.vertices
        assert np.linalg.norm(place - MIDDLE, axis=1).min() > 60.0
        assert not midsurface._other(place).any()
        low = (place[:, 1] < -60) & (place[:, 2] < -30) & (abs(place[:, 0]) < 30)
        assert not low.any()
        assert (place[:, 2] > 60).any()  # The vertex is there.


@pytest.mark.parametrize(
    ("place", "other"),
    [
        ((20, -65, -40), True),  # The cerebellum.
        ((0, -60, -20), True),  # Its vermis.
        ((2, -28, -30), True),  # The pons.
        ((-37, -21, 58), False),  # The hand.
        ((30, -90, -5), False),  # The occipital pole.
        ((-10, -80, 5), False),  # The calcarine sulcus.
        ((-45, -50, -15), False),  # The fusiform gyrus.
        ((50, -10, -35), False),  # The inferior temporal gyrus.
        ((0, -50, 30), False),  # The precuneus.
    ],
)
def test_places_of_the_brain_are_told_apart(place, other):
    assert midsurface._other(np.array([place], float))[0] == other


def test_there_is_none_without_gray_matter():
    labels, alignment = shells(2.0)
    labels.labels[labels.labels == 2] = 1
    assert midsurfaces(labels, alignment) == {}
    nothing = LabelImage(np.zeros((9, 9, 9), np.uint8), np.eye(4))
    assert midsurfaces(nothing, alignment) == {}
