"""Kill -9 of clients, workers and people's processes of a study at random moments.

    python -m benchmarks cohort --people=4 --tetrahedra=30000 --kills=5

Afterwards the study is run to its end, and what it left is compared with an undisturbed
one: numbers to 1e-12. What was finished before a kill must not be computed again.
"""

import csv
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


_SOON = (2.0, 15.0)  # [s]
VICTIMS = ("client", "worker", "person")


def kill_study(command: Callable[[str], list[str]], folder: Path, kills: int) -> dict:
    """Run a study undisturbed, and again with kills.

    Args:
        command: The words that run it into an output folder of a name.
        folder: That holds the output folders.
        kills: How many.

    Returns:
        Who was killed how often, and what was different.
    """
    subprocess.run(command("undisturbed"), check=True, stdout=subprocess.DEVNULL)
    rng = np.random.default_rng(0)
    counts, again = dict.fromkeys(VICTIMS, 0), 0
    process = _start(command("killed"))
    left: dict[str, int] = {}
    for number in range(kills):
        time.sleep(rng.uniform(*_SOON))
        victim = VICTIMS[number % len(VICTIMS)]
        found = _find(process, victim)
        if found is not None:
            left |= _finished(folder / "killed")
            found.kill()
            counts[victim] += 1
        if victim == "client" or process.poll() is not None:
            process.wait()
            again += _changed(folder / "killed", left)
            process = _start(command("killed"))
    process.wait()
    done = subprocess.run(command("killed"), check=False, stdout=subprocess.DEVNULL)
    again += _changed(folder / "killed", left)
    worst, files = compare(folder / "undisturbed", folder / "killed")
    return {f"{name}s killed": count for name, count in counts.items()} | {
        "status at the end": done.returncode,
        "files compared": files,
        "largest relative difference": worst,
        "finished people computed again": again,
        "drafts left": len(list((folder / "killed").rglob(".tmsgrad-*"))),
    }


def _start(words: list[str]) -> subprocess.Popen:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(words, stdout=nothing, stderr=nothing)


def _find(process: subprocess.Popen, victim: str):
    """The process that is to die; None where there is none now."""
    import psutil

    if process.poll() is not None:
        return None
    if victim == "client":
        return process
    word = "spawn_main" if victim == "worker" else "tether"
    children = psutil.Process(process.pid).children(recursive=True)
    named = (each for each in children if word in " ".join(each.cmdline()))
    return next(named, None)


def _finished(out: Path) -> dict[str, int]:
    """When each finished person's last file was written. [ns]"""
    records = (out / "work").glob("*/.finished.json")
    return {file.parent.name: file.stat().st_mtime_ns for file in records}


def _changed(out: Path, left: dict[str, int]) -> int:
    now = _finished(out)
    return sum(now.get(name) != when for name, when in left.items())


def compare(first: Path, second: Path) -> tuple[float, int]:
    """The largest relative difference of the tables and placements of two studies."""
    worst, count = 0.0, 0
    for file in sorted(first.glob("sub-*/nibs/*.tsv")):
        pairs = zip(
            *(_cells(path) for path in (file, second / file.relative_to(first))),
            strict=True,
        )
        worst = max([worst, *(_apart(a, b) for a, b in pairs)])
        count += 1
    for file in sorted(first.glob("work/*/*/summary.json")):
        a, b = (
            json.loads(path.read_text(encoding="utf-8"))["matsimnibs"]
            for path in (file, second / file.relative_to(first))
        )
        worst = max(worst, float(np.abs(np.subtract(a, b)).max() / np.abs(a).max()))
        count += 1
    return worst, count


def _cells(table: Path) -> list[str]:
    with table.open(encoding="utf-8", newline="") as file:
        return [cell for row in csv.reader(file, delimiter="\t") for cell in row]


def _apart(first: str, second: str) -> float:
    """How far two cells are apart: infinitely where one is no number and they differ."""
    if first == second:
        return 0.0
    try:
        a, b = float(first), float(second)
    except ValueError:
        return np.inf
    return abs(a - b) / max(abs(a), abs(b))
