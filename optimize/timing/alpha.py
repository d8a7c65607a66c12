"""The individual alpha frequency of a resting EEG.

After Corcoran et al. 2018 (doi:10.1111/psyp.13064): `peaks` has the rules for one channel.
Channels' peaks are averaged by their quality; the centre of gravity is the mean of the
channels' own, in a band that they share; recordings of a person are averaged by how many
channels each has. Without enough peaks no frequency is reported.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .peaks import ChannelPeak, channel_peak
from .pieces import Pieces, halves, longer_than, samples_in, spectrum, whole


BAND = (7.0, 13.0)  # In which the peak is looked for. [Hz]
WINDOW = 4.0  # Of a spectrum, half of which the next one shares. [s]
FEWEST = 3  # Channels with a peak.
SHORTEST = 60.0  # [s]

_FITTED = (1.0, 40.0)  # Where the spectrum's fall is fitted. [Hz]
_BESIDE = 1.0  # Of the band, that filters before must have let pass on each side. [Hz]
_RATE = 100.0  # Samples in a second, at least. [Hz]


@dataclass(frozen=True)
class AlphaFrequency:
    """A person's alpha frequency.

    Attributes:
        peak: Mean of the channels' peaks at their bins, by their quality; NaN where it is
            refused. [Hz]
        between: The same of the peaks between bins. [Hz]
        gravity: Mean of the channels' centres of gravity in `window`, NaN where too few
            have a band. [Hz]
        spread: Standard deviation of the peaks between channels, over n - 1; NaN of one
            channel. [Hz]
        gravity_spread: The same of the centres of gravity. [Hz]
        window: Mean ends of the channels' bands. [Hz]
        halves: The peak between bins in the first and in the second half, NaN where there
            is none. [Hz]
        channels: What each channel gives.
        frequencies: Of the spectrum. [Hz]
        spectrum: Mean of the channels with a peak, each over its own mean power.
        seconds: Of the recording that were used. [s]
        refused: Why there is no peak, or empty.
    """

    peak: float
    between: float
    gravity: float
    spread: float
    gravity_spread: float
    window: tuple[float, float]
    halves: tuple[float, float]
    channels: tuple[ChannelPeak, ...]
    frequencies: Float[ndarray, "frequency"]
    spectrum: Float[ndarray, "frequency"]
    seconds: float
    refused: str = ""

    @property
    def found(self) -> tuple[ChannelPeak, ...]:
        """The channels with a peak."""
        return tuple(each for each in self.channels if not each.reason)

    @property
    def with_band(self) -> tuple[ChannelPeak, ...]:
        """The channels with an alpha band."""
        return tuple(each for each in self.channels if each.has_band)


@dataclass(frozen=True)
class AlphaAverage:
    """A person's alpha frequency from several recordings.

    Attributes:
        peak: Mean by the number of channels with a peak. [Hz]
        between: The same of the peaks between bins. [Hz]
        gravity: Mean by the number of channels with a band, NaN where there is none. [Hz]
    """

    peak: float
    between: float
    gravity: float


def individual_alpha(
    signals: Float[ndarray, "channel time"],
    rate: float,
    names: Sequence[str] | None = None,
    *,
    band: tuple[float, float] = BAND,
    fewest: int = FEWEST,
    passband: tuple[float, float] = (0.0, math.inf),
    pieces: Pieces | None = None,
    throw: bool = True,
) -> AlphaFrequency:
    """Find the individual alpha frequency.

    Args:
        signals: At rest, eyes closed; of any unit.
        rate: Samples in a second. [Hz]
        names: Of the channels.
        band: Where the peak is looked for. [Hz]
        fewest: Channels that must have a peak, or a band; of fewer channels, all of them.
        passband: Frequencies that filters before have left. [Hz]
        pieces: Of the recording that may be used; by default all of it.
        throw: Whether to raise where too few channels have a peak, or to say so in the
            result, which may still have a centre of gravity.

    Raises:
        ValueError: The recording is too short, too slow, filtered or not finite, a channel
            is flat, or too few channels have a peak; the message says why.
    """
    names = _names(signals, names)
    pieces = whole(signals) if pieces is None else pieces
    pieces = longer_than(pieces, round(WINDOW * rate))
    fitted = _fitted(band, rate, passband)
    _check(signals, rate, names, pieces)
    frequencies, spectra = _spectra(signals, rate, pieces, fitted)
    channels = tuple(
        channel_peak(name, frequencies, each, band)
        for name, each in zip(names, spectra, strict=True)
    )
    wanted = min(fewest, len(channels))
    found = [i for i, each in enumerate(channels) if not each.reason]
    refused = "" if len(found) >= wanted else _refusal(channels, band, wanted)
    if refused and throw:
        raise ValueError(refused)
    own, window = _gravities(frequencies, spectra, channels, wanted)
    kept = [] if refused else found
    peak, between = _mean_peak([channels[i] for i in kept])
    return AlphaFrequency(
        peak,
        between,
        float(own.mean()) if len(own) else math.nan,
        _deviation([channels[i].frequency for i in kept]),
        _deviation(own),
        window,
        _halves(signals[kept], rate, band, pieces, fitted),
        channels,
        frequencies,
        spectra[kept].mean(axis=0) if kept else spectra.mean(axis=0),
        samples_in(pieces) / rate,
        refused,
    )


def average_alpha(recordings: Sequence[AlphaFrequency]) -> AlphaAverage:
    """Average the recordings of one person, by how many channels each has.

    Those without a peak count for the centre of gravity alone.

    Raises:
        ValueError: None has a peak.
    """
    peaks = [each for each in recordings if not each.refused]
    if not peaks:
        raise ValueError(" ".join(each.refused for each in recordings))
    bands = [each for each in recordings if math.isfinite(each.gravity)]
    number = [len(each.found) for each in peaks]
    mean = lambda values, by: float(np.average(values, weights=by))
    return AlphaAverage(
        mean([each.peak for each in peaks], number),
        mean([each.between for each in peaks], number),
        mean([each.gravity for each in bands], [len(each.with_band) for each in bands])
        if bands
        else math.nan,
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
            f"`names` must name {len(signals)} channels, at least one, got {len(given)}."
        )
    return list(given)


def _fitted(
    band: tuple[float, float], rate: float, passband: tuple[float, float]
) -> tuple[float, float]:
    """Where the fall of the spectrum can be fitted. [Hz]"""
    low, high = band
    if not _FITTED[0] < low < high < _FITTED[1]:
        raise ValueError(f"`band` must lie between 1 and 40 Hz, got {band!r}.")
    if not (np.isfinite(rate) and rate >= _RATE):
        raise ValueError(
            f"the sampling rate is {rate:g} Hz; at least {_RATE:g} Hz are needed."
        )
    begin, end = max(_FITTED[0], passband[0]), min(_FITTED[1], passband[1])
    if begin > low - _BESIDE or end < high + _BESIDE:
        raise ValueError(
            f"the recording was filtered before to {passband[0]:g} to {passband[1]:g} Hz; "
            f"a peak between {low:g} and {high:g} Hz and the fall of the spectrum beside "
            f"it need {low - _BESIDE:g} to {high + _BESIDE:g} Hz. Take the recording "
            "without that filter."
        )
    return begin, end


def _check(signals: ndarray, rate: float, names: list[str], pieces: Pieces) -> None:
    seconds = samples_in(pieces) / rate
    if seconds < SHORTEST:
        cut = "" if pieces == whole(signals) else " in pieces long enough to use"
        raise ValueError(
            f"the recording has {seconds:.0f} s{cut}; at least {SHORTEST:.0f} s are needed."
        )
    for name, values in zip(names, signals, strict=True):
        kept = np.concatenate([values[each] for each in pieces])
        if not np.isfinite(kept).all():
            raise ValueError(
                f"{name} has values that are not finite: cut or interpolate them before."
            )
        if np.ptp(kept) == 0:
            raise ValueError(f"{name} is flat: leave it out.")


def _refusal(
    channels: tuple[ChannelPeak, ...], band: tuple[float, float], wanted: int
) -> str:
    without = [each for each in channels if each.reason]
    reasons = "; ".join(f"{each.name}: {each.reason}" for each in without)
    return (
        f"{len(channels) - len(without)} of {len(channels)} channels have a peak between "
        f"{band[0]:g} and {band[1]:g} Hz, {wanted} are needed ({reasons}). Take occipital "
        "channels, eyes closed, or a longer recording; some people have no alpha peak."
    )


def _spectra(
    signals: Float[ndarray, "channel time"],
    rate: float,
    pieces: Pieces,
    fitted: tuple[float, float],
) -> tuple[Float[ndarray, "frequency"], Float[ndarray, "channel frequency"]]:
    """Spectra, each over its mean power where the fall is fitted.

    Windows of 4 s with zeros up to a power of two, as the paper has it.
    """
    count = round(WINDOW * rate)
    padded = 2 ** math.ceil(math.log2(count))
    frequencies, power = spectrum(signals, rate, "hamming", count, pieces, padded)
    kept = (frequencies >= fitted[0]) & (frequencies <= fitted[1])
    power = power[:, kept]
    return frequencies[kept], power / power.mean(axis=1, keepdims=True)


def _mean_peak(channels: Sequence[ChannelPeak]) -> tuple[float, float]:
    """Means of the peaks at and between bins, by quality."""
    if not channels:
        return math.nan, math.nan
    weights = [each.quality for each in channels]
    both = [(each.frequency, each.between) for each in channels]
    at, between = np.average(both, axis=0, weights=weights)
    return float(at), float(between)


def _gravities(
    frequencies: Float[ndarray, "frequency"],
    spectra: Float[ndarray, "channel frequency"],
    channels: tuple[ChannelPeak, ...],
    wanted: int,
) -> tuple[Float[ndarray, "some"], tuple[float, float]]:
    """The centre of gravity of each channel with a band, within their mean ends."""
    some = [i for i, each in enumerate(channels) if each.has_band]
    if len(some) < wanted:
        return np.zeros(0), (math.nan, math.nan)
    low, high = np.mean([channels[i].ends for i in some], axis=0)
    first, last = (int(np.argmin(np.abs(frequencies - each))) for each in (low, high))
    inside = slice(first, last + 1)
    power = spectra[some, inside]
    own = power @ frequencies[inside] / power.sum(axis=1)
    return own, (float(low), float(high))


def _deviation(values: Sequence[float] | Float[ndarray, "some"]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _halves(
    signals: Float[ndarray, "channel time"],
    rate: float,
    band: tuple[float, float],
    pieces: Pieces,
    fitted: tuple[float, float],
) -> tuple[float, float]:
    found = []
    for half in halves(pieces):
        if not longer_than(half, round(WINDOW * rate)) or len(signals) == 0:
            found.append(math.nan)
            continue
        frequencies, spectra = _spectra(signals, rate, half, fitted)
        peaks = [channel_peak("", frequencies, each, band) for each in spectra]
        found.append(_mean_peak([each for each in peaks if not each.reason])[1])
    return found[0], found[1]
