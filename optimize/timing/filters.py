"""Spatial filters of EEG channels."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import linalg, signal


_FLANK = 1.0  # Between the band and its flanks. [Hz]
_ORDER = 2  # Of the band-pass.


def strongest_rhythm(
    signals: Float[ndarray, "channel time"],
    rate: float,
    band: tuple[float, float] = (8.0, 12.0),
) -> Float[ndarray, "channel"]:
    """Weigh channels so that a band's power stands out from that of its flanks.

    Spatio-spectral decomposition [Nikulin et al. 2011,
    doi:10.1016/j.neuroimage.2011.01.057]: the first generalised eigenvector of the
    covariances in the band and in its flanks.

    Args:
        signals: Of all channels.
        rate: Samples in a second. [Hz]
        band: [Hz]

    Returns:
        Weights of unit norm: `weights @ signals` is the rhythm.

    Raises:
        ValueError: The channels depend on each other.
    """
    low, high = band
    width = high - low
    inside = _covariance(signals, rate, (low, high))
    flanks = _covariance(signals, rate, (low - _FLANK - width / 2, low - _FLANK))
    flanks = flanks + _covariance(
        signals, rate, (high + _FLANK, high + _FLANK + width / 2)
    )
    try:
        _, vectors = linalg.eigh(inside, flanks)
    except linalg.LinAlgError:
        raise ValueError(
            "the channels depend on each other (an average reference, or a channel twice): "
            "leave one out."
        ) from None
    best = vectors[:, -1]
    best = best / np.linalg.norm(best)
    return best * np.sign(best[np.argmax(np.abs(best))])


def _covariance(
    signals: Float[ndarray, "channel time"], rate: float, band: tuple[float, float]
) -> Float[ndarray, "channel channel"]:
    passing = signal.butter(_ORDER, band, "bandpass", fs=rate, output="sos")
    filtered = signal.sosfiltfilt(passing, signals, axis=1)
    return filtered @ filtered.T / signals.shape[1]
