"""Plan files: read, checked, run, left out when finished, and saved."""

import argparse
import contextlib
import errno
import io
import json
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from cli_examples import contents, one_line, refused, run
from heads import write_coil

from tmsgrad.cli.arguments import words
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.arguments.verbs import verbs
from tmsgrad.cli.plans import journal, lines, opened, record
from tmsgrad.cli.plans.file import read_plan
from tmsgrad.cli.plans.running import run_plan
from tmsgrad.cli.runtime.outcome import Outcome, StepWords
from tmsgrad.coils import navigation, stl


OPTIMIZE = """command = "optimize"
head = "template"
coil = "magstim-70mm-double"
target = [-40, 30, 38]
radius = 5
out = "plan"
"""

TWO = """[defaults]
head = "heads/my.msh"
coil = "magstim-70mm-double"
radius = 5
target = [1, 2, 3]

[[run]]
command = "optimize"
target-mni = [4, 5, 6]
out = "best"

[[run]]
command = "simulate"
pose = "best/pose.txt"
out = "check"
"""


pytestmark = pytest.mark.usefixtures("program_settings")


def plan(folder, text, name="plan.toml"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return read_plan(folder / name, parser)


def options_of(line):
    return vars(parser().parse_args(shlex.split(line)))


def without_words(options):
    return {name: value for name, value in vars(options).items() if name != "words"}


def test_a_plan_says_what_a_command_line_does(tmp_path):
    text = OPTIMIZE + (
        'search_radius = 25\nreport = true\nrules = false\ngifti = ["mesh", "lh.gii"]\n'
        'avoid = [[1, 2, 3, 4], "5,6,7,8,90"]\nforbid = [1, 2, 3, 4]\n'
        'resample = ["a.gii", "b.gii"]\nuncertainty = true\nthresholds = [50, 100]\n'
    )
    (found,) = plan(tmp_path, text).runs
    line = (
        f"optimize template --coil magstim-70mm-double --target=-40,30,38 --radius 5 "
        f"--out {tmp_path}/plan --search-radius 25 --report --gifti mesh "
        f"--gifti {tmp_path}/lh.gii --avoid 1,2,3,4 --avoid 5,6,7,8,90 --forbid 1,2,3,4 "
        f"--resample {tmp_path}/a.gii {tmp_path}/b.gii --uncertainty --thresholds 50,100"
    )
    assert without_words(found.options) == options_of(line)
    assert without_words(parser().parse_args(found.options.words)) == options_of(line)


def test_runs_share_defaults_and_have_their_own(tmp_path):
    first, second = (found.options for found in plan(tmp_path, TWO).runs)
    assert first.target is None
    assert first.target_mni == (4.0, 5.0, 6.0)
    assert second.target == (1.0, 2.0, 3.0)
    assert first.head == second.head == str(tmp_path / "heads" / "my.msh")
    assert second.pose == str(tmp_path / "best" / "pose.txt")
    assert first.out == str(tmp_path / "best")


def test_files_of_maps_and_seeds_are_beside_the_plan(tmp_path):
    (tmp_path / "no.nii").touch()
    text = OPTIMIZE + 'avoid-map = ["no.nii:40", "maps/other.nii"]\n'
    (found,) = plan(tmp_path, text).runs
    expected = [(f"{tmp_path}/no.nii", 40.0), (f"{tmp_path}/maps/other.nii", None)]
    assert found.options.avoid_map == expected
    assert {f"{tmp_path}/no.nii", f"{tmp_path}/maps/other.nii"} < set(
        found.reads.values()
    )
    functional = 'command = "target functional"\nbold = "b.nii"\nout = "t"\nseed = '
    for given, meant in (
        ('"sgACC"', "sgACC"),
        ('"mask.nii.gz"', f"{tmp_path}/mask.nii.gz"),
        ("[6.5, 16, -10.5]", "6.5,16,-10.5"),
        ('"6.5,16,-10.5"', "6.5,16,-10.5"),
    ):
        (found,) = plan(tmp_path, functional + given).runs
        assert found.options.seed == meant


def test_what_a_plan_reads_and_writes_is_known(tmp_path):
    first, second = plan(tmp_path, TWO).runs
    assert sorted(second.reads.values()) == sorted(
        [
            str(tmp_path / "heads" / "my.msh"),
            "magstim-70mm-double",
            str(tmp_path / "best" / "pose.txt"),
        ]
    )
    assert first.writes == (str(tmp_path / "best"),)


MAPS = (
    OPTIMIZE.replace("radius = 5\n", "")
    .replace("target = [-40, 30, 38]", 'target-map = "target.nii"')
    .replace('out = "plan"', 'out = "plan"\navoid-map = ["spare.nii:60", "d/z.nii"]')
)


def test_maps_to_avoid_and_seeds_are_looked_for_and_watched(tmp_path):
    (found,) = plan(tmp_path, MAPS).runs
    assert found.reads["avoid-map 1"] == str(tmp_path / "spare.nii")
    (tmp_path / "target.nii").touch()
    words = ["plan", "--check", tmp_path / "plan.toml"]
    one_line(refused(words, tmp_path, "avoid-map", "spare.nii."))
    (tmp_path / "plan.toml").write_text(MAPS.replace(":60", ":-60"))
    one_line(refused(words, tmp_path, "plan.toml:6", "positive limit"))
    functional = 'command = "target functional"\nbold = "b.nii"\nout = "t"\nseed = '
    (found,) = plan(tmp_path, functional + '"mask.nii"').runs
    assert found.reads["seed 1"] == str(tmp_path / "mask.nii")
    (found,) = plan(tmp_path, functional + '"6,16,-10.5"').runs
    assert "seed 1" not in found.reads


WRONG = {
    "an unknown command": (
        OPTIMIZE.replace("optimize", "optimise"),
        [":1:", "'optimise'", "did you mean optimize?"],
    ),
    "an unknown key": (
        OPTIMIZE.replace("radius =", "\n# r\nradios =\\\n").replace("\\\n", ""),
        [":7:", "radios", "did you mean radius?"],
    ),
    "no number": (OPTIMIZE.replace("= 5", '= "five"'), [":5:", "radius", "'five'"]),
    "a switch as a number": (
        OPTIMIZE + "report = 1",
        [":7:", "report", "true or false"],
    ),
    "a number as a switch": (OPTIMIZE.replace("= 5", "= true"), [":5:", "radius"]),
    "a number as a name": (
        OPTIMIZE.replace('"plan"', "7"),
        [":6:", "out", "in quotes"],
    ),
    "two numbers for three": (
        OPTIMIZE.replace("-40, ", "\n"),
        [":4:", "target", "three numbers"],
    ),
    "not among the choices": (
        OPTIMIZE + "order = 3",
        [":7:", "order", "invalid choice"],
    ),
    "what is missing": (OPTIMIZE.replace('out = "plan"\n', ""), [":1:", "needs out"]),
    "a group without a choice": (
        OPTIMIZE.replace("target = [-40, 30, 38]\n", ""),
        [":1:", "target target-mni target-map is required"],
    ),
    "what excludes another": (
        OPTIMIZE + "target-mni = [1, 2, 3]",
        [":7:", "target-mni", "not allowed with"],
    ),
    "one key under two names": (
        OPTIMIZE + "search-radius = 1\nsearch_radius = 2",
        [":8:", "search_radius is given twice"],
    ),
    "no TOML": (OPTIMIZE + "order =", [":7:", "Invalid value"]),
    "no command": ("head = 'x'", [":1:", "needs a command"]),
    "nothing": ("", [":1:", "needs a command"]),
    "a plan in a plan": ('command = "run"\nplan = "x"', [":1:", "'run'"]),
    "one bracket": ("[run]\n" + OPTIMIZE, [":1:", "two brackets"]),
    "defaults alone": ("\n[defaults]\nhead = 'x'", [":2:", "no [[run]]"]),
    "a key beside runs": ("head = 'x'\n" + TWO, [":1:", "[defaults]"]),
    "a default that no command has": (
        TWO.replace("radius", "radios", 1),
        [":4:", "radios", "did you mean radius?"],
    ),
    "a wrong value in the second run": (
        TWO + "order = 'two'",
        [":16:", "order", "'two'"],
    ),
    "threads of one run": (TWO + "threads = 2", [":16:", "threads", "[defaults]"]),
    "no threads": (
        "[defaults]\nthreads = 0\n" + TWO[11:],
        [":2:", "threads", "positive"],
    ),
    "two runs into one folder": (
        TWO.replace("check", "./best"),
        [":12:", "run 2 writes to", "as run 1 does"],
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_reported_with_its_line(tmp_path, kind):
    text, needed = WRONG[kind]
    (tmp_path / "plan.toml").write_text(text)
    words = ["plan", tmp_path / "plan.toml"]
    one_line(refused(words, tmp_path, "plan.toml", *needed))


def test_no_text_and_no_file_are_refused(tmp_path):
    (tmp_path / "plan.toml").write_bytes(b"\xff\xff")
    one_line(refused(["plan", tmp_path / "plan.toml"], tmp_path, "no text in UTF-8"))
    one_line(refused(["plan", tmp_path / "absent.toml"], tmp_path, "absent.toml"))


def test_the_line_of_a_key_is_where_it_begins():
    text = 'a = """\nb = 1\n"""\n\n# b = 2\nb = [\n  1,\n]\n[[run]]\n[[run]]\nb = 3\n'
    found = lines.lines_of(text)
    assert lines.line_of(found, ("a",)) == 1
    assert lines.line_of(found, ("run", 1)) == 10
    assert lines.line_of(found, ("run", 1, "b")) == 11
    # Comments and blank lines before it are no part of it.
    assert lines.line_of(found, ("b",)) == 6
    # What is inside of a value begins where the value does.
    assert lines.line_of(found, ("b", 0)) == 6


@pytest.mark.parametrize(
    ("before", "at"),
    [
        ("'a=#[' = 1\n", ("z",)),
        ('"a\\" = ]" = "]#\\""\n', ("z",)),
        ("a = '''\nz = 0\n''''\n", ("z",)),
        ('a = """\n\\"""z = 0\n"""""\n', ("z",)),
        ("a = [ # z = [\n [1, ']'], # ]\n {z = 0} ]\n", ("z",)),
        ("a.b . 'c' = {d = [1, {z = 0}]} # z\n", ("z",)),
        ("[defaults] # z = 0\n", ("defaults", "z")),
        ("[[run]]\n [[ run ]]\n[run.'in ner'.b] # z\n", ("run", 1, "in ner", "b", "z")),
        ("[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]\n", ("a", 1, "b", 0, "z")),
    ],
)
def test_the_line_of_a_key_is_found_behind_everything_that_toml_has(before, at):
    text = f"\n{before} z = 0\n"
    there = tomllib.loads(text)
    for name in at:
        there = there[name]
    assert there == 0
    line = before.count("\n") + 2
    assert lines.line_of(lines.lines_of(text), at) == line


def test_a_long_plan_is_read_once(tmp_path, monkeypatch):
    text = "[defaults]\n" + TWO[TWO.index("head") : TWO.index("[[run]]")]
    run_ = '[[run]]\ncommand = "simulate"\npose = "a.txt"\nout = "out-{}"\n'
    parsed = []
    real = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda x: (parsed.append(len(x)), real(x))[1])
    sizes = []
    for count in (20, 40):
        whole = text + "".join(map(run_.format, range(count)))
        parsed.clear()
        found = plan(tmp_path, whole)
        assert [run.place.rpartition(":")[2] for run in found.runs] == [
            str(text.count("\n") + 1 + 4 * number) for number in range(count)
        ]
        sizes.append(sum(parsed))
        assert sizes[-1] < 3 * len(whole)
    assert sizes[1] < 2 * sizes[0]


def test_the_check_looks_for_files(tmp_path):
    (tmp_path / "heads").mkdir()
    plan(tmp_path, TWO)
    words = ["plan", "--check", tmp_path / "plan.toml"]
    one_line(refused(words, tmp_path, "plan.toml:7", "head", "my.msh"))
    (tmp_path / "heads" / "my.msh").touch()
    # A pose that does not exist yet is what the first run will write.
    result = run(*words)
    assert result.status == 0, result.err
    assert "2 runs, nothing wrong was found" in result.out
    for text, needed in (
        (OPTIMIZE.replace("magstim-70mm-double", "magstim-70"), "Did you mean"),
        (OPTIMIZE.replace('"template"', '"tempate"'), "tempate is neither"),
    ):
        plan(tmp_path, text)
        one_line(refused(words, tmp_path, "plan.toml:1", needed))


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


def test_what_is_opened_is_seen_but_for_products_and_the_program(tmp_path):
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


def test_brackets_without_end_are_refused(tmp_path):
    (tmp_path / "plan.toml").write_text("a=" + "[" * 100_000)
    one_line(refused(["plan", tmp_path / "plan.toml"], tmp_path, "nested too deeply"))


def test_a_plan_runs_as_its_command_line_does(tmp_path):
    np.savetxt(tmp_path / "in.txt", np.diag([1.0, -1.0, -1.0, 1.0]))
    text = '[[run]]\ncommand = "pose convert"\nfile = "in.txt"\nout = "a.xml"\n'
    text += 'to = "localite"\n[[run]]\ncommand = "pose info"\nfile = "a.xml"\n'
    plan(tmp_path, text)
    words = ["plan", tmp_path / "plan.toml", "--json"]
    result = run(*words)
    assert result.status == 0, result.err
    assert "run 2 of 2: tmsgrad pose info" in result.out
    line = [
        "pose",
        "convert",
        tmp_path / "in.txt",
        tmp_path / "b.xml",
        "--to",
        "localite",
    ]
    assert run(*line).status == 0
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()
    again = run(*words, "--quiet")
    assert [each["done"] for each in again.json["runs"]] == ["before", "now"]
    assert len(again.out.splitlines()) == 1


def test_a_plan_shows_what_its_steps_chose(tmp_path):
    mne = pytest.importorskip("mne")
    time = np.arange(70 * 250) / 250
    noise = 0.3 * np.random.default_rng(0).normal(size=(3, len(time)))
    info = mne.create_info(["O1", "Oz", "O2"], 250.0, "eeg")
    signals = (np.sin(2 * np.pi * 9.6 * time) + noise) * 1e-5
    raw = mne.io.RawArray(signals, info, verbose="error")
    raw.save(tmp_path / "rest_raw.fif", verbose="error")
    np.savetxt(tmp_path / "in.txt", np.diag([1.0, -1.0, -1.0, 1.0]))
    text = '[[run]]\ncommand = "eeg alpha"\nrecording = "rest_raw.fif"\nout = "alpha"\n'
    text += '[[run]]\ncommand = "pose convert"\nfile = "in.txt"\nout = "a.xml"\n'
    plan(tmp_path, text + 'to = "localite"\n')
    words = ["plan", tmp_path / "plan.toml", "--json"]
    result = run(*words)
    assert result.status == 0, result.err
    shown = json.loads((tmp_path / "plan.json").read_text())
    assert "no medical device" in shown["note"]
    timing, files = shown["steps"]
    assert (timing["step"], timing["command"]) == ("Timing", "eeg alpha")
    assert timing["chosen"] == "9.6 Hz (-0.4 Hz from 10 Hz)"
    assert "3 of 3 channels" in timing["evidence"]
    assert "halves 9.60 and 9.60 Hz" in timing["uncertainty"]
    assert files == {
        "step": "Files",
        "command": "pose convert",
        "chosen": "",
        "evidence": "",
        "uncertainty": "",
        "outputs": ["a.xml"],
    }
    page = (tmp_path / "plan.html").read_text(encoding="utf-8")
    assert "For research use only" in page
    assert timing["chosen"] in page
    assert 'href="alpha"' in page
    assert "@@" not in page
    # What is finished is not done again, nor shown again.
    (tmp_path / "plan.html").unlink()
    again = run(*words)
    assert [each["done"] for each in again.json["runs"]] == ["before", "before"]
    assert (tmp_path / "plan.html").read_text(encoding="utf-8") == page


def test_a_plan_in_a_folder_that_is_read_only_does_its_runs(tmp_path, monkeypatch):
    (tmp_path / "in.txt").write_text("1 0 0 9\n0 1 0 9\n0 0 1 9\n0 0 0 1\n")
    text = '[[run]]\ncommand = "pose convert"\nfile = "in.txt"\nto = "localite"\n'
    plan(tmp_path / "plans", text.replace("in.txt", "../in.txt") + 'out = "../a.xml"\n')
    fail = lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EROFS, "Read-only"))
    monkeypatch.setattr(record, "write_whole", fail)
    monkeypatch.setattr(journal, "write_page", fail)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    result = run("plan", tmp_path / "plans" / "plan.toml", "--json")
    assert result.status == 0, result.err
    assert "finished runs cannot be remembered (Read-only)" in result.err
    assert "cannot be written beside it (Read-only)" in result.err
    assert "report" not in result.json
    assert (tmp_path / "a.xml").is_file()
    assert set(contents(tmp_path / "plans")) == {"plan.toml"}


