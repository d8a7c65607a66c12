"""The program as a whole: processes, interruptions, failures, help."""

import jax
import numpy as np
import pytest
from cli_examples import (
    assert_fields,
    batch_of_one,
    contents,
    one_line,
    process,
    refused,
    run,
    stored,
)
from heads import boxed_coil

from tmsgrad import efield
from tmsgrad.cli.commands import simulate as simulation, simulate_prepare
from tmsgrad.cli.runtime.setup import set_up
from tmsgrad.coils import Pose


pytestmark = pytest.mark.usefixtures("program_settings")


def test_a_process_computes_in_double_precision_what_the_library_does(
    case, conductor, tmp_path
):
    result = process(*case.simulate(tmp_path / "out"), "--json")
    assert result.status == 0, result.err
    assert result.err == ""
    assert result.json["poses"] == 1
    pose = Pose.from_matsimnibs(np.loadtxt(case.pose))
    field = efield.solve(conductor, boxed_coil(), pose)
    found = stored(tmp_path / "out").arrays
    assert_fields(found, batch_of_one(field), pose.to_matsimnibs()[None])


def test_a_process_ends_with_status_2_and_one_line_for_bad_input(case, tmp_path):
    result = process(*case.simulate(tmp_path / "out", coil="no.ccd"))
    assert result.status == 2
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert "no.ccd" in result.err
    assert list(tmp_path.iterdir()) == []


def test_help_and_version_are_no_errors():
    for words in (["--help"], ["simulate", "--help"], ["--version"]):
        result = run(*words)
        assert result.status == 0
        assert "tmsgrad" in result.out


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ([], ["COMMAND"]),
        (["simulte"], ["simulte"]),
        (["head"], ["ACTION"]),
        (["simulate", "head.msh", "--coil", "c", "--out", "o"], ["--pose"]),
        (["simulate", "h", "--coil", "c", "--pose", "p", "--ou", "o"], ["--ou"]),
        (
            [
                *["simulate", "h", "--coil", "c", "--pose", "p", "--out", "o"],
                *["--didt", "-1"],
            ],
            ["--didt", "positive"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2", "--radius", "5"],
            ["--target", "three numbers"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2,x", "--radius", "5"],
            ["--target", "'x' is no number"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2,nan", "--radius", "5"],
            ["--target", "not finite"],
        ),
        (
            ["optimize", "h", "--coil", "c", "--target", "1,2,3", "--radius", "0"],
            ["--radius", "positive"],
        ),
    ],
)
def test_wrong_words_are_refused(tmp_path, monkeypatch, words, needed):
    monkeypatch.chdir(tmp_path)
    refused(words, tmp_path, "tmsgrad", *needed)


def test_negative_coordinates_are_no_options(case, tmp_path):
    # The target is far outside: the numbers have been understood before that is said.
    words = ["optimize", case.head, "--coil", case.coil, "--radius", "5"]
    for given in (["--target", "-40,30,-380"], ["--target=-40,30,-380"]):
        out = ["--out", tmp_path / "out"]
        refused([*words, *given, *out], tmp_path, "(-40, 30, -380) mm")


def test_an_output_folder_that_is_a_file_is_refused(case, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    refused(case.simulate(file), tmp_path, "--out", str(file), "a file")
    # Below a file nobody can write, not even root.
    message = refused(
        case.simulate(file / "a" / "b"), tmp_path, "--out", str(file), "cannot"
    )
    one_line(message)


def test_an_output_name_too_long_leaves_no_parents(case, tmp_path):
    refused(case.simulate(tmp_path / "new" / ("x" * 300)), tmp_path, "too long")


@pytest.mark.parametrize(
    ("moment", "exists"),
    [
        *[
            ("read_driven_coil", True),
            ("read_driven_coil", False),
            ("write_result", True),
        ],
        *[("write_overview", True), ("write_overview", False)],
    ],
)
def test_an_interruption_leaves_nothing(
    case, tmp_path, undrawn, monkeypatch, moment, exists
):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    of_reading = moment == "read_driven_coil"
    module = simulate_prepare if of_reading else simulation
    monkeypatch.setattr(module, moment, interrupt)
    out = tmp_path / "out"
    if exists:
        out.mkdir()
        (out / "pose.txt").write_text("old")
    before = contents(tmp_path)
    result = run(*case.simulate(out))
    assert result.status == 130
    assert "interrupted" in result.err
    assert contents(tmp_path) == before


def test_an_error_of_ours_is_called_one(case, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the solver gave up")

    monkeypatch.setattr(simulate_prepare, "read_driven_coil", fail)
    monkeypatch.delenv("TMSGRAD_DEBUG", raising=False)
    result = run(*case.simulate(tmp_path / "out"))
    assert result.status == 1
    assert "the solver gave up" in result.err
    assert "internal error: RuntimeError: the solver gave up" in result.err
    assert "TMSGRAD_DEBUG" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("TMSGRAD_DEBUG", "1")
    assert "Traceback" in run(*case.simulate(tmp_path / "out")).err


@pytest.mark.parametrize("own", [None, "chosen"])
def test_compiled_code_is_kept_where_the_user_says(tmp_path, monkeypatch, own):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("TMSGRAD_CACHE", str(tmp_path))
    if own:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", own)
    told = {}
    monkeypatch.setattr(jax.config, "update", told.__setitem__)
    set_up()
    assert told.pop("jax_enable_x64")
    folders = [] if own else [str(each) for each in tmp_path.iterdir()]
    assert [told[name] for name in told if name.endswith("_dir")] == folders
    assert bool(told) == (own is None)


def test_a_cache_that_cannot_be_written_is_said_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("TMSGRAD_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    set_up()
    said = capsys.readouterr().err
    assert said.count("cannot be written: compiled code is not kept") == 1
    assert said.count("\n") == 1
