"""One person in a process of its own, as workers of any engine run it.

Imports little: workers of Dask load this, and compute nothing themselves.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..runtime.tether import end_processes


_LOOK = 0.2  # How often memory is looked at. [s]
_MB = 1 << 20
_LAST = 2000  # Of a log, for its last line. [byte]
# What Dask sets for its workers, so that their memory shrinks at once. A process that
# computes spends a fifth of its time on getting back what it has just given up.
_OF_DASK = ("MALLOC_TRIM_THRESHOLD_", "65536")


@dataclass(frozen=True)
class Job:
    """What a worker needs to know of a person.

    Attributes:
        name: Of the person.
        command: The words of the process.
        log: Where what it prints is appended.
        outcome: The file in which it says what became of it.
        limit: Memory that it may take, or None. [byte]
        starts: Whether it starts processes of its own, whose memory counts.
    """

    name: str
    command: tuple[str, ...]
    log: str
    outcome: str
    limit: int | None = None
    starts: bool = False


@dataclass(frozen=True)
class Ended:
    """What became of a process.

    Attributes:
        name: Of the person.
        failed: Whether the person is not finished.
        reason: Why, or what is lacking.
        seconds: How long it took.
        peak: Of its memory. [byte]
    """

    name: str
    failed: bool
    reason: str
    seconds: float
    peak: int

    def to_json(self) -> dict:
        """For records."""
        return asdict(self)


def run_job(job: Job) -> Ended:
    """Run the process of a person and wait for it; it ends when this process does."""
    begun = time.monotonic()
    Path(job.outcome).unlink(missing_ok=True)
    Path(job.log).parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, "ab") as log:
        started = log.tell()
        process = subprocess.Popen(
            job.command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment(),
        )
        try:
            peak, over = _watch(process, job)
        finally:
            if process.poll() is None:
                end_processes(process.pid)
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
    seconds = time.monotonic() - begun
    if over:
        reason = (
            f"took {peak / _MB:.0f} MB, more than its share of {over / _MB:.0f} MB: give "
            "more by --memory, or fewer at once by --workers"
        )
        return Ended(job.name, True, reason, seconds, peak)
    said = read_outcome(Path(job.outcome))
    if said is None:
        reason = f"the process ended with status {process.returncode}: "
        reason += _last_line(Path(job.log), started) + f"see {job.log}"
        return Ended(job.name, True, reason, seconds, peak)
    return Ended(job.name, bool(said["failed"]), said["reason"], seconds, peak)


def environment() -> dict[str, str]:
    """That of this process, without what Dask sets for the memory of workers."""
    return dict(each for each in os.environ.items() if each != _OF_DASK)


def read_outcome(file: Path) -> dict | None:
    """What a process said of itself; None where it said nothing."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return {"failed": bool(said["failed"]), "reason": str(said["reason"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_line(log: Path, start: int) -> str:
    """The last line that a process printed, with a stop; nothing where it was silent."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(start, file.seek(0, os.SEEK_END) - _LAST))
        lines = file.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f"{said[-1]}; " if said else ""
    return ""


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """The largest first, so that no long one is left for the end."""
    return sorted(jobs, key=lambda job: -(job.limit or 0))


def _watch(process: subprocess.Popen, job: Job) -> tuple[int, int]:
    """Wait for the end, or until it takes more than its share of memory."""
    import psutil

    peak, limit = 0, job.limit
    while True:
        try:
            process.wait(_LOOK)
            return peak, 0
        except subprocess.TimeoutExpired:
            with contextlib.suppress(psutil.Error):
                own = psutil.Process(process.pid)
                # All processes of the machine have to be looked at to find them.
                each = [own, *(own.children(recursive=True) if job.starts else ())]
                peak = max(peak, sum(one.memory_info().rss for one in each))
        if limit is not None and peak > limit:
            return peak, limit


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