# Does the first run of a plan, and waits in the second.
KILLED = """
import sys
from pathlib import Path
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.plans.file import read_plan
from tmsgrad.cli.plans.running import run_plan
from tmsgrad.cli.runtime.outcome import Outcome

def do(options):
    if options.out.endswith("b.xml"):
        print("there", flush=True)
        sys.stdin.read()
    Path(options.out).write_text("whole")
    return Outcome({})

run_plan(read_plan(Path(sys.argv[1]), parser), do)
"""


def test_a_plan_that_was_killed_goes_on_where_it_was(tmp_path):
    (tmp_path / "in.txt").write_text("1 0 0 9\n0 1 0 9\n0 0 1 9\n0 0 0 1\n")
    text = '[[run]]\ncommand = "pose convert"\nfile = "in.txt"\nto = "localite"\n'
    both = (text + 'out = "a.xml"\n', text + 'out = "b.xml"\n')
    path = plan(tmp_path, "".join(both)).path
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    while child.stdout.readline() != "there\n":
        assert child.poll() is None
    assert run("plan", path).status == 2
    assert not (tmp_path / "b.xml").exists()
    child.kill()
    child.communicate()
    result = run("plan", path)
    assert result.status == 0, result.err
    assert "run 1 of 2 is finished" in result.out
    assert (tmp_path / "a.xml").read_text() == "whole"
    assert "<InstrumentMarkerList" in (tmp_path / "b.xml").read_text()
    assert not [name for name in contents(tmp_path) if "lock" in name]


