"""What a network of the person's own changed of a target."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..runtime.naming import place


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A network that weighed the search.

    Attributes:
        file: Where it was read.
        label: Which of a parcellation it is, or None.
        of_region: Mean of its probability in the search region.
        in_target: Its mean in the target, by the target's weights.
        without: Where the target would be without the network, or None: nowhere. [m]
        centre: Where it is. [m]
    """

    file: str
    label: str | None
    of_region: float
    in_target: float
    without: Float[ndarray, "3"] | None
    centre: Float[ndarray, "3"]

    @property
    def moved(self) -> float | None:
        """By how much it moved the target. [m]"""
        if self.without is None:
            return None
        return float(np.linalg.norm(self.without - self.centre))

    @property
    def words(self) -> str:
        """For people."""
        name = Path(self.file).name
        named = name if self.label is None else f"{self.label} of {name}"
        start = (
            f"{named} weighs the search: on average {self.of_region:.0%} in the region, "
            f"{self.in_target:.0%} in the target"
        )
        if self.without is None or self.moved is None:
            return f"{start}; without it there is no target"
        if self.moved < 0.05e-3:
            return f"{start}; without it the target is the same"
        return (
            f"{start}; without it the target is at {place(self.without * 1e3)}, "
            f"{self.moved * 1e3:.1f} mm away"
        )

    def to_json(self) -> dict:
        """For `target.json`."""
        return {
            "file": self.file,
            "label": self.label,
            "mean_in_region": self.of_region,
            "mean_in_target": self.in_target,
            "without_mm": None
            if self.without is None
            else (self.without * 1e3).tolist(),
            "moved_mm": None if self.moved is None else self.moved * 1e3,
        }
