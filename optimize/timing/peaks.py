"""One channel's alpha peak and alpha band, by the rules of Corcoran et al. 2018.

doi:10.1111/psyp.13064, and the appendix of its preprint, doi:10.1101/176792. Written from
their text. A Savitzky-Golay filter smooths the spectrum, and its derivatives give peaks,
slopes and points of inflection.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import signal


FRAME, DEGREE = 2.75, 5  # Of the filter: width [Hz] and degree of its polynomials.
_ABOVE = 1.0  # Standard deviations of what the fit leaves.
_SHARE = 0.8  # Of the highest peak, that the second must not reach.
_SHALLOW = 1.0  # Slope of a spectrum over its mean power. [1/Hz]
# A slope is shallow for so long where a band ends. The paper has no figure: with this one
# and the far end on the left, published centres of gravity are met best. [Hz]
_STRETCH = 1.25
_FARTHEST = 4.0  # Of an end of the band from its peak, where the slope never is. [Hz]


@dataclass(frozen=True)
class ChannelPeak:
    """What one channel gives.

    Attributes:
        name: Of the channel.
        frequency: The bin of its peak, NaN where there is none. [Hz]
        between: The same peak between bins, where the slope is zero. [Hz]
        quality: Mean power between the peak's points of inflection, over the channel's mean
            power; 0 where there is no peak.
        ends: Where the channel's alpha band begins and ends, NaN where nothing rises above
            the fall of the spectrum; two peaks of like height have one band. [Hz]
        reason: Why there is no peak, or empty.
    """

    name: str
    frequency: float
    between: float
    quality: float
    ends: tuple[float, float]
    reason: str = ""

    @property
    def has_band(self) -> bool:
        """Whether an alpha band was found."""
        return bool(np.isfinite(self.ends[0]))


class _Smooth(NamedTuple):
    power: Float[ndarray, "frequency"]
    slope: Float[ndarray, "frequency"]
    bend: Float[ndarray, "frequency"]


def channel_peak(
    name: str,
    frequencies: Float[ndarray, "frequency"],
    spectrum: Float[ndarray, "frequency"],
    band: tuple[float, float],
) -> ChannelPeak:
    """Find the peak of a spectrum, and where its band ends.

    Args:
        name: Of the channel.
        frequencies: Evenly spaced. [Hz]
        spectrum: Power over the mean power.
        band: Where the peak is looked for. [Hz]
    """
    step = float(frequencies[1] - frequencies[0])
    smooth = _smoothed(spectrum, step)
    none = (float("nan"), float("nan"))
    nothing = lambda why, ends=none: ChannelPeak(
        name, float("nan"), float("nan"), 0.0, ends, why
    )
    crossings = np.flatnonzero((smooth.slope[:-1] > 0) & (smooth.slope[1:] <= 0))
    tops = crossings + (smooth.power[crossings + 1] > smooth.power[crossings])
    inside = (frequencies[tops] >= band[0]) & (frequencies[tops] <= band[1])
    tops, crossings = tops[inside], crossings[inside]
    if len(tops) == 0:
        return nothing("no peak")
    order = np.argsort(-smooth.power[tops])
    tops, crossings = tops[order], crossings[order]
    heights = smooth.power[tops]
    if not heights[0] > _least(frequencies, spectrum)[tops[0]]:
        return nothing("no peak above the fall of the spectrum")
    rivals = tops[heights >= _SHARE * heights[0]]
    ends = _ends(frequencies, smooth.slope, rivals)
    if len(rivals) > 1:
        return nothing("two peaks of about the same height", ends)
    at, top = int(crossings[0]), int(tops[0])
    before, behind = smooth.slope[at], smooth.slope[at + 1]
    return ChannelPeak(
        name,
        float(frequencies[top]),
        float(frequencies[at] + step * before / (before - behind)),
        _quality(smooth, top),
        ends,
    )


def _smoothed(spectrum: Float[ndarray, "frequency"], step: float) -> _Smooth:
    frame = round(FRAME / step) // 2 * 2 + 1
    return _Smooth(
        *(
            np.asarray(
                signal.savgol_filter(spectrum, frame, DEGREE, deriv=order, delta=step)
            )
            for order in range(3)
        )
    )


def _least(
    frequencies: Float[ndarray, "frequency"], spectrum: Float[ndarray, "frequency"]
) -> Float[ndarray, "frequency"]:
    """The least power of a peak: a line through the logarithm and a deviation."""
    logarithm = np.log10(np.maximum(spectrum, np.finfo(float).tiny))
    line = np.polynomial.Polynomial.fit(frequencies, logarithm, 1)(frequencies)
    rest = np.sqrt(np.sum((logarithm - line) ** 2) / (len(line) - 2))
    return 10 ** (line + _ABOVE * rest)


def _quality(smooth: _Smooth, top: int) -> float:
    turns = np.flatnonzero(np.diff(np.sign(smooth.bend)) != 0)
    left = turns[turns < top].max(initial=0)
    right = turns[turns >= top].min(initial=len(smooth.bend) - 1)
    return float(smooth.power[left : right + 1].mean())


def _ends(
    frequencies: Float[ndarray, "frequency"],
    slope: Float[ndarray, "frequency"],
    peaks: Int[ndarray, "peak"],
) -> tuple[float, float]:
    """The stretches of shallow slope that are next to the outermost of some peaks.

    A dent with steep sides does not end the band. On the left, where the spectrum falls,
    the band takes the stretch in; on the right it ends where the stretch begins.
    """
    step = frequencies[1] - frequencies[0]
    bins = round(_STRETCH / step) + 1
    flat = np.lib.stride_tricks.sliding_window_view(np.abs(slope) < _SHALLOW, bins)
    starts = np.flatnonzero(flat.all(axis=1))
    first, last = int(peaks.min()), int(peaks.max())
    on_left, on_right = starts[starts + bins <= first], starts[starts > last]
    low = frequencies[on_left[-1]] if len(on_left) else frequencies[first] - _FARTHEST
    high = frequencies[on_right[0]] if len(on_right) else frequencies[last] + _FARTHEST
    return float(max(low, frequencies[0])), float(min(high, frequencies[-1]))
