"""The individual alpha frequency of a resting EEG.

After Corcoran et al. 2018 (doi:10.1111/psyp.13064): each channel's spectrum is smoothed by
a Savitzky-Golay filter, whose derivatives tell its peaks. A peak counts when it rises above
the spectrum's fall and above any other peak of the band; channels are averaged by the
quality of their peaks. Without enough peaks no frequency is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import signal


BAND = (7.0, 13.0)  # In which the peak is looked for. [Hz]
WINDOW = 4.0  # Of a spectrum, half of which the next one shares. [s]
FEWEST = 3  # Channels with a peak.
SHORTEST = 60.0  # [s]

_FITTED = (1.0, 40.0)  # Where the spectrum's fall is fitted. [Hz]
_FRAME, _DEGREE = 2.75, 5  # Of the filter: width [Hz] and degree of its polynomials.
_ABOVE = 1.0  # Standard deviations of what the fit leaves.
_PROMINENT = 0.2  # A peak's height above the next highest, as a share.


@dataclass(frozen=True)
class ChannelPeak:
    """What one channel tells.

    Attributes:
        name: Of the channel.
        frequency: Of its peak, NaN where there is none. [Hz]
        quality: Mean power between the peak's points of inflection, over the channel's mean
            power; 0 where there is no peak.
        ends: Where the peak begins and ends: the minima beside it. [Hz]
        reason: Why there is no peak, or empty.
    """

    name: str
    frequency: float
    quality: float
    ends: tuple[float, float]
    reason: str = ""


@dataclass(frozen=True)
class AlphaFrequency:
    """A person's alpha frequency.

    Attributes:
        peak: Mean of the channels' peaks, by their quality. [Hz]
        gravity: Centre of gravity of the mean spectrum between the mean ends. [Hz]
        spread: Standard deviation of the peaks between channels. [Hz]
        halves: The peak in the first and in the second half, NaN where there is none. [Hz]
        channels: What each channel tells.
        frequencies: Of the spectrum. [Hz]
        spectrum: Mean of the channels with a peak, each over its own mean power.
    """

    peak: float
    gravity: float
    spread: float
    halves: tuple[float, float]
    channels: tuple[ChannelPeak, ...]
    frequencies: Float[ndarray, "frequency"]
    spectrum: Float[ndarray, "frequency"]

    @property
    def found(self) -> tuple[ChannelPeak, ...]:
        """The channels with a peak."""
        return tuple(each for each in self.channels if not each.reason)


def individual_alpha(
    signals: Float[ndarray, "channel time"],
    rate: float,
    names: Sequence[str] | None = None,
    *,
    band: tuple[float, float] = BAND,
    fewest: int = FEWEST,
) -> AlphaFrequency:
    """Find the individual alpha frequency.

    Args:
        signals: At rest, eyes closed; of any unit.
        rate: Samples in a second. [Hz]
        names: Of the channels.
        band: Where the peak is looked for. [Hz]
        fewest: Channels that must have a peak; of fewer channels, all of them.

    Raises:
        ValueError: The recording is too short, too slow or not finite, a channel is flat,
            or too few channels have a peak; the message tells why.
    """
    names = _names(signals, names)
    _check(signals, rate, names, band)
    frequencies, spectra = _spectra(signals, rate)
    channels = tuple(
        _peak_of(name, frequencies, spectrum, band)
        for name, spectrum in zip(names, spectra, strict=True)
    )
    wanted = min(fewest, len(channels))
    found = [i for i, each in enumerate(channels) if not each.reason]
    if len(found) < wanted:
        without = [each for each in channels if each.reason]
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in without)
        raise ValueError(
            f"{len(found)} of {len(channels)} channels have a peak between {band[0]:g} "
            f"and {band[1]:g} Hz, {wanted} are needed ({reasons}). Take occipital "
            "channels, eyes closed, or a longer recording; some people have no alpha peak."
        )
    peaks = np.array([channels[i].frequency for i in found])
    weights = np.array([channels[i].quality for i in found])
    ends = weights @ np.array([channels[i].ends for i in found]) / weights.sum()
    mean = spectra[found].mean(axis=0)
    return AlphaFrequency(
        float(weights @ peaks / weights.sum()),
        _gravity(frequencies, mean, ends),
        float(peaks.std()),
        _halves(signals[found], rate, band),
        channels,
        frequencies,
        mean,
    )


def nearest_rate(frequency: float, step: float = 0.1) -> float:
    """The rate nearest to a frequency that a stimulator can be set to. [Hz]

    Args:
        frequency: [Hz]
        step: Between the rates of the stimulator. [Hz]

    Raises:
        ValueError: A number is not positive.
    """
    for name, value in (("frequency", frequency), ("step", step)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(
                f"`{name}` must be a positive number in Hz, got {value!r}."
            )
    return round(max(round(frequency / step), 1) * step, 9)


def _names(signals: ndarray, names: Sequence[str] | None) -> list[str]:
    given = (
        [f"channel {i + 1}" for i in range(len(signals))] if names is None else names
    )
    if len(given) != len(signals) or len(signals) == 0:
        raise ValueError(
            f"`names` must tell {len(signals)} channels, at least one, got {len(given)}."
        )
    return list(given)


def _check(
    signals: ndarray, rate: float, names: list[str], band: tuple[float, float]
) -> None:
    low, high = band
    if not 1 < low < high < 40:
        raise ValueError(f"`band` must lie between 1 and 40 Hz, got {band!r}.")
    if not (np.isfinite(rate) and rate >= 2.5 * _FITTED[1]):
        raise ValueError(
            f"the sampling rate is {rate:g} Hz; at least {2.5 * _FITTED[1]:g} Hz are "
            "needed."
        )
    seconds = signals.shape[1] / rate
    if seconds < SHORTEST:
        raise ValueError(
            f"the recording has {seconds:.0f} s; at least {SHORTEST:.0f} s are needed."
        )
    for name, values in zip(names, signals, strict=True):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{name} has values that are not finite: cut or interpolate them before."
            )
        if np.ptp(values) == 0:
            raise ValueError(f"{name} is flat: leave it out.")


def _spectra(
    signals: Float[ndarray, "channel time"], rate: float
) -> tuple[Float[ndarray, "frequency"], Float[ndarray, "channel frequency"]]:
    """Spectra by Welch's method, each over its mean power between 1 and 40 Hz."""
    frequencies, power = signal.welch(signals, rate, "hamming", round(WINDOW * rate))
    kept = (frequencies >= _FITTED[0]) & (frequencies <= _FITTED[1])
    power = power[:, kept]
    return frequencies[kept], power / power.mean(axis=1, keepdims=True)


