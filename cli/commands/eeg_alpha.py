"""`tmsgrad eeg alpha`: the alpha frequency of a person's EEG."""

import argparse

from ...optimize import timing
from ..inputs.recordings import checked_recording, filter_weights, filtered
from ..results.alpha_result import AlphaResult, RecordedAlpha
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, warn
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_ALPHA = (8.0, 12.0)  # Of the filter. [Hz]


def eeg_alpha(options: argparse.Namespace) -> Outcome:
    """Find the individual alpha frequency."""
    with output_folder(options.out) as folder:
        files = [options.recording, *([options.again] if options.again else [])]
        each = tuple(_of_one(options, file) for file in files)
        mean = timing.average_alpha([one.found for one in each])
        result = AlphaResult(each, mean, options.step, Provenance.of(options))
        write_json(folder / "alpha.json", result.to_json())
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe()
    return Outcome(result.answer(), result.step())


def _of_one(options: argparse.Namespace, file: str) -> RecordedAlpha:
    recording = checked_recording(file, options.channels, (), options.unit)
    signals, names, weights = recording.signals, list(recording.names), None
    if filtered(options):
        weights = filter_weights(
            *(options, names, signals, recording.rate, _ALPHA, recording.pieces)
        )
        signals, names = (weights @ signals)[None], ["filtered"]
        weights = dict(zip(recording.names, weights.tolist(), strict=True))
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
    return RecordedAlpha(file, found, weights, tuple(recording.remarks))
