"""A recording played again to a phase estimator, as a device would see it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .decisions import PulseRule
from .judging import judged_phases
from .phase import AbstractPhaseEstimator, BandPass
from .pieces import Pieces, longer_than, samples_in, spectrum, whole


_TRAINED_EVERY = 0.25  # Least time between pulses of a training. [s]
_RINGS = 2.0  # How long the filter that judges may err at the ends. [s]
_FITTED = (3.0, 40.0)  # Where the noise's spectrum is fitted. [Hz]
_FLANK = 1.0  # Beside the band, where the fit leaves out the rhythm. [Hz]


@dataclass(frozen=True, eq=False)
class Pulses:
    """Pulses of a replay.

    Attributes:
        times: From the recording's first sample. [s]
        phases: At each pulse, by many filters over the whole recording. [rad]
        amplitudes: Estimated at each pulse, in the unit of the recording.
        target: The phase that was aimed at. [rad]
        decision_times: What each estimate took. [s]
        agreement: Of the filters at each pulse: 1 where all say the same.
    """

    times: Float[ndarray, "pulse"]
    phases: Float[ndarray, "pulse"]
    amplitudes: Float[ndarray, "pulse"]
    target: float
    decision_times: Float[ndarray, "decision"]
    agreement: Float[ndarray, "pulse"]

    @property
    def errors(self) -> Float[ndarray, "pulse"]:
        """Phase less the target, from -π to π. [rad]"""
        return np.angle(np.exp(1j * (self.phases - self.target)))

    @property
    def mean_error(self) -> float:
        """Circular mean of the errors. [rad]"""
        return float(np.angle(np.exp(1j * self.errors).mean()))

    @property
    def spread(self) -> float:
        """Circular standard deviation, √(-2 ln R). [rad] [Mardia 1972]"""
        length = min(float(np.abs(np.exp(1j * self.errors).mean())), 1.0)
        return float(np.sqrt(-2 * np.log(length)))

    def hit_rate(self, within: float = np.pi / 4) -> float:
        """Share of pulses whose phase is so near to the target. [rad]"""
        return float(np.mean(np.abs(self.errors) <= within))


def replay(
    recorded: Float[ndarray, "time"],
    band: BandPass,
    estimator: AbstractPhaseEstimator,
    target: float,
    *,
    aim: float | None = None,
    start: float = 0.0,
    hop: float = 0.004,
    latency: float = 0.005,
    refractory: float = 1.0,
    gate: float = 0.0,
    ceiling: float = np.inf,
    blanking: float = 0.0,
    pieces: Pieces | None = None,
) -> Pulses:
    """Decide on pulses while a recording is played again, and judge them afterwards.

    Many filters judge, of which none decided: see `judged_phases`.

    Every `hop` the estimator gets the last samples and nothing later. Where the target
    phase comes after `latency` and before the next decision could have it, a pulse is set
    to the time when it comes. Real pulses disturb the EEG; a replay has none of that.

    Args:
        recorded: One signal, after any spatial filter.
        band: The rhythm's, for judging.
        estimator: What decides.
        target: Phase to meet; 0 is a peak, π a trough. [rad]
        aim: Phase that the estimator must give for a pulse, by `aim_for`; by default the
            target. [rad]
        start: Of the first decision. [s]
        hop: Between decisions. [s]
        latency: From the last sample to the earliest pulse: acquisition, decision and
            stimulator. [s]
        refractory: Least time from pulse to pulse. [s]
        gate: No pulse below this amplitude, in the unit of the recording.
        ceiling: No pulse above this amplitude.
        blanking: Time after each pulse that decisions do not see, as of a real pulse whose
            artefact must be left out. [s]
        pieces: Of the recording that may be used; no decision sees samples of two, and no
            pulse comes outside or within two seconds of the ends of one, where a filter
            rings. By default all of it is one.

    Raises:
        ValueError: The recording is flat, too short or not finite, a setting is out of
            range, or no pulse came.
    """
    wanted = target if aim is None else aim
    rule = PulseRule(
        *(band, estimator, wanted, hop, latency, refractory, gate, ceiling, blanking)
    )
    pieces = whole(recorded) if pieces is None else pieces
    _check(recorded, rule, start, pieces)
    times, amplitudes, took = [], [], []
    ready, last = 0.0, -np.inf
    for end in _decisions(rule, start, pieces):
        now = (end - 1) / band.rate
        if now + latency < ready:
            continue
        clock = time.perf_counter()
        pulse = rule(recorded[end - estimator.samples : end], now, last)
        took.append(time.perf_counter() - clock)
        if pulse is not None:
            times.append(pulse.time)
            amplitudes.append(pulse.amplitude)
            last, ready = pulse.time, pulse.time + refractory
    if not times:
        raise ValueError(
            f"none of {len(took)} decisions led to a pulse: the gate of {gate:g} is too "
            f"high, the ceiling of {ceiling:g} too low, or the recording has no such "
            "rhythm."
        )
    judged = judged_phases(recorded, band, np.array(times), pieces)
    return Pulses(
        np.array(times),
        judged.phases,
        np.array(amplitudes),
        float(target),
        np.array(took),
        judged.agreement,
    )


def aim_for(
    training: Float[ndarray, "time"],
    band: BandPass,
    estimator: AbstractPhaseEstimator,
    target: float,
    *,
    hop: float = 0.004,
    latency: float = 0.005,
    pieces: Pieces | None = None,
) -> float:
    """The estimate at which pulses of a training recording meet the target on average.

    The cut end of a filtered window draws estimates to one side, by an amount that depends
    on the person's frequency. A replay of the training gives it.

    Args:
        training: Before the first pulse.
        band: The rhythm's.
        estimator: What will decide.
        target: Phase to meet. [rad]
        hop: As in `replay`. [s]
        latency: As in `replay`. [s]
        pieces: As in `replay`.

    Raises:
        ValueError: As `replay`.
    """
    tried = replay(
        training,
        band,
        estimator,
        target,
        hop=hop,
        latency=latency,
        refractory=_TRAINED_EVERY,
        pieces=pieces,
    )
    return target - tried.mean_error


def least_amplitude(
    training: Float[ndarray, "time"],
    estimator: AbstractPhaseEstimator,
    share: float,
    every: int,
    pieces: Pieces | None = None,
) -> float:
    """The amplitude that this share of a recording does not reach, for a gate.

    Args:
        training: Before the first pulse.
        estimator: What will decide.
        share: From 0 to 1.
        every: Samples between estimates.
        pieces: Of the recording that may be used; by default all of it.

    Raises:
        ValueError: The share is none, or the recording has fewer than ten windows.
    """
    pieces = whole(training) if pieces is None else pieces
    ends = [
        end
        for each in pieces
        for end in range(each.start + estimator.samples, each.stop + 1, max(every, 1))
    ]
    if not 0 <= share < 1 or len(ends) < 10:
        raise ValueError(
            f"the gate's share must be from 0 to below 1, got {share:g}, and `training` "
            f"must have ten windows, got {len(ends)}."
        )
    found = [estimator(training[e - estimator.samples : e]).amplitude for e in ends]
    return float(np.quantile(found, share))


def rhythm_above_noise(
    recorded: Float[ndarray, "time"], band: BandPass, pieces: Pieces | None = None
) -> float:
    """Power in a band over that of noise that falls as a power of frequency. [dB]

    The noise is a line through the spectrum's logarithm over that of frequency, from 3 to
    40 Hz without the band and a hertz beside it.

    Raises:
        ValueError: The recording has less than eight seconds.
    """
    count = round(4 * band.rate)
    pieces = whole(recorded) if pieces is None else pieces
    pieces = longer_than(pieces, count)
    if samples_in(pieces) < 2 * count:
        raise ValueError(
            f"the recording has {samples_in(pieces) / band.rate:.1f} s; at least 8 s are "
            "needed for its spectrum."
        )
    frequencies, power = spectrum(recorded, band.rate, "hann", count, pieces)
    inside = (frequencies >= band.low) & (frequencies <= band.high)
    beside = (frequencies < band.low - _FLANK) | (frequencies > band.high + _FLANK)
    beside &= (frequencies >= _FITTED[0]) & (frequencies <= _FITTED[1])
    line = np.polynomial.Polynomial.fit(
        np.log(frequencies[beside]), np.log(power[beside]), 1
    )
    noise = np.exp(line(np.log(frequencies[inside])))
    return float(10 * np.log10(power[inside].sum() / noise.sum()))


def _ring(band: BandPass) -> int:
    return round(_RINGS * band.rate)


def _decisions(rule: PulseRule, start: float, pieces: Pieces) -> Iterator[int]:
    """The first sample after what each decision sees."""
    ring = _ring(rule.band)
    for each in pieces:
        first = each.start + max(rule.estimator.samples, ring)
        begin = max(round(start * rule.band.rate), first)
        yield from range(begin, each.stop - ring, rule.step)


def _check(recorded: ndarray, rule: PulseRule, start: float, pieces: Pieces) -> None:
    kept = np.concatenate([np.zeros(0), *(recorded[each] for each in pieces)])
    if not np.isfinite(kept).all():
        raise ValueError(
            "the recording has values that are not finite: cut them before."
        )
    if len(kept) and np.ptp(kept) == 0:
        raise ValueError("the recording is flat: take another channel.")
    if not (np.isfinite(start) and start >= 0):
        raise ValueError(f"`start` must be zero or more, got {start!r}.")
    rate = rule.band.rate
    least = max(start, rule.estimator.samples / rate, _RINGS) + _RINGS + 5
    if samples_in(pieces) / rate < least:
        raise ValueError(
            f"the recording has {samples_in(pieces) / rate:.1f} s; at least {least:.1f} s "
            "are needed."
        )