def _peak_of(
    name: str,
    frequencies: Float[ndarray, "frequency"],
    spectrum: Float[ndarray, "frequency"],
    band: tuple[float, float],
) -> ChannelPeak:
    step = frequencies[1] - frequencies[0]
    frame = round(_FRAME / step) // 2 * 2 + 1
    smooth, slope, bend = (
        np.asarray(
            signal.savgol_filter(spectrum, frame, _DEGREE, deriv=order, delta=step)
        )
        for order in range(3)
    )
    nothing = lambda why: ChannelPeak(name, float("nan"), 0.0, band, why)
    # The least power of a peak: the spectrum's fall, a line in its logarithm, and a
    # standard deviation of what it leaves.
    logarithm = np.log10(np.maximum(spectrum, np.finfo(float).tiny))
    line = np.polynomial.Polynomial.fit(frequencies, logarithm, 1)
    least = 10 ** (line(frequencies) + _ABOVE * np.std(logarithm - line(frequencies)))
    inside = (frequencies[:-1] >= band[0]) & (frequencies[1:] <= band[1])
    tops = np.flatnonzero(inside & (slope[:-1] > 0) & (slope[1:] <= 0))
    if len(tops) == 0:
        return nothing("no peak")
    heights = np.maximum(smooth[tops], smooth[tops + 1])
    tops, heights = tops[heights > least[tops]], heights[heights > least[tops]]
    if len(tops) == 0:
        return nothing("no peak above the fall of the spectrum")
    order = np.argsort(-heights)
    if len(tops) > 1 and heights[order[0]] < (1 + _PROMINENT) * heights[order[1]]:
        return nothing("two peaks of about the same height")
    top = int(tops[order[0]])
    share = slope[top] / (slope[top] - slope[top + 1])
    turns = np.flatnonzero(np.diff(np.sign(bend)) != 0)
    left = turns[turns < top].max(initial=0)
    right = turns[turns > top].min(initial=len(frequencies) - 1)
    return ChannelPeak(
        name,
        float(frequencies[top] + share * step),
        float(smooth[left : right + 1].mean()),
        _ends(frequencies, slope, top),
    )


def _ends(
    frequencies: Float[ndarray, "frequency"],
    slope: Float[ndarray, "frequency"],
    top: int,
) -> tuple[float, float]:
    """The minima beside a peak, within a few hertz."""
    rises = np.flatnonzero((slope[:-1] <= 0) & (slope[1:] > 0))
    low = frequencies[rises[rises < top]].max(initial=frequencies[top] - 4)
    high = frequencies[rises[rises > top]].min(initial=frequencies[top] + 4)
    return float(max(low, frequencies[top] - 4)), float(min(high, frequencies[top] + 4))


def _gravity(
    frequencies: Float[ndarray, "frequency"],
    spectrum: Float[ndarray, "frequency"],
    ends: Float[ndarray, "2"],
) -> float:
    inside = (frequencies >= ends[0]) & (frequencies <= ends[1])
    return float(frequencies[inside] @ spectrum[inside] / spectrum[inside].sum())


def _halves(
    signals: Float[ndarray, "channel time"], rate: float, band: tuple[float, float]
) -> tuple[float, float]:
    found = []
    for half in np.array_split(signals, 2, axis=1):
        frequencies, spectra = _spectra(half, rate)
        peaks = [_peak_of("", frequencies, each, band) for each in spectra]
        kept = [each for each in peaks if not each.reason]
        weights = np.array([each.quality for each in kept])
        each = np.array([each.frequency for each in kept])
        found.append(float(weights @ each / weights.sum()) if kept else float("nan"))
    return found[0], found[1]
