"""Help that cannot rot: examples are read; threads and devices are those asked for."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from cli_examples import one_line, refused, run

from tmsgrad.cli.arguments.examples import EXAMPLES, EXIT_CODES, words_of
from tmsgrad.cli.arguments.parser import parser
from tmsgrad.cli.arguments.tiers import BASIC
from tmsgrad.cli.arguments.verbs import verbs
from tmsgrad.cli.main import with_negative_values
from tmsgrad.cli.plans.file import StrictParser
from tmsgrad.cli.runtime.machine import choose_device
from tmsgrad.cli.runtime.notices import loudness
from tmsgrad.cli.runtime.progress import Progress


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture
def pose(tmp_path):
    np.savetxt(tmp_path / "pose.txt", np.diag([1.0, -1.0, -1.0, 1.0]))
    return tmp_path / "pose.txt"


def read(words):
    return parser(StrictParser).parse_args(with_negative_values(words))


def lines_of(text):
    """The command lines in a text, as a shell takes them."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in joined.splitlines() if line.strip().startswith("tmsgrad ")]


def test_each_command_has_examples_that_are_its_own():
    assert set(EXAMPLES) == {name for name, _ in verbs(parser())}
    for name, lines in EXAMPLES.items():
        assert 1 <= len(lines) <= 2
        for line in lines:
            assert read(words_of(line)).command == name


def test_the_help_ends_with_examples_that_a_shell_takes():
    for name, lines in EXAMPLES.items():
        result = run(*name.split(), "--help")
        assert result.status == 0
        end = result.out.partition("examples:\n")[2]
        assert [shlex.split(line) for line in lines_of(end)] == [
            shlex.split(line) for line in lines
        ]
    result = run("--help")
    assert EXIT_CODES in result.out
    for line in lines_of(result.out.partition("examples:\n")[2]):
        read(words_of(line))


def test_help_shows_what_most_need_and_help_all_the_rest():
    for name, verb in verbs(parser()):
        options = {word[2:] for a in verb._actions for word in a.option_strings}
        required = {a.option_strings[-1][2:] for a in verb._actions
                    if a.required and a.option_strings}  # fmt: skip
        if name not in BASIC:
            assert len(options) < 22, name
            continue
        basic = set(BASIC[name])
        assert len(basic) == len(BASIC[name]) <= 14
        assert required <= basic <= options
        short, full = run(*name.split(), "--help"), run(*name.split(), "--help-all")
        assert (short.status, full.status) == (0, 0)
        shown = lambda text: set(re.findall(r"^  (?:-h, )?--([\w-]+)", text, re.M))
        assert shown(short.out) == basic | {"help", "help-all"}
        assert shown(full.out) == options - {""}
        hidden = len(shown(full.out) - shown(short.out))
        assert f"{hidden} more options: tmsgrad {name} --help-all" in short.out
        for option in basic:  # What is hidden by --help must not stay so.
            assert f"--{option}" in full.out


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_command_lines_in_the_documentation_are_right(page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|bash)\n(.*?)```", text, flags=re.S)
    for line in lines_of("\n".join(blocks)):
        words = shlex.split(line, comments=True)[1:]
        if not {"--help", "--help-all", "--version"} & set(words):
            read(words)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("optimise", "did you mean optimize?"),
        ("coil inf", "did you mean info?"),
        ("coil info a b", "tmsgrad coil info: error: nothing is to be done with b"),
        ("coil info a --jsn", "there is no option --jsn; did you mean --json?"),
        ("coil info a --jsn=3", "there is no option --jsn; did you mean --json?"),
        ("coil info a --xyz", "there is no option --xyz\n"),
        ("simulate --order 3", "argument --order: invalid choice"),
    ],
)
def test_mistakes_are_explained_in_two_lines(line, shown):
    result = run(*line.split())
    assert result.status == 2
    assert shown in result.err
    assert len(result.err.splitlines()) == 2


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completions_know_the_commands(shell):
    result = run("completion", shell)
    assert result.status == 0
    for name, _ in verbs(parser()):
        for word in name.split():
            assert re.search(rf"\b{word}\b", result.out), word
    assert "search-radius" in result.out


def test_bash_completes_commands_actions_and_options(tmp_path):
    (tmp_path / "script").write_text(run("completion", "bash").out)
    for words, found in (
        (["opt"], "optimize"),
        (["head", "me"], "mesh"),
        (["optimize", "--search-r"], "--search-radius"),
        (["optimize", "--obj", ""], ""),
        (["simulate", "--order", ""], "1 2"),
    ):
        listed = " ".join(f"'{word}'" for word in ["tmsgrad", *words])
        script = (
            f"source {tmp_path}/script; COMP_WORDS=({listed}); COMP_CWORD={len(words)}; "
            '_shtab_tmsgrad; echo "${COMPREPLY[*]}"'
        )
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=True
        )
        assert found in done.stdout


COUNT = """
import json, os, sys
from tmsgrad.cli.main import main
assert "jax" not in sys.modules and "numpy" not in sys.modules
status = main(["pose", "info", sys.argv[1], "--quiet", "--threads", "1",
               "--device", "cpu"])
import jax, numpy, threadpoolctl
jax.jit(lambda x: x + 1)(1.0).block_until_ready()
names = [open(f"/proc/self/task/{task}/comm").read().strip()
         for task in os.listdir("/proc/self/task")]
from tmsgrad.efield.linear.products import core_count
print(json.dumps([status, names.count("tf_XLAEigen"), core_count(),
                  [pool["num_threads"] for pool in threadpoolctl.threadpool_info()],
                  jax.config.jax_platforms]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc")
def test_one_thread_is_one_thread_everywhere(pose):
    done = subprocess.run(
        [sys.executable, "-c", COUNT, pose], capture_output=True, text=True, check=True
    )
    # Quiet: nothing but what this test prints.
    (line,) = done.stdout.splitlines()
    status, of_xla, of_ours, pools, platforms = json.loads(line)
    assert status == 0
    assert of_xla == of_ours == 1
    assert pools
    assert set(pools) == {1}
    assert platforms == "cpu"


def test_what_cannot_be_chosen_is_refused(tmp_path):
    words = ["coil", "info", "magstim-70mm-double"]
    for name, value in (("--threads", "1"), ("--device", "cpu")):
        message = refused([*words, name, value], tmp_path, name, "before JAX")
        one_line(message)
    for name, value in (("--threads", "0"), ("--device", "tpu"), ("--device", "gpu:x")):
        refused([*words, name, value], tmp_path, name, value)
    if jax.default_backend() == "cpu":
        with pytest.raises(ValueError, match="JAX finds no GPU"):
            choose_device("gpu")


def test_verbose_shows_more_and_quiet_less(pose):
    loud = run("pose", "info", pose, "--verbose")
    assert "tmsgrad: tmsgrad 0" in loud.err
    assert "handle" in loud.out
    quiet = run("pose", "info", pose, "--quiet", "--json")
    assert quiet.json["system"] == "matsimnibs"
    assert len(quiet.out.splitlines()) == 1
    assert quiet.err == ""


def test_verbose_shows_the_time_of_each_stage(capsys):
    for verbose in (True, False):
        with loudness(quiet=False, verbose=verbose):
            progress = Progress()
            progress.stage("mesh", "meshing")
            progress.close()
        assert ("tmsgrad: mesh" in capsys.readouterr().err) == verbose
