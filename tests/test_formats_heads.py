"""The tables of docs/formats.md on heads, poses and plans: every field has its effect."""

import gzip
import json
import re
import warnings

import meshio
import nibabel
import numpy as np
import pytest
from cli_examples import run
from format_examples import TESTED, tables
from label_examples import write_nifti
from msh_examples import TWO, TWO_41, cube, text_file
from navigation_examples import (
    INSTRUMENTS,
    TRIGGER,
    TRIGGERS,
    brainsight,
    brainsight_row,
    data_of,
    matrix_like,
    t1_image,
)

from tmsgrad import meshing
from tmsgrad.coils import navigation, read_poses


PARTS = (
    *("Gmsh meshes", "Meshes as NumPy archives", "VTK meshes", "SimNIBS folders"),
    *("Tables of labels and EEG positions", "Matrices", "Brainsight", "Localite"),
    *("ANT visor2", "SofTaxic", "Live records", "Plan files"),
)
CHECKS = {}


def field(part, name):
    """Register the check of a field."""

    def register(check):
        CHECKS[part, name] = check
        return check

    return register


def test_each_field_of_the_tables_has_a_check():
    written = tables()
    documented = {
        (part, name)
        for part in PARTS
        for name, done in written[part].items()
        if done in TESTED
    }
    assert documented == set(CHECKS)


@pytest.mark.parametrize("key", CHECKS, ids=": ".join)
def test_the_program_reacts_to(key, tmp_path):
    CHECKS[key](tmp_path)


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


def image_at(qform, sform=None, codes=(1, 1), shape=(60, 60, 60)):
    image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4))
    image.set_qform(qform, codes[0])
    image.set_sform(qform if sform is None else sform, codes[1])
    return image


def moved(x):
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix


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


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom")


def encoded(text, encoding):
    if encoding.endswith("-bom"):
        return ("\ufeff" + text).encode(encoding.removesuffix("-bom"))
    return text.encode(encoding)


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


# Poses.


def lines_of(matrix):
    return "\n".join(" ".join(repr(float(x)) for x in row) for row in matrix) + "\n"


def shrunk(factor):
    matrix = matrix_like()
    matrix[:3, 3] *= factor
    return matrix


@field("Matrices", "`# units: U`, entry `units`")
def _(tmp_path):
    text, listed, packed = (tmp_path / name for name in ("a.txt", "a.json", "a.npz"))
    for factor, unit in ((1e-3, "m"), (0.1, "cm"), (1 / 25.4, "inches")):
        text.write_text(f"# units: {unit}\n{lines_of(shrunk(factor))}")
        content = {"matsimnibs": shrunk(factor).tolist(), "units": unit}
        listed.write_text(json.dumps(content))
        np.savez(packed, **content)
        for file in (text, listed, packed):
            found = read_poses(file).matrices()[0]
            np.testing.assert_allclose(found, matrix_like(), atol=1e-9)
    text.write_text(f"# units: ell\n{lines_of(matrix_like())}")
    refused("'ell'", read_poses, text)


@field("Matrices", "unit, without a field")
def _(tmp_path):
    file = tmp_path / "a.txt"
    for factor, words in ((1e-3, "probably in m"), (1e3, "in mm?")):
        file.write_text(lines_of(shrunk(factor)))
        refused(words, read_poses, file)


@field("Matrices", "shear, scale, reflection, last row")
def _(tmp_path):
    file = tmp_path / "a.txt"
    for spoil in (np.diag([1.1, 1, 1, 1]), np.diag([-1.0, 1, 1, 1])):
        file.write_text(lines_of(matrix_like() @ spoil))
        refused("scale|reflection", read_poses, file)
        assert "replaced" in read_poses(file, repair=True).notes[0]
    file.write_text(lines_of(matrix_like().T))
    refused("0 0 0 1", read_poses, file)


@field("Matrices", "other entries beside `matsimnibs`")
def _(tmp_path):
    content = {"matsimnibs": matrix_like().tolist(), "space": "LPS", "names": ["a"]}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(content))
    assert read_poses(file).notes == ("the file's entries space are not read.",)
    del content["space"]
    file.write_text(json.dumps(content))
    assert read_poses(file).notes == ()


