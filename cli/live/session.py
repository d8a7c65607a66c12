"""A session: answers shown as they come, pulses recorded before they are shown."""

import sys
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from ...optimize.live import Answered, Inbox
from ..runtime.notices import is_quiet
from ..runtime.terminal import raw
from .figures import Figures, line_of
from .record import Record
from .sources import Complaints


_REFRESH = 0.2  # Of a line on a terminal. [s]
_EVERY = 5.0  # Between lines elsewhere. [s]
_WIDTH = 160


@runtime_checkable
class Sink(Protocol):
    """Where answers go."""

    def show(self, found: Answered, message: dict) -> None:
        """Show an answer, or that the state is another; never wait."""
        ...

    def pulse(self, row: dict) -> None:
        """Show a pulse, which is in the record."""
        ...

    def close(self) -> None:
        """Show no more."""
        ...


def session(
    answers: Iterable[Answered],
    figures: Figures,
    record: Record,
    sinks: Sequence[Sink],
    complain: Complaints,
    end: float,
) -> None:
    """Follow answers to their end.

    Args:
        answers: That come.
        figures: To count in.
        record: For pulses.
        sinks: Where answers and pulses are shown.
        complain: About poses that are refused.
        end: On the monotonic clock. [s]
    """
    for found in answers:
        figures.add(found)
        if found.refused is not None:
            complain(f"a pose is refused: {found.refused}")
        for pulse, answer in found.pulses:
            row = record.write(pulse, answer, found.state)
            figures.pulses = record.count
            for each in sinks:
                each.pulse(row)
        message = figures.message(found)
        for each in sinks:
            each.show(found, message)
        if time.monotonic() >= end:
            return


class Terminal:
    """A line that is renewed on a terminal; elsewhere a line for each change."""

    def __init__(self, figures: Figures):
        self._figures, self._next, self._state = figures, 0.0, ""
        self._stream = raw(sys.stdout)
        self._renews = sys.stdout.isatty() and not is_quiet()

    def show(self, found: Answered, message: dict) -> None:
        """Print the state, not too often."""
        now = time.monotonic()
        changed = found.state != self._state
        if now < self._next and not changed:
            return
        self._state = found.state
        self._next = now + (_REFRESH if self._renews else _EVERY)
        line = line_of(found, self._figures)
        if self._renews:
            self._stream.write(f"\r{line[:_WIDTH]:<{_WIDTH}}")
            self._stream.flush()
        else:
            print(line, flush=True)

    def pulse(self, row: dict) -> None:
        """Print a pulse."""
        value = row["target_E_norm"]
        shown = f"{value:.1f} V/m in the target" if value != "" else "without a pose"
        begin = "\r" if self._renews else ""
        print(f"{begin}pulse {row['pulse']:<6} {shown}", flush=True)

    def close(self) -> None:
        """End the line."""
        if self._renews:
            print()


def listen_to_keys(inbox: Inbox) -> None:
    """Take each Enter on a terminal as a pulse, for as long as the program runs."""
    if not sys.stdin.isatty():
        return

    def work() -> None:
        for _ in sys.stdin:
            inbox.pulse("key")

    threading.Thread(target=work, name="keys", daemon=True).start()
