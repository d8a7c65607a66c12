"""Theta and gamma of a person, for bursts: where gamma's amplitude follows theta's phase.

The modulation index of Tort et al. 2010 (doi:10.1152/jn.00106.2010): the mean amplitude of
gamma in bins of theta's phase, as a distribution, and how far that is from a flat one. The
pair of frequencies with the largest index is told, if recordings whose amplitude is shifted
in time, which couples nothing, rarely reach it anywhere.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import signal, sparse


THETA, GAMMA = (4.0, 8.0), (30.0, 50.0)  # Where the pair is looked for. [Hz]
SHORTEST = 60.0  # [s]

_THETA_STEP, _GAMMA_STEP = 0.25, 2.0  # [Hz]
_THETA_HALF = 1.0  # Of the band around a theta. [Hz]
# Side bands of an amplitude that follows theta lie theta away.
_GAMMA_HALF = 10.0  # [Hz]
_BINS = 18
_ORDER = 2  # Of the band-passes, run forwards and backwards.
_EDGE = 1.0  # At the ends of the recording that filters spoil. [s]
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
) -> ThetaGamma:
    """Find the theta whose phase gamma's amplitude follows, and that gamma.

    Args:
        values: One channel, or a weighted sum of channels; of any unit.
        rate: Samples in a second. [Hz]
        theta: Where theta is looked for. [Hz]
        gamma: Where gamma is looked for. [Hz]
        shifts: How many shifted recordings to compare with.
        seed: Of the shifts.

    Raises:
        ValueError: The recording is too short, too slow, flat or not finite, a range is
            none, or no pair is coupled more than chance couples.
    """
    _check(values, rate, theta, gamma, shifts)
    thetas = np.arange(theta[0], theta[1] + 1e-9, _THETA_STEP)
    gammas = np.arange(gamma[0], gamma[1] + 1e-9, _GAMMA_STEP)
    phases, amplitudes = (
        _phases(values, rate, thetas),
        _amplitudes(values, rate, gammas),
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


def _check(values, rate, theta, gamma, shifts) -> None:
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
    if len(values) < SHORTEST * rate:
        raise ValueError(
            f"the recording has {len(values) / rate:.0f} s; at least {SHORTEST:.0f} s are "
            "needed."
        )
    if not np.isfinite(values).all():
        raise ValueError(
            "the recording has values that are not finite: cut them before."
        )
    if np.ptp(values) == 0:
        raise ValueError("the recording is flat.")


def _phases(
    values: ndarray, rate: float, thetas: Float[ndarray, "theta"]
) -> Float[ndarray, "theta time"]:
    bands = [(f - _THETA_HALF, f + _THETA_HALF) for f in thetas]
    return np.angle(np.stack([_analytic(values, rate, band) for band in bands]))


def _amplitudes(
    values: ndarray, rate: float, gammas: Float[ndarray, "gamma"]
) -> Float[ndarray, "gamma time"]:
    bands = [(f - _GAMMA_HALF, f + _GAMMA_HALF) for f in gammas]
    return np.abs(np.stack([_analytic(values, rate, band) for band in bands]))


def _analytic(values: ndarray, rate: float, band: tuple[float, float]) -> ndarray:
    passing = signal.butter(_ORDER, band, "bandpass", fs=rate, output="sos")
    edge = round(_EDGE * rate)
    passed = np.asarray(signal.sosfiltfilt(passing, values))
    return np.asarray(signal.hilbert(passed))[edge:-edge]


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
