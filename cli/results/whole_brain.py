"""Maps of the whole brain's field over positions and angles, by a reduced field."""

from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ...efield import Accuracy


@dataclass(frozen=True, eq=False)
class WholeBrain:
    """What a coil does to all of a tissue, at each position and angle of a sweep.

    Attributes:
        source: The file of the reduced field.
        tissue: Where it knows the field.
        accuracy: Of the reduced field.
        target: The objective of the sweep.
        peak: What 99.9% of the tissue stay below, at 1e6 A/s. [V/m]
        volume: Of the part above half of the peak. [m³]
        focality: Mean |E| of the target over that of the rest of the tissue.
        outside: Positions that the reduced field does not know at some angle.
    """

    source: str
    tissue: str
    accuracy: Accuracy
    target: Float[ndarray, "position angle"]
    peak: Float[ndarray, "position angle"]
    volume: Float[ndarray, "position angle"]
    focality: Float[ndarray, "position angle"]
    outside: Bool[ndarray, "position"]

    @property
    def most_focal(self) -> tuple[int, int]:
        """Position and angle of the most focal placement that is known.

        All are taken where none is known.
        """
        known = np.where(self.outside[:, None], -np.inf, self.focality)
        values = self.focality if self.outside.all() else known
        position, angle = np.unravel_index(np.argmax(values), values.shape)
        return int(position), int(angle)

    def to_json(self, best: tuple[int, int]) -> dict:
        """What `summary.json` holds of it.

        Args:
            best: Position and angle of the sweep's best placement.
        """
        focal = self.most_focal
        return {
            "reduced": self.source,
            "tissue": self.tissue,
            "worst_relative_l2": self.accuracy.worst,
            "positions_outside": int(self.outside.sum()),
            "at_best": self._at(best),
            "most_focal": {
                "position": focal[0],
                "angle": focal[1],
                **self._at(focal),
            },
        }

    def _at(self, place: tuple[int, int]) -> dict[str, float | bool]:
        return {
            "peak_v_per_m": float(self.peak[place]),
            "volume_above_half_of_peak_ml": float(self.volume[place]) * 1e6,
            "focality": float(self.focality[place]),
            "outside": bool(self.outside[place[0]]),
        }

    def write(self, file: h5py.File) -> None:
        """Add the maps to a sweep's file."""
        group = file.create_group("whole_brain")
        group.attrs["tissue"] = self.tissue
        group.attrs["reduced"] = self.source
        for name, data, unit in (
            ("peak", self.peak, "V/m"),
            ("volume_above_half_of_peak", self.volume * 1e6, "mL"),
            ("focality", self.focality, "1"),
            ("outside", self.outside, "1"),
        ):
            group.create_dataset(name, data=data).attrs["units"] = unit

    def lines(self, best: tuple[int, int]) -> Iterator[str]:
        """Describe the best placement, and the most focal one, in lines for a terminal.

        Args:
            best: Position and angle of the sweep's best placement.
        """
        focal = self.most_focal
        yield (
            f"{self.tissue:16} peak {self.peak[best]:.4f} V/m, "
            f"{self.volume[best] * 1e6:.1f} mL above half of it, focality "
            f"{self.focality[best]:.2f}"
        )
        share = 100 * self.target[focal] / self.target[best]
        yield (
            f"most focal       position {focal[0]}, angle {focal[1]}: focality "
            f"{self.focality[focal]:.2f}, {share:.0f}% of the best value"
        )
        if self.outside.any():
            yield (
                f"{self.outside.sum()} of {len(self.outside)} positions are outside of "
                f"what {self.source} has seen: their maps of all {self.tissue} are "
                "estimates."
            )
