"""Whether a pulse comes next: the rule that a replay and a live stream share."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .phase import AbstractPhaseEstimator, BandPass


class NextPulse(NamedTuple):
    """A pulse that has been decided on.

    Attributes:
        time: When it comes, on the clock of the decision. [s]
        amplitude: Of the rhythm, in the unit of the signal.
        frequency: Of the rhythm. [Hz]
    """

    time: float
    amplitude: float
    frequency: float


@dataclass(frozen=True)
class PulseRule:
    """Decides from the last samples whether a pulse comes before the next decision.

    Attributes:
        band: The rhythm's.
        estimator: Gives the phase now.
        aim: Phase that the estimator must give for a pulse; 0 is a peak. [rad]
        hop: Between decisions; a whole number of samples is taken. [s]
        latency: From the last sample to the earliest pulse: acquisition, decision and
            stimulator. [s]
        refractory: Least time from pulse to pulse. [s]
        gate: No pulse below this amplitude, in the unit of the signal.
        ceiling: No pulse above this amplitude, such as of a movement.
        blanking: Time from a pulse on, whose artefact is replaced by a line, and within
            which there is no decision. [s]

    Raises:
        ValueError: A setting is out of range.
    """

    band: BandPass
    estimator: AbstractPhaseEstimator
    aim: float
    hop: float = 0.004
    latency: float = 0.005
    refractory: float = 1.0
    gate: float = 0.0
    ceiling: float = np.inf
    blanking: float = 0.0

    def __post_init__(self):
        for name in ("hop", "latency", "refractory", "gate", "blanking"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"`{name}` must be zero or more, got {value!r}.")
        if not self.ceiling > self.gate:
            raise ValueError(
                f"`ceiling` must be above `gate`, got {self.ceiling:g} and {self.gate:g}."
            )
        spared = self.estimator.samples / self.band.rate / 2
        if self.blanking > spared:
            raise ValueError(
                f"`blanking` must leave half of the estimator's window of "
                f"{2 * spared:g} s, got {self.blanking:g} s."
            )
        longest, latest = 0.5 / self.band.high, 2 / self.band.low
        if not (0 < self.hop <= longest and self.latency < latest):
            raise ValueError(
                f"`hop` must be positive and at most half a period ({longest:g} s), "
                f"`latency` below two ({latest:g} s); got {self.hop:g} s and "
                f"{self.latency:g} s."
            )

    @property
    def step(self) -> int:
        """Samples from one decision to the next."""
        return max(round(self.hop * self.band.rate), 1)

    @property
    def horizon(self) -> float:
        """From the last sample to the earliest pulse of the next decision. [s]"""
        return self.latency + self.step / self.band.rate

    def __call__(
        self, window: Float[ndarray, "time"], now: float, last: float = -np.inf
    ) -> NextPulse | None:
        """Decide.

        Args:
            window: As many samples as the estimator takes, and nothing later.
            now: Of the last of them, on any clock. [s]
            last: Of the last pulse, on the same clock. [s]
        """
        if now < last + self.blanking:
            return None
        seen = blanked(window, now, last, self.blanking, self.band.rate)
        phase, amplitude, frequency = self.estimator(seen)
        turn = 2 * np.pi * frequency
        wait = ((self.aim - phase - turn * self.latency) % (2 * np.pi)) / turn
        if not (amplitude > 0 and self.gate <= amplitude <= self.ceiling):
            return None
        if wait >= self.step / self.band.rate:
            return None
        return NextPulse(now + self.latency + wait, amplitude, frequency)


def blanked(
    window: Float[ndarray, "time"],
    now: float,
    pulse: float,
    blanking: float,
    rate: float,
) -> Float[ndarray, "time"]:
    """Replace what a pulse spoils by a line between the samples beside it.

    Args:
        window: The last samples.
        now: Of the last of them. [s]
        pulse: When it came; what is before the window or after it is no matter. [s]
        blanking: How long it spoils samples, from the pulse on. [s]
        rate: Samples in a second. [Hz]
    """
    times = now - np.arange(len(window))[::-1] / rate
    spoilt = (times >= pulse) & (times < pulse + blanking)
    if not spoilt.any() or spoilt.all():
        return window
    kept = ~spoilt
    found = window.astype(np.float64)
    found[spoilt] = np.interp(times[spoilt], times[kept], window[kept])
    return found
