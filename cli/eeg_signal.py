"""One signal of a recording: channels weighed and added."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..optimize import timing
from ..optimize.timing import Recording


def checked_recording(
    path: str, plus: tuple[str, ...] | None, minus: tuple[str, ...]
) -> Recording:
    """Read channels, those to subtract last, or all.

    Raises:
        ValueError: A channel is named twice, flat or not finite.
    """
    wanted = (*plus, *minus) if plus else None
    if wanted and len({name.lower() for name in wanted}) < len(wanted):
        raise ValueError(f"a channel is named twice: {', '.join(wanted)}.")
    recording = timing.read_eeg(path, wanted)
    for name, values in zip(recording.names, recording.signals, strict=True):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{path}: {name} has values that are not finite: cut them before."
            )
        if np.ptp(values) == 0:
            raise ValueError(f"{path}: {name} is flat: leave it out.")
    return recording


def channel_weights(plus: int, minus: int) -> Float[ndarray, "channel"]:
    """The mean of the first channels, less the mean of the others."""
    return np.array([1 / plus] * plus + [-1 / max(minus, 1)] * minus)