@field("Matrices", "`# pose: NAME`, entries `names`, `current_rates`")
def _(tmp_path):
    (tmp_path / "a.txt").write_text(f"# pose: M1\n{lines_of(matrix_like())}")
    assert read_poses(tmp_path / "a.txt").names == ("M1",)
    content = {"matsimnibs": matrix_like().tolist(), "names": ["M2"]}
    content["current_rates"] = [5e7]
    (tmp_path / "a.json").write_text(json.dumps(content))
    found = read_poses(tmp_path / "a.json")
    assert (found.names, found.current_rates.tolist()) == (("M2",), [5e7])
    for rate, words in ((50.0, "Is it in another unit"), (1e999, "is infinite")):
        content["current_rates"] = [rate]
        (tmp_path / "a.json").write_text(json.dumps(content))
        refused(words, read_poses, tmp_path / "a.json")


def recorded(tmp_path, change=lambda text: text):
    """A record of two pulses, the first without a pose."""
    names = ["pulse", "time_s", *navigation.LIVE_POSE_COLUMNS, "didt_A_per_s"]
    numbers = ",".join(f"{x:.9g}" for x in matrix_like()[:3].ravel())
    rows = [",".join(names), f"0,1.5{',' * 12},", f"1,2.5,{numbers},7e7"]
    (tmp_path / "pulses.csv").write_text(change("\n".join(rows) + "\n"))
    return tmp_path / "pulses.csv"


@field("Live records", "`matsimnibs_11` to `matsimnibs_34`")
def _(tmp_path):
    found = read_poses(recorded(tmp_path))
    np.testing.assert_allclose(found.matrices()[0], matrix_like(), atol=1e-6)
    dropped = recorded(tmp_path, lambda text: text.replace("matsimnibs_23", "x"))
    refused("matsimnibs_23", read_poses, dropped)


@field("Live records", "rows without a pose")
def _(tmp_path):
    found = read_poses(recorded(tmp_path))
    assert (len(found), found.skipped) == (1, 1)


@field("Live records", "`time_s`, `didt_A_per_s`")
def _(tmp_path):
    found = read_poses(recorded(tmp_path))
    assert (found.times.tolist(), found.current_rates.tolist()) == ([2.5], [7e7])


@field("Live records", "last row without a line end")
def _(tmp_path):
    torn = recorded(tmp_path, lambda text: text + text.splitlines()[-1][:-1])
    found = read_poses(torn)
    assert len(found) == 1
    assert "not whole" in found.notes[0]


def exported(tmp_path, system="NIfTI:Q:Scanner", **changes):
    text = brainsight(brainsight_row("M1", matrix_like()), system, 14)
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "b.txt").write_text(text, encoding="utf-8")
    return tmp_path / "b.txt"


@field("Brainsight", "`# Coordinate system:` `NIfTI:Q:…`, `NIfTI:S:…`")
def _(tmp_path):
    image = image_at(moved(5), moved(0))
    for letter, shift in (("Q", -5), ("S", 0)):
        poses = read_poses(exported(tmp_path, f"NIfTI:{letter}:Aligned"))
        assert "taken for the head's" in poses.notes[0]
        found = navigation.in_image(poses, image)
        expected = moved(shift) @ poses.matrices()[0]
        np.testing.assert_allclose(found.matrices()[0], expected, atol=1e-9)
        assert [("brought" in note) for note in found.notes] == [True] * (shift < 0)
    only_q = image_at(moved(5), codes=(1, 0))
    poses = read_poses(exported(tmp_path, "NIfTI:S:Aligned"))
    refused("no sform", navigation.in_image, poses, only_q)
    sheared = moved(5)
    sheared[0, 0] = 1.2
    poses = read_poses(exported(tmp_path, "NIfTI:Q:Aligned"))
    refused("no rigid move", navigation.in_image, poses, image_at(sheared, moved(0)))


@field("Brainsight", "`# Coordinate system:` `NIfTI:…`")
def _(tmp_path):
    poses = read_poses(exported(tmp_path, "NIfTI:Scanner"))
    assert "does not say whether" in poses.notes[0]
    assert navigation.in_image(poses, t1_image()).notes == ()
    apart = navigation.in_image(poses, image_at(moved(5), moved(0)))
    assert "differ by up to 5 mm" in apart.notes[0]


@field("Brainsight", "`NIfTI:…:MNI-152`, `Talairach`, `Other-Template`")
def _(tmp_path):
    for code in ("MNI-152", "Talairach", "Other-Template"):
        for form in ("", "Q:", "S:"):
            file = exported(tmp_path, f"NIfTI:{form}{code}")
            poses = read_poses(file)
            assert poses.frame == code.lower()
            assert "not of the head's own image" in poses.notes[0]
            same = navigation.in_image(poses, t1_image(1))
            assert same.frame == code.lower()
            if form:
                own = t1_image(navigation.FORM_CODES[code])
                assert navigation.in_image(poses, own).frame == "head"
            result = run(
                "pose", "convert", file, tmp_path / "x.txt", "--to", "matsimnibs"
            )
            assert result.status == 2
            assert code in result.err


