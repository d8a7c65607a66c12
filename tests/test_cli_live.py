"""`tmsgrad live`: sources, the record, and what is refused."""

import argparse
import json
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from cli_examples import SHEAR, refused, run
from heads import five_layers, pose_over, scalp_of_five_layers
from websockets.sync.client import connect
from websockets.typing import Origin

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.cli.arguments import live_options
from tmsgrad.cli.live.opening import open_source
from tmsgrad.cli.live.registering import read_registration
from tmsgrad.cli.runtime.notices import warn
from tmsgrad.coils import PoseList, navigation
from tmsgrad.optimize import live
from tmsgrad.optimize.live.figures import Figures
from tmsgrad.optimize.live.record import COLUMNS, AppendedTable, Record
from tmsgrad.optimize.live.sources import Complaints, Replay, running


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture(scope="module")
def basis(case, conductor, program_settings, tmp_path_factory):
    file = tmp_path_factory.mktemp("live-basis") / "basis.h5"
    small = optimize.placements(
        scalp_of_five_layers(), [0.03, -0.02, 0.05], 15e-3, distances=(0.0, 10e-3)
    )
    gray = meshing.region(five_layers(), five_layers().tags == 2)
    made = efield.reduce(
        *(conductor, coils.read(case.coil), small, gray),
        growth=efield.Growth(tolerance=2e-2, unseen=4),
        about={"head": "spheres", "tissue": "gray matter"},
    )
    efield.write_reduced(file, made)
    return file


def words(case, basis, source, out, *more):
    return [
        *("live", case.head, f"--coil={case.coil}", "--target=30,-20,50", "--radius=8"),
        *("--search-radius=15", "--reduced", basis, "--from", source, "--out", out),
        *("--didt=65", *more),
    ]


@pytest.fixture(scope="module")
def session(case, basis, tmp_path_factory):
    """Some recorded pulses near the target, replayed."""
    folder = tmp_path_factory.mktemp("session")
    start = np.array(pose_over([0.55, -0.35, 0.9], 0.4).to_matsimnibs())
    start[:3, 3] *= 1e-3
    walk = live.walk(start, 0.09, 20.0, live.Walk(reach=8e-3, dropouts=0.0))
    matrices = np.array([next(walk) for _ in range(5)])
    earlier = Record(folder, None, "coil", (0.03, -0.02, 0.05), 0.0)
    for number, matrix in enumerate(matrices):
        at = live.TrackedPose(matrix, number / 20)
        pulse = live.Pulse(number / 20, "key", at)
        earlier.write(pulse, answer_of(matrix), "live")
    earlier.close()
    (folder / "pulses.csv").rename(folder / "session.csv")
    recorded = coils.read_poses(folder / "session.csv")
    result = run(
        *words(case, basis, f"replay:{folder / 'session.csv'}", folder / "out"),
        *("--bids", "sub-01_task-tms", "--json"),
    )
    assert result.status == 0, result.err
    return folder / "out", result, recorded


@pytest.mark.long
def test_each_pulse_has_its_own_pose_in_the_record(session):
    folder, result, recorded = session
    found = coils.read_poses(folder / "pulses.csv")
    np.testing.assert_allclose(found.matrices(), recorded.matrices(), atol=1e-5)
    np.testing.assert_array_equal(found.current_rates, 65e6)
    assert set(found.groups) == {"pulse"}
    assert (np.diff(found.times) > 0).all()
    assert result.json["pulses"] == 5
    assert result.json["poses"]["received"] == 5
    assert json.loads((folder / "live.json").read_text())["pulses"] == 5


def test_what_was_shown_is_what_simulate_computes_of_the_record(
    session, case, conductor, target
):
    folder = session[0]
    rows = table(folder / "pulses.csv", ",")
    poses = coils.read_poses(folder / "pulses.csv").poses
    reciprocal = efield.reciprocal(conductor, target)
    coil = coils.read(case.coil)
    means = efield.mean_fields(reciprocal, coil, poses, np.full(5, 65e6), 5)
    for row, mean in zip(rows, means, strict=True):
        assert row["state"] == "live"
        # The badge is of all gray matter: in a small part of it, such as the target, the
        # error may be larger, by up to 1.2 times between processors.
        error = float(row["estimated_error_of_basis"])
        assert error < 0.03
        norm = np.linalg.norm(mean)
        assert float(row["target_E_norm"]) == pytest.approx(norm, rel=1.5 * error)
        assert 0.5 < float(row["share_of_best"]) < 1.01


