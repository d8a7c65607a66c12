"""Where people are computed: how many fit, workers that die, and jobs of queues."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from heads import five_layers

from tmsgrad import meshing
from tmsgrad.cli.cohort import engines
from tmsgrad.cli.cohort.engines import Queue
from tmsgrad.cli.cohort.memory import BASE, fitting_size, need_of, nodes_of
from tmsgrad.cli.cohort.work import Job, run_job


GB = 1 << 30
PLAN = """[defaults]
subjects = ["01", "02", "03", "04"]

[[run]]
command = "head convert"
head = "five.msh"
out = "{out}/five.npz"

[[run]]
command = "head convert"
head = "{out}/five.npz"
out = "{out}/five.vtu"
"""


def test_as_many_people_fit_as_memory_and_cores_allow():
    for needs, budget, cores, most, threads, expected in (
        ([2 * GB] * 24, 10 * GB, 16, None, None, (5, 2 * GB, 3)),
        ([2 * GB] * 24, 10 * GB, 2, None, None, (2, 5 * GB, 1)),
        ([2 * GB, 6 * GB], 10 * GB, 8, None, None, (1, 10 * GB, 8)),
        ([GB] * 3, 100 * GB, 16, None, None, (3, 100 * GB // 3, 5)),
        ([GB] * 30, 100 * GB, 16, 4, None, (4, 25 * GB, 4)),
        ([GB] * 30, 100 * GB, 16, None, 4, (4, 25 * GB, 4)),
        ([20 * GB], 10 * GB, 4, None, None, (1, 10 * GB, 4)),
    ):
        found = fitting_size(needs, budget, cores, most, threads)
        assert (found.workers, found.share, found.threads) == expected
        assert found.workers * found.share <= budget


@pytest.mark.parametrize("name", ["a.msh", "a.npz"])
def test_nodes_are_counted_without_reading_the_head(tmp_path, name):
    head = five_layers()
    meshing.write_head(tmp_path / name, head)
    assert nodes_of(str(tmp_path / name)) == len(head.nodes)
    # Of a head that is cut short as well: only its beginning is read.
    content = (tmp_path / name).read_bytes()
    if name.endswith(".msh"):
        (tmp_path / name).write_bytes(content[:2000])
        assert nodes_of(str(tmp_path / name)) == len(head.nodes)
    assert need_of(str(tmp_path / "none.msh")) == BASE
    assert nodes_of("template:100000") == pytest.approx(23_523, rel=0.1)


def job(folder: Path, code: str, limit: int | None = None) -> Job:
    command = (sys.executable, "-c", code, str(folder / "outcome.json"))
    return Job("sub-01", command, f"{folder}/a.log", f"{folder}/outcome.json", limit)


SAY = (
    "import sys, json; "
    "json.dump({{'failed': {}, 'reason': {!r}}}, open(sys.argv[1], 'w'))"
)


def test_a_process_says_itself_what_became_of_it(tmp_path):
    assert not run_job(job(tmp_path, SAY.format(False, "well"))).failed
    failed = run_job(job(tmp_path, SAY.format(True, "no head")))
    assert (failed.failed, failed.reason) == (True, "no head")
    # What an earlier process said is not taken for what this one did.
    silent = run_job(job(tmp_path, "import os, signal; os.kill(os.getpid(), 9)"))
    assert silent.failed
    assert str(tmp_path / "a.log") in silent.reason
    # The log keeps what others said: the reason is the last line of this one.
    loud = run_job(job(tmp_path, "print('1'); raise SystemExit('error: no head')"))
    assert "status 1: error: no head; see" in loud.reason
    silent = run_job(job(tmp_path, "raise SystemExit(3)"))
    assert "status 3: see" in silent.reason


def test_people_do_not_inherit_how_dask_trims_the_memory_of_workers(
    tmp_path, monkeypatch
):
    name = "MALLOC_TRIM_THRESHOLD_"
    code = f"import os; raise SystemExit(os.environ.get({name!r}, 'not set'))"
    monkeypatch.setenv(name, "65536")
    assert "not set" in run_job(job(tmp_path, code)).reason
    monkeypatch.setenv(name, "123456")  # The user's own.
    assert "123456" in run_job(job(tmp_path, code)).reason


def test_a_process_that_takes_more_than_its_share_is_ended(tmp_path):
    code = "import time; x = bytearray(300 << 20); time.sleep(60)"
    begun = time.monotonic()
    found = run_job(job(tmp_path, code, limit=150 << 20))
    assert time.monotonic() - begun < 50
    assert found.failed
    assert found.peak > 150 << 20
    assert "--memory" in found.reason


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_a_process_ends_with_the_one_that_started_it(tmp_path):
    child = (
        "from tmsgrad.cli.runtime.tether import hold; hold(); import os, sys, time; "
        "print(os.getpid(), flush=True); time.sleep(600)"
    )
    code = (
        "import subprocess, sys, time; "
        f"subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE); "
        "time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        parent.kill()
        for _ in range(300):
            try:
                os.kill(number, 0)
            except ProcessLookupError:
                break
            # A zombie of a container without a reaper is dead, too.
            if Path(f"/proc/{number}/stat").read_text().split()[2] == "Z":
                break
            time.sleep(0.1)
        else:
            os.kill(number, signal.SIGKILL)
            pytest.fail("it lives on")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("slurm", ("#SBATCH", "--mem=4G", "-p long", "01:30:00", "--cpus-per-task=3")),
        ("pbs", ("#PBS", "-q long", "select=1:ncpus=3:mem=4GB", "01:30:00")),
        ("sge", ("#$", "-q long", "h_rt=01:30:00", "-pe smp 3", "h_vmem=2G")),
        ("lsf", ("#BSUB", "-q long", "-n 3", "01:30")),
    ],
)
def test_jobs_of_a_queue_ask_for_what_a_person_needs(kind, words):
    pytest.importorskip("dask_jobqueue", reason="starts workers by queues")
    queue = Queue(kind, "long", None, "01:30:00")
    with engines.queue_cluster(queue, 4 * GB - 5, 3) as cluster:
        script = cluster.job_script()
    for word in words:
        assert word in script, script
    assert sys.executable in script


def test_the_script_of_an_array_runs_in_a_shell(tmp_path):
    commands = [["echo", "person", f"{n} it's"] for n in (1, 2, 3)]
    queue = Queue("slurm", "long", "lab", None)
    script = engines.array_script(commands, tmp_path, 3 * GB, 2, queue)
    for line in ("--array=1-3", "--mem=3G", "--partition=long", "--account=lab"):
        assert f"#SBATCH {line}\n" in script
    done = subprocess.run(
        ["bash"],
        input=script,
        env={**os.environ, "SLURM_ARRAY_TASK_ID": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "person 2 it's\n"


# What a kill leaves.


def begin(folder, *words):
    program = [sys.executable, "-m", "tmsgrad.cli.main", "bids", folder, folder / "out"]
    return subprocess.Popen(
        [*program, "participant", "--plan", str(folder / "plan.toml"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def heads_of(folder):
    """What runs have left, and when: a run that is done twice has a later time."""
    return {
        file.relative_to(folder).as_posix(): (
            file.stat().st_mtime_ns,
            file.read_bytes(),
        )
        for file in sorted((folder / "out" / "work").glob("*/five.*"))
    }


def finished(folder):
    return {p.parent.name for p in (folder / "out" / "work").glob("*/.finished.json")}


@pytest.fixture
def study(tmp_path):
    meshing.write_msh(tmp_path / "five.msh", five_layers())
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


def wait_for(condition, process, seconds=240):
    until = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)


def workers_of(process):
    import psutil

    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if any("spawn_main" in word for word in child.cmdline())
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.long
def test_kills_lose_nothing_that_was_finished(study):
    pytest.importorskip("distributed", reason="has workers")
    # The client, in whose process the scheduler lives, dies after the first person.
    process = begin(study, "--workers", "2")
    wait_for(lambda: finished(study), process)
    process.kill()
    process.communicate()
    time.sleep(1.0)
    kept = finished(study)
    assert kept
    before = {
        name: each
        for name, each in heads_of(study).items()
        if name.split("/")[2] in kept
    }
    # Then a worker dies, while it has a person.
    process = begin(study, "--workers", "2", "--json")
    said: list[str] = []
    reading = threading.Thread(target=lambda: said.extend(process.communicate()))
    wait_for(lambda: workers_of(process), process)
    time.sleep(float(np.random.default_rng(0).uniform(1, 4)))
    for worker in workers_of(process)[:1]:
        worker.kill()
    reading.start()
    reading.join(400)
    assert process.returncode == 0, said
    result = json.loads(said[0].splitlines()[-1])
    assert {each["status"] for each in result["people"]} <= {"done", "finished before"}
    assert finished(study) == {f"sub-0{n}" for n in (1, 2, 3, 4)}
    after = heads_of(study)
    # Nothing of a finished person was computed again, and all have the same.
    assert {name: after[name] for name in before} == before
    for ending in ("npz", "vtu"):
        contents = {each[1] for name, each in after.items() if name.endswith(ending)}
        assert len(contents) == 1
    drafts = list((study / "out").rglob(".tmsgrad-*"))
    assert drafts == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.long
def test_a_scheduler_that_dies_is_said_and_another_one_goes_on(study):
    distributed = pytest.importorskip("distributed", reason="has schedulers")
    code = (
        "import distributed, time, sys\n"
        "if __name__ == '__main__':\n"
        "    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1,\n"
        "        dashboard_address=':0')\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    time.sleep(600)\n"
    )
    file = study / "cluster.py"
    file.write_text(code)

    def cluster():
        opened = subprocess.Popen(
            [sys.executable, file], stdout=subprocess.PIPE, text=True
        )
        assert opened.stdout is not None
        return opened, opened.stdout.readline().strip()

    running, address = cluster()
    process = begin(study, "--scheduler", address)
    wait_for(lambda: finished(study), process)
    running.kill()
    running.communicate()
    out, err = process.communicate(timeout=300)
    assert process.returncode == 2, (out, err)
    assert "the same command goes on" in out
    kept = finished(study)
    running, address = cluster()
    try:
        process = begin(study, "--scheduler", address)
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, (out, err)
    finally:
        running.kill()
        running.communicate()
    assert kept < finished(study)
    assert len(finished(study)) == 4
    assert distributed is not None
