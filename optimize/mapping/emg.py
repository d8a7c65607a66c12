"""Motor evoked potentials cut from a recording of muscles."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..timing.recordings import channel_numbers, channel_scales, open_recording


@dataclass(frozen=True)
class MepWindow:
    """Where a response is looked for, and when a muscle was at rest.

    Attributes:
        response: From and to, after the pulse. [s]
        rest: From and to, before the pulse; negative. [s]
        quiet: What a muscle at rest may have there from peak to peak. [V]
    """

    response: tuple[float, float] = (15e-3, 50e-3)
    rest: tuple[float, float] = (-100e-3, -5e-3)
    quiet: float = 50e-6

    def __post_init__(self):
        (begin, end), (first, last) = self.response, self.rest
        if not 0 < begin < end <= 0.5:
            raise ValueError(
                "`response` must be two times after the pulse, up to 0.5 s, the first "
                f"before the second, got {self.response!r}."
            )
        if not -2 <= first < last <= 0:
            raise ValueError(
                "`rest` must be two times before the pulse, in s, the first before the "
                f"second, got {self.rest!r}."
            )
        if not self.quiet > 0:
            raise ValueError(f"`quiet` must be positive, in V, got {self.quiet!r}.")


@dataclass(frozen=True, eq=False)
class EmgRecording:
    """Signals of muscles, and when pulses were given.

    Attributes:
        signals: [V]
        rate: [Hz]
        names: Of the channels.
        onsets: Of the pulses, from the first sample on. [s]
        remarks: What was assumed, a sentence each.
    """

    signals: Float[ndarray, "channel time"]
    rate: float
    names: tuple[str, ...]
    onsets: Float[ndarray, "pulse"]
    remarks: tuple[str, ...] = ()


def read_emg(
    path: str | os.PathLike[str], channels: Sequence[str], event: str | None = None
) -> EmgRecording:
    """Read muscles and the pulses that are annotated.

    Args:
        path: Of any format that MNE knows.
        channels: Of the muscles, in either case.
        event: What pulses are annotated with; the only kind there is by default.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: MNE is not installed.
        ValueError: MNE cannot read it, a channel is missing or no voltage, or it is not
            clear which annotations are pulses.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"{file}: file not found.")
    raw, remarks = open_recording(file)
    picks = channel_numbers(file, raw, channels)
    scales, about = channel_scales(file, raw, picks, None)
    signals = np.asarray(raw.get_data(picks=picks), dtype=np.float64) * scales[:, None]
    names = tuple(raw.ch_names[each] for each in picks)
    onsets = _onsets(file, raw, event)
    return EmgRecording(
        *(signals, float(raw.info["sfreq"]), names, onsets, (*remarks, *about))
    )


def _onsets(file: Path, raw: Any, event: str | None) -> Float[ndarray, "pulse"]:
    kinds = sorted({str(each) for each in raw.annotations.description})
    pulses = [each for each in kinds if not each.lower().startswith(("bad", "edge"))]
    if event is None and len(pulses) != 1:
        raise ValueError(
            f"{file}: name what pulses are annotated with; there are "
            f"{', '.join(pulses[:12]) or 'no annotations'}."
        )
    wanted = pulses[0] if event is None else event
    if wanted not in kinds:
        raise ValueError(
            f"{file}: nothing is annotated with {wanted!r}; there are "
            f"{', '.join(kinds[:12]) or 'no annotations'}."
        )
    chosen = np.asarray(raw.annotations.description) == wanted
    return np.sort(np.asarray(raw.annotations.onset, float)[chosen] - raw.first_time)


def peak_to_peak(
    recording: EmgRecording, window: MepWindow
) -> tuple[Float[ndarray, "pulse channel"], int]:
    """Measure each response from peak to peak.

    Args:
        recording: Of the muscles.
        window: Where.

    Returns:
        Sizes [V], NaN where the muscle was not at rest before the pulse or the recording
        does not reach; and how many were not at rest.
    """
    count = recording.signals.shape[1]
    found = np.full((len(recording.onsets), len(recording.names)), np.nan)
    restless = 0
    for number, onset in enumerate(recording.onsets):
        spans = [
            tuple(round((onset + each) * recording.rate) for each in pair)
            for pair in (window.rest, window.response)
        ]
        (first, last), (begin, end) = spans
        if first < 0 or end >= count:
            continue
        resting = np.ptp(recording.signals[:, first : last + 1], axis=1) <= window.quiet
        sizes = np.ptp(recording.signals[:, begin : end + 1], axis=1)
        found[number] = np.where(resting, sizes, np.nan)
        restless += int((~resting).sum())
    return found, restless
