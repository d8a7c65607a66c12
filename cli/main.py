"""The command `tmsgrad`."""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..disk.as_json import finite
from . import commands
from .arguments import former
from .arguments.parser import parser
from .plans.file import read_plan
from .plans.plan import Plan
from .plans.saving import save_plan
from .runtime import machine
from .runtime.allocation import keep_freed
from .runtime.interruption import (
    ENDINGS,
    asked,
    ignore,
    interruptible,
    leave,
    status_of,
    words_of,
)
from .runtime.notices import library_warnings, loudness, note
from .runtime.terminal import safe_output


_OF_INPUT = (ValueError, OSError, ModuleNotFoundError)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: After the program's name. Without them this is the program itself, which
            ends with its process when a signal interrupts it.

    Returns:
        0 for success, 2 for bad input or a check that fails, 1 for an internal error, and
        128 and its number for a signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        _be_program()
    with safe_output(), interruptible():
        try:
            status = _status(words)
        except ENDINGS as stop:
            ignore()
            status = _interrupted(str(stop))
        if arguments is None and asked() is not None:
            leave(status)
        return status


def _be_program() -> None:
    """Say what Python says of its own accord in the program's way, until the process ends.

    Files that close after an error of the disk have the same error again. Memory is kept,
    as nothing else in the process has use for it.
    """
    keep_freed()
    before = sys.unraisablehook

    def hook(found: "sys.UnraisableHookArgs", /) -> None:
        if not isinstance(found.exc_value, OSError) or os.environ.get("TMSGRAD_DEBUG"):
            before(found)

    sys.unraisablehook = hook


def _status(words: list[str]) -> int:
    joined, notices = former.renewed(with_negative_values(words))
    options = parser().parse_args(joined, argparse.Namespace(words=words))
    for each in notices:
        note(each)
    try:
        answer = _obey(options, joined)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if asked() is not None:  # An interruption within a callback became this.
            raise KeyboardInterrupt from None
        return _complain(error)
    if options.json:
        print(json.dumps(finite(answer), allow_nan=False))
    return 2 if answer.get("failed") else 0


def _obey(options: argparse.Namespace, joined: list[str]) -> dict:
    """Do what the options say, with the threads, device and loudness that they ask for."""
    if options.save_plan is not None:
        return save_plan(options.save_plan, joined)
    if options.command == "completion":
        from .arguments.completion import completion  # Its package starts slowly.

        return completion(options)
    plan = None
    if options.command in ("run", "plan"):
        if options.command == "run":
            note("`tmsgrad run` is called `tmsgrad plan` now.")
        plan = read_plan(Path(options.plan), parser)
        if options.only is not None:
            plan = plan.only(options.only)
    program = Program.of(options, {} if plan is None else plan.program)
    machine.prepare(program.threads, program.device)
    machine.choose_device(program.device)
    with contextlib.ExitStack() as stack:
        stack.enter_context(loudness(program.quiet, program.verbose))
        stack.enter_context(library_warnings())
        if program.quiet:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        if plan is not None:
            return _run(plan, options)
        if options.command == "bids":
            from .cohort.bids import bids

            return bids(options, commands.execute)
        return commands.execute(options).answer


@dataclass(frozen=True)
class Program:
    """What all runs of a process share.

    Attributes:
        threads: At most, or None.
        device: That computes, or None.
        quiet: Whether only warnings and errors are written.
        verbose: Whether details are written too.
    """

    threads: int | None
    device: str | None
    quiet: bool
    verbose: bool

    @classmethod
    def of(
        cls, options: argparse.Namespace, of_plan: Mapping[str, object]
    ) -> "Program":
        """Take it from the options, and what these leave out from a plan."""
        values: dict[str, Any] = {
            each.name: getattr(options, each.name)
            or of_plan.get(each.name, getattr(options, each.name))
            for each in fields(cls)
        }
        return cls(**values)


def _run(plan: Plan, options: argparse.Namespace) -> dict:
    from .plans import running

    if options.check:
        return running.check_plan(plan)
    going = options.keep_going
    result = running.run_plan(plan, commands.execute, keep_going=going)
    if result.failed and not (result.kept_going and result.runs):
        return result.answer()
    from .plans.journal import write_journal

    return result.answer() | write_journal(plan, result.runs)


def with_negative_values(words: list[str]) -> list[str]:
    """Join an option and a value such as -40,30,38, which argparse takes for an option."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        if re.match(r"-[\d.]", word) and last.startswith("--") and "=" not in last:
            joined[-1] = f"{last}={word}"
        else:
            joined.append(word)
    return joined


def _interrupted(kept: str) -> int:
    number = asked() or signal.SIGINT
    with contextlib.suppress(OSError):  # The terminal may be gone.
        words = f"{words_of(number)}; {kept or 'nothing was written.'}"
        print(f"tmsgrad: {words}", file=sys.stderr)
    return status_of(number)


def _complain(error: Exception) -> int:
    if os.environ.get("TMSGRAD_DEBUG"):
        traceback.print_exc()
    message = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        message = f"{error.filename}: {error.strerror}"
    if isinstance(error, _OF_INPUT):
        # A name may hold a line feed, and what follows would look like our own line.
        message = message.replace("\n", "\\n")
        print(f"tmsgrad: error: {message}", file=sys.stderr)
        return 2
    if isinstance(error, MemoryError):
        print(
            "tmsgrad: error: the memory does not suffice. Take a smaller head, fewer "
            f"poses at once, or another machine ({message}).",
            file=sys.stderr,
        )
        return 2
    print(
        f"tmsgrad: internal error: {type(error).__name__}: {message}\n"
        "tmsgrad: please report it with the command, the output of `pip freeze`, and the "
        "traceback that TMSGRAD_DEBUG=1 adds.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
