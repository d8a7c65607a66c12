"""The rhythm whose phase pulses are to meet, as options name it."""

import argparse
import math
from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from ...optimize import timing
from ...optimize.timing import BandPass, LearnsPhase, Pieces, PulseRule
from ..runtime.notices import warn


_NO_RHYTHM, _WEAK = 1.0, 6.0  # Of the band over the noise. [dB]
_METHODS: dict[str, LearnsPhase] = {"ar": timing.tuned, "etp": timing.educate}


@dataclass(frozen=True)
class PhaseRequest:
    """Which phase is to be met, and how pulses are decided on.

    Attributes:
        degrees: After a peak.
        method: `ar` or `etp`.
        band: Of the rhythm. [Hz]
        training: The first part of the EEG, to learn from. [s]
        hop: Between decisions. [s]
        latency: From the last sample to the earliest pulse. [s]
        refractory: Least time from pulse to pulse. [s]
        gate: The share of the training whose amplitude a pulse needs.
        top: The share of the training whose amplitude no pulse may exceed.
        blanking: After a pulse, what decisions do not see. [s]
    """

    degrees: float
    method: str
    band: tuple[float, float]
    training: float
    hop: float
    latency: float
    refractory: float
    gate: float
    top: float
    blanking: float

    @classmethod
    def of(cls, options: argparse.Namespace) -> "PhaseRequest":
        """Take it from the options.

        Raises:
            ValueError: The bounds of the amplitude do not fit each other.
        """
        if not options.gate_top > options.gate:
            raise ValueError(
                f"--gate-top {options.gate_top:g} must be above --gate {options.gate:g}: "
                "no amplitude is between them."
            )
        return cls(
            *(options.phase, options.method, options.band, options.training),
            *(options.hop * 1e-3, options.latency * 1e-3),
            *(options.refractory, options.gate, options.gate_top),
            options.blank * 1e-3,
        )

    @property
    def phase(self) -> float:
        """The phase to meet. [rad]"""
        return math.radians(self.degrees)

    def learn(
        self,
        training: Float[ndarray, "time"],
        band: BandPass,
        pieces: Pieces | None = None,
    ) -> PulseRule:
        """Learn from a training how to decide on pulses."""
        return timing.learned_rule(
            *(training, band, _METHODS[self.method], self.phase),
            hop=self.hop,
            latency=self.latency,
            refractory=self.refractory,
            share=self.gate,
            top=self.top,
            blanking=self.blanking,
            pieces=pieces,
        )


def checked_ratio(
    training: Float[ndarray, "time"],
    band: BandPass,
    source: str,
    pieces: Pieces | None = None,
) -> float:
    """How far a band stands above the noise. [dB]

    Raises:
        ValueError: It does not.
    """
    ratio = timing.rhythm_above_noise(training, band, pieces)
    if not ratio >= _NO_RHYTHM:
        raise ValueError(
            f"{source}: between {band.low:g} and {band.high:g} Hz the spectrum is "
            f"{ratio:.1f} dB above its fall; without a rhythm ({_NO_RHYTHM:g} dB) there "
            "is no phase to meet. Take other channels, --filter or another --band."
        )
    if ratio < _WEAK:
        warn(
            f"the rhythm is only {ratio:.1f} dB above the noise: pulses will miss their "
            "phase by 40 degrees and more."
        )
    return ratio
