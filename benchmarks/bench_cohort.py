"""Many people at once: how long a study takes beside the sum of its people, and its memory.

    python -m benchmarks cohort --people=24 --tetrahedra=150000

Heads are made: the template, and where `TMSGRAD_TEST_DATA` has it the New York head, each
stretched, sheared and bent by up to 6 % at random, with the way to MNI space that this
leaves up to bends of 2 mm, as folders of SimNIBS in a BIDS folder. Each is planned for
one target of MNI space.
`single` is the sum of people done one after the other, each in a process of its own: with
all cores; with one, as workers have it; and `abreast`, one on each core at once, as cores
that share memory, or are halves of one, are slower then. `local` and `scheduler` are the
same people through workers of Dask on this machine, and through a scheduler and two workers
that were started apart. `over_single` is their time over the sum with one core divided by
the workers, `over_abreast` that over people abreast: what Dask, the screen and the
derivatives cost beside people that are done by hand. With `--keep` a run that was
interrupted goes on after the last of these that ended.

With `--kills=N` clients, workers and people's processes are killed instead, and what is
left in the end is compared with an undisturbed study (`cohort_kills`).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from benchmarks import record
from benchmarks.cohort_kills import kill_study

from tmsgrad import meshing
from tmsgrad.disk import write_whole
from tmsgrad.meshing import HeadMesh


PLAN = """[defaults]
head = "{head}"
coil = "magstim-70mm-double"

