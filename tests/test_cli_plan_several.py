"""Plans for several subjects and coils, and parts of them for jobs."""

import argparse
import sys
from pathlib import Path

import pytest
from cli_examples import one_line, refused, run
from plan_examples import plan

from tmsgrad.cli.plans.running import check_plan, run_plan
from tmsgrad.cli.runtime.outcome import Outcome


pytestmark = pytest.mark.usefixtures("program_settings")

GROUP = """[defaults]
subjects = "heads/m2m_*"
head = "heads/m2m_{subject}"
coil = ["MagStim_D70.ccd", "magventure-mc-b70"]

[[run]]
command = "coil show"
coil = "MagStim_D70.ccd"
out = "coil.png"

[[run]]
command = "optimize"
target = [1, 2, 3]
out = "{subject}-{coil}"

[[run]]
command = "pose convert"
file = "{subject}-{coil}/pose.txt"
to = "brainsight"
out = "{subject}-{coil}.txt"

[[run]]
command = "head info"
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("ernie", "anna"):
        (tmp_path / "heads" / f"m2m_{name}").mkdir(parents=True)
    return tmp_path


def names_of(found):
    return [Path(out).name for each in found for out in each.writes]


def test_each_run_is_done_for_each_subject_and_coil(folder):
    runs = plan(folder, GROUP).runs
    assert names_of(runs) == [
        "coil.png",
        *(f"{subject}-{coil}{ending}"
          for subject in ("anna", "ernie")
          for ending in ("", ".txt")
          for coil in ("MagStim_D70", "magventure-mc-b70")),
    ]  # fmt: skip
    found = [each for each in runs if each.options.command == "optimize"]
    for each, name in zip(found, ["anna", "anna", "ernie", "ernie"], strict=True):
        assert each.options.head == str(folder / "heads" / f"m2m_{name}")
        assert each.subject == name
    assert [Path(each.options.coil).name for each in found][:2] == [
        "MagStim_D70.ccd",
        "magventure-mc-b70",
    ]
    # A head is named by {subject} in the defaults: it is described once for each.
    assert [each.subject for each in runs[-2:]] == ["ernie", "ernie"] or [
        each.options.command for each in runs
    ].count("head info") == 2


def test_a_list_of_names_is_taken_in_its_order(folder):
    text = GROUP.replace('"heads/m2m_*"', '["ernie", "anna"]')
    subjects = [run.subject for run in plan(folder, text).runs if run.subject]
    assert list(dict.fromkeys(subjects)) == ["ernie", "anna"]


def test_the_pages_coils_stay_together(folder):
    text = (
        'command = "page"\nhead = "template"\ncoil = ["a.ccd", "b.ccd"]\n'
        'target = [1, 2, 3]\nout = "page.html"\n'
    )
    (found,) = plan(folder, text).runs
    assert found.options.coil == [str(folder / "a.ccd"), str(folder / "b.ccd")]


def test_parts_are_of_one_subject_or_of_one_run(folder):
    whole = plan(folder, GROUP)
    part = whole.only("2")
    assert part == whole.only("ernie")
    assert {run.subject for run in part.runs} == {"ernie"}
    assert part.beside("lock").name == ".plan.toml.2.lock"
    text = GROUP.replace("{subject}", "anna").replace('subjects = "heads/m2m_*"\n', "")
    assert names_of(plan(folder, text).only("2").runs) == ["anna-MagStim_D70"]
    for wrong in ("0", "3", "bert", "-1"):
        with pytest.raises(ValueError, match="has 2 subjects: anna, ernie"):
            whole.only(wrong)


def test_what_parts_have_done_is_finished_for_the_whole(folder):
    (folder / "in.msh").write_text("head")
    text = (
        '[defaults]\nsubjects = ["a", "b", "c"]\nhead = "in.msh"\n'
        '[[run]]\ncommand = "head convert"\nout = "{subject}.msh"\n'
    )
    done = []

    def do(options: argparse.Namespace) -> Outcome:
        done.append(Path(options.out).stem)
        Path(options.out).write_text(Path(options.head).read_text())
        return Outcome({})

    whole = plan(folder, text)
    for part in ("3", "1"):
        run_plan(whole.only(part), do)
    run_plan(whole, do)
    run_plan(whole.only("2"), do)
    assert done == ["c", "a", "b"]


def test_a_part_has_a_page_of_its_own(case, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        f'[defaults]\nsubjects = ["a", "b"]\n[[run]]\ncommand = "head convert"\n'
        f'head = "{case.head}"\nout = "{{subject}}.npz"\n'
    )
    assert run("plan", path, "--only", "b").status == 0
    assert not (tmp_path / "a.npz").exists()
    assert "(b.npz)" in (tmp_path / "plan.2.html").read_text()
    assert run("plan", path).status == 0
    assert "(a.npz)" in (tmp_path / "plan.html").read_text()
    refused(["plan", path, "--only", "4"], tmp_path, "--only 4", "has 2 subjects")


WRONG = {
    "no subjects": (GROUP.replace('subjects = "heads/m2m_*"\n', ""), "no subjects"),
    "no pattern": (GROUP.replace("m2m_*", "m2m"), "needs one *"),
    "two stars": (GROUP.replace("m2m_*", "*_*"), "needs one *"),
    "nothing of that name": (GROUP.replace("m2m_*", "sub-*"), "nothing has a name"),
    "a number": (GROUP.replace('"heads/m2m_*"', "3"), "takes names"),
    "no name": (GROUP.replace('"heads/m2m_*"', "[]"), "name each of them once"),
    "one twice": (
        GROUP.replace('"heads/m2m_*"', '["anna", "anna"]'),
        "name each of them once",
    ),
    "a coil that is none": (
        GROUP.replace('"magventure-mc-b70"', "7"),
        "names of coils",
    ),
    "one output for two coils": (GROUP.replace("-{coil}", ""), "{coil} in its name"),
    "one output for two subjects": (
        GROUP.replace("{subject}-{coil}", "{coil}"),
        "{subject} or",
    ),
    "subjects that nobody is named by": (
        GROUP.replace("{subject}", "anna"),
        "no {subject} in any run",
    ),
    "a coil's name without a coil": (
        '[[run]]\ncommand = "head convert"\nhead = "a.msh"\nout = "{coil}.npz"\n',
        "but no coil",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_with_several_is_reported_with_its_line(folder, kind):
    text, needed = WRONG[kind]
    (folder / "plan.toml").write_text(text)
    said = refused(["plan", folder / "plan.toml"], folder, "plan.toml:", needed)
    one_line(said)


def test_sessions_are_done_for_each_subject(folder):
    text = GROUP.replace('heads/m2m_*"', 'heads/m2m_*"\nsessions = ["pre", "post"]')
    text = text.replace('coil = ["MagStim_D70.ccd", "magventure-mc-b70"]\n', "")
    text = text.replace(
        'command = "optimize"\n', 'command = "optimize"\ncoil = "magventure-mc-b70"\n'
    )
    text = text.replace("{coil}", "{session}")
    found = plan(folder, text).runs
    assert names_of(found)[1:] == [
        f"{subject}-{time}{ending}"
        for subject in ("anna", "ernie")
        for time in ("pre", "post")
        for ending in ("", ".txt")
    ]
    # What names no session is done once for each subject.
    assert [each.options.command for each in found].count("head info") == 2


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ('sessions = "pre"', "sessions takes names"),
        ('sessions = ["pre", "pre"]', "each once"),
        ('sessions = ["pre"]', "no {session} in any run"),
    ],
)
def test_wrong_sessions_are_refused(folder, line, needed):
    text = GROUP.replace('heads/m2m_*"', f'heads/m2m_*"\n{line}')
    (folder / "plan.toml").write_text(text)
    one_line(refused(["plan", folder / "plan.toml"], folder, "plan.toml:", needed))


def calls(work):
    """Count the functions that are called, of Python and of C."""
    count = 0

    def see(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_the_work_of_reading_and_checking_grows_as_the_runs_do(folder, capsys):
    def of(count):
        runs = "".join(
            f'[[run]]\ncommand = "optimize"\ntarget = [1, 2, {n}]\nout = "p{n}"\n'
            f'[[run]]\ncommand = "pose convert"\nfile = "p{n}/pose.txt"\n'
            f'to = "brainsight"\nout = "{n}.txt"\n'
            for n in range(count // 2)
        )
        head = '[defaults]\nhead = "heads"\ncoil = "magstim-70mm-double"\n'
        return lambda: check_plan(plan(folder, head + runs))

    few, many, most = (calls(of(count)) for count in (2, 50, 200))
    # What any plan takes is taken off; a square would give sixteen times as much.
    assert (most - few) / (many - few) < 4.5
