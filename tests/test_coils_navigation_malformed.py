"""Malformed files of navigation systems are refused with a message that helps."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from navigation_examples import (
    AXES,
    INSTRUMENTS,
    TRIGGER,
    TRIGGERS,
    brainsight,
    brainsight_row,
    data_of,
    matrix_like,
    t1_image,
)

from tmsgrad.coils import PoseList, navigation, read_poses
from tmsgrad.coils.navigation import localite


ROW = brainsight_row("M1", matrix_like())
MARKER = INSTRUMENTS.format(space="RAS", set="true", data=data_of(matrix_like()))
PULSE = TRIGGER.format(set="true", data=data_of(matrix_like()))

LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>
<InstrumentMarkerList coordinateSpace="RAS">&b;</InstrumentMarkerList>
"""
OUTSIDE = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<InstrumentMarkerList coordinateSpace="RAS">&a;</InstrumentMarkerList>
"""


def target(**changes):
    entry = {
        "Name": "a",
        "CoordinateSystem": "ASSOCIATED_IMAGE",
        "PositionalUnit": "mm",
        "CoilAxesConvention": "simnibs",
        "CoilPose": {"RigidTransformMatrix4x4": matrix_like().tolist()},
    } | changes
    kept = {key: value for key, value in entry.items() if value is not None}
    return json.dumps({"TargetMarkers": [{"CoilTarget": kept}]})


BAD = [
    ("xml", "", "no XML"),
    ("xml", "hello", "no XML"),
    ("xml", MARKER[:-30], "cut short"),
    ("xml", '<?xml version="1.0" encoding="TF-8"?><a/>', "unknown encoding"),
    ("xml", '<?xml version="1.0" encoding="utf-7"?><a/>', "encoding"),
    ("xml", "<a/>", "<a> holds no coil poses"),
    ("xml", LAUGHS, "declares entities"),
    ("xml", OUTSIDE, "declares entities"),
    ("xml", "<a>" * 100 + "</a>" * 100, "deeper than"),
    ("xml", MARKER.replace('"RAS"', '"XYZ"'), "'XYZ'.*RAS and LPS"),
    ("xml", MARKER.replace(' coordinateSpace="RAS"', ""), "None.*--space"),
    ("xml", MARKER.replace("data23", "data99"), "'hotspot'.*lacks data23"),
    ("xml", MARKER.replace('data00="', 'data00="x'), "data00 is 'x"),
    ("xml", MARKER.replace('data00="', 'data00="-'), "pose 0 .'hotspot'."),
    ("xml", MARKER.replace('data13="', 'data13="1e999" x="'), "pose 0 .'hotspot'."),
    ("xml", MARKER.replace('data13="', 'data13="9999 '), "data13 is '9999 "),
    ("xml", MARKER.replace('data33="1.0"', 'data33="2.0"'), "0 0 0 1"),
    ("xml", MARKER.replace("Matrix4D", "Matrix3D"), "marker 0 has no Matrix4D"),
    ("xml", TRIGGERS.format(PULSE.replace("98768", "soon")), "trigger 0.*'soon'"),
    ("xml", TRIGGERS.format(PULSE.replace("84.0", "")), "response is ''"),
    ("xml", "<LocTMSTriggerData/>", "names no list"),
    (
        "xml",
        "<LocTMSTriggerData><fileReferencePath>../../etc/passwd</fileReferencePath>"
        "</LocTMSTriggerData>",
        "passwd, which is not in",
    ),
    ("stmpx", "<a/>", "no file of SofTaxic"),
    ("stmpx", '<stmp><fmp id="P"><fp m00="1"/></fmp></stmp>', "'P'.*lacks m01"),
    ("stmpx", LAUGHS, "declares entities"),
    (
        "txt",
        brainsight(ROW).replace("# Coordinate", "# Coordnate"),
        "Coordinate system",
    ),
    ("txt", brainsight(ROW.rsplit("\t", 3)[0]), "line 8 .*lacks m2n0"),
    ("txt", brainsight(ROW.replace("90.0000", "up")), "line 8.*'up'"),
    ("txt", brainsight(ROW.replace("90.0000", "nan")), "'M1'.*not finite"),
    ("txt", brainsight(ROW, "World"), "landmarks LPA and RPA"),
    ("txt", f"# Version: 12\n{AXES}\n{ROW}\n", "Coordinate system"),
    ("mrk", "", "no JSON"),
    ("mrk", "[" * 100_000, "no JSON"),
    ("mrk", "[]", "no TargetMarkers"),
    ("mrk", '{"TargetMarkers": 3}', "TargetMarkers in the file is no list"),
    ("mrk", '{"TargetMarkers": [3]}', r"TargetMarkers\[0\] has no CoilTarget"),
    ("mrk", target(CoilAxesConvention="ant"), "'ant'; known is simnibs"),
    ("mrk", target(PositionalUnit="feet"), "'feet'; known are mm and m"),
    ("mrk", target(CoilPose={}), "has no RigidTransformMatrix4x4"),
    ("mrk", target(CoilPose={"RigidTransformMatrix4x4": [[1]]}), "4×4 numbers"),
    ("mrk", target(CoilPose={"RigidTransformMatrix4x4": [["a"]]}), "4×4 numbers"),
    ("mrk", target(Name=None), r"TargetMarkers\[0\] has no Name"),
    ("json", '{"matsimnibs": [1], "names": 3}', "cannot be read as poses"),
    ("dat", "", "known are .xml, .stmpx, .mrk"),
]


@pytest.mark.parametrize(("ending", "content", "message"), BAD)
def test_a_malformed_file_is_refused(tmp_path, ending, content, message):
    file = tmp_path / f"poses.{ending}"
    file.write_text(content, encoding="utf-8")
    with pytest.raises((ValueError, FileNotFoundError), match=message) as raised:
        read_poses(file)
    assert str(file) in str(raised.value)


GOOD = {
    "xml": MARKER,
    "stmpx": '<stmp><fmp id="P"><fp m00="1" m01="0" m02="0" m10="0" m11="1" m12="0" '
    'm20="0" m21="0" m22="1" x="1" y="2" z="3"/></fmp></stmp>',
    "txt": brainsight(ROW),
    "mrk": target(),
}


@pytest.mark.parametrize("ending", GOOD)
@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damage_of_any_kind_is_an_error_that_names_the_file(tmp_path, ending, data):
    """Cut, flip and insert bytes: a reader gives poses or names the file."""
    content = bytearray(GOOD[ending].encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["cut", "flip", "insert"]))
        if kind == "cut":
            del content[at : at + data.draw(st.integers(1, 40))]
        elif kind == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        else:
            content[at:at] = data.draw(st.binary(max_size=5))
        content = content or bytearray(b" ")
    file = tmp_path / f"poses.{ending}"
    file.write_bytes(bytes(content))
    try:
        read_poses(file)
    except ValueError as error:
        message = str(error)
    else:
        message = str(file)
    assert str(file) in message


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"# Version: 12\n\xff\xfe\xb0")
    with pytest.raises(ValueError, match="UTF-8"):
        read_poses(tmp_path / "x.txt")


def test_writers_refuse_what_they_cannot_say(tmp_path):
    poses = PoseList.of_matrices(matrix_like(), ["#1"])
    with pytest.raises(ValueError, match="begins with #"):
        navigation.write_brainsight(tmp_path / "x.txt", poses)
    with pytest.raises(ValueError, match="12 or 14"):
        navigation.write_brainsight(tmp_path / "x.txt", poses, version=3)
    with pytest.raises(ValueError, match="RAS or LPS"):
        navigation.write_localite(tmp_path / "x.xml", poses, space="ASL")
    with pytest.raises(ValueError, match="no qform"):
        navigation.write_ant(tmp_path / "x.mrk", poses, t1_image(code=0))
    with pytest.raises(ValueError, match="unknown kind"):
        navigation.write_matsimnibs(tmp_path / "x.dat", poses)
    with pytest.raises(OSError, match="not found"):
        navigation.write_matsimnibs(tmp_path / "none" / "x.txt", poses)
    assert list(tmp_path.iterdir()) == []


def test_names_lose_what_would_break_a_row(tmp_path):
    poses = PoseList.of_matrices(matrix_like(), ["a\tb\nc\0"])
    assert poses.names == ("a b c ",)


def naming(*names):
    paths = "".join(f"<fileReferencePath>{x}</fileReferencePath>" for x in names)
    return f"<LocTMSTriggerData>{paths}</LocTMSTriggerData>"


def test_files_that_name_one_another_are_read_once_each(tmp_path):
    (tmp_path / "list.xml").write_text(MARKER)
    (tmp_path / "loop.xml").write_text(naming("data.xml", "list.xml"))
    names = ["list.xml", "loop.xml", "list.xml", "loop.xml"]
    (tmp_path / "data.xml").write_text(naming(*names))
    assert len(read_poses(tmp_path / "data.xml")) == 1


def test_files_that_lead_nowhere_or_far_are_refused(tmp_path, monkeypatch):
    (tmp_path / "self.xml").write_text(naming("self.xml"))
    with pytest.raises(ValueError, match=r"self\.xml: it names itself"):
        read_poses(tmp_path / "self.xml")
    for step in range(26):
        (tmp_path / f"{step}.xml").write_text(naming(*[f"{step + 1}.xml"] * 2))
    (tmp_path / "26.xml").write_text(MARKER)
    read, real = [], localite.read_xml
    monkeypatch.setattr(localite, "read_xml", lambda x: read.append(x) or real(x))
    with pytest.raises(ValueError, match="more than 4 steps"):
        read_poses(tmp_path / "0.xml")
    assert len(read) == 5


@pytest.mark.parametrize("name", ["pose.txt", "pose.csv"])
def test_a_link_to_another_file_shows_nothing_of_it(tmp_path, name):
    (tmp_path / "secret").write_text("password\nhunter2 1 2 3\n")
    (tmp_path / name).symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="line 1 holds what is no number") as error:
        read_poses(tmp_path / name)
    assert "password" not in str(error.value)
    assert "hunter2" not in str(error.value)
