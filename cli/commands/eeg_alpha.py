"""`tmsgrad eeg`: frequencies of a person's EEG."""

import argparse
import math

from ...optimize import timing
from ...optimize.timing import AlphaFrequency
from ..inputs.recordings import filter_weights, filtered
from ..runtime.notices import warn
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_ALPHA = (8.0, 12.0)  # Of the filter. [Hz]
_USUAL = 10.0  # The rate of the usual protocol. [Hz]
_APART = 0.5  # Halves that differ by more are told. [Hz]


def eeg_alpha(options: argparse.Namespace) -> dict:
    """Find the individual alpha frequency."""
    with output_folder(options.out) as folder:
        recording = timing.read_eeg(options.recording, options.channels)
        signals, names = recording.signals, list(recording.names)
        weights = None
        if filtered(options):
            weights = filter_weights(options, names, signals, recording.rate, _ALPHA)
            signals, names = (weights @ signals)[None], ["filtered"]
        found = timing.individual_alpha(
            signals, recording.rate, names, fewest=options.fewest
        )
        report = _report(found, options.step)
        report["filter"] = (
            None
            if weights is None
            else dict(zip(recording.names, weights.tolist(), strict=True))
        )
        report["provenance"] = Provenance.of(options).as_json()
        write_json(folder / "alpha.json", report)
    _tell(found, report)
    return {key: report[key] for key in ("peak_hz", "gravity_hz", "rate_hz")}


def _report(found: AlphaFrequency, step: float) -> dict:
    rate = timing.nearest_rate(found.peak, step)
    number = lambda x: float(x) if math.isfinite(x) else None
    return {
        "peak_hz": found.peak,
        "gravity_hz": found.gravity,
        "spread_hz": found.spread,
        "halves_hz": [number(each) for each in found.halves],
        "rate_hz": rate,
        "rate_from_10_hz": rate - _USUAL,
        "channels": [
            {
                "name": each.name,
                "peak_hz": number(each.frequency),
                "quality": each.quality,
                "reason": each.reason,
            }
            for each in found.channels
        ],
    }


def _tell(found: AlphaFrequency, report: dict) -> None:
    first, second = found.halves
    print(
        f"alpha peak         {found.peak:.2f} Hz (± {found.spread:.2f} Hz of channels)"
    )
    print(f"centre of gravity  {found.gravity:.2f} Hz")
    print(f"channels           {len(found.found)} of {len(found.channels)} with a peak")
    print(f"halves             {first:.2f} and {second:.2f} Hz")
    print(
        f"rate to set        {report['rate_hz']:g} Hz, "
        f"{report['rate_from_10_hz']:+.1f} Hz from 10 Hz"
    )
    print("for research use only; no medical device")
    if not abs(first - second) <= _APART:
        warn(
            "the halves of the recording disagree: take a longer one, or look for "
            "drowsiness and artefacts."
        )
