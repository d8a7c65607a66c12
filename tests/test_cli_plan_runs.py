"""Plans that are run: what is finished, what an input leads to, and the record."""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from cli_examples import run
from heads import write_coil
from plan_examples import plan

from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.plans import opened
from tmsgrad.cli.plans.file import read_plan
from tmsgrad.cli.plans.running import run_plan
from tmsgrad.cli.runtime.outcome import Outcome, StepWords
from tmsgrad.coils import navigation, stl


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture
def made(tmp_path):
    """A plan of two runs, and what does them: it writes their input, a line longer."""
    (tmp_path / "in.msh").write_text("head")
    text = '[defaults]\nhead = "in.msh"\n' + "".join(
        f'[[run]]\ncommand = "head convert"\nout = "{name}.msh"\n' for name in "ab"
    )
    done = []

    def do(options: argparse.Namespace) -> Outcome:
        done.append(Path(options.out).stem)
        Path(options.out).write_text(Path(options.head).read_text() + "\n")
        return Outcome({})

    return tmp_path, text, do, done


@pytest.mark.parametrize("hours", [-1e5, 1e5])
def test_a_clock_that_is_wrong_changes_nothing(made, hours):
    folder, text, do, _ = made
    again = lambda: run_plan(plan(folder, text), do).answer()["runs"]

    def set_time(name):
        os.utime(folder / name, ns=(0, max(0, int(1.7e18 + hours * 3.6e12))))

    set_time("in.msh")
    again()
    set_time("in.msh")  # The same content, on a day long before or after the results.
    assert [each["done"] for each in again()] == ["before", "before"]
    (folder / "in.msh").write_text("dead")  # Of the same length.
    set_time("in.msh")
    assert [each["done"] for each in again()] == ["now", "now"]


def test_finished_runs_are_left_out(made):
    folder, text, do, done = made
    again = lambda text=text: run_plan(plan(folder, text), do).answer()["runs"]
    assert [each["done"] for each in again()] == ["now", "now"]
    assert [each["done"] for each in again()] == ["before", "before"]
    assert done == ["a", "b"]
    (folder / "b.msh").unlink()
    again()
    (folder / "a.msh").write_text("another command's")
    again()
    assert done[2:] == ["b", "a"]
    (folder / "in.msh").write_text("dead")
    again()
    assert done[4:] == ["a", "b"]
    # Comments, order and the folder that it is run from are no settings.
    again("# a comment\n" + text.replace("in.msh", "./in.msh"))
    assert len(done) == 8
    again("# a comment\n\n" + text.replace("in.msh", "./in.msh"))
    assert len(done) == 8


def test_what_another_run_writes_into_its_folder_is_not_a_runs_own(tmp_path):
    (tmp_path / "in.msh").write_text("head")
    text = '[defaults]\nhead = "in.msh"\n' + "".join(
        f'[[run]]\ncommand = "{command}"\nout = "{out}"\n'
        for command, out in (
            ("head convert", "plan/a.msh"),
            ('optimize"\ncoil = "x.ccd"\ntarget = [1, 2, 3]\nradius = "5', "plan"),
            ("head convert", "plan/b.msh"),
        )
    )
    done = []

    def do(options: argparse.Namespace) -> Outcome:
        done.append(Path(options.out).name)
        out = Path(options.out)
        if out.name == "plan":
            out = out / "pose.txt"
        out.parent.mkdir(exist_ok=True)
        out.write_text("result")
        return Outcome({})

    for _ in range(2):
        run_plan(plan(tmp_path, text), do)
    assert done == ["a.msh", "plan", "b.msh"]
    (tmp_path / "plan" / "pose.txt").write_text("another command's")
    (tmp_path / "plan" / "b.msh").unlink()
    run_plan(plan(tmp_path, text), do)
    assert done[3:] == ["plan", "b.msh"]


def test_a_run_that_fails_or_is_interrupted_keeps_those_before(made, capsys):
    folder, text, do, done = made
    for problem in (KeyboardInterrupt, ValueError("b is bad"), {"failed": True}):

        def fail(options, problem=problem):
            if Path(options.out).stem == "a":
                return do(options)
            if isinstance(problem, dict):
                return Outcome(problem)
            raise problem

        if isinstance(problem, dict):
            assert run_plan(plan(folder, text), fail).answer()["failed"]
        else:
            with pytest.raises((KeyboardInterrupt, ValueError)):
                run_plan(plan(folder, text), fail)
    assert (
        "plan.toml:6: run 2 failed; 1 of 2 runs are finished" in capsys.readouterr().err
    )
    run_plan(plan(folder, text), do)
    assert done == ["a", "b"]


def test_what_a_finished_run_chose_is_remembered(made):
    folder, text, do, _ = made
    words = StepWords("Dose", "110%", "a threshold of 50%", "± 3%")
    chose = lambda options: Outcome(do(options).answer, words)
    results = [run_plan(plan(folder, text), chose).runs for _ in range(2)]
    assert [each.step for runs in results for each in runs] == 4 * [words]
    assert [each.answer for each in results[1]] == [None, None]
    # A record without the words would give a page without them.
    record = folder / ".plan.toml.done.json"
    content = json.loads(record.read_text())
    for about in content.values():
        del about["step"]["chosen"]
    record.write_text(json.dumps(content))
    again = run_plan(plan(folder, text), chose)
    assert None not in [each.answer for each in again.runs]


def test_a_record_that_is_damaged_costs_time_only(made):
    folder, text, do, done = made
    for content in ("", "[1]", '{"x": 3}', "{"):
        (folder / ".plan.toml.done.json").write_text(content)
        run_plan(plan(folder, text), do)
    assert len(done) == 8


