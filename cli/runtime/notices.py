"""Warnings: told on standard error, and kept for a report."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)
_VERBOSE: ContextVar[bool] = ContextVar("verbose", default=False)
_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def warn(message: str, kind: str = "warning") -> None:
    """Tell a warning, and keep it where somebody listens."""
    print(f"tmsgrad: {kind}: {message}", file=sys.stderr)
    heard = _HEARD.get()
    if heard is not None:
        heard.append(message)


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
        warnings.filterwarnings("always", category=UserWarning, module=r"tmsgrad\.")
        usual, warnings.showwarning = warnings.showwarning, show
        yield


@contextmanager
def loudness(quiet: bool, verbose: bool) -> Iterator[None]:
    """Choose how much of a command's progress is told."""
    before = _QUIET.set(quiet), _VERBOSE.set(verbose)
    try:
        yield
    finally:
        _QUIET.reset(before[0])
        _VERBOSE.reset(before[1])


def is_quiet() -> bool:
    """Whether progress is not to be told."""
    return _QUIET.get()


def detail(message: str) -> None:
    """Tell a detail on standard error, where --verbose asks for it."""
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
