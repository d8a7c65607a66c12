"""A session: answers shown as they come, pulses recorded before they are shown."""

import time
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from .figures import Figures
from .following import Answered
from .record import Record
from .sources import Complaints


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
