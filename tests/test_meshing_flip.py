import numpy as np
import pytest
from scipy.spatial import Delaunay

from tmsgrad.meshing.head import signed_volumes
from tmsgrad.meshing.lattice.improve_flip import _triangulations, swap_edges
from tmsgrad.meshing.lattice.improve_mesh import WorkingMesh


def working_mesh(points, tetrahedra, tags):
    tetrahedra = np.asarray(tetrahedra, dtype=np.int32)
    outer = np.zeros(len(points), bool)
    return WorkingMesh.of(points, tetrahedra, np.asarray(tags, np.int32), outer)


def volumes(mesh):
    volume = signed_volumes(mesh.points, mesh.tetrahedra)
    assert (volume > 0).all()
    return np.bincount(mesh.tags, volume)


def shared_faces(mesh):
    corners = [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)]
    faces = np.sort(mesh.tetrahedra[:, corners].reshape(-1, 3), axis=1)
    return np.unique(faces, axis=0, return_counts=True)[1]


def around_an_axis(count, height, turn=0.0):
    """Elements around the edge from (0, 0, -height) to (0, 0, height)."""
    angle = turn + 2 * np.pi * np.arange(count) / count
    far = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    points = np.concatenate([[(0, 0, -height), (0, 0, height)], far])
    each = np.arange(count)
    around = np.stack(
        [0 * each, 0 * each + 1, 2 + each, 2 + (each + 1) % count], axis=1
    )
    return points, around


@pytest.fixture
def random_mesh(rng):
    points = rng.uniform(size=(200, 3))
    tetrahedra = Delaunay(points).simplices
    left = signed_volumes(points, tetrahedra) < 0
    tetrahedra[left] = tetrahedra[left][:, [0, 1, 3, 2]]
    tetrahedra = tetrahedra[signed_volumes(points, tetrahedra) > 1e-9]
    centre = points[tetrahedra].mean(axis=1)
    return working_mesh(points, tetrahedra, np.where(centre[:, 0] < 0.5, 1, 2))


@pytest.mark.parametrize(("corners", "number"), [(3, 1), (4, 2), (5, 5), (6, 14)])
def test_polygons_have_as_many_triangulations_as_catalan_counted(corners, number):
    triangles, ways = _triangulations(corners)
    assert ways.shape == (number, corners - 2)
    # Each triangulation has the polygon's area.
    angle = 2 * np.pi * np.arange(corners) / corners
    at = np.exp(1j * angle)[triangles]
    area = ((at[:, 1] - at[:, 0]).conj() * (at[:, 2] - at[:, 0])).imag / 2
    whole = corners * np.sin(2 * np.pi / corners) / 2
    np.testing.assert_allclose(area[ways].sum(axis=1), whole)


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_a_long_edge_is_replaced_and_the_volume_kept(count):
    points, around = around_an_axis(count, 3.0)
    mesh = working_mesh(points, around, np.ones(count))
    worst, total = mesh.shapes.min(), volumes(mesh)
    assert swap_edges(mesh, 1.0) == 1
    assert len(mesh.tetrahedra) == 2 * (count - 2)
    assert not (np.isin(mesh.tetrahedra, (0, 1)).sum(axis=1) == 2).any()
    assert mesh.shapes.min() > worst
    np.testing.assert_allclose(volumes(mesh), total)


def test_a_good_edge_is_left_alone():
    points, around = around_an_axis(5, 0.5)
    mesh = working_mesh(points, around, np.ones(5))
    assert swap_edges(mesh, 1.0) == 0
    np.testing.assert_array_equal(mesh.tetrahedra, around)


def test_an_edge_in_a_surface_is_replaced_by_one_across_it():
    points, around = around_an_axis(4, 3.0)
    mesh = working_mesh(points, around, [1, 1, 2, 2])
    total = volumes(mesh)
    assert swap_edges(mesh, 1.0) == 1
    # The surface was the plane of the axis and of far nodes 0 and 2, and is still.
    np.testing.assert_allclose(volumes(mesh), total)
    for tag, beyond in ((1, 3), (2, 5)):
        assert (mesh.tetrahedra[mesh.tags == tag] == beyond).any(axis=1).all()


def test_an_edge_where_three_labels_meet_stays():
    points, around = around_an_axis(6, 3.0)
    mesh = working_mesh(points, around, [1, 1, 2, 2, 3, 3])
    assert swap_edges(mesh, 1.0) == 0


def test_a_swap_that_would_dent_the_surface_is_refused():
    points, around = around_an_axis(4, 3.0)
    points[2, 0] = 0.02  # The surface has a sharp bend at the edge.
    points[4, 0] = -0.02
    points[[2, 4], 1] += 0.9
    mesh = working_mesh(points, around, [1, 1, 2, 2])
    before = volumes(mesh)
    swap_edges(mesh, 1.0)
    np.testing.assert_allclose(volumes(mesh), before)


def test_swaps_in_a_random_mesh_keep_it_whole_and_better_it(random_mesh):
    mesh = random_mesh
    before, faces = volumes(mesh), shared_faces(mesh)
    bad = int((mesh.shapes < 0.2).sum())
    assert sum(swap_edges(mesh, 0.2) for _ in range(4)) > 10
    after = shared_faces(mesh)
    assert after.max() == 2
    assert (after == 1).sum() == (faces == 1).sum()
    np.testing.assert_allclose(volumes(mesh).sum(), before.sum(), rtol=1e-12)
    assert (mesh.shapes < 0.2).sum() < 0.9 * bad
