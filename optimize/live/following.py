"""From what arrives to answers: the newest pose, registered, with how late it is."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .answers import LiveAnswer, LiveField
from .inbox import STALE, Inbox, Pulse, TrackedPose
from .registration import Registration


@dataclass(frozen=True, eq=False)
class Answered:
    """What is known now.

    Attributes:
        state: `waiting` before the first pose, `live`, `off the head`, `stale` where no new
            pose came for 0.3 s, or `lost` where the source is gone.
        answer: Of the newest good pose, or None.
        age: Of that pose. [s]
        new: Whether it was not answered before.
        took: To compute it. [s]
        pulses: That came, each with the answer for its own pose, or None where it had none.
        refused: Why a pose was refused, if one was.
    """

    state: str
    answer: LiveAnswer | None
    age: float
    new: bool
    took: float
    pulses: tuple[tuple[Pulse, LiveAnswer | None], ...]
    refused: str | None = None


def follow(
    source: Inbox | Iterable,
    field: LiveField,
    registration: Registration,
    *,
    current_rate: float = 1e6,
    tick: float = 0.1,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Answered]:
    """Answer poses while they arrive.

    Args:
        source: An inbox that other threads fill; or matrices from tool to tracker, lengths
            in m, each of which is answered, such as those of a generator.
        field: Of the coil on the head.
        registration: From tracker to head.
        current_rate: dI/dt, of poses and of pulses that bring none. [A/s]
        tick: How long to wait for a pose before the state is given again. [s]
        clock: That arrivals are on. [s]

    Yields:
        An answer for each pose that is taken, and the state where none comes.
    """
    watch = _Watch(field, registration, current_rate, clock)
    if not isinstance(source, Inbox):
        for matrix in source:
            yield watch.look(TrackedPose(matrix, clock()), (), True)
        return
    while True:
        found = source.take(tick)
        if found.pose is not None or found.pulses or not found.ended:
            yield watch.look(found.pose, found.pulses, found.connected)
        if found.ended and found.pose is None and not found.pulses:
            return


@dataclass(eq=False)
class _Watch:
    field: LiveField
    registration: Registration
    current_rate: float
    clock: Callable[[], float]
    last: TrackedPose | None = None
    answer: LiveAnswer | None = None

    def look(
        self, pose: TrackedPose | None, pulses: tuple[Pulse, ...], connected: bool
    ) -> Answered:
        begun, refused, new = time.perf_counter(), None, False
        if pose is not None:
            try:
                self.answer = self._answer(pose, self.current_rate)
                self.last, new = pose, True
            except ValueError as error:
                refused = str(error)
        took = time.perf_counter() - begun
        age = float("inf") if self.last is None else self.clock() - self.last.arrived
        written = tuple((each, self._of_pulse(each)) for each in pulses)
        return Answered(
            *(self._state(age, connected), self.answer, age, new, took),
            *(written, refused),
        )

    def _state(self, age: float, connected: bool) -> str:
        if age > STALE and not connected:
            return "waiting" if self.answer is None else "lost"
        if self.answer is None:
            return "waiting"
        if age > STALE:
            return "stale"
        return "off the head" if self.answer.off_head else "live"

    def _of_pulse(self, pulse: Pulse) -> LiveAnswer | None:
        if pulse.pose is None:
            return None
        given = pulse.current_rate
        rate = given if given == given else self.current_rate
        if pulse.pose is self.last and rate == self.current_rate:
            return self.answer
        try:
            return self._answer(pulse.pose, rate)
        except ValueError:
            return None

    def _answer(self, pose: TrackedPose, rate: float) -> LiveAnswer:
        return self.field(self.registration(pose.matrix), rate)
