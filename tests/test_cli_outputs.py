"""No output is replaced in silence, by any command; a check of a head ends in a verdict."""

import argparse

import pytest
from cli_examples import run

from tmsgrad import meshing
from tmsgrad.cli import commands
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.arguments.verbs import verbs
from tmsgrad.cli.inputs.findings import verdict


WRITING = [
    name
    for name, verb in verbs(parser())
    if any(action.dest == "out" for action in verb._actions)
]


@pytest.mark.parametrize("command", [name for name in WRITING if name != "completion"])
@pytest.mark.parametrize("kind", ["file", "folder", "nothing", "empty"])
def test_every_command_says_what_it_replaces(
    command, kind, tmp_path, monkeypatch, capsys
):
    module, _, function = commands._PLACES[command].partition(":")
    place = f"tmsgrad.cli.commands.{module}.{function}"
    monkeypatch.setattr(place, lambda options: {"out": options.out})
    out = tmp_path / "out"
    if kind in ("folder", "empty"):
        out.mkdir()
    if kind != "empty" and kind != "nothing":
        (out / "a" if kind == "folder" else out).touch()
    commands.execute(argparse.Namespace(command=command, out=str(out), words=[]))
    said = f"{out} is there already; what has the same name is replaced."
    assert (said in capsys.readouterr().err) == (kind in ("file", "folder"))


def finding(severity, about="sliver"):
    return meshing.Finding(severity, about, "Something.", None)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([], "good"),
        ([meshing.Severity.NOTE], "good"),
        ([meshing.Severity.NOTE, meshing.Severity.WARNING], "usable"),
        ([meshing.Severity.WARNING, meshing.Severity.ERROR], "do not rely on it"),
    ],
)
def test_a_check_ends_with_a_verdict(found, word):
    assert verdict([finding(each) for each in found])[0] == word


@pytest.mark.usefixtures("program_settings")
def test_the_verdict_is_the_last_line(case):
    done = run("head", "check", case.head)
    assert done.out.splitlines()[-1].startswith("verdict          ")
