"""`tmsgrad plan`: do what a plan file says, and leave out what is finished."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ...coils import catalogue
from ..inputs.heads import TEMPLATE
from ..runtime.interruption import ENDINGS
from ..runtime.notices import warn
from ..runtime.outcome import Outcome, StepWords
from ..runtime.ownership import owned
from .file import Plan, Run
from .opened import Opened, watching
from .record import Record


def check_plan(plan: Plan) -> dict:
    """Look for the files that a plan needs, and print its runs.

    Raises:
        FileNotFoundError: A file is missing, and no earlier run writes it.
    """
    made: list[str] = []
    for number, run in enumerate(plan.runs, 1):
        for key, name in run.reads.items():
            _check_input(run, key.split()[0], name, made)
        made += [os.path.abspath(name) for name in run.writes]
        print(f"{number}. {_command(run)}")
    for line in _outside(plan):
        warn(line, "note")
    count = len(plan.runs)
    print(f"{plan.path}: {count} run{'s' * (count > 1)}, nothing wrong was found")
    return {"runs": [{"command": _command(run)} for run in plan.runs]}


@dataclass(frozen=True)
class FinishedRun:
    """A run of a plan that was done.

    Attributes:
        run: The run.
        step: What it chose, in words.
        answer: Of its command; None where it was finished before.
    """

    run: Run
    step: StepWords
    answer: dict | None

    def to_json(self) -> dict:
        """For `--json`."""
        about = {"command": _command(self.run), "outputs": list(self.run.writes)}
        if self.answer is None:
            return about | {"done": "before"}
        return about | {"done": "now", "result": self.answer}


@dataclass(frozen=True)
class PlanResult:
    """What running a plan gave.

    Attributes:
        path: Of the plan.
        runs: Those that are done, in order.
        failed: Whether a check of the last of them failed.
    """

    path: Path
    runs: tuple[FinishedRun, ...]
    failed: bool = False

    def answer(self) -> dict:
        """What `--json` prints."""
        runs = [each.to_json() for each in self.runs]
        failed = {"failed": True} if self.failed else {}
        return {"plan": str(self.path), "runs": runs} | failed


def run_plan(plan: Plan, do: Callable[[argparse.Namespace], Outcome]) -> PlanResult:
    """Do the runs of a plan in order, but for those that are finished.

    Args:
        plan: The plan.
        do: Runs one command.

    Raises:
        Exception: That of the first run that fails; those before are kept.
        KeyboardInterrupt: Likewise; its message says what is kept.
    """
    for line in _outside(plan):
        warn(line, "note")
    with _alone(plan):
        return _run_all(plan, do)


def _run_all(plan: Plan, do: Callable[[argparse.Namespace], Outcome]) -> PlanResult:
    record, found = Record(plan, version("tmsgrad")), []
    count = len(plan.runs)
    for number, run in enumerate(plan.runs, 1):
        if record.has(run):
            print(f"run {number} of {count} is finished: {', '.join(run.writes)}")
            found.append(FinishedRun(run, record.step(run), None))
            continue
        print(f"run {number} of {count}: {_command(run)}", flush=True)
        kept = (
            f"{number - 1} of {count} runs are finished; `tmsgrad plan` goes on there."
        )
        inputs = record.inputs(run)
        outcome = _do(run, number, inputs, do, kept)
        found.append(FinishedRun(run, outcome.step, outcome.answer))
        if outcome.failed:
            _say_failed(run, number, kept)
            return PlanResult(plan.path, tuple(found), failed=True)
        _remember(plan, record, found[-1], inputs)
    return PlanResult(plan.path, tuple(found))


def _do(
    run: Run,
    number: int,
    inputs: Opened,
    do: Callable[[argparse.Namespace], Outcome],
    kept: str,
) -> Outcome:
    """Do one run; what stops it says what is kept."""
    try:
        with watching(inputs):
            return do(run.options)
    except ENDINGS as stop:
        stop.args = (f"{stop}; {kept}" if str(stop) else kept,)
        raise
    except Exception:
        _say_failed(run, number, kept)
        raise


def _say_failed(run: Run, number: int, kept: str) -> None:
    print(f"tmsgrad: {run.place}: run {number} failed; {kept}", file=sys.stderr)


def _remember(plan: Plan, record: Record, done: FinishedRun, inputs: Opened) -> None:
    changed, run = inputs.changed(), done.run
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        warn(
            f"{run.place}: {changed[0]}{more} changed while this run was going: it may "
            "have read old content, or old and new. `tmsgrad plan` does it again."
        )
        return
    try:
        record.add(run, inputs, done.step)
    except OSError as error:
        warn(f"{plan.path}: finished runs cannot be remembered ({error.strerror}).")


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Let no other process run the same plan meanwhile, where its folder can be written."""
    if not os.access(plan.path.parent, os.W_OK):
        yield
        return
    with owned(plan.path.with_name(f".{plan.path.name}.lock"), str(plan.path)):
        yield


def _outside(plan: Plan) -> list[str]:
    """Say which outputs are not in the plan's folder: a plan may come from others."""
    folder = os.path.join(os.path.realpath(plan.path.parent), "")
    return [
        f"{run.place}: writes outside of the plan's folder: {os.path.realpath(name)}"
        for run in plan.runs
        for name in run.writes
        if not os.path.realpath(name).startswith(folder)
    ]


def _check_input(run: Run, key: str, name: str, made: list[str]) -> None:
    path = os.path.abspath(name)
    here = any(os.path.commonpath([path, each]) == each for each in made)
    if here or os.path.exists(path):
        return
    if os.path.dirname(name):
        raise FileNotFoundError(f"{run.place}: {key}: there is no {name}.")
    if key in ("coil", "coils"):
        try:
            catalogue.design(name)
        except ValueError as error:
            raise ValueError(f"{run.place}: {key}: {error}") from None
    if key == "head" and not re.fullmatch(rf"{TEMPLATE}(:\d+)?", name):
        raise ValueError(
            f"{run.place}: head: {name} is neither a file beside the plan nor "
            f"`{TEMPLATE}`."
        )


def _command(run: Run) -> str:
    return shlex.join(["tmsgrad", *run.words])
