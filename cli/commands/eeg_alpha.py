"""`tmsgrad eeg alpha`: the alpha frequency of a person's EEG."""

import argparse
from dataclasses import dataclass

from ...disk.as_json import write_json
from ...optimize import timing
from ..inputs.recordings import Channels, checked_recording
from ..results.alpha_result import AlphaResult, RecordedAlpha
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable, warn
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


_ALPHA = (8.0, 12.0)  # Of the filter. [Hz]


@dataclass(frozen=True)
class AlphaRequest:
    """What `tmsgrad eeg alpha` is asked for.

    Attributes:
        recordings: One file or two of a person.
        channels: To look at.
        unit: Of the file's numbers, or None for what it says.
        fewest: Channels that must have a peak.
        step: Between the rates of the stimulator. [Hz]
        out: Folder.
    """

    recordings: tuple[str, ...]
    channels: Channels
    unit: str | None
    fewest: int
    step: float
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "AlphaRequest":
        """Take it from the options.

        Raises:
            ValueError: A channel is named twice.
        """
        again = () if options.again is None else (options.again,)
        return cls(
            *((options.recording, *again), Channels.of(options), options.unit),
            *(options.fewest, options.step, options.out),
        )


def eeg_alpha(options: argparse.Namespace) -> Outcome:
    """Find the individual alpha frequency."""
    with output_folder(options.out) as folder:
        request, origin = AlphaRequest.of(options), Provenance.of(options)
        each = tuple(_of_one(request, file) for file in request.recordings)
        mean = timing.average_alpha([one.found for one in each])
        result = AlphaResult(each, mean, request.step, origin)
        write_json(folder / "alpha.json", result.to_json())
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe()
    return Outcome(result.answer(), result.step())


def _of_one(request: AlphaRequest, file: str) -> RecordedAlpha:
    recording = checked_recording(file, request.channels, request.unit)
    signals, names, weights = recording.signals, list(recording.names), None
    if request.channels.weighed:
        weights = request.channels.weights(
            names, signals, recording.rate, _ALPHA, recording.pieces
        )
        signals, names = (weights @ signals)[None], ["filtered"]
        weights = dict(zip(recording.names, weights.tolist(), strict=True))
    try:
        found = timing.individual_alpha(
            signals,
            recording.rate,
            names,
            fewest=request.fewest,
            passband=recording.passband,
            pieces=recording.pieces,
            throw=len(request.recordings) == 1,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if found.refused:
        warn(f"{file}: {found.refused}")
    return RecordedAlpha(file, found, weights, tuple(recording.remarks))
