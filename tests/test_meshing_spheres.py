import sys
from itertools import pairwise

import gmsh
import numpy as np
import pytest

from tmsgrad.meshing import spheres


RADII = [0.07, 0.08, 0.092]


def ball_volume(radius):
    return 4 / 3 * np.pi * radius**3


@pytest.fixture(scope="module")
def coarse():
    return spheres(RADII, ["wm", "bone", 5], 0.016)


def test_layers_have_their_tags_and_nodes_lie_on_the_spheres(coarse):
    distance = np.linalg.norm(coarse.nodes, axis=1)
    assert np.unique(coarse.tags).tolist() == [1, 4, 5]
    # A node belongs to two layers if, and only if, it lies on the sphere between them.
    layers = {
        tag: np.unique(coarse.tetrahedra[coarse.tags == tag]) for tag in (1, 4, 5)
    }
    for (inner, outer), radius in zip(pairwise((1, 4, 5)), RADII[:-1], strict=True):
        shared = np.intersect1d(layers[inner], layers[outer])
        assert len(shared) > 100
        np.testing.assert_allclose(distance[shared], radius, rtol=1e-14)
        assert distance[layers[inner]].max() <= radius * (1 + 1e-14)
        assert distance[layers[outer]].min() >= radius * (1 - 1e-14)
    assert not len(np.intersect1d(layers[1], layers[5]))


def boundary(head):
    """The faces that belong to one tetrahedron only."""
    faces = head.tetrahedra[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(
        -1, 3
    )
    faces, count = np.unique(np.sort(faces, axis=1), axis=0, return_counts=True)
    assert count.max() == 2
    return faces[count == 1]


def test_the_mesh_is_conforming_and_closed(coarse):
    # Faces that do not match would lie in the boundary, but not on the outer sphere.
    faces = boundary(coarse)
    distance = np.linalg.norm(coarse.nodes[faces], axis=2)
    np.testing.assert_allclose(distance, RADII[-1], rtol=1e-14)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [0, 2]], faces[:, 1:]])
    edges = np.unique(edges, axis=0)
    assert len(np.unique(faces)) - len(edges) + len(faces) == 2  # Euler's formula.


def test_volumes_converge_with_the_square_of_the_edge_length():
    sizes = np.array([0.024, 0.012, 0.006])
    errors = []
    for size in sizes:
        head = spheres([0.092], ["scalp"], size)
        errors.append(1 - head.volumes.sum() / ball_volume(0.092))
    rates = np.log(np.divide(errors[:-1], errors[1:])) / np.log(2)
    np.testing.assert_allclose(rates, 2, atol=0.15)


def test_each_layer_has_its_edge_length():
    head = spheres([0.06, 0.09], ["wm", "scalp"], [0.02, 0.01])
    for tag, size in ((1, 0.02), (5, 0.01)):
        tets = head.tetrahedra[head.tags == tag]
        # Edges of the inner layer that touch the sphere between them are of its size.
        inner = tets[np.linalg.norm(head.nodes[tets], axis=2).max(axis=1) < 0.0599]
        tets = inner if tag == 1 else tets
        a, b = tets[:, [0, 0, 0, 1, 1, 2]], tets[:, [1, 2, 3, 2, 3, 3]]
        length = np.linalg.norm(head.nodes[a] - head.nodes[b], axis=2)
        assert 0.8 * size < np.median(length) < 1.5 * size


def test_the_same_arguments_give_the_same_mesh_in_silence(coarse, capfd):
    again = spheres(RADII, ["wm", "bone", 5], 0.016)
    np.testing.assert_array_equal(again.nodes, coarse.nodes)
    np.testing.assert_array_equal(again.tetrahedra, coarse.tetrahedra)
    assert capfd.readouterr() == ("", "")


def test_a_session_of_gmsh_is_left_as_it_was():
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.option.setNumber("Mesh.Algorithm3D", 4)
    gmsh.model.add("mine")
    before = gmsh.model.list()
    spheres([0.05], [2], 0.03)
    assert gmsh.model.getCurrent() == "mine"
    assert gmsh.model.list() == before
    assert gmsh.option.getNumber("Mesh.Algorithm3D") == 4
    gmsh.finalize()
    spheres([0.05], [2], 0.03)
    assert not gmsh.isInitialized()


@pytest.mark.parametrize(
    ("radii", "tags", "size", "message"),
    [
        (
            [0.09, 0.08],
            [1, 5],
            0.01,
            r"increase from the innermost, got \[0\.09, 0\.08\]",
        ),
        ([-0.09], [1], 0.01, "must be positive"),
        ([], [], 0.01, "at least one, got 0 and 0"),
        ([0.08, 0.09], [1], 0.01, "as many, at least one, got 2 and 1"),
        ([0.09], [1], 0.0, "`size` must be positive"),
        (
            [0.08, 0.081],
            [1, 5],
            0.03,
            r"too large for layer 1, which is 0\.001 m thick",
        ),
        ([0.08, 0.09], [1, 5], [0.1, 0.1, 0.1], "one for all layers or one for each"),
        ([0.09], ["stone"], 0.03, "'stone', which is not known"),
    ],
)
def test_wrong_arguments_are_refused(radii, tags, size, message):
    with pytest.raises(ValueError, match=message):
        spheres(radii, tags, size)


def test_without_gmsh_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gmsh", None)
    with pytest.raises(ImportError, match=r"pip install 'tmsgrad\[spheres\]'"):
        spheres([0.09], ["scalp"], 0.03)
