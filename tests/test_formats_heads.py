"""The tables of docs/formats.md on heads: every field has its effect."""

import gzip
import json
import re
import warnings

import meshio
import numpy as np
import pytest
from cli_examples import run
from format_examples import ENCODINGS, Fields, encoded, image_at, moved
from label_examples import write_nifti
from msh_examples import TWO, TWO_41, cube, text_file
from navigation_examples import (
    INSTRUMENTS,
    brainsight,
    brainsight_row,
    data_of,
    matrix_like,
)

from tmsgrad import meshing
from tmsgrad.coils import navigation, read_poses


field = Fields(
    "Gmsh meshes",
    "Meshes as NumPy archives",
    "VTK meshes",
    "SimNIBS folders",
    "Tables of labels and EEG positions",
)


def refused(words, call, *arguments, **options):
    with pytest.raises(ValueError, match=words):
        call(*arguments, **options)


# Gmsh meshes. The example has two tetrahedra, of groups 2 and 5.

NAMES = '$PhysicalNames\n2\n3 2 "{}"\n3 5 "{}"\n$EndPhysicalNames\n$Nodes'


def named(tmp_path, first, second):
    return text_file(tmp_path, TWO.replace("$Nodes", NAMES.format(first, second), 1))


@field("Gmsh meshes", "physical group of a tetrahedron")
def _(tmp_path):
    assert meshing.read_msh(text_file(tmp_path, TWO)).tags.tolist() == [2, 5]
    other = TWO.replace("3 4 2 2 1", "3 4 2 3 1")
    assert meshing.read_msh(text_file(tmp_path, other)).tags.tolist() == [3, 5]


@field("Gmsh meshes", "`$PhysicalNames`")
def _(tmp_path):
    head = meshing.read_msh(named(tmp_path, "GM", "Skin"))  # In agreement: no word.
    assert head.tags.tolist() == [2, 5]
    with pytest.warns(
        UserWarning, match="contradict SimNIBS' numbers.*'Skin' is scalp"
    ):
        head = meshing.read_msh(named(tmp_path, "Skin", "white_matter"))
    assert head.tags.tolist() == [5, 1]
    refused("names must show", meshing.read_msh, named(tmp_path, "skin", "brain"))
    with pytest.warns(UserWarning, match="2 .'inner'. is gray matter"):
        head = meshing.read_msh(named(tmp_path, "inner", "outer"))
    assert head.tags.tolist() == [2, 5]


@field("Gmsh meshes", "groups of one volume")
def _(tmp_path):
    for tag, words in ((4, "of tags 2 and 4"), (2, "of tag 2 twice")):
        line = f"6 4 2 {tag} 1 10 30 20 1\n$EndElements"
        text = TWO.replace("$EndElements", line).replace("$Elements\n5", "$Elements\n6")
        refused(words, meshing.read_msh, text_file(tmp_path, text))
    text = TWO_41.replace("10 10 10 1 2 1 1002", "10 10 10 2 2 5 1 1002")
    refused("groups 2, 5", meshing.read_msh, text_file(tmp_path, text))


@field("Gmsh meshes", "element type")
def _(tmp_path):
    text = TWO.replace("3 4 2 2 1 30 10 20 1", "3 11 2 2 1 30 10 20 1 30 10 20 1 30 10")
    refused("second order", meshing.read_msh, text_file(tmp_path, text))


@field("Gmsh meshes", "unit")
def _(tmp_path):
    for scale, words in ((1e-3, "in m:"), (1e6, "in µm")):
        meshing.write_msh(tmp_path / "a.msh", scaled(cube(2), scale))
        refused(words, meshing.read_msh, tmp_path / "a.msh")
    small = meshing.check(scaled(cube(2), 1))
    assert "another unit" in next(f.message for f in small if f.about == "size")


@field("Gmsh meshes", "`$PartitionedEntities`, `$ParametricNodes`")
def _(tmp_path):
    for name in ("PartitionedEntities", "ParametricNodes"):
        text = TWO_41.replace("$Nodes", f"${name}\n1\n$End{name}\n$Nodes", 1)
        refused("without partitions", meshing.read_msh, text_file(tmp_path, text))


@field("Gmsh meshes", "`$NodeData`, `$ElementData`")
def _(tmp_path):
    data = '$ElementData\n1\n"a"\n1\n0\n3\n0\n1\n1\n4 7.5\n$EndElementData\n'
    found = meshing.read_msh_data(text_file(tmp_path, TWO + data)).in_tetrahedra["a"]
    np.testing.assert_array_equal(found, [np.nan, 7.5])


def scaled(head, factor):
    return meshing.HeadMesh(head.nodes * factor, head.tetrahedra, head.tags)


# Other meshes.