def table(path, separator="\t"):
    lines = path.read_text("utf-8").splitlines()
    names = lines[0].split(separator)
    return [dict(zip(names, x.split(separator), strict=True)) for x in lines[1:]]


def test_the_tables_of_bids_hold_matsimnibs_and_are_linked(session):
    folder, _, recorded = session
    markers = table(folder / "sub-01_task-tms_markers.tsv")
    events = table(folder / "sub-01_task-tms_events.tsv")
    (protocol,) = table(folder / "sub-01_task-tms_nibs.tsv")
    assert list(markers[0]) == list(navigation.BIDS_MARKER_COLUMNS)
    columns = [f"element_{axis}_" for axis in ("xdir", "ydir", "zdir", "centre")]
    found = [
        [[float(row[name + x]) for name in columns] for x in "xyz"] for row in markers
    ]
    np.testing.assert_allclose(found, recorded.matrices()[:, :3], atol=1e-5)
    assert [x["nibs_position_id"] for x in events] == [
        x["nibs_position_id"] for x in markers
    ]
    assert {x["nibs_event_id"] for x in events} == {protocol["nibs_event_id"]}
    assert float(protocol["stimulus_intensity"]) == 65e6
    units = json.loads((folder / "sub-01_task-tms_nibs.json").read_text())
    assert units["stimulus_intensity"]["Units"] == "A/s"


def test_a_record_is_not_written_over(session, case, basis):
    folder = session[0]
    source = f"replay:{folder.with_name('session.csv')}"
    found = run(*words(case, basis, source, folder))
    assert found.status == 2
    assert "earlier session" in found.err


def answer_of(matrix):
    return live.LiveAnswer(
        *(matrix, 65e6, np.ones(3), 80.0, 0.9, 120.0, np.array([0.03, 0.0, 0.05])),
        *(np.inf, 1e-3, 0.01, False, live.Advice(0.0, 0.0, 0.0, 0.0, 0.0)),
    )


def pulse_of(matrix):
    return live.Pulse(2.0, "key", live.TrackedPose(matrix, 1.99))


@pytest.fixture
def matrix():
    found = np.array(pose_over([0.2, 0.3, 1.0]).to_matsimnibs())
    found[:3, 3] *= 1e-3
    return found


def test_a_torn_last_row_is_left_out_wherever_it_is_torn(tmp_path, matrix):
    record = Record(tmp_path, None, "coil", (0.0, 0.0, 0.05), 0.0)
    for _ in range(3):
        record.write(pulse_of(matrix), answer_of(matrix), "live")
    record.close()
    whole = (tmp_path / "pulses.csv").read_bytes()
    begin = whole[:-1].rindex(b"\n") + 1
    for end in range(begin, len(whole)):
        (tmp_path / "torn.csv").write_bytes(whole[:end])
        found = coils.read_poses(tmp_path / "torn.csv")
        assert len(found) == 2
        assert bool(found.notes) == (end > begin)
    assert len(coils.read_poses(tmp_path / "pulses.csv")) == 3


