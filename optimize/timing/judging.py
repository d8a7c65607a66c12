"""The phase of a rhythm by many filters, none of which decided on pulses.

A phase is what a filter says it is: one that decides and then judges itself looks better
than it is. Here many filters of other kinds, lengths and widths look at the recording
before and after each pulse, as in Zrenner et al. 2020
[doi:10.1016/j.neuroimage.2020.116761]. Their circular mean is the phase, and how well they
agree says where there is one.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import signal

from .phase import BandPass
from .pieces import Pieces, at_times, whole


_WIDTHS = (2.0, 3.0, 4.0)  # Of bands about the rhythm. [Hz]
_PERIODS = (3.0, 5.0)  # Lengths of windowed sincs.
_ORDERS = (1, 3)  # Of Butterworth filters; the one that decides has 2.
FILTERS = len(_WIDTHS) * (len(_PERIODS) + len(_ORDERS) + 1)
_RIPPLE = 20.0  # Of inverse Chebyshev filters beside their band. [dB]


class Judged(NamedTuple):
    """Phases by many filters.

    Attributes:
        phases: Their circular mean, from 0 to 2π. [rad]
        agreement: The length of their mean vector: 1 where all say the same.
    """

    phases: Float[ndarray, "pulse"]
    agreement: Float[ndarray, "pulse"]


def judged_phases(
    recorded: Float[ndarray, "time"],
    band: BandPass,
    times: Float[ndarray, "pulse"],
    pieces: Pieces | None = None,
    frequency: float | None = None,
) -> Judged:
    """Find phases at given times by filters that had no part in a decision.

    Args:
        recorded: One signal.
        band: The rhythm's.
        times: From the first sample. [s]
        pieces: Of the recording; by default all of it is one.
        frequency: About which the filters' bands lie; by default the middle of the band.
            [Hz]

    Raises:
        ValueError: A time lies in no piece, or the frequency not in the band.
    """
    centre = band.centre if frequency is None else frequency
    if not band.low <= centre <= band.high:
        raise ValueError(
            f"`frequency` must lie in the band from {band.low:g} to {band.high:g} Hz, got "
            f"{centre!r}."
        )
    pieces = whole(recorded) if pieces is None else pieces
    total, count = np.zeros(len(times), dtype=complex), 0
    for sections in _filters(band.rate, centre):
        count += 1
        turning = partial(_turning, sections)
        total += np.exp(1j * at_times(turning, recorded, band.rate, times, pieces))
    mean = total / count
    return Judged(np.angle(mean) % (2 * np.pi), np.abs(mean))


def _turning(
    sections: Float[ndarray, "section 6"] | Float[ndarray, "tap"],
    values: Float[ndarray, "time"],
) -> Float[ndarray, "time"]:
    """The phase at each sample by one filter, without jumps. [rad]"""
    centred = values - values.mean()
    if sections.ndim == 2:
        padding = min(len(values) - 1, len(values) // 3)
        passed = signal.sosfiltfilt(sections, centred, padlen=padding)
    else:
        padding = min(len(values) - 1, 3 * len(sections))
        passed = signal.filtfilt(sections, [1.0], centred, padlen=padding)
    return np.unwrap(np.angle(np.asarray(signal.hilbert(passed))))


def _filters(rate: float, centre: float) -> Iterator[ndarray]:
    """Sections of recursive filters, and taps of windowed sincs."""
    for width in _WIDTHS:
        band = max(centre - width / 2, 0.5), centre + width / 2
        for periods in _PERIODS:
            taps = round(periods * rate / centre) | 1
            yield np.asarray(signal.firwin(taps, band, pass_zero=False, fs=rate))
        for order in _ORDERS:
            made = signal.butter(order, band, "bandpass", fs=rate, output="sos")
            yield np.asarray(made)
        wide = band[0] - width / 2, band[1] + width / 2
        made = signal.cheby2(2, _RIPPLE, wide, "bandpass", fs=rate, output="sos")
        yield np.asarray(made)