@pytest.mark.parametrize(
    "line",
    [
        "optimize template:20000 --coil magstim-70mm-double --target=-40,30,38 --radius 5 "
        "--avoid 1,2,3,4 --avoid 5,6,7,8,90 --gifti --uncertainty 0.1 --order 2 --report "
        "--resample a.gii b.gii --around F3 --out plan --threads 2 --device cpu",
        "simulate m.msh --coil my.ccd --eeg C3,CP3 --didt 1e6,5e5 --out 'a b\"c\\'",
        "head mesh labels.nii --size gm=2,scalp=8 --out head.msh",
        "coil join a.ccd b.ccd --out both.tcd",
        "validate self --quick",
        "target functional --bold b.nii --seed m/seed.nii --out t",
        "target functional --bold b.nii --seed=-6,16,-10.5 --out t",
        "optimize h.msh --coil my.ccd --target-map t.nii --out plan "
        "--avoid-map spare.nii:60 --avoid-map z.nii",
    ],
)
def test_a_command_line_is_saved_as_a_plan(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    Path("my.ccd").touch()
    Path("plans").mkdir()
    given = shlex.split(line)
    result = run(*given, "--save-plan", "plans/plan.toml")
    assert result.status == 0, result.err
    assert set(contents(tmp_path)) == {"my.ccd", "plans", "plans/plan.toml"}
    saved = read_plan(Path("plans/plan.toml"), parser)
    (found,) = saved.runs
    expected = options_of(shlex.join(given)) | {"threads": None, "device": None}
    named = {"head", "coil", "coils", "labels", "out", "gifti", "resample", "bold"}
    named = (named | {"seed", "target_map", "avoid_map"}) & set(expected)
    assert {
        k: v for k, v in without_words(found.options).items() if k not in named
    } == {k: v for k, v in expected.items() if k not in named}
    for name in named:
        got, meant = getattr(found.options, name), expected[name]
        assert same_places(got, meant), (got, meant)
    asked = {"threads": 2, "device": "cpu"} if "--threads" in line else {}
    assert saved.program == asked


def same_places(got, meant):
    if got is None or isinstance(got, float) or isinstance(meant, float):
        return got == meant
    if isinstance(got, list | tuple):
        return len(got) == len(meant) and all(map(same_places, got, meant))
    return got == meant or Path(got).resolve() == Path(meant).resolve()


def test_a_plan_is_not_written_over(tmp_path):
    (tmp_path / "plan.toml").write_text("mine")
    for name, needed in (
        ("plan.toml", "such a file"),
        ("plan.txt", ".toml"),
        ("no/plan.toml", "not found"),
    ):
        words = ["coil", "info", "c", "--save-plan", tmp_path / name]
        one_line(refused(words, tmp_path, "--save-plan", needed))


def test_each_argument_that_names_a_file_is_marked_as_one():
    # Else it would not be looked for in the plan's folder.
    marks = {words.path, words.source, words.output, words.avoided_map}
    names = {
        "FILE",
        "DIR",
        "HEAD",
        "COIL",
        "C",
        "OUT",
        "IMAGE",
        "T1",
        "SURFACE",
        "PLAN",
    }
    names |= {"LABELS", "PATH", "T", "RESULT", "TSV", "M2M", "REGION"}
    names |= {"FILE[:V/M]"}
    for name, verb in verbs(parser()):
        for action in verb._actions:
            metavar = action.metavar
            first = metavar[0] if isinstance(metavar, tuple) else metavar
            assert first != "SEED" or action.type is words.seed, (name, action.dest)
            if action.type is words.seed:  # A file, a name or a point.
                continue
            meant = first in names | {"SPHERE"}
            assert (action.type in marks) == meant, (name, action.dest)
