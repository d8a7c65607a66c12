"""Warnings: printed on standard error, and kept for a report."""

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)
_VERBOSE: ContextVar[bool] = ContextVar("verbose", default=False)
_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def warn(message: str, kind: str = "warning") -> None:
    """Print a warning, and keep it where somebody listens."""
    line = message.replace("\n", "\\n")  # A name may hold a line feed.
    print(f"tmsgrad: {kind}: {line}", file=sys.stderr)
    heard = _HEARD.get()
    if heard is not None:
        heard.append(message)


def note(message: str) -> None:
    """Write what a user should know, but need not mind, to standard error."""
    print(f"tmsgrad: note: {message}", file=sys.stderr)


@contextmanager
def dispensable(what: str) -> Iterator[None]:
    """Let a picture or a page fail with a warning: what was computed is worth more.

    Errors of the disk pass: the results could not be written either.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if os.environ.get("TMSGRAD_DEBUG"):
            traceback.print_exc()
        warn(f"{what} cannot be made ({error}). The results are complete without it.")


@contextmanager
def library_warnings() -> Iterator[None]:
    """Say the library's warnings as the program's own, each of them once."""
    said = set()

    def show(message, category, filename, lineno, file=None, line=None):
        if not issubclass(category, UserWarning):
            usual(message, category, filename, lineno, file, line)
        elif str(message) not in said:
            said.add(str(message))
            warn(str(message))

    with warnings.catch_warnings():
        # The library's have a `stacklevel` of 1, so that they bear its modules' names.
        warnings.filterwarnings("always", category=UserWarning, module=r"tmsgrad\.")
        usual, warnings.showwarning = warnings.showwarning, show
        yield


@contextmanager
def loudness(quiet: bool, verbose: bool) -> Iterator[None]:
    """Choose how much of a command's progress is reported."""
    before = _QUIET.set(quiet), _VERBOSE.set(verbose)
    try:
        yield
    finally:
        _QUIET.reset(before[0])
        _VERBOSE.reset(before[1])


def is_quiet() -> bool:
    """Whether progress is not to be reported."""
    return _QUIET.get()


def detail(message: str) -> None:
    """Print a detail on standard error, where --verbose asks for it."""
    if _VERBOSE.get():
        print(f"tmsgrad: {message}", file=sys.stderr)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Give the list that warnings are appended to from here on."""
    heard: list[str] = []
    before = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(before)


def heard() -> list[str]:
    """The warnings so far, if anybody listens."""
    return list(_HEARD.get() or ())
