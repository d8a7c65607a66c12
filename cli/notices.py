"""Warnings: told on standard error, and kept for a report."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def warn(message: str, kind: str = "warning") -> None:
    """Tell a warning, and keep it where somebody listens."""
    print(f"tmsgrad: {kind}: {message}", file=sys.stderr)
    heard = _HEARD.get()
    if heard is not None:
        heard.append(message)


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
