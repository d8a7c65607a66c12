"""The command `tmsgrad`."""

import json
import os
import re
import sys
import traceback

from .parser import parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 for success, 2 for bad input or a head with errors, 1 for a failure of ours, 130
        for an interruption.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(_with_negative_values(words))
    options.words = words
    try:
        # A mesh of a million elements takes a second to import for: after --help.
        from . import commands

        result = commands.COMMANDS[options.command](options)
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
