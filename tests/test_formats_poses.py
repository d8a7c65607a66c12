"""The tables of docs/formats.md on poses and plans: every field has its effect."""

import json

import numpy as np
import pytest
from cli_examples import run
from format_examples import ENCODINGS, Fields, encoded, image_at, moved
from msh_examples import cube
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
from tmsgrad.cli.inputs.poses import poses_in
from tmsgrad.coils import PoseList, navigation, read_poses


field = Fields(
    "Matrices",
    "Brainsight",
    "Localite",
    "ANT visor2",
    "SofTaxic",
    "Live records",
    "NIBS-BIDS",
    "Plan files",
)


def refused(words, call, *arguments, **options):
    with pytest.raises(ValueError, match=words):
        call(*arguments, **options)


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


def marked(tmp_path, change=lambda text: text, about=None):
    """A pose as NIBS-BIDS has it, with changed text or coordinates."""
    file = tmp_path / "sub-01_task-tms_markers.tsv"
    poses = PoseList.of_matrices([matrix_like(), matrix_like((0.1, 0, 0))], ["a", "b"])
    navigation.write_bids_markers(file, poses)
    file.write_text(change(file.read_text()))
    beside = tmp_path / "sub-01_task-tms_coordsystem.json"
    if about is None:
        beside.unlink()
    else:
        beside.write_text(json.dumps(about))
    return file


@field("NIBS-BIDS", "`element_centre_x` to `element_zdir_z`")
def _(tmp_path):
    found = read_poses(marked(tmp_path)).matrices()[0]
    np.testing.assert_allclose(found, matrix_like(), atol=1e-6)
    without = lambda text: text.replace("element_ydir_z", "handle")
    refused("element_ydir_z is missing", read_poses, marked(tmp_path, without))
    sheared = lambda text: text.replace(f"{matrix_like()[0, 0]:.9g}", "0.5")
    refused("scale|shear|orthogonal", read_poses, marked(tmp_path, sheared))


@field("NIBS-BIDS", "`nibs_position_id`")
def _(tmp_path):
    assert read_poses(marked(tmp_path)).names == ("a", "b")
    twice = lambda text: text.replace("\nb\t", "\na\t")
    refused("'a' stands in several rows", read_poses, marked(tmp_path, twice))


@field("NIBS-BIDS", "rows without a pose, `n/a`")
def _(tmp_path):
    cells = 1 + len(navigation.BIDS_MARKER_COLUMNS[2:])
    empty = lambda text: text + "c" + "\tn/a" * cells + "\n"
    found = read_poses(marked(tmp_path, empty))
    assert (len(found), found.skipped) == (2, 1)


@field("NIBS-BIDS", "`NIBSCoordinateUnits`")
def _(tmp_path):
    (said,) = read_poses(marked(tmp_path)).notes
    assert "mm in the head's own image are assumed" in said
    in_cm = lambda text: text.replace("-40\t-20\t90", "-4\t-2\t9")
    for unit, change in (("cm", in_cm), ("mm", lambda text: text)):
        found = read_poses(marked(tmp_path, change, {"NIBSCoordinateUnits": unit}))
        np.testing.assert_allclose(found.matrices()[0], matrix_like(), atol=1e-6)
        assert found.notes == ()
    about = {"NIBSCoordinateUnits": "ell"}
    refused("'ell'", read_poses, marked(tmp_path, about=about))


@field("NIBS-BIDS", "`NIBSCoordinateSystem`")
def _(tmp_path):
    file = marked(tmp_path, about={"NIBSCoordinateSystem": "MNI152NLin6Asym"})
    found = run("pose", "convert", file, tmp_path / "a.txt", "--to", "matsimnibs")
    assert found.status == 2
    assert "--transform" in found.err
    template = poses_in(str(file), "template")
    np.testing.assert_allclose(template.matrices()[0], matrix_like(), atol=1e-6)


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


def test_each_field_of_the_tables_has_a_check():
    field.assert_complete()


@pytest.mark.parametrize("key", field.checks, ids=": ".join)
def test_the_program_reacts_to(key, tmp_path):
    field.checks[key](tmp_path)
