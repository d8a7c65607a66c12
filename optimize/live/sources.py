"""Where poses come from, and the thread that brings them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import PoseList
from .inbox import Inbox, TrackedPose
from .walks import Walk, walk


_USUAL = 20.0  # Of poses whose times are not known. [Hz]
_LINES = 20  # Of complaints from a source; what it sends may be anything.


@runtime_checkable
class Source(Protocol):
    """What brings poses."""

    @property
    def name(self) -> str:
        """As it is shown."""
        ...

    def run(self, inbox: Inbox, stop: threading.Event, complain: "Complaints") -> None:
        """Fill an inbox until it is told to stop, or nothing more will come."""
        ...


class Complaints:
    """What is wrong with what arrives: each thing once, and not without an end."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Take what a complaint is said by, from any thread."""
        self._say = say
        self._said: set[str] = set()
        self._lock = threading.Lock()
        self.count = 0

    def __call__(self, message: str) -> None:
        """Say it, unless the same was said already."""
        with self._lock:
            self.count += 1
            if message in self._said or len(self._said) > _LINES:
                return
            self._said.add(message)
            last = len(self._said) > _LINES
        self._say("more is refused, which is counted only." if last else message)


@contextmanager
def running(source: Source, inbox: Inbox, complain: Complaints) -> Iterator[None]:
    """Let a source fill an inbox from a thread of its own."""
    stop = threading.Event()

    def work() -> None:
        try:
            source.run(inbox, stop, complain)
        except Exception as error:
            complain(f"{source.name}: {error}")
        finally:
            inbox.connected(False)
            inbox.end()

    thread = threading.Thread(target=work, name=source.name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2.0)


@dataclass(frozen=True, eq=False)
class Replay:
    """Recorded poses, brought at the times at which they were recorded.

    Attributes:
        file: Their file.
        poses: They.
        speed: How many times as fast.
    """

    file: str
    poses: PoseList
    speed: float = 1.0

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"replay of {self.file}"

    def run(self, inbox: Inbox, stop: threading.Event, complain: Complaints) -> None:
        """Bring all poses; those of pulses bring a pulse as well."""
        inbox.connected(True)
        begun = time.monotonic()
        matrices = in_metres(self.poses.matrices())
        for i, due in enumerate(self._due()):
            if stop.wait(max(0.0, begun + due - time.monotonic())):
                return
            pose = TrackedPose(matrices[i], time.monotonic(), due * self.speed)
            inbox.offer(pose)
            if self.poses.groups[i] == "pulse":
                rate = float(self.poses.current_rates[i])
                taken = inbox.pulse("replay", rate, pose)
                if not taken:
                    complain(f"{self.name}: pulses come faster than they are recorded.")

    def _due(self) -> Float[ndarray, "pose"]:
        """From the first pose on. [s]"""
        times = np.maximum.accumulate(self.poses.times)
        if not np.isfinite(times).all():
            times = np.arange(len(self.poses)) / _USUAL
        return (times - times[:1]) / self.speed


@dataclass(frozen=True, eq=False)
class Simulated:
    """A tracker that is none.

    Attributes:
        start: The placement that the coil wanders about, coil to tracker. [m]
        how: It wanders.
        rate: Poses in a second. [Hz]
        count: After which it ends, or None.
    """

    start: Float[ndarray, "4 4"]
    how: Walk
    rate: float = _USUAL
    count: int | None = None

    _RADIUS = 0.09  # Of a head, about. [m]

    @property
    def name(self) -> str:
        """As it is shown."""
        return "simulated tracker"

    def run(self, inbox: Inbox, stop: threading.Event, complain: Complaints) -> None:
        """Bring poses at the rate."""
        inbox.connected(True)
        begun = time.monotonic()
        poses = walk(self.start, self._RADIUS, self.rate, self.how)
        for number, matrix in enumerate(poses):
            if number == self.count:
                return
            due = begun + number / self.rate
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            if matrix is not None:
                inbox.offer(TrackedPose(matrix, time.monotonic(), number / self.rate))


def in_metres(matrices: Float[ndarray, "*n 4 4"]) -> Float[ndarray, "*n 4 4"]:
    """Bring matrices from mm to m."""
    found = np.array(matrices, dtype=np.float64)
    found[..., :3, 3] *= 1e-3
    return found
