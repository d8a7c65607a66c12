"""A session on a terminal: a line that is renewed, and its keys."""

import sys
import threading
import time

from ...optimize.live import Answered, Inbox
from ...optimize.live.figures import Figures, line_of
from ..runtime.notices import is_quiet
from ..runtime.terminal import raw


_REFRESH = 0.2  # Of a line on a terminal. [s]
_EVERY = 5.0  # Between lines elsewhere. [s]
_WIDTH = 160


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
