"""`tmsgrad eeg pulses`: pulses at a phase, in a recording played again."""

import argparse
import dataclasses
import math

from numpy import ndarray

from ...optimize import timing
from ...optimize.timing import BandPass, Pieces, PulseRule, Recording
from ..inputs.recordings import (
    check_filter,
    check_passband,
    checked_recording,
    filtered,
    learned_weights,
)
from ..results.pulses_result import ReplayResult, Rhythm
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_NO_RHYTHM, _WEAK = 1.0, 6.0  # Of the band over the noise. [dB]
_AFTER = 10.0  # Left after the training, at least. [s]


@dataclasses.dataclass(frozen=True, eq=False)
class _Played:
    """One signal of a recording, to be played again.

    Attributes:
        recording: Where it is from.
        signal: Of weighed channels. [V]
        training: Up to which sample the training reaches.
        weights: Of each channel.
    """

    recording: Recording
    signal: ndarray
    training: int
    weights: dict[str, float]

    @property
    def learned_from(self) -> tuple[ndarray, Pieces]:
        """The training, and its pieces."""
        pieces = timing.until(self.recording.pieces, self.training)
        return self.signal[: self.training], pieces


def eeg_pulses(options: argparse.Namespace) -> Outcome:
    """Decide on pulses while a recording is played again, and judge them."""
    with output_folder(options.out) as folder:
        played = _signal(options)
        rate, recording = played.recording.rate, played.recording
        band = timing.BandPass(rate, *options.band)
        training, pieces = played.learned_from
        ratio = checked_ratio(options, training, band, options.recording, pieces)
        rule = learned_rule(options, training, band, pieces)
        pulses = timing.replay(
            played.signal,
            band,
            rule.estimator,
            math.radians(options.phase),
            aim=rule.aim,
            start=played.training / rate,
            hop=rule.hop,
            latency=rule.latency,
            refractory=rule.refractory,
            gate=rule.gate,
            ceiling=rule.ceiling,
            blanking=rule.blanking,
            pieces=recording.pieces,
        )
        result = ReplayResult(
            pulses,
            Rhythm(
                *(ratio, played.weights, options.method, options.phase),
                settings_of(rule.estimator),
            ),
            played.training / rate,
            rule.step / rate,
            tuple(recording.remarks),
            Provenance.of(options),
        )
        result.write_table(folder / "pulses.csv")
        write_json(folder / "pulses.json", result.to_json())
    result.describe()
    return Outcome(result.answer(), result.step())


def _signal(options: argparse.Namespace) -> _Played:
    check_filter(options)
    if not (filtered(options) or options.channels):
        raise ValueError("name the channels of the rhythm (--channels), or --filter.")
    recording = checked_recording(
        options.recording, options.channels, options.minus, options.unit
    )
    check_passband(options.recording, recording, options.band, filtered(options))
    end = timing.end_of(recording.pieces, round(options.training * recording.rate))
    left = 0 if end is None else timing.samples_in(timing.after(recording.pieces, end))
    if end is None or left < _AFTER * recording.rate:
        whole = timing.samples_in(recording.pieces) / recording.rate
        raise ValueError(
            f"{options.recording}: the recording has {whole:.0f} s that can be used; the "
            f"training and ten seconds after it need {options.training + _AFTER:g} s."
        )
    weights = learned_weights(
        *(options, recording.names, recording.signals[:, :end], recording.rate),
        timing.until(recording.pieces, end),
    )
    named = dict(zip(recording.names, weights.tolist(), strict=True))
    return _Played(recording, weights @ recording.signals, end, named)


def checked_ratio(
    options: argparse.Namespace,
    training: ndarray,
    band: BandPass,
    source: str,
    pieces: Pieces | None = None,
) -> float:
    """How far a band stands above the noise. [dB]

    Raises:
        ValueError: It does not.
    """
    ratio = timing.rhythm_above_noise(training, band, pieces)
    if not ratio >= _NO_RHYTHM:
        raise ValueError(
            f"{source}: between {band.low:g} and {band.high:g} Hz the spectrum is "
            f"{ratio:.1f} dB above its fall; without a rhythm ({_NO_RHYTHM:g} dB) there "
            "is no phase to meet. Take other channels, --filter or another --band."
        )
    if ratio < _WEAK:
        warn(
            f"the rhythm is only {ratio:.1f} dB above the noise: pulses will miss their "
            "phase by 40 degrees and more."
        )
    return ratio


def settings_of(estimator: timing.AbstractPhaseEstimator) -> dict[str, float]:
    """What was learned for a person, by name. [s]"""
    names = ("window", "edge", "span", "interval")
    return {
        name: getattr(estimator, name) for name in names if hasattr(estimator, name)
    }


def learned_rule(
    options: argparse.Namespace,
    training: ndarray,
    band: BandPass,
    pieces: Pieces | None = None,
) -> PulseRule:
    """Learn from a training how to decide on pulses."""
    estimator = (
        timing.tuned(training, band, pieces)
        if options.method == "ar"
        else timing.educate(training, band, pieces=pieces)
    )
    target = math.radians(options.phase)
    device = {"hop": options.hop * 1e-3, "latency": options.latency * 1e-3}
    aim = timing.aim_for(training, band, estimator, target, **device, pieces=pieces)
    every = round(0.1 * band.rate)
    gate = timing.least_amplitude(training, estimator, options.gate, every, pieces)
    top = options.gate_top
    if not top > options.gate:
        raise ValueError(
            f"--gate-top {top:g} must be above --gate {options.gate:g}: no amplitude is "
            "between them."
        )
    ceiling = math.inf
    if top < 1:
        ceiling = timing.least_amplitude(training, estimator, top, every, pieces)
    return PulseRule(
        band,
        estimator,
        aim,
        refractory=options.refractory,
        gate=gate if options.gate else 0.0,
        ceiling=ceiling,
        blanking=options.blank * 1e-3,
        **device,
    )
