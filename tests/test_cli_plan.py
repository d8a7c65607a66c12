"""Plan files: read, checked, saved, and run as their command line is."""

import errno
import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from cli_examples import contents, one_line, refused, run
from plan_examples import OPTIMIZE, TWO, options_of, plan, without_words

from tmsgrad.cli.arguments import words
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.arguments.verbs import verbs
from tmsgrad.cli.plans import journal, lines, record
from tmsgrad.cli.plans.file import read_plan


pytestmark = pytest.mark.usefixtures("program_settings")


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


@pytest.mark.parametrize(
    ("head", "more", "taken"),
    [
        ("template:30000", 'space = "mni"', False),
        ("m2m_ernie", 'space = "mni"', False),
        ("m2m_ernie", 'space = "head"', True),
        ("m2m_ernie", "", True),
        ("template:30000", "", False),
    ],
)
def test_images_in_mni_space_take_no_head_of_the_defaults(tmp_path, head, more, taken):
    text = (
        f'[defaults]\nhead = "{head}"\n[[run]]\ncommand = "target functional"\n'
        f'bold = "b.nii"\nout = "t"\n{more}\n[[run]]\ncommand = "optimize"\n'
        'coil = "magstim-70mm-double"\ntarget = [1, 2, 3]\nout = "p"\n'
    )
    first, second = plan(tmp_path, text).runs
    assert first.options.head == (str(tmp_path / head) if taken else None)
    assert second.options.head is not None
    named = text.replace("b.nii", "x_space-MNI152_bold.nii")
    first, _ = plan(tmp_path, named).runs
    assert (first.options.head is not None) == ("head" in more)


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


def test_a_head_may_be_what_an_earlier_run_makes_of_a_t1(tmp_path):
    (tmp_path / "T1.nii.gz").touch()
    segment = 'command = "head segment"\nt1 = "T1.nii.gz"\nout = "m2m_new"\n'
    optimize = OPTIMIZE.replace('"template"', '"m2m_new"')
    plan(tmp_path, f"[[run]]\n{segment}\n[[run]]\n{optimize}")
    result = run("plan", "--check", tmp_path / "plan.toml")
    assert result.status == 0, result.err
    assert f"optimize {tmp_path / 'm2m_new'}" in result.out
    plan(tmp_path, optimize)
    refused(["plan", "--check", tmp_path / "plan.toml"], tmp_path, "there is no")


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
    names |= {"FILE[:V/M]", "BASIS", "BIDS_DIR", "OUT_DIR", "LEFT", "TABLE"}
    for name, verb in verbs(parser()):
        for action in verb._actions:
            metavar = action.metavar
            first = metavar[0] if isinstance(metavar, tuple) else metavar
            assert first != "SEED" or action.type is words.seed, (name, action.dest)
            if action.type is words.seed:  # A file, a name or a point.
                continue
            meant = first in names | {"SPHERE"}
            assert (action.type in marks) == meant, (name, action.dest)
