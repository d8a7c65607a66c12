"""Theta and gamma of a person, for bursts: where gamma's amplitude follows theta's phase.

The modulation index of Tort et al. 2010 (doi:10.1152/jn.00106.2010): the mean amplitude of
gamma in bins of theta's phase, as a distribution, and how far that is from a flat one. The
pair of frequencies with the largest index is reported, if recordings with amplitudes
shifted in time, which couples nothing, rarely reach it anywhere.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import signal, sparse

from .pieces import Pieces, longer_than, samples_in, whole


THETA, GAMMA = (4.0, 8.0), (30.0, 50.0)  # Where the pair is looked for. [Hz]
SHORTEST = 60.0  # [s]

_THETA_STEP, _GAMMA_STEP = 0.25, 2.0  # [Hz]
_THETA_HALF = 1.0  # Of the band around a theta. [Hz]
# Side bands of an amplitude that follows theta lie theta away.
_GAMMA_HALF = 10.0  # [Hz]
_BINS = 18
_ORDER = 2  # Of the band-passes, run forwards and backwards.
_EDGE = 1.0  # At the ends of a piece of the recording that filters spoil. [s]
_PIECE = 4.0  # Shortest that is used. [s]
_CHANCE = 0.05
_SLOWEST = 2.5  # Samples for each period of the highest frequency.


@dataclass(frozen=True, eq=False)
class ThetaGamma:
    """A person's theta and gamma.

    Attributes:
        theta: Whose phase gamma follows. [Hz]
        gamma: Whose amplitude follows. [Hz]
        index: The modulation index of that pair: 0 where nothing follows, 1 at most.
        chance: The share of shifted recordings that reach it with any pair.
        halves: The pair in the first and in the second half. [Hz]
        thetas: That were tried. [Hz]
        gammas: That were tried. [Hz]
        indices: Of all pairs.
    """

    theta: float
    gamma: float
    index: float
    chance: float
    halves: tuple[tuple[float, float], tuple[float, float]]
    thetas: Float[ndarray, "theta"]
    gammas: Float[ndarray, "gamma"]
    indices: Float[ndarray, "theta gamma"]


def theta_gamma(
    values: Float[ndarray, "time"],
    rate: float,
    *,
    theta: tuple[float, float] = THETA,
    gamma: tuple[float, float] = GAMMA,
    shifts: int = 200,
    seed: int = 0,
    passband: tuple[float, float] = (0.0, np.inf),
    pieces: Pieces | None = None,
) -> ThetaGamma:
    """Find the theta whose phase gamma's amplitude follows, and that gamma.

    Args:
        values: One channel, or a weighted sum of channels; of any unit.
        rate: Samples in a second. [Hz]
        theta: Where theta is looked for. [Hz]
        gamma: Where gamma is looked for. [Hz]
        shifts: How many shifted recordings to compare with.
        seed: Of the shifts.
        passband: Frequencies that filters before have left. [Hz]
        pieces: Of the recording that may be used; by default all of it.

    Raises:
        ValueError: The recording is too short, too slow, filtered, flat or not finite, a
            range is none, or no pair is coupled more than chance couples.
    """
    pieces = whole(values) if pieces is None else pieces
    pieces = longer_than(pieces, _PIECE * rate)
    _check_ranges(rate, theta, gamma, shifts, passband)
    _check(values, rate, pieces)
    thetas = np.arange(theta[0], theta[1] + 1e-9, _THETA_STEP)
    gammas = np.arange(gamma[0], gamma[1] + 1e-9, _GAMMA_STEP)
    phases, amplitudes = (
        _phases(values, rate, thetas, pieces),
        _amplitudes(values, rate, gammas, pieces),
    )
    indices = _indices(phases, amplitudes)
    best = float(indices.max())
    rng = np.random.default_rng(seed)
    count = amplitudes.shape[1]
    lags = rng.integers(round(rate), count - round(rate), shifts)
    reached = [
        _indices(phases, np.roll(amplitudes, lag, axis=1)).max() >= best for lag in lags
    ]
    chance = (1 + sum(reached)) / (1 + shifts)
    if chance > _CHANCE:
        raise ValueError(
            f"no gamma between {gamma[0]:g} and {gamma[1]:g} Hz follows a theta between "
            f"{theta[0]:g} and {theta[1]:g} Hz more than chance has it (p = {chance:.2g}). "
            "Take another channel, a longer recording, or one during a task."
        )
    half = count // 2
    halves = [
        _pair(thetas, gammas, _indices(phases[:, part], amplitudes[:, part]))
        for part in (slice(0, half), slice(half, None))
    ]
    return ThetaGamma(
        *_pair(thetas, gammas, indices),
        best,
        chance,
        (halves[0], halves[1]),
        thetas,
        gammas,
        indices,
    )


def _check_ranges(rate, theta, gamma, shifts, passband) -> None:
    for name, (low, high), least in (("theta", theta, 2.0), ("gamma", gamma, 20.0)):
        if not (least <= low < high <= 200):
            raise ValueError(
                f"`{name}` must be a range in Hz, from {least:g} on, got "
                f"{low:g} to {high:g}."
            )
    if theta[1] + _THETA_HALF >= gamma[0] - _GAMMA_HALF:
        raise ValueError("`theta` and `gamma` must lie farther from each other.")
    if shifts < 20:
        raise ValueError(f"`shifts` must be at least 20, got {shifts}.")
    needed = _SLOWEST * (gamma[1] + _GAMMA_HALF)
    if not (np.isfinite(rate) and rate >= needed):
        raise ValueError(
            f"the sampling rate is {rate:g} Hz; at least {needed:g} Hz are needed."
        )
    low, high = theta[0] - _THETA_HALF, gamma[1] + _GAMMA_HALF
    if passband[0] > low or passband[1] < high:
        raise ValueError(
            f"the recording was filtered before to {passband[0]:g} to {passband[1]:g} Hz; "
            f"theta and the side bands of gamma need {low:g} to {high:g} Hz. Take the "
            "recording without that filter, or other ranges."
        )


def _check(values: ndarray, rate: float, pieces: Pieces) -> None:
    seconds = samples_in(pieces) / rate
    if seconds < SHORTEST:
        cut = "" if pieces == whole(values) else " in pieces long enough to use"
        raise ValueError(
            f"the recording has {seconds:.0f} s{cut}; at least {SHORTEST:.0f} s are needed."
        )
    kept = np.concatenate([values[each] for each in pieces])
    if not np.isfinite(kept).all():
        raise ValueError(
            "the recording has values that are not finite: cut them before."
        )
    if np.ptp(kept) == 0:
        raise ValueError("the recording is flat.")


def _phases(
    values: ndarray, rate: float, thetas: Float[ndarray, "theta"], pieces: Pieces
) -> Float[ndarray, "theta time"]:
    bands = [(f - _THETA_HALF, f + _THETA_HALF) for f in thetas]
    return np.angle(np.stack([_analytic(values, rate, band, pieces) for band in bands]))


def _amplitudes(
    values: ndarray, rate: float, gammas: Float[ndarray, "gamma"], pieces: Pieces
) -> Float[ndarray, "gamma time"]:
    bands = [(f - _GAMMA_HALF, f + _GAMMA_HALF) for f in gammas]
    return np.abs(np.stack([_analytic(values, rate, band, pieces) for band in bands]))


def _analytic(
    values: ndarray, rate: float, band: tuple[float, float], pieces: Pieces
) -> ndarray:
    """The analytic signal of each piece without its ends, joined."""
    passing = signal.butter(_ORDER, band, "bandpass", fs=rate, output="sos")
    edge = round(_EDGE * rate)
    passed = [np.asarray(signal.sosfiltfilt(passing, values[each])) for each in pieces]
    return np.concatenate(
        [np.asarray(signal.hilbert(each))[edge:-edge] for each in passed]
    )


def _indices(
    phases: Float[ndarray, "theta time"], amplitudes: Float[ndarray, "gamma time"]
) -> Float[ndarray, "theta gamma"]:
    """The modulation index of each pair [Tort et al. 2010, eqs. 2 to 5]."""
    thetas, count = phases.shape
    bins = np.floor((phases + np.pi) / (2 * np.pi) * _BINS).astype(int)
    row = np.clip(bins, 0, _BINS - 1) + _BINS * np.arange(thetas)[:, None]
    column = np.broadcast_to(np.arange(count), row.shape)
    ones = np.ones(row.size)
    table = sparse.csr_matrix(
        (ones, (row.ravel(), column.ravel())), (thetas * _BINS, count)
    )
    number = np.maximum(np.asarray(table.sum(axis=1)).ravel(), 1)
    means = (table @ amplitudes.T) / number[:, None]
    means = means.reshape(thetas, _BINS, -1)
    shares = means / means.sum(axis=1, keepdims=True)
    entropy = -np.sum(shares * np.log(np.maximum(shares, 1e-300)), axis=1)
    return 1 - entropy / np.log(_BINS)


def _pair(
    thetas: Float[ndarray, "theta"],
    gammas: Float[ndarray, "gamma"],
    indices: Float[ndarray, "theta gamma"],
) -> tuple[float, float]:
    i, j = np.unravel_index(np.argmax(indices), indices.shape)
    return float(thetas[i]), float(gammas[j])