def archive(tmp_path, scale=1.0, **more):
    head = cube(2)
    points = head.nodes * 1e3 * scale
    np.savez(
        tmp_path / "a.npz", points=points, tets=head.tetrahedra, tags=head.tags, **more
    )
    return tmp_path / "a.npz"


@field("Meshes as NumPy archives", "`points`, `tets`, `tags`")
def _(tmp_path):
    head = meshing.read_npz(archive(tmp_path))
    np.testing.assert_allclose(head.nodes, cube(2).nodes, rtol=1e-14)
    np.testing.assert_array_equal(head.tags, cube(2).tags)


@field("Meshes as NumPy archives", "`units` or `unit`")
def _(tmp_path):
    for scale, unit in ((1e-3, "m"), (0.1, "centimetres"), (1e3, "µm"), (1.0, "mm")):
        for name in ("unit", "units"):
            head = meshing.read_npz(archive(tmp_path, scale, **{name: unit}))
            np.testing.assert_allclose(head.nodes, cube(2).nodes, rtol=1e-14)
    refused("'yard'", meshing.read_npz, archive(tmp_path, units="yard"))


@field("Meshes as NumPy archives", "unit, without a field")
def _(tmp_path):
    refused("in m:", meshing.read_npz, archive(tmp_path, 1e-3))


def vtk(tmp_path, **data):
    head = cube(2)
    cells = {name: [values] for name, values in data.items()}
    mesh = meshio.Mesh(head.nodes * 1e3, [("tetra", head.tetrahedra)], cell_data=cells)
    meshio.vtu.write(str(tmp_path / "a.vtu"), mesh, binary=False)
    return tmp_path / "a.vtu"


def vtk_in(tmp_path, scale, unit=""):
    path = tmp_path / "a.vtu"
    meshing.write_vtu(path, scaled(cube(2), scale))
    if unit:
        key = f'<InformationKey name="UNITS_LABEL" location="x">{unit}</InformationKey>'
        inside = rf"\1>{key}</DataArray>".encode()
        pattern = rb"(<Points>\s*<DataArray[^>]*)/>"
        path.write_bytes(re.sub(pattern, inside, path.read_bytes(), count=1))
    return path


@field("VTK meshes", "cells' data `tag`, `tags`, `tissue`, `gmsh:physical`")
def _(tmp_path):
    tags = cube(2).tags
    for name in ("tag", "tags", "tissue", "gmsh:physical"):
        head = meshing.read_vtu(vtk(tmp_path, **{name: tags}))
        np.testing.assert_array_equal(head.tags, tags)
    both = {"tag": tags, "gmsh:physical": tags % 10 + 1}
    refused("which differ", meshing.read_vtu, vtk(tmp_path, **both))


@field("VTK meshes", "cells' data `medit:ref`, `CellEntityIds`")
def _(tmp_path):
    for name in ("medit:ref", "CellEntityIds"):
        with pytest.warns(UserWarning, match=f"`{name}` is taken for tissues"):
            meshing.read_vtu(vtk(tmp_path, **{name: cube(2).tags}))


@field("VTK meshes", "`UNITS_LABEL` of the points")
def _(tmp_path):
    head = meshing.read_vtu(vtk_in(tmp_path, 1e-3, " m "))
    np.testing.assert_allclose(head.nodes, cube(2).nodes, rtol=1e-14)
    refused("'parsec'", meshing.read_vtu, vtk_in(tmp_path, 1, "parsec"))


@field("VTK meshes", "unit, without a field")
def _(tmp_path):
    refused("in m:", meshing.read_vtu, vtk_in(tmp_path, 1e-3))


# Folders.


def folder(tmp_path, image=None, labels=None):
    home = tmp_path / "m2m_x"
    home.mkdir(exist_ok=True)
    meshing.write_msh(home / "x.msh", cube(3))
    if image is not None:
        image.to_filename(home / "T1.nii.gz")
    if labels is not None:
        write_nifti(home / "final_tissues.nii.gz", labels, np.diag([1.0, 1, 1, 1]))
    return home


@field("SimNIBS folders", "`NAME.msh`")
def _(tmp_path):
    np.testing.assert_array_equal(
        meshing.read_head(folder(tmp_path)).tags, cube(3).tags
    )


@field("SimNIBS folders", "`T1.nii.gz` against the mesh")
def _(tmp_path):
    words = ("head", "info")
    assert "nodes lie outside" in run(*words, folder(tmp_path, image_at(moved(40)))).err
    assert "lie outside" not in run(*words, folder(tmp_path, image_at(moved(-9)))).err


