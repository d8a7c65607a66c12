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
from .opened import Opened, watching
from .plan import Plan, Run
from .record import Record


_DONE = "done"


def check_plan(plan: Plan) -> dict:
    """Look for the files that a plan needs, and print its runs.

    Raises:
        FileNotFoundError: A file is missing, and no earlier run writes it.
    """
    made: set[str] = set()
    for number, run in enumerate(plan.runs, 1):
        for key, name in run.reads.items():
            _check_input(run, key.split()[0], name, made)
        made.update(os.path.abspath(name) for name in run.writes)
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
        failed: Whether a run failed, or a check of the last of them.
        kept_going: Whether other runs were done after one that failed.
    """

    path: Path
    runs: tuple[FinishedRun, ...]
    failed: bool = False
    kept_going: bool = False

    def answer(self) -> dict:
        """What `--json` prints."""
        runs = [each.to_json() for each in self.runs]
        failed = {"failed": True} if self.failed else {}
        return {"plan": str(self.path), "runs": runs} | failed


def run_plan(
    plan: Plan,
    do: Callable[[argparse.Namespace], Outcome],
    *,
    keep_going: bool | None = False,
) -> PlanResult:
    """Do the runs of a plan in order, but for those that are finished.

    Args:
        plan: The plan.
        do: Runs one command.
        keep_going: Whether runs that need nothing of one that failed are done all the
            same; None for plans of more than one head.

    Raises:
        Exception: That of the first run that fails; those before are kept.
        KeyboardInterrupt: Likewise; its message says what is kept.
    """
    for line in _outside(plan):
        warn(line, "note")
    heads = {getattr(run.options, "head", None) for run in plan.runs} - {None}
    going = len(heads) > 1 if keep_going is None else keep_going
    with _alone(plan):
        return (_run_each if going else _run_all)(plan, do)


def _run_each(plan: Plan, do: Callable[[argparse.Namespace], Outcome]) -> PlanResult:
    """Do all runs that can be done, and list at the end what became of each."""
    record, found, lost = Record(plan, version("tmsgrad")), [], []
    rows: list[tuple[Run, str]] = []
    count = len(plan.runs)
    for number, run in enumerate(plan.runs, 1):
        needed = _made_by(run, lost)
        if needed is not None:
            rows.append((run, f"not done: it needs {needed}, which failed"))
        elif record.has(run):
            found.append(FinishedRun(run, record.step(run), None))
            rows.append((run, "finished before"))
            continue
        else:
            print(f"run {number} of {count}: {_command(run)}", flush=True)
            rows.append((run, _try(plan, record, run, number, do, found)))
        if rows[-1][1] != _DONE:
            lost += map(os.path.abspath, run.writes)
    failed = [words for _, words in rows if words not in (_DONE, "finished before")]
    for number, (run, words) in enumerate(rows, 1):
        print(f"{number}. {_command(run)}: {words}")
    print(f"{count - len(failed)} of {count} runs are finished")
    return PlanResult(plan.path, tuple(found), bool(failed), kept_going=True)


def _try(
    plan: Plan,
    record: Record,
    run: Run,
    number: int,
    do: Callable[[argparse.Namespace], Outcome],
    found: list[FinishedRun],
) -> str:
    """Do one run, and say what became of it; interruptions pass."""
    inputs = record.inputs(run)
    kept = "the others go on."
    try:
        outcome = _do(run, number, inputs, do, f"run {number} is not finished.", kept)
    except Exception as error:
        # Endings by signals are no Exceptions, and pass.
        words = (str(error) or type(error).__name__).replace("\n", "\\n")
        print(f"tmsgrad: error: {words}", file=sys.stderr)
        return f"failed: {words}"
    if outcome.failed:
        _say_failed(run, number, kept)
        return "failed: a check failed"
    found.append(FinishedRun(run, outcome.step, outcome.answer))
    _remember(plan, record, found[-1], inputs)
    return _DONE


def _made_by(run: Run, lost: list[str]) -> str | None:
    """The file of a failed run that a run reads, if there is one."""
    for name in run.reads.values():
        path = os.path.abspath(name)
        if any(path == each or path.startswith(each + os.sep) for each in lost):
            return name
    return None


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
    after: str | None = None,
) -> Outcome:
    """Do one run; what stops it says what is kept, and an error what comes after."""
    try:
        with watching(inputs):
            return do(run.options)
    except ENDINGS as stop:
        stop.args = (f"{stop}; {kept}" if str(stop) else kept,)
        raise
    except Exception:
        _say_failed(run, number, after or kept)
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
    with owned(plan.beside("lock"), str(plan.path)):
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


def _check_input(run: Run, key: str, name: str, made: set[str]) -> None:
    path = Path(os.path.abspath(name))
    if str(path) in made or any(str(each) in made for each in path.parents):
        return
    if path.exists():
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
