"""What all people are at, on one screen; in pipes a line for each that ends."""

import json
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from ..results.cohort_result import PersonResult
from ..runtime.notices import is_quiet
from ..runtime.terminal import printable, raw
from .person import Task


_EVERY = 0.5  # [s]
_MOST_LINES = 12


class Screen:
    """Shows progress, and keeps the log.

    On a terminal there is a bar with what is left of the time, and a line for each person
    that is computed now; in pipes a line on standard output for each that ends. The log has
    these lines too, each with the time.
    """

    def __init__(self, tasks: Sequence[Task], log: Path, link: str = ""):
        """Begin.

        Args:
            tasks: Those that are to be done.
            log: A file, appended to.
            link: Of the dashboard, or nothing.
        """
        self._tasks, self._log = {task.name: task for task in tasks}, log
        self._bars: list[tqdm] = []
        self._end = threading.Event()
        self._drawn = sys.stderr.isatty() and not is_quiet()
        if link and not is_quiet():
            print(f"dashboard        {link}", file=sys.stderr)
        if self._drawn:
            stream = raw(sys.stderr)
            self._bars.append(tqdm(total=len(tasks), unit="person", file=stream))
            self._bars += [
                tqdm(
                    total=0,
                    bar_format="{desc}",
                    position=n + 1,
                    leave=False,
                    file=stream,
                )
                for n in range(min(_MOST_LINES, len(tasks)))
            ]
            self._thread = threading.Thread(target=self._follow, daemon=True)
            self._thread.start()

    def ended(self, person: PersonResult) -> None:
        """Say what became of a person."""
        line = printable(person.line())
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"{now} {line}\n")
        self._tasks.pop(person.name, None)
        if self._drawn:
            self._bars[0].write(line, file=raw(sys.stderr))
            self._bars[0].update()
        else:
            print(line, flush=True)

    def close(self) -> None:
        """End."""
        self._end.set()
        if self._drawn:
            self._thread.join()
            for bar in reversed(self._bars):
                bar.close()

    def _follow(self) -> None:
        while not self._end.wait(_EVERY):
            states = [(name, _state(task)) for name, task in [*self._tasks.items()]]
            lines = [f"  {name:<16} {words}" for name, words in states if words]
            for bar, line in zip(
                self._bars[1:], [*lines, *[""] * _MOST_LINES], strict=False
            ):
                bar.set_description_str(printable(line))


def _state(task: Task) -> str:
    """What a person is at; empty where it has not begun."""
    try:
        said = json.loads(task.state.read_text(encoding="utf-8"))
        return f"{said['run']} of {said['of']}: {said['what']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
