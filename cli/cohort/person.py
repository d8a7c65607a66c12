"""What is done for one person: the runs of its plan, its derivatives, and the record.

Each run is whole or not there, and so is each file of the derivatives; the record comes
last. So a process that is killed at any time loses what it was at, and nothing more.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ...disk import HeldError, holding, write_whole
from ..plans.journal import write_journal
from ..plans.plan import Plan
from ..plans.record import Record
from ..plans.running import run_plan
from ..runtime.outcome import Outcome
from .derivatives import Place, write_derivatives
from .making import TABLE, Making
from .study import written


_RECIPE = 2  # To be raised whenever derivatives come to be others of the same runs.
_PATIENCE = 20.0  # For a process of the same person that is just ending. [s]
_DONE, _LOCK = ".finished.json", ".lock"


@dataclass(frozen=True)
class Task:
    """A person whose plan is to be done.

    Attributes:
        place: Of the derivatives.
        plan: Of this person.
        spheres: Of fsLR, left and right, or None.
        making: The head that the first run of the plan makes, or None.
    """

    place: Place
    plan: Plan
    spheres: tuple[str, str] | None = None
    making: Making | None = None

    @property
    def name(self) -> str:
        """Of the person."""
        return self.place.person.name

    @property
    def folder(self) -> Path:
        """Of the runs."""
        return self.plan.path.parent

    @property
    def head(self) -> str | None:
        """Of the first run that has one."""
        heads = (getattr(run.options, "head", None) for run in self.plan.runs)
        return next((each for each in heads if each is not None), None)

    @property
    def has_head(self) -> bool:
        """Whether the head was there, or is made already."""
        if self.making is None:
            return True
        return Record(self.plan, version("tmsgrad")).has(self.plan.runs[0])

    @property
    def outputs(self) -> list[str]:
        """What the runs write."""
        return [name for run in self.plan.runs for name in run.writes]

    @property
    def outcome(self) -> Path:
        """The file in which a process says what became of it."""
        return self.folder / ".outcome.json"

    @property
    def state(self) -> Path:
        """The file in which a process says what it is at."""
        return self.folder / ".state.json"

    @property
    def key(self) -> str:
        """Of plan, version and derivatives."""
        parts = [written(self.plan), version("tmsgrad"), _RECIPE, self.spheres]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def finished(self) -> bool:
        """Whether all is done with these inputs, settings and this version."""
        known = _read(self.folder / _DONE)
        if known.get("key") != self.key:
            return False
        if any(
            _about(self.place.root / f) != kept for f, kept in known["left"].items()
        ):
            return False
        record = Record(self.plan, version("tmsgrad"))
        return all(record.has(run) for run in self.plan.runs)

    @property
    def lacking(self) -> list[str]:
        """What a finished person has no derivatives of, in words."""
        return list(_read(self.folder / _DONE).get("lacking", ()))


def do_task(task: Task, do: Callable[[argparse.Namespace], Outcome]) -> list[str]:
    """Do what is not finished of a person.

    Args:
        task: Whose.
        do: Runs one command.

    Returns:
        What there are no derivatives of, in words.

    Raises:
        ValueError: A check of a run failed.
        Exception: That of the first run that fails.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    with _held(task.folder / _LOCK):
        text = written(task.plan)
        if _text(task.plan.path) != text:
            write_whole(task.plan.path, text)
        result = run_plan(task.plan, _telling(task, do))
        if result.failed:
            command = result.runs[-1].run.options.command
            raise ValueError(f"a check of `{command}` failed")
        _tell(task, len(task.plan.runs), "derivatives")
        files, lacking = write_derivatives(
            task.place, task.folder, task.outputs, task.spheres
        )
        write_journal(task.plan, result.runs)
        root = task.place.root
        content = {
            "key": task.key,
            "left": {os.path.relpath(f, root): _about(f) for f in files},
            "lacking": lacking,
        }
        write_whole(task.folder / _DONE, json.dumps(content, indent=1) + "\n")
        task.state.unlink(missing_ok=True)
    return lacking


def _telling(
    task: Task, do: Callable[[argparse.Namespace], Outcome]
) -> Callable[[argparse.Namespace], Outcome]:
    """Say in a file which run is going."""
    by_words = {id(run.options): n for n, run in enumerate(task.plan.runs)}

    def told(options: argparse.Namespace) -> Outcome:
        number = by_words[id(options)]
        _tell(task, number, options.command)
        if task.making is None or number > 0:
            return do(options)
        try:
            return do(options)
        except ValueError as error:
            raise ValueError(
                f"no head can be made: {error} In a study such options stand below "
                f"[{TABLE}] in the plan, without the dashes."
            ) from None

    return told


def _tell(task: Task, number: int, what: str) -> None:
    content = {"run": number, "of": len(task.plan.runs) + 1, "what": what}
    write_whole(task.state, json.dumps(content), durable=False)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Let one process at a time work on a person; one that is ending may hold it yet."""
    until = time.monotonic() + _PATIENCE
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(holding(lock, f"process {os.getpid()}"))
                break
            except HeldError as error:
                if time.monotonic() > until:
                    raise ValueError(
                        f"{lock.parent}: {error} works on this person. Wait until it ends."
                    ) from None
                time.sleep(0.2)
        yield


def _about(file: Path) -> list[int] | None:
    """Size and time of a file; None where it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _read(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            "key": str(content["key"]),
            "left": dict(content["left"]),
            "lacking": [str(each) for each in content["lacking"]],
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return None
