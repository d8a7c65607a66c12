"""`tmsgrad run`: do what a plan file says, and leave out what is finished."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import version

from ...coils import catalogue
from ..inputs.heads import TEMPLATE
from ..runtime.notices import warn
from .file import Plan, Run
from .record import Record


def check_plan(plan: Plan) -> dict:
    """Look for the files that a plan needs, and tell its runs.

    Raises:
        FileNotFoundError: A file is missing, and no earlier run writes it.
    """
    made: list[str] = []
    for number, run in enumerate(plan.runs, 1):
        for key, name in run.reads.items():
            _check_input(run, key.split()[0], name, made)
        made += [os.path.abspath(name) for name in run.writes]
        print(f"{number}. {_command(run)}")
    count = len(plan.runs)
    print(f"{plan.path}: {count} run{'s' * (count > 1)}, nothing wrong was found")
    return {"runs": [{"command": _command(run)} for run in plan.runs]}


def run_plan(plan: Plan, do: Callable[[argparse.Namespace], dict]) -> dict:
    """Do the runs of a plan in order, but for those that are finished.

    Args:
        plan: The plan.
        do: Runs one command.

    Raises:
        Exception: That of the first run that fails; those before are kept.
        KeyboardInterrupt: Likewise; its message tells what is kept.
    """
    record, found = Record(plan, version("tmsgrad")), []
    count = len(plan.runs)
    for number, run in enumerate(plan.runs, 1):
        about = {"command": _command(run), "outputs": list(run.writes)}
        if record.has(run):
            print(f"run {number} of {count} is finished: {', '.join(run.writes)}")
            found.append(about | {"done": "before"})
            continue
        print(f"run {number} of {count}: {_command(run)}", flush=True)
        kept = (
            f"{number - 1} of {count} runs are finished; `tmsgrad run` goes on there."
        )
        try:
            result = do(run.options)
        except KeyboardInterrupt as stop:
            words = f"{stop}; {kept}" if str(stop) else kept
            raise KeyboardInterrupt(words) from None
        except Exception:
            print(f"tmsgrad: {run.place}: run {number} failed; {kept}", file=sys.stderr)
            raise
        found.append(about | {"done": "now", "result": result})
        if result.get("failed"):
            print(f"tmsgrad: {run.place}: run {number} failed; {kept}", file=sys.stderr)
            return {"plan": str(plan.path), "runs": found, "failed": True}
        try:
            record.add(run)
        except OSError as error:
            warn(f"{plan.path}: finished runs cannot be remembered ({error.strerror}).")
    return {"plan": str(plan.path), "runs": found}


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
