"""How near the phase now is known in recordings of people, by each way to estimate it.

    python -m benchmarks phase --files=FILE,… --channels=P7,P4,POz

Files are resting EEG of any format that MNE reads. The first minute is for training. In the
rest each way estimates the phase ten times a second from what came before; many filters,
which no way uses, say afterwards what it was (`timing.judged_phases`), and places where
these do not agree are left out. The mean error of the training is taken off, as `eeg
pulses` does. The reference is written after what the paper of phastimate describes: a
finite filter of 192 ms, an edge of 64 ms, a model of 30 ms, windows of 750 ms [Zrenner et
al. 2020, doi:10.1016/j.neuroimage.2020.116761].
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from benchmarks import record
from numpy import ndarray
from scipy import signal

from tmsgrad.optimize import timing
from tmsgrad.optimize.timing.phase import AbstractPhaseEstimator, PhaseNow


BAND = (8.0, 13.0)  # [Hz]
TRAINING, EVERY = 60.0, 0.1  # [s]
RINGS, AGREED = 2.5, 0.8  # [s]


@dataclass(frozen=True)
class Reference(AbstractPhaseEstimator):
    """A windowed sinc, a cut edge, and a short autoregressive model.

    Attributes:
        rate: Samples in a second. [Hz]
        window: Length. [s]
        taps: Length of the filter. [s]
        edge: Cut at each end. [s]
        span: Of the model. [s]
        past: From the present to each end of the transform. [s]
    """

    rate: float
    window: float = 0.75
    taps: float = 0.192
    edge: float = 0.064
    span: float = 0.030
    past: float = 0.064

    @property
    def samples(self) -> int:
        """How many samples a window has."""
        return round(self.window * self.rate)

    @cached_property
    def _weights(self) -> ndarray:
        count = round(self.taps * self.rate) | 1
        return np.asarray(signal.firwin(count, BAND, pass_zero=False, fs=self.rate))

    def __call__(self, window: ndarray) -> PhaseNow:
        """Estimate the phase at the last sample of a window."""
        padding = min(len(window) - 1, 3 * len(self._weights))
        passed = signal.filtfilt(
            self._weights, [1.0], window - window.mean(), padlen=padding
        )
        missing, half = round(self.edge * self.rate), round(self.past * self.rate)
        kept = passed[missing:-missing]
        order = round(self.span * self.rate)
        model = _yule_walker(kept, order)
        longer = kept.tolist()
        for _ in range(missing + half):
            longer.append(float(model @ longer[-order:]))
        analytic = np.asarray(signal.hilbert(np.array(longer[-2 * half - 1 :])))
        phase = float(np.angle(analytic[half])) % (2 * np.pi)
        return PhaseNow(phase, float(np.abs(analytic[half])), sum(BAND) / 2)


def _yule_walker(values: ndarray, order: int) -> ndarray:
    """Weights of the last values for the next, by the equations of Yule and Walker."""
    count = len(values)
    lags = np.array([values[: count - k] @ values[k:] for k in range(order + 1)])
    table = lags[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
    table = table + 1e-9 * lags[0] * np.eye(order)
    return np.linalg.solve(table, lags[1:])[::-1]


WAYS: dict[str, Callable[[ndarray, timing.BandPass], AbstractPhaseEstimator]] = {
    "usual model": lambda training, band: timing.Autoregressive(band),
    "tuned model": timing.tuned,
    "educated": timing.educate,
    "reference": lambda training, band: Reference(band.rate),
}


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks phase")
    parser.add_argument("--files", required=True, help="resting EEG, apart by commas")
    parser.add_argument("--channels", default="", help="each by itself, and their mean")
    options = parser.parse_args(words)
    wanted = [name for name in options.channels.split(",") if name]
    rows = []
    for file in options.files.split(","):
        recording = timing.read_eeg(file)
        chosen = [recording.names.index(name) for name in wanted]
        signals = {recording.names[i]: recording.signals[i] for i in chosen}
        signals["mean"] = recording.signals.mean(axis=0)
        for name, values in signals.items():
            row = _row(values, timing.BandPass(recording.rate, *BAND))
            rows.append({"recording": Path(file).stem, "channel": name, **row})
            print(rows[-1], flush=True)
    means = {way: round(float(np.mean([row[way] for row in rows])), 1) for way in WAYS}
    rows.append({"recording": "mean of all", "channel": "", **means})
    print(record.table(rows))
    record.write("phase", rows)


def _row(values: ndarray, band: timing.BandPass) -> dict[str, float]:
    """Circular spread of the errors by each way. [degrees]"""
    cut, ring = round(TRAINING * band.rate), round(RINGS * band.rate)
    every = round(EVERY * band.rate)
    training = values[:cut]
    parts = [
        (training, np.arange(ring, cut - ring, every)),
        (values, np.arange(cut + ring, len(values) - ring, every)),
    ]
    row = {"ratio dB": round(timing.rhythm_above_noise(training, band), 1)}
    for name, way in WAYS.items():
        estimator = way(training, band)
        learned, after = (_errors(*part, band, estimator) for part in parts)
        after = after - np.angle(np.exp(1j * learned).mean())
        length = np.abs(np.exp(1j * after).mean())
        row[name] = round(float(np.degrees(np.sqrt(-2 * np.log(length)))), 1)
    return row


def _errors(
    values: ndarray, ends: ndarray, band: timing.BandPass, estimator
) -> ndarray:
    judged = timing.judged_phases(values, band, (ends - 1) / band.rate)
    sure = judged.agreement >= AGREED
    found = [
        estimator(values[end - estimator.samples : end]).phase for end in ends[sure]
    ]
    return np.array(found) - judged.phases[sure]
