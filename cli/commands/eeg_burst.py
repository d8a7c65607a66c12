"""`tmsgrad eeg burst`: a person's theta and gamma, for theta bursts."""

import argparse

from ...optimize import timing
from ..inputs.recordings import channel_weights, checked_recording
from ..results.burst_result import BurstResult
from ..runtime.naming import PICTURE
from ..runtime.notices import dispensable
from ..runtime.outcome import Outcome
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.provenance import Provenance


def eeg_burst(options: argparse.Namespace) -> Outcome:
    """Find the theta and gamma whose rates bursts may take."""
    with output_folder(options.out) as folder:
        recording = checked_recording(
            options.recording, options.channels, options.minus, options.unit
        )
        weights = channel_weights(len(options.channels), len(options.minus))
        found = timing.theta_gamma(
            weights @ recording.signals,
            recording.rate,
            theta=options.theta,
            gamma=options.gamma,
            shifts=options.shifts,
            passband=recording.passband,
            pieces=recording.pieces,
        )
        remarks = tuple(recording.remarks)
        result = BurstResult(found, options.step, remarks, Provenance.of(options))
        write_json(folder / "burst.json", result.to_json())
        with dispensable(PICTURE):
            result.draw(folder / PICTURE)
    result.describe()
    return Outcome(result.answer(), result.step())
