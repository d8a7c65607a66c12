"""In which gyri target and strongest field lie."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize.targeting.naming import GyrusNames


@dataclass(frozen=True, eq=False)
class Strongest:
    """Where the field of the cortex is strongest, beside a target.

    Attributes:
        place: Of the strongest element of gray matter. [m]
        value: Of |E| there. [V/m]
        apart: From the target's centre. [m]
        inside: Whether that is no farther than the target's radius.
    """

    place: Float[ndarray, "3"]
    value: float
    apart: float
    inside: bool

    @classmethod
    def of(
        cls,
        place: Float[ndarray, "3"],
        value: float,
        centre: Float[ndarray, "3"],
        radius: float,
    ) -> "Strongest":
        """Measure it."""
        apart = float(np.linalg.norm(place - centre))
        return cls(place, value, apart, apart <= radius)


@dataclass(frozen=True)
class GyrusFigures:
    """Names of gyri.

    Attributes:
        target: Of the target's centre, or None.
        strongest: Of where the field is strongest, or None.
        source: What names them, in words.
    """

    target: str | None
    strongest: str | None
    source: str

    @classmethod
    def of(
        cls,
        names: GyrusNames | None,
        centre: Float[ndarray, "3"],
        strongest: Float[ndarray, "3"] | None,
    ) -> "GyrusFigures | None":
        """Look them up; None where nothing names them. [m]"""
        if names is None:
            return None
        peak = None if strongest is None else names(strongest)
        return cls(names(centre), peak, names.source)

    def describe(self) -> None:
        """Print them."""
        for what, name in (("target", self.target), ("strongest", self.strongest)):
            if name is not None:
                print(f"{what + ' in':<16} {name} ({self.source})")

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "target": self.target,
            "strongest": self.strongest,
            "source": self.source,
        }
