"""Spatial filters of EEG channels."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import linalg, signal


_FLANK = 1.0  # Between the band and its flanks. [Hz]
_ORDER = 2  # Of the band-pass.
_LEAST = 1e-10  # Of the largest power, for a combination of channels to count.


def strongest_rhythm(
    signals: Float[ndarray, "channel time"],
    rate: float,
    band: tuple[float, float] = (8.0, 12.0),
) -> Float[ndarray, "channel"]:
    """Weigh channels so that a band's power stands out from that of its flanks.

    Spatio-spectral decomposition [Nikulin et al. 2011,
    doi:10.1016/j.neuroimage.2011.01.057]: the first generalised eigenvector of the
    covariances in the band and in its flanks. Channels may depend on each other, as they do
    after an average reference: what none of them has is left out.

    Args:
        signals: Of all channels.
        rate: Samples in a second. [Hz]
        band: [Hz]

    Returns:
        Weights of unit norm: `weights @ signals` is the rhythm.

    Raises:
        ValueError: A flank would begin below 0 Hz, or the channels are flat.
    """
    low, high = band
    width = high - low
    if low - _FLANK - width / 2 <= 0:
        raise ValueError(
            f"a band from {low:g} to {high:g} Hz leaves no room for its flank below: take "
            "a narrower one, or channels without a filter."
        )
    inside = _covariance(signals, rate, (low, high))
    flanks = _covariance(signals, rate, (low - _FLANK - width / 2, low - _FLANK))
    flanks = flanks + _covariance(
        signals, rate, (high + _FLANK, high + _FLANK + width / 2)
    )
    # What no channel has, as their mean after an average reference, has no ratio.
    power, vectors = linalg.eigh(inside + flanks)
    kept = power > _LEAST * power[-1]
    if not kept.any():
        raise ValueError("the channels have nothing in the band and beside it.")
    white = vectors[:, kept] / np.sqrt(power[kept])
    _, turned = linalg.eigh(white.T @ inside @ white)
    best = white @ turned[:, -1]
    best = best / np.linalg.norm(best)
    return best * np.sign(best[np.argmax(np.abs(best))])


def _covariance(
    signals: Float[ndarray, "channel time"], rate: float, band: tuple[float, float]
) -> Float[ndarray, "channel channel"]:
    passing = signal.butter(_ORDER, band, "bandpass", fs=rate, output="sos")
    filtered = signal.sosfiltfilt(passing, signals, axis=1)
    return filtered @ filtered.T / signals.shape[1]