def test_a_pulse_without_a_pose_is_a_row_that_readers_pass_over(tmp_path, matrix):
    record = Record(tmp_path, "sub-1", "coil", (0.0, 0.0, 0.05), 0.0)
    record.write(live.Pulse(1.0, "=cmd()", None), None, "waiting")
    row = record.write(pulse_of(matrix), answer_of(matrix), "live")
    record.close()
    assert list(row) == list(COLUMNS)
    found = coils.read_poses(tmp_path / "pulses.csv")
    assert (len(found), found.skipped) == (1, 1)
    assert "'=cmd()" in (tmp_path / "pulses.csv").read_text("utf-8")
    assert len(table(tmp_path / "sub-1_markers.tsv")) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("matsimnibs_11", "m11"), "matsimnibs_11"),
        (lambda text: text.replace("\n0,", "\n0,x", 1), "no number"),
        (lambda text: text.replace(",-1,", ",-2,"), "rigid"),
    ],
)
def test_a_record_that_was_edited_is_refused(tmp_path, change, said):
    record = Record(tmp_path, None, "coil", (0.0, 0.0, 0.05), 0.0)
    matrix = np.diag([1.0, -1.0, -1.0, 1.0])
    record.write(pulse_of(matrix), answer_of(matrix), "live")
    record.close()
    text = (tmp_path / "pulses.csv").read_text("utf-8")
    assert change(text) != text
    (tmp_path / "edited.csv").write_text(change(text), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        coils.read_poses(tmp_path / "edited.csv")


KILLED = """
import os, sys
from pathlib import Path
from tmsgrad.optimize.live.record import AppendedTable
table = AppendedTable(Path(sys.argv[1]), ["number", "text"])
for number in range(10**9):
    table.write({"number": number, "text": "x" * (number % 4000)})
    os.write(1, f"{number}\\n".encode())
"""


def test_no_acknowledged_row_is_lost_by_kill(tmp_path):
    """Whoever heard of a row finds it, whenever the writer was killed."""
    for count in (1, 30):
        path = tmp_path / f"{count}.csv"
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        heard = [writer.stdout.readline() for _ in range(count)]
        writer.send_signal(signal.SIGKILL)
        heard += writer.stdout.read().splitlines()
        writer.wait(30)
        writer.stdout.close()
        rows = path.read_bytes().split(b"\n")[1:-1]
        assert len(rows) >= len([x for x in heard if x.strip()])
        for number, row in enumerate(rows):
            assert row == f"{number},{'x' * (number % 4000)}".encode()


def test_a_table_is_not_begun_twice(tmp_path):
    AppendedTable(tmp_path / "a.csv", ["x"]).close()
    with pytest.raises(FileExistsError):
        AppendedTable(tmp_path / "a.csv", ["x"])


# Where poses come from.


def collected(source, count, inbox=None):
    """Let a source run until so many poses came or it ended."""
    inbox, complain = inbox or live.Inbox(), Complaints(warn)
    poses, pulses, ended = [], [], False
    with running(source, inbox, complain):
        while len(poses) < count and not ended:
            found = inbox.take(30.0)
            poses += [] if found.pose is None else [found.pose]
            pulses += found.pulses
            ended = found.ended
    return poses, pulses, complain


def test_a_replay_comes_at_the_times_of_the_record():
    matrices = np.tile(np.diag([1.0, -1.0, -1.0, 1.0]), (4, 1, 1))
    matrices[:, 0, 3] = range(4)
    poses = PoseList.of_matrices(matrices, times=[5.0, 5.01, 5.05, 5.06])
    inbox = live.Inbox()
    found, _, _ = collected(Replay("poses", poses), 99, inbox)
    assert inbox.received == 4
    last = found[-1]
    assert last.matrix[0, 3] == pytest.approx(3e-3)
    assert last.stamp == pytest.approx(0.06)


def test_a_simulated_tracker_is_in_the_frame_of_the_registration(rng, matrix):
    to_head = np.array(pose_over([0.3, 0.1, 1.0]).to_matsimnibs())
    to_head[:3, 3] *= 1e-3
    registration = live.Registration(to_head, to_head)
    source = open_source("simulate:4", "head", 1.0, registration, True)(matrix)
    (first, *_), _, _ = collected(source, 1)
    apart = registration(first.matrix)[:3, 3] - matrix[:3, 3]
    assert np.linalg.norm(apart) < 2e-3
    assert np.abs(first.matrix - matrix).max() > 0.01


def test_a_source_that_fails_says_so_and_ends():
    class Broken:
        name = "broken"

        def run(self, inbox, stop, complain):
            raise OSError("the cable is out")

    inbox = live.Inbox()
    with running(Broken(), inbox, complain := Complaints(warn)):
        assert inbox.take(30.0).ended
    assert complain.count == 1


def test_complaints_are_made_once_and_not_without_end(capsys):
    complain = Complaints(warn)
    for number in range(1000):
        complain("the same")
        complain(f"another {number}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 30
    assert lines[-1].endswith("counted only.")
    assert complain.count == 2000


def test_latencies_are_counted_and_memory_does_not_grow(matrix):
    figures = Figures(live.Inbox())
    for number in range(100):
        age = 0.030 if number >= 90 else 0.0104
        figures.add(live.Answered("live", answer_of(matrix), age, True, 1e-3, ()))
    late = figures.latencies
    assert late is not None
    assert late.median == pytest.approx(0.011)
    assert late.most == late.worst == pytest.approx(0.031)
    figures.add(live.Answered("live", None, 99.0, True, 99.0, ()))
    message = json.dumps(
        figures.message(live.Answered("waiting", None, np.inf, False, 0.0, ())),
        allow_nan=False,
    )
    assert json.loads(message)["age"] is None


# What is refused, before anything is computed.


def test_fiducials_and_matrices_are_read_and_checked(tmp_path, rng):
    head = 100 * rng.normal(size=(4, 3))
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    tracker = (head - [5, 6, 7]) @ turn
    file = tmp_path / "fiducials.csv"
    lines = ["name,x,y,z,X,Y,Z", "# by hand"]
    for name, *numbers in zip("abcd", *tracker.T, *head.T, strict=True):
        lines.append(",".join([name, *map(str, numbers)]))
    file.write_text("\n".join(lines))
    found = read_registration(None, str(file), None)
    np.testing.assert_allclose(found.to_head[:3, :3], turn, atol=1e-9)
    np.testing.assert_allclose(found.to_head[:3, 3], [5e-3, 6e-3, 7e-3], atol=1e-9)
    assert found.residual == pytest.approx(0, abs=1e-9)
    matrix = np.eye(4)
    matrix[:3, 3] = [10, 20, 30]
    np.savetxt(tmp_path / "m.txt", matrix)
    found = read_registration(str(tmp_path / "m.txt"), None, str(tmp_path / "m.txt"))
    np.testing.assert_allclose(found.to_head[:3, 3], [0.01, 0.02, 0.03])
    np.testing.assert_allclose(found.coil_to_tool, found.to_head)
    for wrong in ("a,1,2,3,4,5", "a,1,2,3,4,5,6\nb,1,2,x,4,5,6"):
        file.write_text("name,x,y,z,X,Y,Z\n" + wrong)
        with pytest.raises(ValueError, match=r"six numbers|three fiducials"):
            read_registration(None, str(file), None)


def test_wrong_input_is_refused_before_anything_is_computed(case, basis, tmp_path):
    sheared = np.eye(4)
    sheared[:3, :3] = SHEAR
    np.savetxt(tmp_path / "sheared.txt", sheared)
    out = tmp_path / "out"
    for source, more, said in (
        ("simulate:", ["--registration", tmp_path / "sheared.txt"], "shear"),
        ("simulate:", ["--tool", tmp_path / "missing.txt"], "missing.txt"),
        (f"replay:{tmp_path / 'missing.xml'}", [], "missing.xml"),
        ("simulate:x", [], "number"),
        ("camera", [], "no source"),
        ("simulate:", ["--bids", "../evil"], "BIDS"),
    ):
        refused(words(case, basis, source, out, *more), tmp_path, said)


@pytest.mark.usefixtures("signals_heard")
@pytest.mark.long
def test_a_viewer_records_a_pulse_and_an_interruption_keeps_it(case, basis, tmp_path):
    """The page's stream brings poses, and takes a pulse; Ctrl-C ends all in order."""
    command = [str(x) for x in words(case, basis, "simulate:", tmp_path / "out")]
    program = subprocess.Popen(
        [sys.executable, "-m", "tmsgrad.cli.main", *command, "--serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(240, program.kill)
    timer.start()
    try:
        assert program.stdout is not None
        line = next(x for x in iter(program.stdout.readline, "") if "token" in x)
        address = line.split()[1]
        host, _, token = address.removeprefix("http://").partition("/?")
        with connect(
            f"ws://{host}/poses?{token}", origin=Origin(f"http://{host}")
        ) as viewer:
            pose = wait_for(viewer, lambda x: x["kind"] == "pose" and x["rate"])
            viewer.send('{"kind":"pulse"}')
            later = wait_for(viewer, lambda x: x["pulses"] == 1)
        assert pose["state"] == "live"
        assert 0 < pose["share"] < 1.01
        assert later["received"] >= pose["received"]
        program.send_signal(signal.SIGINT)
        out, err = program.communicate()
    finally:
        timer.cancel()
        program.kill()
        program.wait()
    assert program.returncode == 130, err
    assert "1 pulses are kept" in err
    assert "Traceback" not in err
    assert "answered" in out
    assert json.loads((tmp_path / "out" / "live.json").read_text())["pulses"] == 1
    assert len(coils.read_poses(tmp_path / "out" / "pulses.csv")) == 1


def wait_for(viewer, good):
    """The first message that is good, of the next thousand."""
    for _ in range(1000):
        message = json.loads(viewer.recv(30))
        if good(message):
            return message
    raise AssertionError("no message is good")


def test_the_words_of_a_source_are_checked():
    assert live_options.source("simulate:") == "simulate:"
    for wrong in ("", "simulate", "ftp://x", "replay", "simulate:-1"):
        with pytest.raises(argparse.ArgumentTypeError):
            live_options.source(wrong)
