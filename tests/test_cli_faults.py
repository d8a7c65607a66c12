"""Two processes at once, kills and signals, names that cannot be replaced, full disks."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_examples import contents, refused, run

import tmsgrad.cli.commands.simulate as simulation
from tmsgrad.cli.commands import simulate_prepare
from tmsgrad.cli.report import reporting
from tmsgrad.cli.runtime import interruption, ownership
from tmsgrad.cli.runtime.interruption import interruptible, uninterrupted
from tmsgrad.cli.runtime.ownership import output_folder
from tmsgrad.cli.runtime.rows import ROWS, Rows, open_rows, read_rows
from tmsgrad.disk.tables import write_table


pytestmark = pytest.mark.usefixtures("program_settings", "signals_heard")


# A process that owns an output folder, has written a file, and waits for what comes.
OWNER = """
import sys
out, sys.argv = sys.argv[1], ["tmsgrad", "pose", "info", "x.txt"]
from tmsgrad.cli import main
from tmsgrad.cli.runtime.outcome import Outcome
from tmsgrad.cli.runtime.ownership import output_folder

def command(options):
    with output_folder(out) as folder:
        (folder / "field.h5").write_text("half")
        print("there", flush=True)
        sys.stdin.read()
    return Outcome({})

main.commands.execute = command
sys.exit(main.main())
"""


@pytest.fixture
def owner(tmp_path):
    """Start a process that owns `out`, and end it in some way."""
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "there\n"

    def end(number):
        child.send_signal(number)
        return child.communicate()[1], child.returncode

    yield end
    child.kill()
    child.communicate()


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "hung up"),
    ],
)
def test_signals_end_a_command_as_ctrl_c_does(tmp_path, owner, number, status, word):
    said, ended = owner(number)
    assert ended == status
    assert said == f"tmsgrad: {word}; nothing was written.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_one_owner_until_that_dies(case, tmp_path, owner):
    out = tmp_path / "out"
    refused(case.simulate(out), tmp_path, f"--out {out}", "process", "writes there")
    assert (next(out.glob(".tmsgrad-*")) / "field.h5").read_text() == "half"
    owner(signal.SIGKILL)
    assert len(list(out.iterdir())) == 2
    with output_folder(str(out)) as folder:
        (folder / "a").write_text("whole")
    assert contents(out) == {"a": b"whole"}


def test_a_signal_waits_for_what_must_not_be_cut():
    before = signal.getsignal(signal.SIGTERM)
    done = []

    def work():
        with interruptible():
            with uninterrupted():
                signal.raise_signal(signal.SIGTERM)
                done.append("moved")
            done.append("never")

    with pytest.raises(interruption.TerminationError):
        work()
    assert done == ["moved"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_are_left_alone_where_they_are_ignored_and_in_threads():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    seen = []

    def work():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_an_interruption_that_a_library_turns_into_an_error_is_one(monkeypatch, case):
    def swallow(*_, **__):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("INTERNAL: callback failed") from None

    monkeypatch.setattr(simulate_prepare, "read_driven_coil", swallow)
    result = run(*case.simulate(case.folder / "none"))
    assert (result.status, result.err) == (
        130,
        "tmsgrad: interrupted; nothing was written.\n",
    )


def write_set(out):
    with output_folder(str(out)) as folder:
        for name in "abc":
            (folder / name).write_text("new")


def test_a_name_that_cannot_be_replaced_leaves_all_as_it_was(tmp_path):
    out = tmp_path / "out"
    (out / "b").mkdir(parents=True)
    (out / "a").write_text("old")
    with pytest.raises(ValueError, match=r"b cannot be replaced .* whole in") as error:
        write_set(out)
    kept = Path(str(error.value).partition("whole in ")[2].partition(":")[0])
    assert contents(kept) == dict.fromkeys("abc", b"new")
    assert {name for name in contents(out) if "/" not in name} == {"a", "b", kept.name}
    assert (out / "a").read_text() == "old"


def test_a_set_that_a_kill_left_half_moved_is_moved_by_the_next(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b").write_text("old")

    class KilledError(BaseException):
        pass

    real = os.replace

    def kill(source, target):
        if Path(source).name == "b" and Path(source).parent != out:
            raise KilledError
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(ownership.os, "replace", kill)
        # The process dies there: what an exception would clean up stays.
        patch.setattr(ownership.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KilledError):
            write_set(out)
    assert not (out / "b").exists()
    with output_folder(str(out)) as folder:
        (folder / "d").write_text("newer")
    assert contents(out) == dict.fromkeys("abc", b"new") | {"d": b"newer"}


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_reported_with_the_final_name(
    case, tmp_path, monkeypatch, named
):
    def full(path, *_, **__):
        name = [str(path)] if named else []
        raise OSError(errno.ENOSPC, "No space left on device", *name)

    monkeypatch.setattr(reporting, "write_json", full)
    monkeypatch.setattr(simulation, "_draw", lambda *_: None)
    message = refused(case.simulate(tmp_path / "out"), tmp_path, "No space left")
    name = "out/summary.json" if named else "out"
    assert message.endswith(f"error: {tmp_path}/{name}: No space left on device\n")


def test_a_small_disk_is_measured_in_its_own_unit(case, tmp_path, monkeypatch):
    usage = lambda _: SimpleNamespace(free=20_000)
    monkeypatch.setattr(simulate_prepare.shutil, "disk_usage", usage)
    refused(case.simulate(tmp_path / "out"), tmp_path, "B, but 20 kB are free")


def test_results_are_kept_where_the_picture_fails(case, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ValueError("there is no cortex to draw")

    monkeypatch.setattr(simulation, "write_overview", fail)
    monkeypatch.setattr(simulation, "look_at", fail)
    out = tmp_path / "out"
    result = run(*case.simulate(out), "--report")
    assert result.status == 0, result.err
    assert "overview.png cannot be made" in result.err
    assert "report.html cannot be made" in result.err
    assert not {"overview.png", "report.html"} & set(contents(out))
    warnings = json.loads((out / "summary.json").read_text())["warnings"]
    assert any("no cortex" in each for each in warnings)


COLUMNS = ["pose", "v"]


def some(*numbers):
    return [{"pose": i, "v": float(i)} for i in numbers]


def test_a_table_knows_which_rows_it_lacks_and_ends_in_order(tmp_path):
    rows = Rows(tmp_path, COLUMNS, "k", 6)
    rows.write(some(0, 1, 4))
    rows.close()
    with open_rows(tmp_path, COLUMNS, "k", 6) as again:
        assert again.missing().tolist() == [2, 3, 5]
        again.write(some(5, 2, 3))
    again.finish()
    assert [row["pose"] for row in read_rows(tmp_path)] == list("012345")
    assert contents(tmp_path).keys() == {ROWS}


@pytest.mark.parametrize("tail", [b"2,2", b"2,\xff\n", b"\0\0\0\0\n", b"2\n", b"9,1\n"])
def test_what_a_kill_left_of_a_row_is_computed_again(tmp_path, tail):
    rows = Rows(tmp_path, COLUMNS, "k", 4)
    rows.write(some(0, 1))
    rows.close()
    with (tmp_path / ROWS).open("ab") as file:
        file.write(tail)
    with open_rows(tmp_path, COLUMNS, "k", 4) as again:
        assert again.missing().tolist() == [2, 3]
        again.write(some(2, 3))
    assert [row["pose"] for row in read_rows(tmp_path)] == list("0123")


def test_rows_of_two_writers_are_refused_at_the_start_and_at_the_end(tmp_path):
    first, second = (Rows(tmp_path, COLUMNS, "k", 4) for _ in "ab")
    first.write(some(0, 1))
    second.write(some(0, 1, 2, 3))
    first.write(some(2, 3))
    with pytest.raises(ValueError, match="holds 8, 4 of them different"):
        first.check()
    first.close()
    second.close()
    with pytest.raises(ValueError, match="4 rows stand twice"):
        Rows(tmp_path, COLUMNS, "k", 4)


def test_texts_are_no_formulas_in_a_table_and_numbers_stay(tmp_path):
    names = ["=cmd|x!A0", "+1+cmd", "@SUM(A1)", "-2+3", "\t=1", "M1", "-5", 'a,"b"']
    numbers = [-1.5, 2, -3, 0.25, -1e-9, float("nan"), 7, 8]
    table = [{"pose": n, "v": v} for n, v in zip(names, numbers, strict=True)]
    write_table(tmp_path / "t.csv", COLUMNS, table)
    with (tmp_path / "t.csv").open(newline="") as file:
        found = list(csv.reader(file))[1:]
    expected = [f"'{name}" for name in names[:5]] + names[5:]
    assert [row[0] for row in found] == expected
    assert [row[1] for row in found] == [
        "-1.5",
        "2",
        "-3",
        "0.25",
        "-1e-09",
        "",
        "7",
        "8",
    ]
