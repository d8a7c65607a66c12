"""Ctrl-C, SIGTERM and SIGHUP end a command in the same way: cleaned up, with a message."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn


_SIGNALS = tuple(
    found
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (found := getattr(signal, name, None)) is not None
)
_NAMES = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class TerminationError(BaseException):
    """SIGTERM or SIGHUP asks the command to end.

    It is no KeyboardInterrupt, which a search takes as the wish to stop with the best that
    it has: whoever sends these signals waits a few seconds before SIGKILL.
    """


# What ends a command from outside. Ctrl-C raises KeyboardInterrupt, as everywhere.
ENDINGS = (KeyboardInterrupt, TerminationError)


@dataclass
class _State:
    """What the handler knows: one for the process, as signals are."""

    asked: int | None = None  # The first signal that came.
    depth: int = 0  # Of blocks that must run to their end.
    waiting: int | None = None  # A signal that came within one.
    before: list = field(default_factory=list)


_STATE = _State()


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the signals that end a program into exceptions while a command runs.

    A signal that is ignored, as SIGHUP is under `nohup`, stays ignored. Only the main
    thread gets signals: elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {
        number: before
        for number in _SIGNALS
        if (before := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    _STATE.asked = _STATE.waiting = None
    _STATE.depth = 0
    for number in kept:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


def ignore() -> None:
    """Let no further signal interrupt what is said at the end of a command."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep signals back until a block has run to its end: a clean-up, a set of renames."""
    _STATE.depth += 1
    try:
        yield
    finally:
        _STATE.depth -= 1
    waiting, _STATE.waiting = _STATE.waiting, None
    if waiting is not None and _STATE.depth == 0:
        raise _exception(waiting)


def asked() -> int | None:
    """The signal that asked the command to end, if one did: also one that got lost.

    A library's callback may swallow the exception, or make another one of it.
    """
    return _STATE.asked


def status_of(number: int) -> int:
    """The exit status of a program that a signal ended, as shells have it."""
    return 128 + number


def words_of(number: int) -> str:
    """What a signal did, in one word or two."""
    return _NAMES[signal.Signals(number).name]


def leave(status: int) -> NoReturn:
    """End the process at once.

    The threads of XLA may still compute: the usual end waits for them, and a second signal
    while it waits has them abort the process.
    """
    ignore()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # The terminal is gone, as after SIGHUP.
    os._exit(status)


def _raise(number: int, _: FrameType | None) -> None:
    if _STATE.asked is None:
        _STATE.asked = number
    if _STATE.depth:
        _STATE.waiting = number
        return
    raise _exception(number)


def _exception(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else TerminationError()
