"""`tmsgrad eeg burst`: a person's theta and gamma, for theta bursts."""

import argparse
from dataclasses import dataclass

from ...disk.as_json import write_json
from ...optimize import timing
from ..inputs.recordings import Channels, channel_weights, checked_recording
from ..results.burst_result import BurstResult
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


@dataclass(frozen=True)
class BurstRequest:
    """What `tmsgrad eeg burst` is asked for.

    Attributes:
        recording: The file.
        channels: The mean of some, less that of others.
        unit: Of the file's numbers, or None for what it says.
        theta: Where it is looked for. [Hz]
        gamma: Likewise. [Hz]
        shifts: Shifted recordings to compare with.
        step: Between the rates of the stimulator. [Hz]
        out: Folder.
    """

    recording: str
    channels: Channels
    unit: str | None
    theta: tuple[float, float]
    gamma: tuple[float, float]
    shifts: int
    step: float
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "BurstRequest":
        """Take it from the options.

        Raises:
            ValueError: A channel is named twice.
        """
        return cls(
            *(options.recording, Channels.of(options), options.unit, options.theta),
            *(options.gamma, options.shifts, options.step, options.out),
        )


def eeg_burst(options: argparse.Namespace) -> Outcome:
    """Find the theta and gamma whose rates bursts may take."""
    with output_folder(options.out) as folder:
        request, origin = BurstRequest.of(options), Provenance.of(options)
        recording = checked_recording(request.recording, request.channels, request.unit)
        channels = request.channels
        weights = channel_weights(len(channels.plus), len(channels.minus))
        found = timing.theta_gamma(
            weights @ recording.signals,
            recording.rate,
            theta=request.theta,
            gamma=request.gamma,
            shifts=request.shifts,
            passband=recording.passband,
            pieces=recording.pieces,
        )
        remarks = tuple(recording.remarks)
        result = BurstResult(found, request.step, remarks, origin)
        write_json(folder / "burst.json", result.to_json())
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe()
    return Outcome(result.answer(), result.step())
