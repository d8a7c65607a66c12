"""Commands that are killed just before a file gets its name.

What stood there stays, and the same command, given again, ends as if nothing had been.
"""

import subprocess
import sys

import numpy as np
import pytest
from cli_examples import contents, run
from heads import five_layers
from label_examples import five_balls, write_nifti

from tmsgrad import meshing


pytestmark = pytest.mark.usefixtures("program_settings")

# A process that runs the program, and waits where a file is to get a certain name.
WAITING = """
import os, sys
last, sys.argv = sys.argv[1], ["tmsgrad", *sys.argv[2:]]
replace = os.replace

def waits(draft, final):
    if os.path.basename(final) == last:
        print("there", flush=True)
        sys.stdin.read()
    replace(draft, final)

os.replace = waits
from tmsgrad.cli.main import main
sys.exit(main())
"""


def killed(last, *words):
    """Kill a command as it is about to give a file the name `last`."""
    child = subprocess.Popen(
        [sys.executable, "-c", WAITING, last, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    reached = "there\n" in iter(child.stdout.readline, "")
    child.kill()
    said = child.communicate()[1]
    assert reached, said


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return write_nifti(tmp_path_factory.mktemp("labels") / "a.nii.gz", five_balls())


@pytest.mark.parametrize("verb", ["mesh", "convert"])
def test_a_killed_command_leaves_the_file_that_was_there(tmp_path, labels, case, verb):
    out = tmp_path / "a.msh"
    words = {
        "mesh": ("head", "mesh", labels, "--out", out, "--tetrahedra", "10000"),
        "convert": ("head", "convert", case.head, out),
    }[verb]
    meshing.write_msh(out, five_layers())
    before = out.read_bytes()
    killed("a.msh", *words)
    assert out.read_bytes() == before
    assert len(contents(tmp_path)) == 2  # And the draft, which the next one removes.
    assert run(*words).status == 0
    assert list(contents(tmp_path)) == ["a.msh"]
    after = out.read_bytes()
    assert verb == "convert" or after != before
    assert run(*words).status == 0
    assert out.read_bytes() == after


@pytest.mark.long
def test_a_search_killed_between_two_files_ends_as_an_undisturbed_one(tmp_path, case):
    whole, half = tmp_path / "whole", tmp_path / "half"
    simple = ("--order", "1")  # A search of a second.
    assert run(*case.optimize(whole), *simple).status == 0
    killed("pose.txt", *case.optimize(half), *simple)
    assert not (half / "pose.txt").exists()
    assert not (half / "summary.json").exists()
    result = run(*case.optimize(half), *simple)
    assert result.status == 0, result.err
    assert set(contents(half)) == set(contents(whole))
    np.testing.assert_array_equal(
        np.loadtxt(half / "pose.txt"), np.loadtxt(whole / "pose.txt")
    )


def test_a_plan_that_was_killed_goes_on_with_the_run_that_was_cut(tmp_path, case):
    runs = "".join(
        f'[[run]]\ncommand = "head convert"\nout = "{name}.msh"\n' for name in "ab"
    )
    file = tmp_path / "plan.toml"
    file.write_text(f"[defaults]\nhead = '{case.head}'\n{runs}")
    killed("b.msh", "plan", file)
    first = (tmp_path / "a.msh").stat()
    assert not (tmp_path / "b.msh").exists()
    result = run("plan", file, "--json")
    assert result.status == 0, result.err
    assert [each["done"] for each in result.json["runs"]] == ["before", "now"]
    assert (tmp_path / "a.msh").stat().st_mtime_ns == first.st_mtime_ns
    assert (tmp_path / "b.msh").read_bytes() == (tmp_path / "a.msh").read_bytes()
