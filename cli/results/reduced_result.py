"""What `tmsgrad reduce` makes, and how well it stands for solves."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...efield import Accuracy, ReducedField
from ..runtime.provenance import Provenance


@dataclass(frozen=True, eq=False)
class ReducedResult:
    """A basis that was made.

    Attributes:
        out: Its file.
        modes: How many it has.
        places: At how many places it knows the field.
        accuracy: Against direct solves of placements that it has not seen.
        megabytes: Of the file. [MB]
        tensors: What became of diffusion tensors, in words, or None.
        origin: Where it comes from.
        seconds: By stage and in total.
    """

    schema: ClassVar[int] = 1

    out: str
    modes: int
    places: int
    accuracy: Accuracy
    megabytes: float
    tensors: str | None
    origin: Provenance
    seconds: dict[str, float]

    @classmethod
    def of(
        cls,
        field: ReducedField,
        out: str,
        size: int,
        tensors: str | None,
        origin: Provenance,
        seconds: dict[str, float],
    ) -> "ReducedResult":
        """Describe a reduced field whose file has so many bytes."""
        return cls(
            *(out, field.modes.count, len(field.positions), field.accuracy),
            *(size / 1e6, tensors, origin, seconds),
        )

    def to_json(self) -> dict:
        """For `--json`."""
        return {
            "schema": self.schema,
            "file": self.out,
            "modes": self.modes,
            "places": self.places,
            "solves": self.accuracy.solves,
            "error": error_of(self.accuracy),
            "megabytes": self.megabytes,
            "tensors": self.tensors,
            "provenance": self.origin.as_json(),
            "seconds": self.seconds,
        }

    def show(self) -> None:
        """Print it."""
        if self.tensors is not None:
            print(self.tensors)
        print(
            f"{self.modes} modes at {self.places} places from {self.accuracy.solves} "
            f"solves; {self.megabytes:.3g} MB"
        )
        print(self.accuracy)
        if not self.accuracy.reached:
            print(
                f"the tolerance of {self.accuracy.tolerance:.2%} is not reached: allow "
                "more --modes, or a smaller --radius"
            )
        print(f"written to {self.out}")


def error_of(accuracy: Accuracy) -> dict[str, float | int | bool]:
    """Write down the error of a reduced field, relative."""
    return {
        "unseen_placements": len(accuracy.relative),
        "worst_relative_l2": accuracy.worst,
        "median_relative_l2": accuracy.median,
        "worst_magnitude_above_half_peak": float(np.max(accuracy.at_hot_spots)),
        "storage": accuracy.storage,
        "tolerance": accuracy.tolerance,
        "reached": accuracy.reached,
    }
