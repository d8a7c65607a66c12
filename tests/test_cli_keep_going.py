"""Plans of several heads: one that fails ends no night, steps have own names."""

import json

import pytest
from cli_examples import run

from tmsgrad.cli.inputs.stored import instead_of_fields
from tmsgrad.cli.runtime.naming import subject_name, target_name


PLAN = """
[[run]]
command = "head convert"
head = "{first}"
out = "one.npz"

[[run]]
command = "head convert"
head = "one.npz"
out = "two.npz"

[[run]]
command = "head convert"
head = "{case}"
out = "three.npz"
"""


@pytest.fixture
def plan(case, tmp_path):
    (tmp_path / "broken.msh").write_text("no mesh")
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(first="broken.msh", case=case.head))
    return path


@pytest.mark.usefixtures("program_settings")
def test_other_heads_go_on_after_one_that_fails(plan):
    done = run("plan", plan, "--json")
    assert done.status == 2
    assert (plan.parent / "three.npz").is_file()
    assert not (plan.parent / "two.npz").exists()
    assert "run 1 failed; the others go on." in done.err
    assert "broken.msh" in done.err
    assert "Traceback" not in done.err
    rows = [line for line in done.out.splitlines() if line[:2] in ("1.", "2.", "3.")]
    assert [row.split(": ")[1].split()[0] for row in rows] == ["failed", "not", "done"]
    assert "one.npz, which failed" in rows[1]
    assert "1 of 3 runs are finished" in done.out
    answer = json.loads(done.out.splitlines()[-1])
    assert answer["failed"]
    assert len(answer["runs"]) == 1
    assert plan.with_suffix(".html").is_file()
    again = run("plan", plan)
    assert "finished before" in again.out


@pytest.mark.usefixtures("program_settings")
def test_a_plan_stops_where_that_is_asked_for(plan):
    done = run("plan", plan, "--no-keep-going")
    assert done.status == 2
    assert not (plan.parent / "three.npz").exists()


@pytest.mark.usefixtures("program_settings")
def test_headings_and_captions_name_head_and_output(case, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        "\n".join(
            f'[[run]]\ncommand = "head convert"\nhead = "{case.head}"\nout = "{out}.npz"\n'
            for out in ("a", "b")
        )
    )
    assert run("plan", path).status == 0
    page = path.with_suffix(".html").read_text()
    for out in ("a", "b"):
        assert f"<h2>Files of spheres ({out}.npz)</h2>" in page


def test_heads_and_targets_have_names_of_their_own():
    assert subject_name("heads/m2m_ernie") == "ernie"
    assert subject_name("ernie.msh.gz") == "ernie"
    assert subject_name("template:300000") == "template:300000"
    assert target_name("m2m_ernie", "out/plan") == "ernie plan"
    assert target_name("m2m_ernie", "plan_ernie") == "plan_ernie"


@pytest.mark.parametrize("file", ["pulses.csv", "sweep.h5"])
def test_a_folder_without_fields_says_what_it_holds(tmp_path, file):
    for name in (file, "overview.png"):
        (tmp_path / name).touch()
    words = instead_of_fields(tmp_path)
    assert file in words
    assert "its picture is overview.png" in words


@pytest.mark.usefixtures("program_settings")
def test_the_catalogue_is_listed():
    done = run("coil", "list", "--json")
    assert done.status == 0
    names = json.loads(done.out.splitlines()[-1])["coils"]
    assert "magstim-70mm-double" in names
    assert done.out.splitlines()[: len(names)] == names
