"""Maps of the whole brain's field over positions and angles, by a reduced field."""

from collections.abc import Iterator
from dataclasses import dataclass

import h5py
from jaxtyping import Float
from numpy import ndarray

from ...efield import Accuracy
from ...optimize import TissueMaps


@dataclass(frozen=True, eq=False)
class WholeBrain:
    """What a coil does to all of a tissue, at each position and angle of a sweep.

    Attributes:
        source: The file of the reduced field.
        tissue: Where it knows the field.
        accuracy: Of the reduced field.
        target: The objective of the sweep.
        maps: At each position and angle.
    """

    source: str
    tissue: str
    accuracy: Accuracy
    target: Float[ndarray, "position angle"]
    maps: TissueMaps

    def to_json(self, best: tuple[int, int]) -> dict:
        """What `summary.json` holds of it.

        Args:
            best: Position and angle of the sweep's best placement.
        """
        focal = self.maps.most_focal
        return {
            "reduced": self.source,
            "tissue": self.tissue,
            "worst_relative_l2": self.accuracy.worst,
            "positions_outside": int(self.maps.outside.sum()),
            "at_best": self._at(best),
            "most_focal": {
                "position": focal[0],
                "angle": focal[1],
                **self._at(focal),
            },
        }

    def _at(self, place: tuple[int, int]) -> dict[str, float | bool]:
        return {
            "peak_v_per_m": float(self.maps.peak[place]),
            "volume_above_half_of_peak_ml": float(self.maps.volume[place]) * 1e6,
            "focality": float(self.maps.focality[place]),
            "outside": bool(self.maps.outside[place[0]]),
        }

    def write(self, file: h5py.File) -> None:
        """Add the maps to a sweep's file."""
        group = file.create_group("whole_brain")
        group.attrs["tissue"] = self.tissue
        group.attrs["reduced"] = self.source
        for name, data, unit in (
            ("peak", self.maps.peak, "V/m"),
            ("volume_above_half_of_peak", self.maps.volume * 1e6, "mL"),
            ("focality", self.maps.focality, "1"),
            ("outside", self.maps.outside, "1"),
        ):
            group.create_dataset(name, data=data).attrs["units"] = unit

    def lines(self, best: tuple[int, int]) -> Iterator[str]:
        """Describe the best placement, and the most focal one, in lines for a terminal.

        Args:
            best: Position and angle of the sweep's best placement.
        """
        focal = self.maps.most_focal
        yield (
            f"{self.tissue:16} peak {self.maps.peak[best]:.4f} V/m, "
            f"{self.maps.volume[best] * 1e6:.1f} mL above half of it, focality "
            f"{self.maps.focality[best]:.2f}"
        )
        share = 100 * self.target[focal] / self.target[best]
        yield (
            f"most focal       position {focal[0]}, angle {focal[1]}: focality "
            f"{self.maps.focality[focal]:.2f}, {share:.0f}% of the best value"
        )
        if self.maps.outside.any():
            yield (
                f"{self.maps.outside.sum()} of {len(self.maps.outside)} positions are "
                f"outside of what {self.source} has seen: their maps of all {self.tissue} "
                "are estimates."
            )
