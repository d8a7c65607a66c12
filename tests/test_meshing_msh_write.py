import os

import gmsh
import meshio
import numpy as np
import pytest
from msh_examples import TWO, assert_same, cube, outside, text_file

from tmsgrad.meshing import (
    HeadMesh,
    MeshFields,
    Surface,
    TissueSurfaces,
    read_msh,
    read_msh_data,
    read_msh_surfaces,
    write_msh,
    write_msh_surface,
)


@pytest.fixture
def head():
    return cube(3)


@pytest.fixture
def in_gmsh():
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    yield gmsh
    gmsh.finalize()


def a_field_of_each_kind(head, rng):
    return MeshFields(
        at_nodes={"v": rng.normal(size=len(head.nodes)), "A": rng.normal(size=(64, 3))},
        in_tetrahedra={
            "magnE": rng.normal(size=len(head.tetrahedra)),
            "E": rng.normal(size=(len(head.tetrahedra), 3)),
            "sigma": rng.normal(size=(len(head.tetrahedra), 3, 3)),
        },
    )


def views_of(in_gmsh):
    """The numbers of gmsh's views by the names of their fields."""
    views = in_gmsh.view
    return {views.option.getString(tag, "Name"): tag for tag in views.getTags()}


@pytest.mark.parametrize("name", ["head.msh", "head.msh.gz"])
@pytest.mark.parametrize("with_surfaces", [False, True])
def test_what_is_written_is_read(tmp_path, head, rng, name, with_surfaces):
    fields = a_field_of_each_kind(head, rng)
    surfaces = outside(head) if with_surfaces else None
    write_msh(tmp_path / name, head, fields, surfaces)
    assert_same(read_msh(tmp_path / name), head)
    actual = read_msh_data(tmp_path / name)
    assert list(actual.at_nodes) == ["v", "A"]
    assert list(actual.in_tetrahedra) == ["magnE", "E", "sigma"]
    for group in ("at_nodes", "in_tetrahedra"):
        for key, values in getattr(fields, group).items():
            shape = (len(values), 9) if key == "sigma" else values.shape
            np.testing.assert_array_equal(
                getattr(actual, group)[key], values.reshape(shape)
            )
    if surfaces is not None:
        again = read_msh_surfaces(tmp_path / name)
        assert len(again.nodes) == len(np.unique(surfaces.triangles))
        np.testing.assert_allclose(
            again.nodes[again.triangles],
            surfaces.nodes[surfaces.triangles],
            rtol=1e-15,
            atol=1e-17,
        )


def test_meshio_reads_what_is_written(tmp_path, head, rng):
    fields = a_field_of_each_kind(head, rng)
    write_msh(tmp_path / "head.msh", head, fields)
    mesh = meshio.read(tmp_path / "head.msh")
    np.testing.assert_allclose(mesh.points, head.nodes * 1000, rtol=1e-15)
    np.testing.assert_array_equal(mesh.cells_dict["tetra"], head.tetrahedra)
    data = mesh.cell_data_dict
    np.testing.assert_array_equal(data["gmsh:physical"]["tetra"], head.tags)
    np.testing.assert_array_equal(data["E"]["tetra"], fields.in_tetrahedra["E"])
    np.testing.assert_array_equal(mesh.point_data["v"], fields.at_nodes["v"])


def test_gmsh_reads_what_is_written(tmp_path, head, rng, in_gmsh):
    fields = a_field_of_each_kind(head, rng)
    surfaces = outside(head)
    write_msh(tmp_path / "head.msh", head, fields, surfaces)
    in_gmsh.open(str(tmp_path / "head.msh"))
    numbers, points, _ = in_gmsh.model.mesh.getNodes()
    np.testing.assert_allclose(
        points.reshape(-1, 3)[np.argsort(numbers)], head.nodes * 1000, rtol=1e-15
    )
    for tag in np.unique(head.tags).tolist():
        _, corners = in_gmsh.model.mesh.getElementsByType(4, tag)
        np.testing.assert_array_equal(
            corners.reshape(-1, 4) - 1, head.tetrahedra[head.tags == tag]
        )
        assert in_gmsh.model.getPhysicalGroupsForEntity(3, tag).tolist() == [tag]
    assert in_gmsh.model.getPhysicalName(3, 2) == "gray matter"
    assert in_gmsh.model.getPhysicalName(2, 1005) == "scalp"
    views = {
        in_gmsh.view.option.getString(tag, "Name"): tag
        for tag in in_gmsh.view.getTags()
    }
    kind, owners, values, _, components = in_gmsh.view.getHomogeneousModelData(
        views["sigma"], 0
    )
    assert (kind, components) == ("ElementData", 9)
    inside = owners > len(surfaces.triangles)
    assert np.sum(inside) == len(head.tetrahedra)
    np.testing.assert_array_equal(
        values.reshape(-1, 9)[inside], fields.in_tetrahedra["sigma"].reshape(-1, 9)
    )
    kind, _, values, _, components = in_gmsh.view.getHomogeneousModelData(views["A"], 0)
    assert (kind, components) == ("NodeData", 3)
    np.testing.assert_array_equal(values.reshape(-1, 3), fields.at_nodes["A"])


