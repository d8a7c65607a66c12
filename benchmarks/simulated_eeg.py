"""An EEG channel with a rhythm of known phase, on noise that falls as 1/f."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy import signal


class Simulated(NamedTuple):
    """A channel, and the phase of its rhythm at each sample. [rad]"""

    values: ndarray
    phase: ndarray


def simulate(
    rng: np.random.Generator,
    decibels: float,
    seconds: float = 180.0,
    rate: float = 500.0,
    frequency: float = 10.0,
    band: tuple[float, float] = (8.0, 13.0),
) -> Simulated:
    """Simulate a rhythm that drifts, waxes and wanes, noise, and blinks.

    Args:
        rng: Draws.
        decibels: Power of the rhythm over that of the noise, both in the band.
        seconds: Length. [s]
        rate: Samples in a second. [Hz]
        frequency: Mean of the rhythm. [Hz]
        band: Where powers are compared. [Hz]
    """
    count = round(seconds * rate)
    drift = 0.5 * _slow(rng, count, rate, 0.3)
    phase = 2 * np.pi * np.cumsum(frequency + drift) / rate + rng.uniform(0, 2 * np.pi)
    rhythm = np.exp(0.5 * _slow(rng, count, rate, 0.5)) * np.cos(phase)
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    size = np.zeros(len(frequencies))
    size[1:] = frequencies[1:] ** -0.5
    noise = np.fft.irfft(size * _complex(rng, len(size)), count)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    power = lambda x: float((np.abs(np.fft.rfft(x)[inside]) ** 2).sum())
    noise *= np.sqrt(power(rhythm) / power(noise)) * 10 ** (-decibels / 20)
    blinks = np.zeros(count)
    blinks[rng.integers(0, count, round(seconds / 6))] = 1
    shape = np.exp(-0.5 * (np.arange(-0.3, 0.3, 1 / rate) / 0.07) ** 2)
    blinks = 3 * noise.std() * signal.fftconvolve(blinks, shape, "same")
    return Simulated(rhythm + noise + blinks, phase)


def _slow(rng: np.random.Generator, count: int, rate: float, cutoff: float) -> ndarray:
    """Noise below a frequency, of unit deviation."""
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    kept = (frequencies > 0) & (frequencies <= cutoff)
    noise = np.fft.irfft(kept * _complex(rng, len(kept)), count)
    return noise / noise.std()


def _complex(rng: np.random.Generator, count: int) -> ndarray:
    return rng.normal(size=count) + 1j * rng.normal(size=count)