@field("Brainsight", "`Brainsight`, other systems")
def _(tmp_path):
    for system in ("Brainsight", "Polaris", "NIfTI:Q:Elsewhere"):
        assert read_poses(exported(tmp_path, system)).frame == system.lower()


@field("Brainsight", "`World`")
def _(tmp_path):
    refused("landmarks LPA and RPA", read_poses, exported(tmp_path, "World"))
    assert len(read_poses(exported(tmp_path, "World"), space="RAS")) == 1


@field("Brainsight", "landmarks `LPA`, `RPA`")
def _(tmp_path):
    row = brainsight_row("M1", matrix_like())
    ears = "LPA\t75\t0\t0\nRPA\t-75\t0\t0"
    (tmp_path / "b.txt").write_text(brainsight(row, "NIfTI:Q:Scanner", 14, ears))
    poses = read_poses(tmp_path / "b.txt")
    np.testing.assert_allclose(poses.matrices()[0, :2, 3], [40, 20])
    assert "LPS" in poses.notes[0]


@field("Brainsight", "`# Units:`")
def _(tmp_path):
    for unit, factor in (("metres", 1e3), ("centimeters", 10), ("mm", 1)):
        centre = matrix_like()[:3, 3]
        words = "\t".join(f"{x:.4f}" for x in centre)
        small = "\t".join(repr(float(x / factor)) for x in centre)
        file = exported(
            tmp_path, unit=("millimetres,", f"{unit},"), place=(words, small)
        )
        np.testing.assert_allclose(read_poses(file).matrices()[0, :3, 3], centre)
    refused(
        "unit of length", read_poses, exported(tmp_path, a=("millimetres,", "ells,"))
    )


@field("Brainsight", "`# Encoding:`")
def _(tmp_path):
    file = exported(tmp_path, a=("M1", "Müller"), b=("UTF-8", "ISO-8859-1"))
    text = file.read_text(encoding="utf-8")
    file.write_bytes(text.encode("latin-1"))
    assert read_poses(file).names == ("Müller",)
    file.write_bytes(text.replace("ISO-8859-1", "Klingon").encode("latin-1"))
    refused("'Klingon'", read_poses, file)


@field("Brainsight", "`# Version:`")
def _(tmp_path):
    file = exported(tmp_path, a=("Version: 14", "Version: 15"))
    assert "version 15" in read_poses(file).notes[-1]


@field("Brainsight", "`Stim. Power`, `Date`, `Time`")
def _(tmp_path):
    row = brainsight_row("M1", matrix_like()) + "\t55\t2026-01-02\t10:00:0{}.5"
    text = brainsight(row.format(1) + "\n" + row.format(3), "NIfTI:Q:Scanner", 14)
    head = "m2n2\tStim. Power\tDate\tTime"
    (tmp_path / "b.txt").write_text(text.replace("m2n2", head, 1))
    found = read_poses(tmp_path / "b.txt")
    np.testing.assert_allclose(found.outputs, 0.55)
    np.testing.assert_allclose(found.times, [0, 2])


def markers(tmp_path, space="RAS", placed="true"):
    text = INSTRUMENTS.format(space=space, set=placed, data=data_of(matrix_like()))
    (tmp_path / "l.xml").write_text(text)
    return tmp_path / "l.xml"


def triggers(tmp_path, old="", new="", placed="true", matrix=None):
    data = data_of(matrix_like() if matrix is None else matrix)
    text = TRIGGERS.format(TRIGGER.format(set=placed, data=data))
    assert old in text
    (tmp_path / "t.xml").write_text(text.replace(old, new) if old else text)
    return read_poses(tmp_path / "t.xml")


@field("Localite", "`coordinateSpace`")
def _(tmp_path):
    ras, lps = (read_poses(markers(tmp_path, s)).matrices()[0] for s in ("RAS", "LPS"))
    np.testing.assert_allclose(lps[:2, 3], -ras[:2, 3])
    refused("'XYZ'", read_poses, markers(tmp_path, "XYZ"))
    forced = read_poses(markers(tmp_path, "LPS"), space="RAS")
    np.testing.assert_allclose(forced.matrices()[0], ras)
    assert "says LPS" in forced.notes[0]


@field("Localite", "form of the image")
def _(tmp_path):
    poses = read_poses(markers(tmp_path))
    assert navigation.in_image(poses, t1_image()).notes == ()
    apart = navigation.in_image(poses, image_at(moved(5), moved(0)))
    assert "does not say which" in apart.notes[0]


