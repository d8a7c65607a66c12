"""Spatial filters of EEG channels."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import linalg, signal

from .pieces import Pieces, longer_than, samples_in, whole


_FLANK = 1.0  # Between the band and its flanks. [Hz]
_ORDER = 2  # Of the band-pass.
_SHORTEST = 2.0  # Piece of a recording that is filtered. [s]
_LEAST = 1e-10  # Of the largest power, for a combination of channels to count.


def strongest_rhythm(
    signals: Float[ndarray, "channel time"],
    rate: float,
    band: tuple[float, float] = (8.0, 12.0),
    at: int | None = None,
    pieces: Pieces | None = None,
) -> Float[ndarray, "channel"]:
    """Weigh channels so that a band's power stands out from that of its flanks.

    Spatio-spectral decomposition [Nikulin et al. 2011,
    doi:10.1016/j.neuroimage.2011.01.057]: a generalised eigenvector of the covariances in
    the band and in its flanks. Channels may depend on each other, as they do after an
    average reference: what none of them has is left out.

    How a component shows in the channels, its pattern, is the covariance times its weights
    [Haufe et al. 2014, doi:10.1016/j.neuroimage.2013.10.067]; it gives the sign, without
    which a peak cannot be distinguished from a trough.

    Args:
        signals: Of all channels.
        rate: Samples in a second. [Hz]
        band: [Hz]
        at: A channel. Of all components the one that brings it most power above the flanks'
            is taken, with the sign that it has there; without a channel the one that stands
            out most, with the sign where it is largest.
        pieces: Of the recording that may be used; by default all of it.

    Returns:
        Weights of unit norm: `weights @ signals` is the rhythm.

    Raises:
        ValueError: A flank would begin below 0 Hz, no piece has two seconds, the channels
            are flat, or at that one nothing stands out.
    """
    low, high = band
    width = high - low
    if low - _FLANK - width / 2 <= 0:
        raise ValueError(
            f"a band from {low:g} to {high:g} Hz leaves no room for its flank below: take "
            "a narrower one, or channels without a filter."
        )
    pieces = whole(signals) if pieces is None else pieces
    pieces = longer_than(pieces, _SHORTEST * rate)
    if not pieces:
        raise ValueError(f"no piece of the recording has {_SHORTEST:g} s to filter.")
    inside = _covariance(signals, rate, (low, high), pieces)
    below = (low - _FLANK - width / 2, low - _FLANK)
    above = (high + _FLANK, high + _FLANK + width / 2)
    flanks = _covariance(signals, rate, below, pieces) + _covariance(
        signals, rate, above, pieces
    )
    # What no channel has, as their mean after an average reference, has no ratio.
    power, vectors = linalg.eigh(inside + flanks)
    kept = power > _LEAST * power[-1]
    if not kept.any():
        raise ValueError("the channels have nothing in the band and beside it.")
    white = vectors[:, kept] / np.sqrt(power[kept])
    shares, turned = linalg.eigh(white.T @ inside @ white)
    weights = white @ turned
    patterns = (inside + flanks) @ weights
    if at is None:
        best = len(shares) - 1
        sign = np.sign(patterns[np.argmax(np.abs(patterns[:, best])), best])
    else:
        gain = patterns[at] ** 2 * (2 * shares - 1)
        best = int(np.argmax(gain))
        if not gain[best] > 0:
            raise ValueError(
                f"no rhythm from {low:g} to {high:g} Hz stands out from its flanks in that "
                "channel: take another, or another band."
            )
        sign = np.sign(patterns[at, best])
    return sign * weights[:, best] / np.linalg.norm(weights[:, best])


def _covariance(
    signals: Float[ndarray, "channel time"],
    rate: float,
    band: tuple[float, float],
    pieces: Pieces,
) -> Float[ndarray, "channel channel"]:
    passing = signal.butter(_ORDER, band, "bandpass", fs=rate, output="sos")
    total = np.zeros((len(signals), len(signals)))
    for each in pieces:
        filtered = signal.sosfiltfilt(passing, signals[:, each], axis=1)
        total = total + filtered @ filtered.T
    return total / samples_in(pieces)