@field("SimNIBS folders", "`final_tissues.nii.gz` against the mesh")
def _(tmp_path):
    head = cube(3)
    right = np.zeros((40, 40, 40), np.uint8)
    grid = np.stack(np.meshgrid(*3 * [np.arange(40)], indexing="ij"), -1).reshape(-1, 3)
    near = np.linalg.norm(head.centroids[:, None] * 1e3 - grid[None], axis=2).argmin(0)
    right[tuple(grid.T)] = head.tags[near]
    for labels, count in ((right, 0), (right % 10 + 1, 1)):
        subject = meshing.read_subject(folder(tmp_path, labels=labels))
        found = meshing.check_subject(subject, head)
        assert sum(f.about == "labels" for f in found) == count


@field("SimNIBS folders", "forms of `T1.nii.gz`")
def _(tmp_path):
    image = image_at(moved(5), moved(0))
    form = navigation.ImageForm("Q", "Scanner")
    poses = navigation.PoseList.of_matrices(matrix_like(), form=form)
    found = navigation.in_image(poses, image).matrices()[0]
    np.testing.assert_allclose(found, moved(-5) @ matrix_like(), atol=1e-9)


@field("SimNIBS folders", "maps in `toMNI/`")
def _(tmp_path):
    (folder(tmp_path) / "toMNI").mkdir()
    wrong = tmp_path / "m2m_x" / "toMNI" / "MNI2conform_12DOF.txt"
    np.savetxt(wrong, np.diag([9.0, 9, 9, 1]))
    refused("MNI2conform_12DOF", meshing.read_mni, tmp_path / "m2m_x")


# Tables and positions.


@field("Tables of labels and EEG positions", "label 259 with table `freesurfer`")
def _(tmp_path):
    table = meshing.FREESURFER_LABELS
    samseg = np.array([[[0, 165, 258, 259]]])
    np.testing.assert_array_equal(table.apply(samseg), [[[0, 4, 5, 6]]])
    with pytest.warns(UserWarning, match="label 259 for bone"):
        found = table.apply(np.array([[[0, 258, 259]]]))
    np.testing.assert_array_equal(found, [[[0, 5, 4]]])
    large = np.array([[[0, 165, 259, 1]]]) * [1, 1, 1, 0]
    np.testing.assert_array_equal(table.apply(large), [[[0, 4, 6, 0]]])


@field("Tables of labels and EEG positions", "unknown labels")
def _(tmp_path):
    refused("999", meshing.FREESURFER_LABELS.apply, np.array([[[0, 999]]]))


@field("Tables of labels and EEG positions", "EEG positions in metres")
def _(tmp_path):
    file = tmp_path / "cap.csv"
    line = "Electrode,{},0,{},C3\nElectrode,0,{},0,C4\n"
    file.write_text(line.format(50, 80, 70))
    assert meshing.read_electrodes(file)["C4"].tolist() == [0, 0.07, 0]
    file.write_text(line.format(0.05, 0.08, 0.07))
    refused("probably in m", meshing.read_electrodes, file)


@field("Tables of labels and EEG positions", "byte-order mark")
def _(tmp_path):
    rows = "\n".join(" ".join(map(str, row)) for row in matrix_like().tolist())
    of_brainsight = brainsight(brainsight_row("M1", matrix_like()))
    listed = json.dumps({"matsimnibs": matrix_like().tolist()})
    markers = INSTRUMENTS.format(space="RAS", set="true", data=data_of(matrix_like()))
    poses = {"a.txt": rows, "b.txt": of_brainsight, "c.json": listed}
    for encoding in ENCODINGS:
        for end in ("\n", "\r\n"):
            for name, text in poses.items():
                file = tmp_path / name
                file.write_bytes(encoded(text.replace("\n", end), encoding))
                assert len(read_poses(file)) == 1
        file = tmp_path / "cap.csv"
        file.write_bytes(encoded("Electrode,50,0,80,C3\n", encoding))
        assert list(meshing.read_electrodes(file)) == ["C3"]
        file = tmp_path / "table.txt"
        file.write_bytes(encoded("7 gm\n", encoding))
        assert meshing.read_label_table(file).tags[7] == 2
        if not encoding.startswith("utf-16"):
            file = tmp_path / "list.xml"
            file.write_bytes(encoded(markers, encoding))
            assert len(read_poses(file)) == 1


def test_each_field_of_the_tables_has_a_check():
    field.assert_complete()


@pytest.mark.parametrize("key", field.checks, ids=": ".join)
def test_the_program_reacts_to(key, tmp_path):
    field.checks[key](tmp_path)


def test_compressed_meshes_have_names_too(tmp_path):
    text = named(tmp_path, "Skin", "WM").read_bytes()
    (tmp_path / "a.msh.gz").write_bytes(gzip.compress(text))
    with pytest.warns(UserWarning, match="names decide"):
        assert meshing.read_msh(tmp_path / "a.msh.gz").tags.tolist() == [5, 1]


def test_a_warning_of_a_reader_is_written_once(tmp_path):
    file = named(tmp_path, "Skin", "WM")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run("head", "check", file)
    assert result.err.count("names decide") == 1
