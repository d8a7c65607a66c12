"""Pulses decided on while a signal arrives, by the rule of a replay.

Samples are counted, and time is their number over the rate. The clock of a stream's time
stamps runs beside: its lag is the median of the last seconds, as stamps of single samples
are as late as the program that sent them.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .decisions import PulseRule


GAP = 0.02  # Of a time stamp from what the one before gives. [s]

_CLOCK = 5.0  # Of stamps that give the lag. [s]


class Chunk(NamedTuple):
    """Samples that arrived together.

    Attributes:
        values: Of one signal.
        stamps: When each was taken. [s]
    """

    values: Float[ndarray, "time"]
    stamps: Float[ndarray, "time"]


@dataclass(frozen=True)
class LivePulse:
    """A pulse that can still be given.

    Attributes:
        samples: How many the decision had seen, from the first of the training on.
        time: When it comes, from the first sample of the training on. [s]
        stamp: The same on the clock of the time stamps. [s]
        amplitude: Of the rhythm, in the unit of the signal.
        frequency: Of the rhythm. [Hz]
    """

    samples: int
    time: float
    stamp: float
    amplitude: float
    frequency: float


@dataclass(frozen=True)
class LiveDecision:
    """One decision.

    Attributes:
        pulse: That it led to, or nothing.
        late: Whether it led to a pulse that should have come already.
        skipped: Decisions before this one that would have come too late.
        took: How long the estimate took. [s]
    """

    pulse: LivePulse | None
    late: bool
    skipped: int
    took: float


@dataclass(frozen=True)
class Gap:
    """Samples that are missing or not finite; the window is filled anew.

    Attributes:
        samples: How many came before, from the first of the training on.
        seconds: How far the time stamps jump, NaN where values are not finite. [s]
    """

    samples: int
    seconds: float


def follow(
    chunks: Iterable[Chunk],
    rule: PulseRule,
    training: Chunk,
    clock: Callable[[], float],
) -> Iterator[LiveDecision | Gap]:
    """Decide on pulses while samples arrive.

    Decisions lie `rule.step` samples apart from the end of the training on, as those of
    `replay` with that start. One whose pulses would all lie in the past is left out.

    Args:
        chunks: Samples as they arrive.
        rule: Decides.
        training: Without gaps, right before the chunks.
        clock: The time on the clock of the stamps; `lambda: -math.inf` leaves out none. [s]

    Yields:
        Each decision that was made, and each gap.
    """
    ready, last, skipped = 0.0, -np.inf, 0
    for found in _windows(chunks, rule, training):
        if isinstance(found, Gap):
            yield found
            continue
        window, end, lag = found
        now = (end - 1) / rule.band.rate
        if now + rule.latency < ready:
            continue
        if lag + now + rule.horizon <= clock():
            skipped += 1
            continue
        begun = time.perf_counter()
        next_pulse = rule(window, now, last)
        took = time.perf_counter() - begun
        pulse, late = None, False
        if next_pulse is not None:
            pulse = LivePulse(
                end,
                next_pulse.time,
                lag + next_pulse.time,
                next_pulse.amplitude,
                next_pulse.frequency,
            )
            late = bool(pulse.stamp <= clock())
            if not late:
                last, ready = pulse.time, pulse.time + rule.refractory
        yield LiveDecision(None if late else pulse, late, skipped, took)
        skipped = 0


class _Window(NamedTuple):
    values: Float[ndarray, "time"]
    end: int  # Samples until then, from the first of the training on.
    lag: float  # [s]


class _Part(NamedTuple):
    values: Float[ndarray, "time"]
    lags: Float[ndarray, "time"]
    jump: float  # From the part before; NaN where values are not finite. [s]


def _windows(
    chunks: Iterable[Chunk], rule: PulseRule, training: Chunk
) -> Iterator[_Window | Gap]:
    """The windows that decisions are made from, and gaps, in order."""
    rate, size = rule.band.rate, rule.estimator.samples
    recent = round(_CLOCK * rate)
    count = end = len(training.values)
    window = training.values[-size:]
    lags = (training.stamps - np.arange(count) / rate)[-recent:]
    for part in _parts(chunks, count, rate, float(lags[-1])):
        finite = bool(np.isfinite(part.jump))
        if not finite or part.jump:
            if len(window):
                yield Gap(count, part.jump)
            window, lags = window[:0], lags[:0]
        count += len(part.values)
        if finite:
            window = np.concatenate([window, part.values])
        lags = np.concatenate([lags, part.lags])[-recent:]
        lag = float(np.median(lags))
        for each in range(end, count + 1, rule.step):
            last = len(window) - (count - each)
            if last >= size:
                yield _Window(window[last - size : last], each, lag)
            end = each + rule.step
        window = window[-size:]


def _parts(
    chunks: Iterable[Chunk], count: int, rate: float, before: float
) -> Iterator[_Part]:
    """Cut chunks where samples are missing and around those that are not finite."""
    for values, stamps in chunks:
        if not len(values):
            continue
        lags = stamps - (count + np.arange(len(values))) / rate
        jumps = np.diff(lags, prepend=before)
        jumps[np.abs(jumps) <= GAP] = 0.0
        wrong = ~np.isfinite(values)
        jumps[wrong] = np.nan
        cut = jumps != 0
        cut[1:] |= wrong[:-1]
        cuts = np.flatnonzero(cut[1:]) + 1
        for start, stop in pairwise([0, *cuts.tolist(), len(values)]):
            yield _Part(values[start:stop], lags[start:stop], float(jumps[start]))
        count += len(values)
        before = float(lags[-1])
