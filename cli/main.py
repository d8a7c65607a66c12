"""The command `tmsgrad`."""

import argparse
import contextlib
import json
import os
import re
import sys
import traceback
from pathlib import Path

from . import commands
from .arguments.completion import completion
from .arguments.parser import parser
from .plans.file import Plan, read_plan
from .plans.saving import save_plan
from .runtime import machine
from .runtime.notices import library_warnings, loudness


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 for success, 2 for bad input or a check that fails, 1 for a failure of ours, 130
        for an interruption.
    """
    words = sys.argv[1:] if arguments is None else arguments
    joined = _with_negative_values(words)
    options = parser().parse_args(joined)
    options.words = words
    try:
        result = _obey(options, joined)
    except KeyboardInterrupt as stop:
        kept = str(stop) or "nothing was written."
        print(f"tmsgrad: interrupted; {kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ModuleNotFoundError) as error:
        return _complain(error, 2)
    except Exception as error:
        return _complain(error, 1)
    if options.json:
        print(json.dumps(result))
    return 2 if result.get("failed") else 0


def _obey(options: argparse.Namespace, joined: list[str]) -> dict:
    """Do what the options say, with the threads, device and loudness that they ask for."""
    if options.save_plan is not None:
        return save_plan(options.save_plan, joined)
    if options.command == "completion":
        return completion(options)
    plan = None
    if options.command in ("run", "plan"):
        plan = read_plan(Path(options.plan), parser)
        for name, value in plan.program.items():
            if not getattr(options, name):
                setattr(options, name, value)
    machine.prepare(options.threads, options.device)
    machine.choose_device(options.device)
    with contextlib.ExitStack() as stack:
        stack.enter_context(loudness(options.quiet, options.verbose))
        stack.enter_context(library_warnings())
        if options.quiet:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        if plan is not None:
            return _run(plan, options)
        return commands.execute(options)


def _run(plan: Plan, options: argparse.Namespace) -> dict:
    from .plans import running

    if options.check:
        return running.check_plan(plan)
    result = running.run_plan(plan, commands.execute)
    if options.command == "plan" and not result.get("failed"):
        from .plans.journal import write_journal

        result |= write_journal(plan)
    return result


def _with_negative_values(words: list[str]) -> list[str]:
    """Join an option and a value such as -40,30,38, which argparse takes for an option."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        if re.match(r"-[\d.]", word) and last.startswith("--") and "=" not in last:
            joined[-1] = f"{last}={word}"
        else:
            joined.append(word)
    return joined


def _complain(error: Exception, status: int) -> int:
    if os.environ.get("TMSGRAD_DEBUG"):
        traceback.print_exc()
    message = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        message = f"{error.filename}: {error.strerror}"
    print(f"tmsgrad: error: {message}", file=sys.stderr)
    if status == 1:
        print(
            "tmsgrad: this is no fault of your input that we know of. Set TMSGRAD_DEBUG=1 "
            "for a traceback, and report it.",
            file=sys.stderr,
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
