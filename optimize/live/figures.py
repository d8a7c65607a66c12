"""What a session counts, and its words for a terminal, a page and other programs."""

import time
from dataclasses import dataclass

import numpy as np

from .answers import LiveAnswer
from .following import Answered
from .inbox import Inbox


_BINS = 2000  # Of a millisecond each.


@dataclass(frozen=True)
class Latencies:
    """From the arrival of a pose to its answer, in steps of a millisecond.

    Attributes:
        median: [s]
        most: Of 95%. [s]
        worst: [s]
    """

    median: float
    most: float
    worst: float


class Figures:
    """Counts of a session, whose memory does not grow."""

    def __init__(self, inbox: Inbox):
        self.inbox = inbox
        self.answered = self.pulses = self.refused = 0
        self._took = np.zeros(_BINS, dtype=np.int64)
        self._late = np.zeros(_BINS, dtype=np.int64)

    def add(self, found: Answered) -> None:
        """Count an answer."""
        self.refused += found.refused is not None
        if not found.new:
            return
        self.answered += 1
        for counts, seconds in ((self._took, found.took), (self._late, found.age)):
            counts[min(_BINS - 1, max(0, int(seconds * 1e3)))] += 1

    @property
    def latencies(self) -> Latencies | None:
        """From the arrival of a pose to its answer; None before the first."""
        if self.answered == 0:
            return None
        share = np.cumsum(self._late) / self.answered
        at = lambda part: float(np.searchsorted(share, part) + 1) * 1e-3
        return Latencies(at(0.5), at(0.95), at(1.0))

    def message(self, found: Answered) -> dict:
        """What a page is sent, in SI units; what is not known is None."""
        pace = self.inbox.pace
        content: dict[str, object] = {
            "kind": "state",
            "state": found.state,
            "age": _known(found.age),
            "rate": _known(pace.rate),
            "jitter": _known(pace.jitter),
            "received": self.inbox.received,
            "dropped": self.inbox.dropped,
            "refused": self.refused,
            "pulses": self.pulses,
            "sent": time.time(),
        }
        answer = found.answer
        if answer is None:
            return content
        return content | {
            "kind": "pose",
            "pose": answer.pose[:3].ravel().tolist(),
            "currentRate": answer.current_rate,
            "target": answer.target,
            "share": answer.share,
            "peak": answer.peak,
            "peakAt": answer.peak_at.tolist(),
            "clearance": answer.clearance,
            "distance": _known(answer.distance),
            "error": answer.error,
            "outside": answer.outside,
            "advice": answer.advice.words,
        }


def line_of(found: Answered, figures: Figures) -> str:
    """The state in a line."""
    pace = figures.inbox.pace
    rhythm = "" if np.isnan(pace.rate) else f"{pace.rate:.0f} Hz"
    if not np.isnan(pace.jitter):
        rhythm += f" ± {pace.jitter * 1e3:.0f} ms"
    answer = found.answer
    if answer is None:
        return f"{found.state:<12} no pose yet"
    if found.state in ("stale", "lost"):
        return f"{found.state:<12} the last pose is {found.age:.1f} s old"
    return f"{found.state:<12} {words_of(answer)}  [{rhythm}]"


def words_of(answer: LiveAnswer) -> str:
    """An answer in words."""
    sure = "outside of the basis" if answer.outside else f"± {answer.error:.1%}"
    gap = answer.clearance * 1e3
    lies = f"{gap:.1f} mm off" if gap >= 0 else f"CUTS the scalp by {-gap:.1f} mm"
    return (
        f"{answer.target:.1f} V/m in the target ({answer.share:.0%} of the best, {sure}), "
        f"peak {answer.peak:.0f} V/m; {lies}; {answer.advice.words}"
    )


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