def test_triangles_show_the_field_of_the_tissue_beneath(tmp_path, in_gmsh):
    head = read_msh(text_file(tmp_path, TWO))  # Tissues 2 and 5 share one triangle.
    far = [[0.1, 0, 0], [0.1, 0.01, 0], [0.1, 0, 0.01]]
    surfaces = TissueSurfaces(
        np.concatenate([head.nodes, far]),
        np.array([[1, 2, 3], [3, 2, 1], [1, 2, 3], [0, 1, 2], [5, 6, 7]]),
        np.array([1002, 1005, 1001, 1005, 1005]),
    )
    fields = {"magnE": np.array([20.0, 50.0]), "v": np.arange(1.0, 6.0)}
    write_msh(tmp_path / "out.msh", head, fields, surfaces)
    # Not meshio: it fails on element data of several kinds of elements (as of 5.3.5).
    in_gmsh.open(str(tmp_path / "out.msh"))
    views = views_of(in_gmsh)
    _, owners, shown, _, _ = in_gmsh.view.getHomogeneousModelData(views["magnE"], 0)
    np.testing.assert_array_equal(owners, np.arange(1, 8))
    assert shown[2] in (20, 50)  # Neither tissue is its own.
    np.testing.assert_array_equal(shown[[0, 1, 3, 4, 5, 6]], [20, 50, 20, 0, 20, 50])
    _, _, shown, _, _ = in_gmsh.view.getHomogeneousModelData(views["v"], 0)
    np.testing.assert_array_equal(shown, [1, 2, 3, 4, 5, 0, 0, 0])
    numbers, points, _ = in_gmsh.model.mesh.getNodes()
    points = points.reshape(-1, 3)[np.argsort(numbers)]
    np.testing.assert_allclose(points[5:], 1000 * np.array(far))
    assert_same(read_msh(tmp_path / "out.msh"), head)


def test_fields_of_unclear_place_are_refused(tmp_path):
    nodes = 0.01 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1.0]])
    corners = [[0, 1, 2, 3], [1, 2, 3, 4], [0, 1, 2, 4], [0, 1, 2, 3], [1, 2, 3, 4]]
    head = HeadMesh(nodes, np.array(corners), np.array([1, 1, 2, 2, 2]))
    with pytest.raises(ValueError, match=r"5 nodes and as many tetrahedra.*MeshFields"):
        write_msh(tmp_path / "a.msh", head, {"v": np.ones(5)})
    assert not list(tmp_path.iterdir())
    write_msh(tmp_path / "a.msh", head, MeshFields(at_nodes={"v": np.ones(5)}))
    assert set(read_msh_data(tmp_path / "a.msh").at_nodes) == {"v"}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("v", np.ones(3), r"'v' has the shape \(3,\).*64 nodes and 162 tetrahedra"),
        ("v", np.float64(3), r"'v' has the shape \(\)"),
        ("v", np.ones((64, 2)), r"must be \(64,\), \(64, 3\), \(64, 9\)"),
        ("v", np.ones(64) * 1j, "give real numbers"),
        ('a "b"', np.ones(64), "without quotation marks"),
        ("", np.ones(64), "name '' cannot be written"),
    ],
)
def test_wrong_fields_are_refused(tmp_path, head, name, values, message):
    with pytest.raises(ValueError, match=message):
        write_msh(tmp_path / "a.msh", head, {name: values})
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_what_was_there(tmp_path, head, monkeypatch):
    path = tmp_path / "head.msh"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_msh(path, head)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["head.msh"]


def test_names_and_folders_that_cannot_be_written_are_refused(tmp_path, head):
    with pytest.raises(ValueError, match=r"must end in \.msh or \.msh\.gz"):
        write_msh(tmp_path / "head.vtk", head)
    with pytest.raises(FileNotFoundError, match=r"folder .*none not found"):
        write_msh(tmp_path / "none" / "head.msh", head)


def test_wrong_surfaces_are_refused():
    nodes = np.eye(3)
    for triangles, tags, message in (
        ([[0, 1]], [1005], r"shape \(triangles, 3\), got \(1, 2\)"),
        ([[0, 1, 2]], [1005, 1005], "one surface for each of 1"),
        ([[0, 1, 3]], [1005], "names nodes 0 to 3, but there are nodes 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            TissueSurfaces(nodes, np.array(triangles), np.array(tags))
    with pytest.raises(ValueError, match="not finite"):
        TissueSurfaces(nodes * np.nan, np.array([[0, 1, 2]]), np.array([1005]))


def test_a_surface_alone_is_read_by_gmsh_and_meshio(tmp_path, rng, in_gmsh):
    corners = rng.normal(size=(4, 3))
    surface = Surface(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    path, values = tmp_path / "map.msh", rng.normal(size=4)
    write_msh_surface(path, surface, {"R2": values})
    found = meshio.read(path)
    np.testing.assert_allclose(found.points, corners * 1e3)
    np.testing.assert_array_equal(found.cells_dict["triangle"], surface.triangles)
    np.testing.assert_allclose(found.point_data["R2"].ravel(), values)
    gmsh.open(str(path))
    assert len(gmsh.view.getTags()) == 1
    for name, change, message in (
        ("map.gii", values, "must end in .msh"),
        ("map.msh", values[:3], "for 4 vertices"),
    ):
        with pytest.raises(ValueError, match=message):
            write_msh_surface(tmp_path / name, surface, {"R2": change})
