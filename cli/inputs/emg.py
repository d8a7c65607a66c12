"""Responses that the command line takes from a recording of muscles."""

from collections.abc import Sequence

import numpy as np

from ...optimize import mapping
from ...optimize.mapping import MepWindow
from ...optimize.mapping.responses import FLOOR, Responses
from ..runtime.notices import note, warn


def cut_responses(
    path: str, muscles: Sequence[str] | None, event: str | None, window: MepWindow
) -> Responses:
    """Cut motor evoked potentials from a recording of muscles.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: MNE is not installed.
        ValueError: The recording cannot be read, no channel is named, or it is not clear
            which annotations are pulses.
    """
    if not muscles:
        raise ValueError("--emg needs --muscle with the names of channels.")
    recording = mapping.read_emg(path, muscles, event)
    for remark in recording.remarks:
        warn(f"{path}: {remark}")
    values, restless = mapping.peak_to_peak(recording, window)
    if restless:
        note(f"{path}: {restless} responses are left out: the muscle was not at rest.")
    times = tuple(f"{each:.6f}" for each in recording.onsets)
    return Responses(recording.names, np.maximum(values, FLOOR), {"time": times})
