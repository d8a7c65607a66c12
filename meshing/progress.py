"""How far long functions are: what they call, and a bar for terminals and notebooks."""

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm


Progress = Callable[[float, str], None]
"""Called with the share done, from 0 to 1, and what is being done."""


class ProgressBar:
    """A bar on standard error, for the argument `progress` of long functions.

    It begins at the first call and ends at a share of one; the next call begins another.
    """

    def __init__(self, what: str = "", *, file: Any = None):
        """Choose where the bar is drawn.

        Args:
            what: What is shown before the first words, and draws the bar at once.
            file: A stream; by default standard error.
        """
        self._file, self._bar = file, None
        if what:
            self._open(what)

    def __call__(self, share: float, what: str) -> None:
        """Show how far it is, and with what."""
        bar = self._bar or self._open(what)
        bar.set_description_str(what, refresh=False)
        bar.update(max(0.0, 100 * share - bar.n))
        if share >= 1:
            self.close()

    def close(self) -> None:
        """End the bar, as if all were done."""
        if self._bar is not None:
            self._bar.update(100 - self._bar.n)
            self._bar.close()
        self._bar = None

    def _open(self, what: str) -> tqdm:
        self._bar = tqdm(
            total=100,
            desc=what,
            bar_format="{desc:<44.44s} {bar:24} {elapsed}",
            file=self._file or sys.stderr,
        )
        return self._bar


def silent(share: float, what: str) -> None:
    """Stand in where no progress is wanted."""


def part_of(progress: Progress, begin: float, end: float) -> Progress:
    """Let a part of some work report its share of the whole.

    Args:
        progress: Of the whole.
        begin: Share done before.
        end: Share done after.
    """
    return lambda share, what: progress(begin + share * (end - begin), what)
