"""What arrives: the newest pose alone, and every pulse, without a queue that grows."""

import threading
import time
from collections import deque
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray


STALE = 0.3  # A pose older than this is no more where the coil is. [s]

_MOST_PULSES = 1000  # That wait to be written.
_KEPT = 64  # Intervals that rate and jitter are of.


class TrackedPose(NamedTuple):
    """A pose as it arrived.

    Attributes:
        matrix: Tool to tracker, lengths in m; checked by who registers it.
        arrived: On this machine's monotonic clock. [s]
        stamp: On the tracker's clock, or NaN. [s]
    """

    matrix: Float[ndarray, "4 4"]
    arrived: float
    stamp: float = float("nan")


class Pulse(NamedTuple):
    """A pulse of the stimulator.

    Attributes:
        arrived: On this machine's monotonic clock. [s]
        source: Who said so.
        pose: The newest when it came; None where none had come.
        current_rate: dI/dt that came with it, or NaN. [A/s]
    """

    arrived: float
    source: str
    pose: TrackedPose | None
    current_rate: float = float("nan")


class Taken(NamedTuple):
    """What had come.

    Attributes:
        pose: The newest, if one is new.
        pulses: In order.
        connected: Whether the source is there.
        ended: Whether it has come to its end.
    """

    pose: TrackedPose | None
    pulses: tuple[Pulse, ...]
    connected: bool
    ended: bool


class Pace:
    """How regularly poses come; one thread adds, any may look."""

    def __init__(self) -> None:
        self._times: tuple[float, ...] = ()

    def add(self, arrived: float) -> None:
        """Note a pose. [s]"""
        self._times = (*self._times[-_KEPT:], arrived)

    @property
    def rate(self) -> float:
        """Poses in a second; NaN before the second one. [Hz]"""
        times = self._times
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        return (len(times) - 1) / span if span > 0 else float("nan")

    @property
    def jitter(self) -> float:
        """Standard deviation of the intervals; NaN before the third pose. [s]"""
        times = self._times
        return float(np.std(np.diff(times))) if len(times) > 2 else float("nan")


class Inbox:
    """Where sources put poses and pulses, from any thread.

    A pose that was not taken when the next one comes is dropped and counted. Pulses wait;
    of more than a thousand the last are refused and counted.
    """

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._pose: TrackedPose | None = None
        self._last: TrackedPose | None = None
        self._pulses: deque[Pulse] = deque()
        self._connected, self._ended = False, False
        self.pace = Pace()
        self.received = self.dropped = self.refused = self.connections = 0

    def offer(self, pose: TrackedPose) -> None:
        """Put a pose in the place of any that was not taken."""
        with self._wake:
            self.dropped += self._pose is not None
            self.received += 1
            self._pose = self._last = pose
            self.pace.add(pose.arrived)
            self._wake.notify()

    def pulse(
        self,
        source: str,
        current_rate: float = float("nan"),
        pose: TrackedPose | None = None,
    ) -> bool:
        """Put a pulse, with the newest pose unless one is given; say if it was taken."""
        with self._wake:
            if len(self._pulses) >= _MOST_PULSES:
                self.refused += 1
                return False
            at = self._last if pose is None else pose
            self._pulses.append(Pulse(time.monotonic(), source, at, current_rate))
            self._wake.notify()
            return True

    def connected(self, there: bool) -> None:
        """Note that the source is there, or is gone."""
        with self._wake:
            self.connections += there and not self._connected
            self._connected = there
            self._wake.notify()

    def end(self) -> None:
        """Note that nothing more will come."""
        with self._wake:
            self._ended = True
            self._wake.notify()

    def take(self, timeout: float) -> Taken:
        """Wait until something is there, or time is over [s], and take it."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._pose is not None or self._pulses or self._ended, timeout
            )
            pose, pulses = self._pose, tuple(self._pulses)
            self._pose = None
            self._pulses.clear()
            return Taken(pose, pulses, self._connected, self._ended)
