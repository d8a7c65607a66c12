"""VTK's unstructured grids, read back by meshio."""

import meshio
import numpy as np
import pytest
from heads import five_layers

from tmsgrad import meshing


def test_another_reader_finds_mesh_and_fields(tmp_path, rng):
    head = five_layers()
    fields = {
        "E": rng.normal(size=(len(head.tags), 3)),
        '|E| <&">': rng.normal(size=len(head.tags)),
        "v": rng.normal(size=len(head.nodes)),
        "u": rng.normal(size=(len(head.nodes), 3)),
    }
    meshing.write_vtu(tmp_path / "head.vtu", head, fields)
    mesh = meshio.read(tmp_path / "head.vtu")
    np.testing.assert_allclose(mesh.points, head.nodes * 1e3, rtol=1e-15)
    np.testing.assert_array_equal(mesh.cells_dict["tetra"], head.tetrahedra)
    np.testing.assert_array_equal(mesh.cell_data["tissue"][0], head.tags)
    for name in ("E", '|E| <&">'):
        np.testing.assert_array_equal(mesh.cell_data[name][0], fields[name])
    for name in ("v", "u"):
        np.testing.assert_array_equal(mesh.point_data[name], fields[name])


def test_what_fits_nothing_is_refused(tmp_path):
    head = five_layers()
    with pytest.raises(ValueError, match="'x' has the shape"):
        meshing.write_vtu(tmp_path / "head.vtu", head, {"x": np.zeros(5)})
    with pytest.raises(ValueError, match=r"ends in \.vtu"):
        meshing.write_vtu(tmp_path / "head.vtk", head, {})
    assert list(tmp_path.iterdir()) == []
