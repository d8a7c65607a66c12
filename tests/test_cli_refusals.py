"""Heads, coils and plans that are refused."""

import os

import pytest
from cli_examples import one_line, refused, run


pytestmark = pytest.mark.usefixtures("program_settings")


TETS = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
5
1 0 0 0
2 40 0 0
3 0 40 0
4 0 0 40
5 40 40 40
$EndNodes
$Elements
{}
$EndElements
"""

BAD_HEADS = {
    "without tetrahedra": ("1\n1 2 2 1005 1 1 2 3", ["no tetrahedra"]),
    "unknown tag": (
        "2\n1 4 2 2 1 1 2 3 4\n2 4 2 77 1 2 3 4 5",
        ["77 (1 tetrahedra)", "Relabel"],
    ),
    "inverted": (
        "2\n1 4 2 2 1 1 2 3 4\n2 4 2 2 1 2 3 5 4",
        ["inverted", "number 1"],
    ),
    "zero volume": (
        "2\n1 4 2 2 1 1 2 3 4\n2 4 2 2 1 1 2 2 4",
        ["zero volume", "number 1"],
    ),
}


@pytest.mark.parametrize("kind", BAD_HEADS)
def test_a_bad_mesh_is_refused(case, tmp_path, kind):
    elements, needed = BAD_HEADS[kind]
    head = tmp_path / "head.msh"
    head.write_text(TETS.format(elements))
    for words in (
        case.simulate(tmp_path / "out", head=head),
        case.optimize(tmp_path / "out", head=head),
        ["head", "info", head],
    ):
        one_line(refused(words, tmp_path, str(head), *needed))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_truncated_mesh_is_refused(case, tmp_path, share):
    content = case.head.read_bytes()
    head = tmp_path / "head.msh"
    head.write_bytes(content[: int(share * len(content))])
    message = refused(case.simulate(tmp_path / "out", head=head), tmp_path, str(head))
    one_line(message)


@pytest.mark.parametrize("what", ["head", "coil", "pose"])
@pytest.mark.parametrize("name", ["absent.{}", "absent", "no/such/folder/file.{}"])
def test_a_missing_file_is_named(case, tmp_path, what, name):
    ending = {"head": "msh", "coil": "ccd", "pose": "txt"}[what]
    path = name.format(ending)
    words = case.simulate(tmp_path / "out", **{what: path})
    one_line(refused(words, tmp_path, path))


BAD_COILS = {
    "five columns": ("1\n0 0 0 0 0\n", ["line 2", "columns"]),
    "nan": ("1\n0 0 0 0 0 nan\n", ["line 2", "not finite"]),
    "millimetres": ("1\n35 0 0 0 0 1\n", ["line 2", "millimetres"]),
    "a small coil in millimetres": ("1\n-0.7 0 -7 0 0 1\n", ["millimetres"]),
    "words": ("1\n0 0 0 0 0 one\n", ["line 2", "six numbers"]),
    "nothing": ("", ["no dipoles"]),
    "cut short": ("3\n0 0 0 0 0 1\n", ["cut short"]),
}


@pytest.mark.parametrize("kind", BAD_COILS)
def test_a_bad_coil_file_is_refused(case, tmp_path, kind):
    content, needed = BAD_COILS[kind]
    coil = tmp_path / "coil.ccd"
    coil.write_text(content)
    for words in (
        case.simulate(tmp_path / "out", coil=coil),
        case.optimize(tmp_path / "out", coil=coil),
    ):
        one_line(refused(words, tmp_path, str(coil), *needed))


def test_an_unknown_coil_name_is_answered_by_the_nearest(case, tmp_path):
    words = case.simulate(tmp_path / "out", coil="magstim-70")
    message = refused(words, tmp_path, "magstim-70", "Did you mean")
    one_line(message)


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ({"target": "0,0,200"}, ["(0, 0, 200) mm", "head spans"]),
        ({"target": "0,0,0"}, ["no gray matter", "nearest is"]),
        ({"target": "0,0,75", "tissue": "eyes"}, ["no eyes", "its tissues are"]),
        ({"target": "0,0,75", "tissue": "stone"}, ["stone", "not known"]),
        ({"target": "0,0,90", "tissue": "scalp"}, ["--target", "outside the head"]),
        ({"direction": "0,0,0"}, ["direction", "zero"]),
        ({"search-radius": "300"}, ["radius"]),
        ({"distance": "300"}, ["distance"]),
    ],
)
def test_an_impossible_plan_is_refused(case, tmp_path, options, needed):
    words = case.optimize(tmp_path / "out", **options)
    *notes, last = refused(words, tmp_path, *needed).splitlines()
    one_line(last)
    assert all(each.startswith("tmsgrad: note: ") for each in notes)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes have names here")
def test_devices_and_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "a.msh")
    (tmp_path / "b.ccd").symlink_to("/dev/zero")
    for words in (
        ["head", "info", tmp_path / "a.msh"],
        ["coil", "info", tmp_path / "b.ccd"],
        ["coil", "show", tmp_path / "b.ccd", "--out", tmp_path / "out"],
    ):
        result = run(*words)
        assert result.status == 2
        assert "a device or a pipe" in result.err
    assert not (tmp_path / "out").exists()
