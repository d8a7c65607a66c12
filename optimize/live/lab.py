"""The Lab Streaming Layer: poses and triggers in, figures out."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..timing.streams import lab_library, streams_named
from .following import Answered
from .inbox import Inbox, TrackedPose
from .sources import Complaints, in_metres


_POLL = 0.1  # [s]
_LOOK = 1.0  # For a stream at a time. [s]
_KEPT = 1  # Of what was not read. [s]
_MOST = 1024  # Samples at once.
_WORD = 40  # Letters of a marker that are kept.
FIGURES = (
    *(f"matsimnibs_{r}{c}" for r in "123" for c in "1234"),
    *("didt_A_per_s", "target_V_per_m", "share_of_best", "peak_V_per_m"),
    *("clearance_mm", "error", "outside", "age_s"),
)


@dataclass(frozen=True)
class LabPoses:
    """Poses of a stream, whose samples are the rows of a 4×4 matrix, or three of them. [mm]

    Attributes:
        stream: Its name.
    """

    stream: str

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"lsl:{self.stream}"

    def run(self, inbox: Inbox, stop: threading.Event, complain: Complaints) -> None:
        """Take the newest sample of each that arrive together."""
        for samples, stamps in _samples(self.stream, stop, complain, inbox):
            row = np.array(samples[-1], dtype=np.float64)
            matrix = np.eye(4)
            matrix.flat[: len(row)] = row
            pose = TrackedPose(in_metres(matrix), time.monotonic(), stamps[-1])
            inbox.offer(pose)


def listen_to_triggers(
    stream: str, inbox: Inbox, stop: threading.Event, complain: Complaints
) -> None:
    """Take each marker of a stream as a pulse, until the end, from a thread."""

    def work() -> None:
        for samples, _ in _samples(stream, stop, complain, None):
            for (word,) in samples:
                if not inbox.pulse(f"lsl {str(word)[:_WORD]}".strip()):
                    complain(f"lsl:{stream}: triggers come faster than they are kept.")

    threading.Thread(target=work, name="triggers", daemon=True).start()


class LabFigures:
    """Sends the figures of each answer as a stream."""

    def __init__(self, name: str):
        """Open it.

        Raises:
            ModuleNotFoundError: pylsl is not installed.
        """
        pylsl = lab_library()
        about = pylsl.StreamInfo(
            name, "TMS", len(FIGURES), 0.0, "double64", f"tmsgrad {name}"
        )
        about.set_channel_labels(list(FIGURES))
        self._outlet = pylsl.StreamOutlet(about, max_buffered=_KEPT)

    def show(self, found: Answered, message: dict) -> None:
        """Send an answer."""
        answer = found.answer
        if answer is None or not found.new:
            return
        pose = answer.pose.copy()
        pose[:3, 3] *= 1e3
        figures = [answer.current_rate, answer.target, answer.share, answer.peak]
        figures += [1e3 * answer.clearance, answer.error, float(answer.outside)]
        self._outlet.push_sample([*pose[:3].ravel().tolist(), *figures, found.age])

    def pulse(self, row: dict) -> None:
        """Do nothing: who sent the trigger knows."""

    def close(self) -> None:
        """Do nothing: the stream ends with the program."""


def _samples(
    stream: str, stop: threading.Event, complain: Complaints, inbox: Inbox | None
) -> Iterator[tuple[list, list]]:
    """Samples of a stream of poses, or of markers; it is looked for again and again."""
    pylsl = lab_library()
    while not stop.is_set():
        found = streams_named(pylsl, stream, 1, _LOOK)
        if not found:
            complain(f"lsl:{stream}: there is no such stream; it is looked for.")
            continue
        about = found[0]
        words = about.channel_format() == pylsl.cf_string
        fits = (
            words if inbox is None else not words and about.channel_count() in (12, 16)
        )
        if not fits or (words and about.channel_count() != 1):
            wanted = "one channel of words" if inbox is None else "12 or 16 of numbers"
            complain(f"lsl:{stream}: it is refused, as {wanted} must be its channels.")
            stop.wait(_LOOK)
            continue
        if inbox is not None:
            inbox.connected(True)
        yield from _of_inlet(pylsl, about, stop)
        if inbox is not None:
            inbox.connected(False)


def _of_inlet(
    pylsl: Any, about: Any, stop: threading.Event
) -> Iterator[tuple[list, list]]:
    """Samples until the stream is lost."""
    flags = pylsl.proc_clocksync
    inlet = pylsl.StreamInlet(about, _KEPT, recover=False, processing_flags=flags)
    try:
        inlet.open_stream(_LOOK)
        while not stop.is_set():
            first, stamp = inlet.pull_sample(_POLL)
            if first is not None:
                samples, stamps = inlet.pull_chunk(0.0, _MOST)
                yield [first, *samples], [stamp, *stamps]
    except (pylsl.util.LostError, pylsl.util.TimeoutError):
        return
    finally:
        inlet.close_stream()
