"""Label images that change from voxel to voxel: elements neither overlap nor come apart."""

import warnings

import numpy as np
import pytest
from scipy.spatial import KDTree

from tmsgrad.meshing import mesh_labels
from tmsgrad.meshing.faces import faces_of
from tmsgrad.meshing.lattice import improve, mesher
from tmsgrad.meshing.lattice.crossings import crossing_nodes


TEN_MM = np.diag([10.0, 10.0, 10.0, 1.0])


def rough(seed, count=5):
    """Random labels, air among them."""
    return np.random.default_rng(seed).integers(0, 5, 3 * (count,))


def mesh(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Of labels that are lost.
        return mesh_labels(labels, TEN_MM, 1000)


class CutError(Exception):
    """Ends the meshing after the cut."""


def cut_pieces(labels, monkeypatch):
    """Nodes, elements, labels, and whether nodes touch air, before the improvement."""
    kept = []

    def keep(*pieces):
        kept.extend(pieces[:4])
        raise CutError

    monkeypatch.setattr(mesher, "improve", keep)
    with pytest.raises(CutError):
        mesh(labels)
    return kept


def inside_others(points, tetrahedra):
    """How many elements have the centroid of another one inside."""
    corners = points[tetrahedra]
    centre = corners.mean(axis=1)
    reach = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    near = KDTree(centre).query_ball_point(centre, reach)
    one = np.repeat(np.arange(len(near)), [len(each) for each in near])
    other = np.concatenate(near).astype(int)
    one, other = one[one != other], other[one != other]
    edges = np.swapaxes(corners[one, 1:] - corners[one, :1], 1, 2)
    weights = np.linalg.solve(edges, (centre[other] - corners[one, 0])[..., None])
    inside = (weights[..., 0] > 1e-9).all(axis=1)
    return int((inside & (weights[..., 0].sum(axis=1) < 1 - 1e-9)).sum())


@pytest.mark.parametrize("seed", range(30))
def test_a_cut_leaves_no_cracks(seed, monkeypatch):
    points, tetrahedra, _, outer = cut_pieces(rough(seed), monkeypatch)
    assert len(np.unique(points, axis=0)) == len(points)
    faces = faces_of(tetrahedra, len(points))
    assert len(faces.crowded) == 0
    # The nodes of faces with nothing beyond are those that touch air, and no others.
    bounding = np.zeros(len(points), bool)
    bounding[faces.nodes_of(faces.outside())] = True
    assert not (bounding & ~outer).any()


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 2, 7, 11])
def test_elements_do_not_overlap(seed):
    head = mesh(rough(seed))
    assert len(head.faces.crowded) == 0
    assert len(crossing_nodes(head.nodes, head.tetrahedra)) == 0
    assert inside_others(head.nodes, head.tetrahedra) == 0


def test_held_nodes_are_what_keeps_walls_apart(monkeypatch):
    counts = []

    def counted(points, tetrahedra):
        counts.append(inside_others(points, tetrahedra))
        return crossing_nodes(points, tetrahedra)

    monkeypatch.setattr(improve, "crossing_nodes", counted)
    mesh(rough(0))
    assert counts[0] > 0
    assert counts[-1] == 0


def test_a_pierced_face_is_found_and_a_touched_one_is_not():
    one = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    both = np.array([(0, 1, 2, 3), (4, 5, 6, 7)])
    for shift, found in (
        ((0.3, 0.1, 0.2), True),
        ((0, 0, 1), False),
        ((2, 0, 0), False),
    ):
        points = np.concatenate([one, one + shift])
        assert (len(crossing_nodes(points, both)) > 0) == found


def test_an_image_too_rough_is_refused(monkeypatch):
    monkeypatch.setattr(mesher, "improve", lambda *_: (
        np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]),
        np.array([(0, 1, 2, 3)]),
        np.array([1]),
    ))  # fmt: skip
    with pytest.raises(ValueError, match="so rough that 1 tetrahedra stay flat"):
        mesh(rough(0))
