"""The phase of a rhythm now, from what has been recorded so far.

A filter that does not shift phases needs samples from after the present, so the end of the
filtered window is cut, and what comes next is predicted: by an autoregressive model [Chen
et al. 2013, doi:10.1109/TBME.2011.2109715; Zrenner et al. 2018,
doi:10.1016/j.brs.2017.11.016] or from the last peak and the usual interval between peaks
[Shirinpour et al. 2020, doi:10.1088/1741-2552/abba99]. A phase of 0 is a peak, π a trough.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import linalg, signal

from .pieces import Pieces, at_times, longer_than, samples_in, whole


_THINNED = 250.0  # About the rate at which the model predicts. [Hz]
_RIDGE = 1e-9  # Of the autocorrelation at no lag; a narrow band is nearly singular.
_TRIED = np.linspace(0.85, 1.15, 121)  # Of the usual interval, to undo a bias.
_EVERY = 0.05  # Between the windows that educate. [s]
_FEWEST_PEAKS = 100  # Ten seconds of alpha.


class PhaseNow(NamedTuple):
    """A rhythm at the last sample of a window.

    Attributes:
        phase: From 0 to 2π; 0 is a peak. [rad]
        amplitude: In the unit of the window, up to a fifth too small beside the cut end; 0
            where no rhythm is seen.
        frequency: [Hz]
    """

    phase: float
    amplitude: float
    frequency: float


@dataclass(frozen=True)
class BandPass:
    """A band of frequencies, and a filter that does not shift their phases.

    Attributes:
        rate: Samples in a second. [Hz]
        low: [Hz]
        high: [Hz]
        order: Of the Butterworth filter, which is passed twice.

    Raises:
        ValueError: The band is not one, or the rate is below ten times its end.
    """

    rate: float
    low: float
    high: float
    order: int = 2

    def __post_init__(self):
        if not 0.5 <= self.low < self.high < float("inf"):
            raise ValueError(
                f"the band must go upwards from 0.5 Hz at least, got {self.low:g} to "
                f"{self.high:g} Hz."
            )
        if not 10 * self.high <= self.rate < float("inf"):
            raise ValueError(
                f"the sampling rate is {self.rate:g} Hz; a band up to {self.high:g} Hz "
                f"needs {10 * self.high:g} Hz or more."
            )

    def __call__(self, signals: Float[ndarray, "*b time"]) -> Float[ndarray, "*b time"]:
        """Filter forwards and backwards."""
        padding = min(signals.shape[-1] - 1, round(self.rate / self.low))
        centred = signals - signals.mean(axis=-1, keepdims=True)
        passed = signal.sosfiltfilt(self._sections, centred, axis=-1, padlen=padding)
        return np.asarray(passed)

    @property
    def centre(self) -> float:
        """Middle of the band. [Hz]"""
        return (self.low + self.high) / 2

    @cached_property
    def _sections(self) -> Float[ndarray, "section 6"]:
        band = (self.low, self.high)
        return np.asarray(
            signal.butter(self.order, band, "bandpass", fs=self.rate, output="sos")
        )


class AbstractPhaseEstimator(ABC):
    """Gives the phase now from a window of what was recorded until now."""

    @property
    @abstractmethod
    def samples(self) -> int:
        """How many samples a window has."""

    @property
    def settings(self) -> dict[str, float]:
        """What may be chosen for a person, by name; nothing by default. [s]"""
        return {}

    @abstractmethod
    def __call__(self, window: Float[ndarray, "time"]) -> PhaseNow:
        """Estimate the phase at the last sample of a window."""


@dataclass(frozen=True)
class Autoregressive(AbstractPhaseEstimator):
    """Predicts the filtered signal by an autoregressive model.

    The window is filtered, its ends are cut, a model is fitted by the equations of Yule and
    Walker, the signal is predicted past the present, and Hilbert's transform gives the
    phase there [Zrenner et al. 2018, doi:10.1016/j.brs.2017.11.016].

    Attributes:
        band: The rhythm's.
        window: Length. [s]
        edge: What is cut at each end: more than the 64 ms of that paper, for the filter
            here rings longer. [s]
        span: Of the model: its order, as a time. [s]
        past: From the present to each end of the transform. [s]
    """

    band: BandPass
    window: float = 1.0
    edge: float = 0.1
    span: float = 0.12
    past: float = 0.2

    def __post_init__(self):
        _check_window(self.band, self.window, self.edge, self.span)

    @property
    def samples(self) -> int:
        """How many samples a window has."""
        return round(self.window * self.band.rate)

    @property
    def settings(self) -> dict[str, float]:
        """What may be chosen for a person, by name. [s]"""
        return {"window": self.window, "edge": self.edge, "span": self.span}

    @cached_property
    def _stride(self) -> int:
        return max(int(self.band.rate / _THINNED), 1)

    def __call__(self, window: Float[ndarray, "time"]) -> PhaseNow:
        """Estimate the phase at the last sample of a window."""
        rate = self.band.rate / self._stride
        missing = max(round(self.edge * rate), 1)
        cut = missing * self._stride
        kept = self.band(window)[cut:-cut]
        kept = kept[:: -self._stride][::-1]
        half = round(self.past * rate)
        predicted = _predicted(kept, round(self.span * rate), missing + half)
        if predicted is None:
            return PhaseNow(0.0, 0.0, self.band.centre)
        around = predicted[-2 * half - 1 :]
        analytic = np.asarray(signal.hilbert(around))
        turn = analytic[half + 1] * np.conj(analytic[half - 1])
        frequency = float(np.angle(turn)) * rate / (4 * np.pi)
        return PhaseNow(
            float(np.angle(analytic[half])) % (2 * np.pi),
            # The model damps what it predicts, so the last sample that was kept decides.
            float(np.abs(analytic[max(half - missing, 0)])),
            min(max(frequency, self.band.low), self.band.high),
        )


def _predicted(
    values: Float[ndarray, "time"], order: int, ahead: int
) -> Float[ndarray, "longer"] | None:
    """Continue a signal by an autoregressive model; none of a signal of zeros."""
    count = len(values)
    lags = np.correlate(values, values, "full")[count - 1 : count + order]
    if not lags[0] > 0:
        return None
    column = lags[:-1].copy()
    column[0] *= 1 + _RIDGE
    weights = linalg.solve_toeplitz(column, lags[1:], check_finite=False)[::-1]
    longer = np.concatenate([values, np.zeros(ahead)])
    for i in range(count, count + ahead):
        longer[i] = weights @ longer[i - order : i]
    return longer


@dataclass(frozen=True)
class EducatedPrediction(AbstractPhaseEstimator):
    """Counts on from the last peak by an interval that was learned.

    `educate` learns it [Shirinpour et al. 2020, doi:10.1088/1741-2552/abba99].

    Attributes:
        band: The rhythm's.
        interval: Between peaks, with the bias of the prediction undone. [s]
        window: Length. [s]
        edge: What is cut at each end. [s]
    """

    band: BandPass
    interval: float
    window: float = 1.0
    edge: float = 0.04

    def __post_init__(self):
        _check_window(self.band, self.window, self.edge, 0.0)
        if not 0.5 / self.band.high < self.interval < 2 / self.band.low:
            raise ValueError(
                f"`interval` is {self.interval:g} s, which is none of a rhythm from "
                f"{self.band.low:g} to {self.band.high:g} Hz."
            )

    @property
    def samples(self) -> int:
        """How many samples a window has."""
        return round(self.window * self.band.rate)

    @property
    def settings(self) -> dict[str, float]:
        """What may be chosen for a person, by name. [s]"""
        return {"window": self.window, "edge": self.edge, "interval": self.interval}

    def __call__(self, window: Float[ndarray, "time"]) -> PhaseNow:
        """Estimate the phase at the last sample of a window."""
        since, height = self.last_peak(window)
        if not height > 0:
            return PhaseNow(0.0, 0.0, 1 / self.interval)
        return PhaseNow(
            2 * np.pi * (since / self.interval % 1), height, 1 / self.interval
        )

    def last_peak(self, window: Float[ndarray, "time"]) -> tuple[float, float]:
        """How long ago the last peak was [s], and its height; zeros where there is none."""
        cut = max(round(self.edge * self.band.rate), 1)
        kept = self.band(window)[cut:-cut]
        tops = np.flatnonzero((kept[1:-1] > kept[:-2]) & (kept[1:-1] >= kept[2:]))
        if len(tops) == 0:
            return 0.0, 0.0
        top = int(tops[-1]) + 1
        left, middle, right = kept[top - 1 : top + 2]
        # The top of the parabola through three samples.
        shift = 0.5 * (left - right) / (left - 2 * middle + right)
        since = (len(kept) - 1 - top - shift + cut) / self.band.rate
        return float(since), float(middle)


def educate(
    training: Float[ndarray, "time"],
    band: BandPass,
    window: float = 1.0,
    edge: float = 0.04,
    pieces: Pieces | None = None,
) -> EducatedPrediction:
    """Learn the interval between peaks from a recording at rest.

    The median interval is changed until peaks predicted from windows of the recording meet,
    on average, the peaks that the whole recording shows.

    Args:
        training: A minute or more before the first pulse.
        band: The rhythm's.
        window: Length. [s]
        edge: What is cut at each end. [s]
        pieces: Of the recording that may be used; by default all of it.

    Raises:
        ValueError: The recording is too short.
    """
    pieces = longer_than(
        whole(training) if pieces is None else pieces, 4 * window * band.rate
    )
    intervals = _intervals(training, band, pieces)
    if len(intervals) + len(pieces) < _FEWEST_PEAKS or not pieces:
        raise ValueError(
            f"`training` has {samples_in(pieces) / band.rate:.1f} s with "
            f"{len(intervals) + len(pieces)} peaks; at least {_FEWEST_PEAKS} peaks are "
            "needed."
        )
    usual = min(max(float(np.median(intervals)), 1 / band.high), 1 / band.low)
    plain = EducatedPrediction(band, usual, window, edge)
    # Filters ring at the ends of a piece.
    margin, every = plain.samples, round(_EVERY * band.rate)
    ends = np.concatenate(
        [np.arange(p.start + 2 * margin, p.stop - margin, every) for p in pieces]
    )
    since = np.array([plain.last_peak(training[end - margin : end])[0] for end in ends])
    means = []
    for interval in usual * _TRIED:
        wait = -since % interval
        error = phase_at(training, band, (ends - 1) / band.rate + wait, pieces)
        means.append(np.angle(np.exp(1j * error).mean()))
    best = usual * _TRIED[np.argmin(np.abs(means))]
    return EducatedPrediction(band, float(best), window, edge)


def _intervals(
    training: Float[ndarray, "time"], band: BandPass, pieces: Pieces
) -> Float[ndarray, "interval"]:
    """Between the peaks of each piece. [s]"""
    apart = 0.5 * band.rate / band.high
    tops = [signal.find_peaks(band(training[p]), distance=apart)[0] for p in pieces]
    return np.concatenate([np.zeros(0), *map(np.diff, tops)]) / band.rate


def phase_afterwards(
    recorded: Float[ndarray, "time"], band: BandPass
) -> tuple[Float[ndarray, "time"], Float[ndarray, "time"]]:
    """Phase [rad] and amplitude at each sample, from what came before and after it."""
    analytic = np.asarray(signal.hilbert(band(recorded)))
    return np.angle(analytic), np.abs(analytic)


def phase_at(
    recorded: Float[ndarray, "time"],
    band: BandPass,
    times: Float[ndarray, "pulse"],
    pieces: Pieces | None = None,
) -> Float[ndarray, "pulse"]:
    """Phase at given times, as the whole of their piece shows, from 0 to 2π. [rad]

    Args:
        recorded: One signal.
        band: The rhythm's.
        times: From the first sample. [s]
        pieces: Of the recording; by default all of it is one.

    Raises:
        ValueError: A time lies in no piece.
    """
    pieces = whole(recorded) if pieces is None else pieces
    turning = lambda values: np.unwrap(phase_afterwards(values, band)[0])
    return at_times(turning, recorded, band.rate, times, pieces) % (2 * np.pi)


def _check_window(band: BandPass, window: float, edge: float, span: float) -> None:
    if not (edge > 0 and window - 2 * edge >= max(2 / band.low, 2 * span)):
        raise ValueError(
            f"`window` has {window:g} s of which `edge` takes {2 * edge:g} s: two periods "
            f"of {band.low:g} Hz and twice the model's span must be left."
        )
