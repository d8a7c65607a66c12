import sys

import meshio
import numpy as np
import pytest
from heads import five_layers
from msh_examples import assert_same, cube

from tmsgrad.meshing import read_head, read_vtu, write_head, write_vtu


@pytest.fixture
def head():
    return cube(3)


def write(path, head, kind, cells, **data):
    """Write cells of any kind, by meshio alone."""
    meshio.Mesh(head.nodes * 1e3, {kind: cells}, cell_data=data).write(path)


def test_a_head_comes_back_from_a_vtu_file(tmp_path, head):
    write_vtu(tmp_path / "a.vtu", head)
    assert_same(read_vtu(tmp_path / "a.vtu"), head)
    assert_same(read_head(tmp_path / "a.vtu"), head)
    mesh = meshio.read(tmp_path / "a.vtu")
    np.testing.assert_allclose(mesh.points, head.nodes * 1e3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.vtu"]


@pytest.mark.parametrize("name", ["a.msh", "a.msh.gz", "a.npz", "a.vtu"])
def test_the_name_shows_the_format(tmp_path, head, name):
    write_head(tmp_path / name, head)
    assert_same(read_head(tmp_path / name), head)


def test_other_names_and_places_are_refused(tmp_path, head):
    with pytest.raises(ValueError, match=r"written to \.msh, \.msh\.gz, \.npz, \.vtu"):
        write_head(tmp_path / "a.stl", head)
    with pytest.raises(ValueError, match=r"must end in \.vtu"):
        write_vtu(tmp_path / "a.vtk", head)
    with pytest.raises(FileNotFoundError, match=r"not found\. Make it first"):
        write_head(tmp_path / "none" / "a.msh", head)
    (tmp_path / "b.msh").mkdir()
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        write_head(tmp_path / "b.msh", head)


def test_damaged_files_and_those_without_tissues_are_refused(tmp_path, head):
    with pytest.raises(FileNotFoundError, match="file not found"):
        read_vtu(tmp_path / "no.vtu")
    (tmp_path / "a.vtu").write_text("<VTKFile")
    with pytest.raises(ValueError, match=r"a\.vtu: the file cannot be read"):
        read_vtu(tmp_path / "a.vtu")
    write(tmp_path / "b.vtu", head, "tetra", head.tetrahedra)
    with pytest.raises(ValueError, match=r"have no data `tag`.* they have none"):
        read_vtu(tmp_path / "b.vtu")
    write(tmp_path / "c.vtu", head, "tetra", head.tetrahedra, tag=[head.tags + 0.5])
    with pytest.raises(ValueError, match="must hold whole numbers"):
        read_vtu(tmp_path / "c.vtu")
    write(tmp_path / "d.vtu", head, "line", head.tetrahedra[:, :2], tag=[head.tags])
    with pytest.raises(ValueError, match="holds no tetrahedra"):
        read_vtu(tmp_path / "d.vtu")


def test_without_meshio_it_is_said_how_to_get_it(tmp_path, head, monkeypatch):
    write_head(tmp_path / "a.vtu", head)
    monkeypatch.setitem(sys.modules, "meshio", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"Write: pip install 'tmsgrad\[vtu\]'"
    ):
        read_vtu(tmp_path / "a.vtu")


def test_another_reader_finds_mesh_and_fields(tmp_path, rng):
    head = five_layers()
    fields = {
        "E": rng.normal(size=(len(head.tags), 3)),
        '|E| <&">': rng.normal(size=len(head.tags)),
        "v": rng.normal(size=len(head.nodes)),
        "u": rng.normal(size=(len(head.nodes), 3)),
    }
    write_vtu(tmp_path / "head.vtu", head, fields)
    mesh = meshio.read(tmp_path / "head.vtu")
    np.testing.assert_allclose(mesh.points, head.nodes * 1e3, rtol=1e-15)
    np.testing.assert_array_equal(mesh.cells_dict["tetra"], head.tetrahedra)
    np.testing.assert_array_equal(mesh.cell_data["tag"][0], head.tags)
    for name in ("E", '|E| <&">'):
        np.testing.assert_array_equal(mesh.cell_data[name][0], fields[name])
    for name in ("v", "u"):
        np.testing.assert_array_equal(mesh.point_data[name], fields[name])


def test_what_fits_nothing_is_refused(tmp_path):
    head = five_layers()
    with pytest.raises(ValueError, match="'x' has the shape"):
        write_vtu(tmp_path / "head.vtu", head, {"x": np.zeros(5)})
    with pytest.raises(ValueError, match=r"must end in \.vtu"):
        write_vtu(tmp_path / "head.vtk", head, {})
    assert list(tmp_path.iterdir()) == []
