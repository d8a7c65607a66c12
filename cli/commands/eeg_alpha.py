"""`tmsgrad eeg alpha`: the alpha frequency of a person's EEG."""

import argparse
import math

from ...optimize import timing
from ...optimize.timing import AlphaAverage, AlphaFrequency, Recording
from ..inputs.recordings import checked_recording, filter_weights, filtered
from ..results.plain_steps import alpha_step
from ..runtime.notices import warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_ALPHA = (8.0, 12.0)  # Of the filter. [Hz]
_USUAL = 10.0  # The rate of the usual protocol. [Hz]
_APART = 0.5  # Halves that differ by more are reported. [Hz]


def eeg_alpha(options: argparse.Namespace) -> Outcome:
    """Find the individual alpha frequency."""
    with output_folder(options.out) as folder:
        files = [options.recording, *([options.again] if options.again else [])]
        rows = [_of_one(options, file) for file in files]
        found = [alpha for alpha, _ in rows]
        mean = timing.average_alpha(found)
        each = [{"file": f, **row} for f, (_, row) in zip(files, rows, strict=True)]
        report = each[0] | _mean_report(mean, options.step)
        if len(each) > 1:
            report["recordings"] = each
        report["provenance"] = Provenance.of(options).as_json()
        write_json(folder / "alpha.json", report)
    _print(found, mean, report)
    answer = {key: report[key] for key in ("peak_hz", "gravity_hz", "rate_hz")}
    return Outcome(answer, alpha_step(report))


def _of_one(options: argparse.Namespace, file: str) -> tuple[AlphaFrequency, dict]:
    """The alpha frequency of a recording, and what to write of it."""
    recording = checked_recording(file, options.channels, (), options.unit)
    signals, names, weights = recording.signals, list(recording.names), None
    if filtered(options):
        weights = filter_weights(
            *(options, names, signals, recording.rate, _ALPHA, recording.pieces)
        )
        signals, names = (weights @ signals)[None], ["filtered"]
    try:
        found = timing.individual_alpha(
            signals,
            recording.rate,
            names,
            fewest=options.fewest,
            passband=recording.passband,
            pieces=recording.pieces,
            throw=options.again is None,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if found.refused:
        warn(f"{file}: {found.refused}")
    return found, _report(found, recording, weights)


def _mean_report(mean: AlphaAverage, step: float) -> dict:
    # A stimulator's step is finer than a bin of the spectrum.
    rate = timing.nearest_rate(mean.between, step)
    return {
        "peak_hz": mean.peak,
        "peak_between_bins_hz": mean.between,
        "gravity_hz": _number(mean.gravity),
        "rate_hz": rate,
        "rate_from_10_hz": rate - _USUAL,
    }


def _report(found: AlphaFrequency, recording: Recording, weights) -> dict:
    return {
        "peak_hz": _number(found.peak),
        "peak_between_bins_hz": _number(found.between),
        "gravity_hz": _number(found.gravity),
        "spread_hz": _number(found.spread),
        "gravity_spread_hz": _number(found.gravity_spread),
        "window_hz": [_number(each) for each in found.window],
        "halves_hz": [_number(each) for each in found.halves],
        "seconds": found.seconds,
        "refused": found.refused,
        "channels": [
            {
                "name": each.name,
                "peak_hz": _number(each.frequency),
                "peak_between_bins_hz": _number(each.between),
                "band_hz": [_number(end) for end in each.ends],
                "quality": each.quality,
                "reason": each.reason,
            }
            for each in found.channels
        ],
        "filter": None
        if weights is None
        else dict(zip(recording.names, weights.tolist(), strict=True)),
        "remarks": list(recording.remarks),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _in_words(value: float) -> str:
    return f"{value:.2f} Hz" if math.isfinite(value) else "none"


def _print(found: list[AlphaFrequency], mean: AlphaAverage, report: dict) -> None:
    print(f"alpha peak         {mean.peak:.2f} Hz ({mean.between:.2f} Hz between bins)")
    print(f"centre of gravity  {_in_words(mean.gravity)}")
    for each in found:
        first, second = (_in_words(half) for half in each.halves)
        print(
            f"channels           {len(each.found)} of {len(each.channels)} with a peak, "
            f"spread {_in_words(each.spread)}"
        )
        print(f"halves             {first} and {second}")
    print(
        f"rate to set        {report['rate_hz']:g} Hz, "
        f"{report['rate_from_10_hz']:+.1f} Hz from 10 Hz"
    )
    print("for research use only; no medical device")
    for each in found:
        if not (each.refused or abs(each.halves[0] - each.halves[1]) <= _APART):
            warn(
                "the halves of the recording disagree: take a longer one, or look for "
                "drowsiness and artefacts."
            )