class Companions(NamedTuple):
    """A run whose input leads to another file, and a change of that one."""

    text: str
    make: Callable[[Path], None]
    change: Callable[[Path], None]


def triggers(folder, shift=0.0):
    """A file of Localite's triggers, and the list that it names."""
    matrix = np.diag([1.0, -1.0, -1.0, 1.0])
    matrix[0, 3] = shift
    poses = navigation.PoseList.of_matrices(matrix[None])
    navigation.write_localite(folder / "TriggerMarkers_Coil0.xml", poses, triggers=True)
    (folder / "TriggerData.xml").write_text(
        "<LocTMSTriggerData><fileReferencePath>TriggerMarkers_Coil0.xml"
        "</fileReferencePath></LocTMSTriggerData>"
    )


def cased(folder, size=1.0):
    write_coil(folder).rename(folder / "c.ccd")
    corners, faces = stl.read_stl(folder / "boxed.stl")
    stl.write_stl(folder / "c.stl", size * corners, faces)
    (folder / "boxed.stl").unlink()


def uncased(folder):
    write_coil(folder).rename(folder / "c.ccd")
    for path in folder.glob("*.stl"):
        path.unlink()


COIL = 'command = "coil convert"\ncoil = "c.ccd"\nout = "c.tcd"\n'
COMPANIONS = {
    "a list that a file names": Companions(
        'command = "pose convert"\nfile = "TriggerData.xml"\nout = "t.txt"\n'
        'to = "brainsight"\n',
        triggers,
        lambda folder: triggers(folder, 10.0),
    ),
    "a casing beside a coil": Companions(
        COIL, cased, lambda folder: cased(folder, 1.1)
    ),
    "a casing that was not there": Companions(COIL, uncased, cased),
}


@pytest.mark.parametrize("kind", COMPANIONS)
def test_what_an_input_leads_to_is_an_input(tmp_path, kind):
    text, make, change = COMPANIONS[kind]
    make(tmp_path)
    plan(tmp_path, text)
    again = lambda: run("plan", tmp_path / "plan.toml", "--json").json["runs"][0][
        "done"
    ]
    assert (again(), again()) == ("now", "before")
    (tmp_path / "notes.txt").write_text("of no run")
    assert again() == "before"
    (before,) = (p.read_bytes() for p in map(Path, plan(tmp_path, text).runs[0].writes))
    change(tmp_path)
    assert (again(), again()) == ("now", "before")
    (after,) = (p.read_bytes() for p in map(Path, plan(tmp_path, text).runs[0].writes))
    assert after != before


def test_an_input_that_changes_during_its_run_is_read_again(made, capsys):
    folder, text, do, done = made

    def meddle(options):
        result = do(options)
        if len(done) == 1:
            (folder / "in.msh").write_text("another head")
        return result

    once = lambda: run_plan(plan(folder, text), meddle).answer()["runs"]
    again = lambda: [each["done"] for each in once()]
    assert again() == ["now", "now"]
    err = capsys.readouterr().err
    assert "plan.toml:3: " in err
    assert f"{folder}/in.msh changed while this run was going" in err
    assert again() == ["now", "before"]
    assert again() == ["before", "before"]
    assert (folder / "a.msh").read_text() == "another head\n"


def test_what_is_opened_is_seen_but_for_products_and_the_program(tmp_path, monkeypatch):
    compiled = tmp_path / "compiled"
    compiled.mkdir()
    (compiled / "one").write_text("5")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(compiled))
    ours, theirs, out = tmp_path / "in", tmp_path / "there", tmp_path / "out"
    ours.write_text("1")
    theirs.write_text("2")
    seen = opened.Opened([str(ours)], [str(out)], [str(out)])
    with opened.watching(seen):
        with theirs.open() as file:
            file.read()
        (tmp_path / "draft").write_text("3")
        (tmp_path / "draft").read_text()
        out.write_text("4")
        out.read_text()
        Path(opened.__file__).read_text(encoding="utf-8")
        sys.audit("open", str(tmp_path / "none"), "r", os.O_RDONLY)
        list((tmp_path).glob("*"))
        (compiled / "one").read_text()
        list(compiled.iterdir())
        with contextlib.suppress(FileNotFoundError):
            (tmp_path / "none").read_text()
    assert seen.files.keys() == {str(ours), str(theirs)}
    assert seen.changed() == []
    theirs.write_text("2!")
    assert seen.changed() == [str(theirs)]
    theirs.write_text("2")
    (tmp_path / "there.json").write_text("a companion")
    assert seen.changed() == [str(tmp_path / "there.*")]


def test_outputs_outside_of_the_plans_folder_are_named_before(made, tmp_path_factory):
    folder, text, do, _ = made
    there = tmp_path_factory.mktemp("elsewhere") / "b.msh"
    (folder / "plan.toml").write_text(text.replace('"b.msh"', f'"{there}"'))
    result = run("plan", "--check", folder / "plan.toml")
    assert f"plan.toml:6: writes outside of the plan's folder: {there}" in result.err
    assert "plan.toml:3" not in result.err
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        run_plan(read_plan(folder / "plan.toml", parser), do)
    assert f"outside of the plan's folder: {there}" in err.getvalue()


def test_a_plan_is_run_by_one_process_at_a_time(made):
    folder, text, do, done = made
    seen = []

    def run_again(options):
        try:
            run_plan(plan(folder, text), do)
        except ValueError as error:
            seen.append(str(error))
        return do(options)

    run_plan(plan(folder, text), run_again)
    assert done == ["a", "b"]
    assert all("plan.toml: process" in each for each in seen)
    assert len(seen) == 2
