"""Where people are computed: workers of Dask on this machine, on a cluster, in a queue."""

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..runtime.notices import note
from .work import Ended, Job, in_order, run_job


_QUEUES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
}
_WALLTIME = "04:00:00"
_TIMEOUT = 20  # For a scheduler to answer. [s]
_GB = 1 << 30
_LOST = "the scheduler or its workers are gone: the same command goes on"


@dataclass(frozen=True)
class Queue:
    """What a queue of a cluster is asked for.

    Attributes:
        kind: `slurm`, `pbs`, `sge` or `lsf`.
        name: Of the queue, or None.
        account: Or None.
        walltime: Of a job, or None.
    """

    kind: str
    name: str | None = None
    account: str | None = None
    walltime: str | None = None


@contextmanager
def local_workers(count: int) -> Iterator[Any]:
    """Start workers on this machine, and give a client of theirs."""
    dask, distributed = _dask()
    # Workers compute nothing themselves: their own memory is no measure, and what they do
    # need not be sampled, which takes some per cent of each core.
    settings = {
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500 ms",
        "distributed.admin.system-monitor.interval": "5 s",
        "distributed.worker.memory.terminate": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "logging": {"distributed": "error"},
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs="ERROR",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        # A cluster that is made with its workers waits for each without end, also for one
        # that dies while it starts.
        cluster.scale(count)
        yield client


@contextmanager
def joined_cluster(address: str) -> Iterator[Any]:
    """Join a cluster that is running.

    Raises:
        ValueError: There is none.
    """
    _, distributed = _dask()
    try:
        client = distributed.Client(address, timeout=_TIMEOUT)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--scheduler {address}: no Dask scheduler answers there ({error}). Start one "
            "with `dask scheduler`, and workers with `dask worker ADDRESS`."
        ) from None
    try:
        if not client.scheduler_info()["workers"]:
            note(f"{address} has no workers yet: `dask worker {address}` starts one.")
        yield client
    finally:
        with contextlib.suppress(Exception):  # It may be gone.
            client.close(timeout=2)


@contextmanager
def queued_workers(queue: Queue, count: int, share: int, threads: int) -> Iterator[Any]:
    """Start workers as jobs of a queue."""
    _, distributed = _dask()
    with (
        queue_cluster(queue, share, threads) as cluster,
        distributed.Client(cluster) as client,
    ):
        cluster.scale(jobs=count)
        yield client


def queue_cluster(queue: Queue, share: int, threads: int) -> Any:
    """Describe jobs of a queue, each a worker for one person at a time.

    Args:
        queue: What is asked for.
        share: Memory of a job. [byte]
        threads: Of a job.
    """
    try:
        import dask_jobqueue
    except ModuleNotFoundError:
        raise _missing("dask-jobqueue") from None
    named = {"queue": queue.name, "account": queue.account}
    if queue.kind in ("lsf", "sge"):
        named["project"] = named.pop("account")
    return getattr(dask_jobqueue, _QUEUES[queue.kind])(
        cores=1,
        processes=1,
        memory=f"{-(-share // _GB)}GB",
        walltime=queue.walltime or _WALLTIME,
        job_name="tmsgrad",
        python=sys.executable,
        **_cores(queue.kind, threads, share),
        **{key: value for key, value in named.items() if value is not None},
    )


def _cores(kind: str, threads: int, share: int) -> dict:
    """A worker has one thread for Dask, and its process of a person has all cores."""
    memory = -(-share // _GB)
    if kind == "slurm":
        return {"job_cpu": threads}
    if kind == "pbs":
        return {"resource_spec": f"select=1:ncpus={threads}:mem={memory}GB"}
    if kind == "lsf":
        return {"ncpus": threads}
    each = -(-memory // threads)  # Of a slot.
    return {
        "job_extra_directives": [f"-pe smp {threads}"],
        "resource_spec": f"h_vmem={each}G",
    }


def on_dask(client: Any, jobs: Sequence[Job]) -> Iterator[Ended]:
    """Run people on the workers of a client, and give each as it ends.

    A worker that dies has its person done by another one, three times at most.
    """
    _, distributed = _dask()
    ordered = in_order(jobs)
    futures = {
        client.submit(run_job, job, key=f"tmsgrad {job.name}", pure=False): job
        for job in ordered
    }
    left = dict(futures)
    with contextlib.suppress(distributed.client.FutureCancelledError):
        for future in distributed.as_completed(futures):
            job = left.pop(future)
            yield _ended(future, job)
    for job in left.values():
        yield Ended(job.name, True, _LOST, 0.0, 0)


def one_by_one(jobs: Sequence[Job], do: Callable[[Job], Ended]) -> Iterator[Ended]:
    """Run people in this process, one after the other."""
    for job in jobs:
        yield do(job)


def array_script(
    commands: Sequence[Sequence[str]],
    logs: Path,
    share: int,
    threads: int,
    queue: Queue,
) -> str:
    """Write a script for `sbatch` with a task for each person.

    Args:
        commands: The words of each.
        logs: Folder of what they print.
        share: Memory of a task. [byte]
        threads: Of a task.
        queue: What is asked for.
    """
    lines = [
        "#!/bin/bash",
        "#SBATCH --job-name=tmsgrad",
        f"#SBATCH --array=1-{len(commands)}",
        f"#SBATCH --cpus-per-task={threads}",
        f"#SBATCH --mem={-(-share // _GB)}G",
        f"#SBATCH --time={queue.walltime or _WALLTIME}",
        f"#SBATCH --output={logs}/slurm-%A_%a.log",
    ]
    if queue.name:
        lines.append(f"#SBATCH --partition={queue.name}")
    if queue.account:
        lines.append(f"#SBATCH --account={queue.account}")
    lines += [
        "# Each task does one person, and what is finished is left out: submit it again",
        "# after a failure, as it is.",
        'case "$SLURM_ARRAY_TASK_ID" in',
        *(f"{n}) exec {shlex.join(words)} ;;" for n, words in enumerate(commands, 1)),
        "esac",
    ]
    return "\n".join(lines)


def _ended(future: Any, job: Job) -> Ended:
    if future.status == "finished":
        return future.result()
    if future.status == "error":
        error = future.exception()
        words = (str(error) or type(error).__name__).replace("\n", " ")
        return Ended(job.name, True, f"its worker failed: {words}", 0.0, 0)
    return Ended(job.name, True, _LOST, 0.0, 0)


def _dask() -> tuple[Any, Any]:
    try:
        import dask
        import distributed
    except ModuleNotFoundError:
        raise _missing("distributed") from None
    return dask, distributed


def _missing(package: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"People are computed by workers of Dask, and {package} is not installed. Write: "
        "pip install 'tmsgrad[cohort]' -- or give --here, which does one after the other."
    )
