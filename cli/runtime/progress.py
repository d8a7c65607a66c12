"""Progress on a terminal, and silence in pipes."""

import sys
import time
from collections.abc import Mapping

from ...meshing import ProgressBar
from .notices import detail, is_quiet
from .terminal import printable, raw


class Progress:
    """Named stages with a bar each, and the seconds that they took.

    The bar is drawn on standard error where that is a terminal, and nothing elsewhere.
    """

    def __init__(self, quiet: bool = False):
        self.seconds: dict[str, float] = {}
        self._begin = time.perf_counter()
        self._quiet = quiet or is_quiet() or not sys.stderr.isatty()
        self._bar: ProgressBar | None = None
        self._name, self._start = "", 0.0

    def stage(self, name: str, what: str) -> None:
        """End the stage before and begin one; `name` is its key in `seconds`."""
        self.close()
        self._name, self._start = name, time.perf_counter()
        if not self._quiet:
            self._bar = ProgressBar(printable(what), file=raw(sys.stderr))

    def __call__(self, share: float, what: str) -> None:
        """Show how far the stage is, and with what."""
        if self._bar is not None:
            self._bar(share, printable(what))

    def to_json(self) -> dict[str, float]:
        """The seconds by stage and in total so far, rounded to milliseconds."""
        total = time.perf_counter() - self._begin
        return rounded(self.seconds | {"total": total})

    def close(self) -> None:
        """End the stage."""
        if self._name:
            took = time.perf_counter() - self._start
            self.seconds[self._name] = self.seconds.get(self._name, 0.0) + took
            detail(f"{self._name:<16} {took:8.2f} s")
        if self._bar is not None:
            self._bar.close()
        self._name, self._bar = "", None


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Round seconds by stage to milliseconds."""
    return {name: round(value, 3) for name, value in seconds.items()}
