"""What `tmsgrad eeg burst` finds."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...optimize import timing
from ...optimize.pictures.signals import write_coupling
from ...optimize.timing import ThetaGamma
from ..runtime.notices import warn
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance


_USUAL = (5.0, 50.0)  # Of theta bursts: bursts, and pulses in a burst. [Hz]
_APART = (1.0, 6.0)  # Halves that differ by more are reported. [Hz]


@dataclass(frozen=True, eq=False)
class BurstResult:
    """A person's theta and gamma.

    Attributes:
        found: Both, and how they are coupled.
        apart: Between the rates that the stimulator can be set to. [Hz]
        remarks: What was noticed while the recording was read.
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    found: ThetaGamma
    apart: float
    remarks: tuple[str, ...]
    origin: Provenance

    @property
    def rates(self) -> tuple[float, float]:
        """To set, of bursts and of pulses within. [Hz]"""
        theta, gamma = self.found.theta, self.found.gamma
        nearest = timing.nearest_rate
        return nearest(theta, self.apart), nearest(gamma, self.apart)

    def to_json(self) -> dict:
        """What `burst.json` holds."""
        found, (bursts, pulses) = self.found, self.rates
        return {
            "schema": self.schema,
            "theta_hz": found.theta,
            "gamma_hz": found.gamma,
            "modulation_index": found.index,
            "chance": found.chance,
            "halves_hz": [list(each) for each in found.halves],
            "burst_rate_hz": bursts,
            "pulse_rate_hz": pulses,
            "thetas_hz": found.thetas.tolist(),
            "gammas_hz": found.gammas.tolist(),
            "modulation_indices": found.indices.tolist(),
            "remarks": list(self.remarks),
            "provenance": self.origin.as_json(),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        found = self.found
        return {
            "theta_hz": found.theta,
            "gamma_hz": found.gamma,
            "chance": found.chance,
        }

    def draw(self, path: Path) -> None:
        """Draw how far gamma follows theta."""
        found = self.found
        write_coupling(
            *(path, found.thetas, found.gammas, found.indices),
            (found.theta, found.gamma),
            found.halves,
            f"Gamma that follows theta: index {found.index:.2g}, by chance p = "
            f"{found.chance:.2g}",
        )

    def step(self) -> StepWords:
        """As a step of a plan."""
        bursts, pulses = self.rates
        return StepWords(
            "Timing",
            f"bursts at {bursts:g} Hz, pulses at {pulses:g} Hz",
            f"modulation index {self.found.index:.2g}, by chance p = "
            f"{self.found.chance:.2g}",
            f"halves of the recording: {self._halves}",
        )

    @property
    def _halves(self) -> str:
        (a, b), (c, d) = self.found.halves
        return f"{a:g} and {c:g} Hz, {b:g} and {d:g} Hz"

    def describe(self) -> None:
        """Print it, and warn of halves that disagree and of unusual rates."""
        found, rates = self.found, self.rates
        print(
            f"theta            {found.theta:.2f} Hz: bursts at {rates[0]:g} Hz (usual: 5)"
        )
        print(
            f"gamma            {found.gamma:.0f} Hz: pulses at {rates[1]:g} Hz (usual: 50)"
        )
        print(
            f"coupling         index {found.index:.2g}, by chance p = {found.chance:.2g}"
        )
        print(f"halves           {self._halves}")
        print(RESEARCH)
        apart = [abs(a - b) for a, b in zip(*found.halves, strict=True)]
        if any(a > most for a, most in zip(apart, _APART, strict=True)):
            warn("the halves of the recording disagree: take a longer one.")
        if any(abs(a - b) > 1e-9 for a, b in zip(rates, _USUAL, strict=True)):
            warn(
                "rates other than 5 and 50 Hz have other evidence and limits of safety "
                "than the usual theta burst."
            )