@field("Localite", "`set`")
def _(tmp_path):
    assert read_poses(markers(tmp_path, placed="false")).skipped == 1
    assert triggers(tmp_path, placed="false").skipped == 1
    assert triggers(tmp_path, matrix=np.eye(4)).skipped == 1


@field("Localite", "`unit` of `valueA`, `amplitudeA`")
def _(tmp_path):
    assert triggers(tmp_path).current_rates.tolist() == [84e6]
    assert triggers(tmp_path, "A/us", "kA/s").current_rates.tolist() == [84e3]
    found = triggers(tmp_path, "A/us", "furlong")
    assert np.isnan(found.current_rates).all()
    assert "'furlong'" in found.notes[0]
    assert np.isnan(triggers(tmp_path, 'unit="%"', 'unit="V"').outputs).all()


@field("Localite", "`recordingTime`")
def _(tmp_path):
    np.testing.assert_allclose(triggers(tmp_path).times, [98.768])


def visor(tmp_path, **changes):
    poses = navigation.PoseList.of_matrices(matrix_like())
    navigation.write_ant(tmp_path / "v.mrk", poses, t1_image())
    content = json.loads((tmp_path / "v.mrk").read_text())
    content["TargetMarkers"][0]["CoilTarget"] |= changes
    (tmp_path / "v.mrk").write_text(json.dumps(content))
    return tmp_path / "v.mrk"


@field("ANT visor2", "`PositionalUnit`")
def _(tmp_path):
    pose = {"RigidTransformMatrix4x4": shrunk(1e-3).tolist()}
    file = visor(tmp_path, PositionalUnit="m", CoilPose=pose)
    np.testing.assert_allclose(read_poses(file).matrices()[0], matrix_like(), atol=1e-9)
    refused("'ell'", read_poses, visor(tmp_path, PositionalUnit="ell"))


@field("ANT visor2", "`CoilAxesConvention`")
def _(tmp_path):
    refused("'other'", read_poses, visor(tmp_path, CoilAxesConvention="other"))


@field("ANT visor2", "`CoordinateSystem`")
def _(tmp_path):
    assert read_poses(visor(tmp_path, CoordinateSystem="X")).frame == "x"


@field("ANT visor2", "form of the image")
def _(tmp_path):
    poses = read_poses(visor(tmp_path))
    found = navigation.in_image(poses, image_at(moved(5), moved(0)))
    expected = moved(-5) @ poses.matrices()[0]
    np.testing.assert_allclose(found.matrices()[0], expected, atol=1e-9)
    image = image_at(moved(5), moved(0))
    refused("differ", navigation.write_ant, tmp_path / "w.mrk", found, image)


def softaxic(tmp_path, **more):
    matrix = matrix_like()
    words = {f"m{i}{j}": matrix[i, j] for i in range(3) for j in range(3)}
    words |= dict(zip("xyz", matrix[:3, 3], strict=True)) | more
    pose = " ".join(f'{name}="{float(value)!r}"' for name, value in words.items())
    text = f'<stmp><fmp id="a"><fp {pose}/></fmp><fmp id="b"><fp {pose}/></fmp></stmp>'
    (tmp_path / "s.stmpx").write_text(text)
    return read_poses(tmp_path / "s.stmpx")


@field("SofTaxic", "`m00` to `m22`, `x`, `y`, `z`")
def _(tmp_path):
    found = softaxic(tmp_path)
    np.testing.assert_allclose(found.matrices()[0, :, 2:], matrix_like()[:, 2:])
    assert "no coil axes" in found.notes[0]


@field("SofTaxic", "`ts`")
def _(tmp_path):
    assert softaxic(tmp_path, ts=2500).times.tolist() == [0, 0]


# Plans.


@field("Plan files", "byte-order mark, line ends")
def _(tmp_path):
    meshing.write_msh(tmp_path / "a.msh", cube(2))
    text = '# Müller\ncommand = "head info"\nhead = "a.msh"\n'
    for encoding in ENCODINGS:
        for end in ("\n", "\r\n", "\r"):
            content = encoded(text.replace("\n", end), encoding)
            (tmp_path / "plan.toml").write_bytes(content)
            result = run("plan", tmp_path / "plan.toml", "--check")
            assert result.status == 0, result.err


@field("Plan files", "unknown keys")
def _(tmp_path):
    (tmp_path / "plan.toml").write_text('command = "head info"\nhaed = "a.msh"\n')
    assert "plan.toml:2" in run("plan", tmp_path / "plan.toml", "--check").err


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
