"""What `tmsgrad bids` is asked for."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from .engines import Queue


_GB = 1 << 30
_QUEUES = ("slurm", "pbs", "sge", "lsf")
_OF_QUEUES = ("queue", "account", "walltime")
_OF_LEVEL = {
    "participant": (
        *("plan", "check", "here", "scheduler", "array", "workers", "memory", "fslr"),
        *(*_QUEUES, *_OF_QUEUES, "session_label"),
    ),
    "group": ("above", "networks"),
}


@dataclass(frozen=True)
class BidsRequest:
    """What `tmsgrad bids` is asked for.

    Attributes:
        root: Folder of BIDS.
        out: Folder of the results.
        plan: File of the plan, or None.
        subjects: Labels, or None for all.
        sessions: Labels, or None.
        check: Whether to look only for what is wrong.
        spheres: Of fsLR, left and right, or None.
        here: Whether to do one person after the other in this process.
        scheduler: Address of a cluster, or None.
        queue: To start workers by, or for the script of an array; or None.
        array: Whether to print that script.
        workers: At most so many, or None.
        memory: For all people on this machine, or None. [byte]
        threads: Of each person, or None.
        device: That computes, or None.
        above: Field that a person's has to reach to be counted, or None. [V/m]
        above_share: The same as a share of the person's 99.9th percentile.
        networks: Parcellations, left and right, or None.
    """

    root: Path
    out: Path
    plan: Path | None
    subjects: tuple[str, ...] | None
    sessions: tuple[str, ...] | None
    check: bool
    spheres: tuple[str, str] | None
    here: bool
    scheduler: str | None
    queue: Queue | None
    array: bool
    workers: int | None
    memory: int | None
    threads: int | None
    device: str | None
    above: float | None
    above_share: float
    networks: tuple[str, str] | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "BidsRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        if options.level == "participant" and options.plan is None:
            raise ValueError(
                "participant needs --plan PLAN: a plan file that says what is done for "
                "each person, see docs/cohorts.md."
            )
        _check_level(options)
        kind = next((name for name in _QUEUES if getattr(options, name)), None)
        asked = [name for name in _OF_QUEUES if getattr(options, name) is not None]
        if asked and kind is None and not options.array:
            raise ValueError(
                f"--{asked[0]} is of a queue: give --{', --'.join(_QUEUES)} or --array."
            )
        queue = Queue(kind or "slurm", options.queue, options.account, options.walltime)
        return cls(
            root=Path(options.bids_dir),
            out=Path(options.output_dir),
            plan=None if options.plan is None else Path(options.plan),
            subjects=_each_once(options.participant_label),
            sessions=_each_once(options.session_label),
            check=options.check,
            spheres=None if options.fslr is None else tuple(options.fslr),
            here=options.here,
            scheduler=options.scheduler,
            queue=queue if kind or options.array else None,
            array=options.array,
            workers=options.workers,
            memory=None if options.memory is None else int(options.memory * _GB),
            threads=options.threads,
            device=options.device,
            above=options.above,
            above_share=options.above_share,
            networks=None if options.networks is None else tuple(options.networks),
        )


def _check_level(options: argparse.Namespace) -> None:
    """Refuse options of the other level."""
    other = "group" if options.level == "participant" else "participant"
    for name in _OF_LEVEL[other]:
        if getattr(options, name):
            word = name.replace("_", "-")
            raise ValueError(f"--{word} is of {other}, not of {options.level}.")


def _each_once(labels: list[str] | None) -> tuple[str, ...] | None:
    return None if labels is None else tuple(dict.fromkeys(labels))