[[run]]
command = "optimize"
target-mni = [-44, 40, 29]
efield = 60
order = 1
out = "{out}/dlpfc"
"""
#: What else is measured: about it, and the command.
OTHERS = {
    "cohort-kills": (
        "A study whose clients, workers and people's processes are killed.",
        "python -m benchmarks cohort --people=4 --tetrahedra=30000 --kills=5",
    )
}
_STRETCH, _BEND = 0.06, 2e-3  # Of axes and angles; of places. [m]


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--tetrahedra", type=int, default=150_000)
    parser.add_argument("--singles", type=int, default=0, help="measured (all)")
    parser.add_argument("--kills", type=int, help="kill so often instead")
    parser.add_argument("--keep", type=Path, help="folder to work in")
    options = parser.parse_args(words)
    folder = options.keep or Path(tempfile.mkdtemp())
    study = folder / "study"
    names = make_study(study, options.people, options.tetrahedra)
    plan = folder / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    if options.kills is not None:
        run = lambda out: command(folder, out, plan, "--workers", 2)
        rows = [kill_study(run, folder, options.kills)]
        print(record.table(rows))
        record.write("cohort-kills", rows)
        return
    count = options.singles or len(names)
    many = os.cpu_count() or 1
    kept = _Kept(folder / "rows.json")
    kept.row(f"single-{many}", lambda out: alone(folder, out, plan, names, count, many))
    kept.row("single-1", lambda out: alone(folder, out, plan, names, count, 1))
    kept.row("abreast", lambda out: abreast(folder, out, plan, names, count, many))
    kept.row("local", lambda out: through(folder, out, plan, kept.rows, ()))
    kept.row("scheduler", lambda out: scheduled(folder, out, plan, kept.rows))
    rows = list(kept.rows.values())
    for row in rows:
        row |= {"tetrahedra": options.tetrahedra}
        print(json.dumps(row), flush=True)
    record.write(f"cohort-{options.people}-{options.tetrahedra / 1e6:g}M", rows)
    if options.keep is None:
        shutil.rmtree(folder)


def make_study(study: Path, people: int, tetrahedra: int) -> list[str]:
    """Write heads that differ as people do, in a folder of BIDS."""
    heads = sources(tetrahedra)
    generator = np.random.default_rng(0)
    names = []
    for number in range(people):
        name = f"{number + 1:02d}"
        names.append(name)
        folder = study / "derivatives" / "simnibs" / f"sub-{name}" / f"m2m_{name}"
        raw = study / f"sub-{name}"
        if (folder / "toMNI").is_dir():
            continue
        (folder / "toMNI").mkdir(parents=True)
        raw.mkdir(parents=True, exist_ok=True)
        matrix = np.eye(4)
        matrix[:3, :3] += generator.uniform(-_STRETCH, _STRETCH, (3, 3)) * (
            np.eye(3) + 0.3
        )
        matrix[:3, 3] = generator.uniform(-5, 5, 3)
        head = warped(heads[number % len(heads)], matrix, generator)
        meshing.write_msh(folder / f"{name}.msh", head)
        np.savetxt(folder / "toMNI" / "MNI2conform_12DOF.txt", matrix)
    return names


def sources(tetrahedra: int) -> list[HeadMesh]:
    """Read the heads that people are made of, both about as fine."""
    heads = [meshing.template(tetrahedra)]
    data = os.environ.get("TMSGRAD_TEST_DATA")
    labels = Path(data or "", "heads", "nyhead_labels.nii.gz")
    if data and labels.is_file():
        image = meshing.read_labels(labels)
        heads.append(meshing.mesh_labels(image.labels, image.affine, tetrahedra, None))
    return heads


def warped(head: HeadMesh, matrix: np.ndarray, generator) -> HeadMesh:
    """Stretch, shear, move and bend a head, the last so gently that no element turns."""
    phases = generator.uniform(0, 2 * np.pi, (3, 3))
    waves = head.nodes[:, [1, 2, 0]] / 60e-3
    bent = head.nodes + _BEND * np.sin(waves + phases[0])
    placed = bent @ matrix[:3, :3].T + 1e-3 * matrix[:3, 3]
    return HeadMesh(placed, head.tetrahedra, head.tags)


def command(folder: Path, out: str, plan: Path, *words) -> list[str]:
    program = [sys.executable, "-m", "tmsgrad.cli.main", "bids", str(folder / "study")]
    places = [str(folder / out), "participant", "--plan", str(plan)]
    return [*program, *places, *map(str, words)]


class _Kept:
    """What was measured, in a file as soon as it is."""

    def __init__(self, file: Path):
        self._file = file
        self.rows: dict[str, dict] = {}
        if file.is_file():
            self.rows = json.loads(file.read_text(encoding="utf-8"))

    def row(self, name: str, measure: Callable[[str], dict]) -> None:
        """Measure what is not known."""
        if name not in self.rows:
            self.rows[name] = measure(name)
            write_whole(self._file, json.dumps(self.rows, indent=1) + "\n")


def alone(
    folder: Path, out: str, plan: Path, names: list[str], count: int, cores: int
) -> dict:
    """Do some people one after the other, each in a process of its own."""
    words = ["--here", "--threads", cores, "--participant-label"]
    begun = time.perf_counter()
    for name in names[:count]:
        each = command(folder, out, plan, *words, name)
        subprocess.run(each, check=True, stdout=subprocess.DEVNULL)
    return _by_hand(out, len(names), count, time.perf_counter() - begun)


def abreast(
    folder: Path, out: str, plan: Path, names: list[str], count: int, cores: int
) -> dict:
    """Do some people one after the other on each of the cores, all at once."""
    shares = [names[core:count:cores] for core in range(cores)]

    def one(core: int) -> None:
        share = shares[core]
        alone(folder, f"{out}-{core}", plan, share, len(share), 1)

    begun = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(one, range(cores)))
    return _by_hand(out, len(names), count, time.perf_counter() - begun)


def _by_hand(out: str, people: int, count: int, took: float) -> dict:
    """What so many people would take, where some of them took so long."""
    seconds = took / count * people
    return {
        "through": out,
        "people": people,
        "measured": count,
        "seconds": seconds,
        "people_per_hour": 3600 * people / seconds,
    }


def through(folder: Path, out: str, plan: Path, known: dict[str, dict], words) -> dict:
    """Do all people by an engine."""
    begun = time.perf_counter()
    subprocess.run(command(folder, out, plan, *words), check=True)
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    program = [sys.executable, "-m", "tmsgrad.cli.main", "bids", str(folder / "study")]
    subprocess.run([*program, str(folder / out), "group"], check=True)
    group = time.perf_counter() - begun
    found = json.loads((folder / out / "people.json").read_text(encoding="utf-8"))
    peaks = [each["peak_bytes"] or 0 for each in found["people"]]
    workers = found["workers"]
    return {
        "through": out,
        "people": len(peaks),
        "workers": workers,
        "seconds": seconds,
        "people_per_hour": 3600 * len(peaks) / seconds,
        "over_single": seconds / (known["single-1"]["seconds"] / workers),
        "over_abreast": seconds / known["abreast"]["seconds"],
        "peak_GB": max(peaks) / 1e9,
        "all_peaks_GB": sum(sorted(peaks)[-workers:]) / 1e9,
        "group_seconds": group,
    }


def scheduled(folder: Path, out: str, plan: Path, known: dict[str, dict]) -> dict:
    """Start a scheduler and two workers apart, and do all people by them."""
    begin = [sys.executable, "-m"]
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    named = ["--scheduler-file", str(file)]
    scheduler = [*begin, "distributed.cli.dask_scheduler", *named, "--port", "0"]
    worker = [*begin, "distributed.cli.dask_worker", *named, "--nthreads", "1"]
    started = [
        _apart([*scheduler, "--no-dashboard"]),
        *(_apart([*worker, "--no-dashboard"]) for _ in range(2)),
    ]
    try:
        while not file.is_file():
            time.sleep(0.2)
        time.sleep(5.0)  # For both workers to be there.
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        return through(folder, out, plan, known, ("--scheduler", address))
    finally:
        for each in reversed(started):
            each.terminate()
            each.wait()


def _apart(words: list[str]) -> subprocess.Popen:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(words, stdout=nothing, stderr=nothing)
