"""What `tmsgrad simulate` finds by a basis: figures of each pose, with their error."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield
from ...coils import PoseList
from ...efield import Accuracy
from ...efield.reduced.places import AbstractPlaces
from ...optimize import Placing
from ..runtime.provenance import Provenance
from .placing import PULSE_COLUMNS, describe_pulse
from .reduced_result import error_of


_SHARES = (50.0, 99.0, 99.9)
_SHOWN = 20


@dataclass(frozen=True)
class PoseFigures:
    """The field of one pose where a basis knows it.

    Attributes:
        percentiles: Of |E|, by volume or area, as in `_SHARES`. [V/m]
        above_half: What has more than half of the last of these. [m³ or m²]
        peak_at: Where |E| is largest. [m]
        solved: Whether the pose was outside of the basis, and solved instead.
        error: Estimated relative error of E against a solve; None where it was solved.
    """

    percentiles: tuple[float, ...]
    above_half: float
    peak_at: tuple[float, float, float]
    solved: bool
    error: float | None

    @classmethod
    def of(
        cls,
        values: Float[ndarray, "place"],
        measure: Float[ndarray, "place"],
        places: Float[ndarray, "place 3"],
        solved: bool,
        error: float | None,
    ) -> "PoseFigures":
        """Summarise |E| [V/m] at places [m] with volumes [m³] or areas [m²]."""
        found = efield.volume_percentiles(values, measure, _SHARES)
        x, y, z = places[np.argmax(values)].tolist()
        above = float(measure[values > found[-1] / 2].sum())
        return cls(tuple(found), above, (x, y, z), solved, error)

    def to_json(self, places: AbstractPlaces) -> dict:
        """For a summary."""
        above = f"{places.kind}_{places.unit}_above_half"
        return {
            "percentiles": dict(zip(map(str, _SHARES), self.percentiles, strict=True)),
            above: self.above_half * places.per_unit,
            "maximum_at_mm": [x * 1e3 for x in self.peak_at],
            "solved": self.solved,
            "estimated_error_of_basis": self.error,
        }


@dataclass(frozen=True, eq=False)
class ReducedFields:
    """The figures of all poses.

    Attributes:
        basis: Its file.
        made: Whether it was made of the poses.
        accuracy: Of the basis.
        places: Where it knows the field.
        figures: Of each pose.
        head: As the command line names it.
        coil: As the command line names it.
        origin: Where the results come from.
        seconds: By stage and in total.
        warnings: So far.
    """

    schema: ClassVar[int] = 1
    basis: str
    made: bool
    accuracy: Accuracy
    places: AbstractPlaces
    figures: tuple[PoseFigures, ...]
    head: str
    coil: str
    origin: Provenance
    seconds: dict[str, float]
    warnings: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Of `pulses.csv`."""
        places = self.places
        return (
            *PULSE_COLUMNS,
            *(f"E_{places.key}_{level}" for level in ("median", "99", "99.9")),
            *(f"{places.kind}_{places.unit}_above_half", "solved"),
            "estimated_error_of_basis",
        )

    def rows(
        self, poses: PoseList, rates: Float[ndarray, "pose"], places: list[Placing]
    ) -> list[dict]:
        """Write a row of `pulses.csv` for each pose."""
        return [
            describe_pulse(i, poses, rates, places[i])
            | dict(
                zip(
                    self.columns[len(PULSE_COLUMNS) :],
                    (
                        *figures.percentiles,
                        *(
                            figures.above_half * self.places.per_unit,
                            int(figures.solved),
                        ),
                        "" if figures.error is None else figures.error,
                    ),
                    strict=True,
                )
            )
            for i, figures in enumerate(self.figures)
        ]

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        return {
            "schema": self.schema,
            "poses": len(self.figures),
            "solved": sum(each.solved for each in self.figures),
            "basis": {
                "file": self.basis,
                "made": self.made,
                "places": self.places.name,
                "solves": self.accuracy.solves,
                "error": error_of(self.accuracy),
            },
            "unit": "V/m",
            "fields": [each.to_json(self.places) for each in self.figures],
            "head": {"source": self.head},
            "coil": {"source": self.coil},
            "provenance": self.origin.as_json(),
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        return self.to_json()

    def show(self, out: str) -> None:
        """Print it."""
        for index, figures in enumerate(self.figures[:_SHOWN]):
            how = (
                "solved"
                if figures.error is None
                else f"basis within {figures.error:.2%}"
            )
            print(
                f"pose {index}: |E|: 99.9% below {figures.percentiles[-1]:.2f} V/m, "
                f"median {figures.percentiles[0]:.2f} V/m; {how}"
            )
        if len(self.figures) > _SHOWN:
            print(f"… and {len(self.figures) - _SHOWN} more, in summary.json")
        print(f"basis of {self.accuracy.solves} solves, in {self.places.name}:")
        print(self.accuracy)
        made = f", {self.basis}" if self.made else ""
        print(
            f"written to {out}: summary.json, pulses.csv, pose.txt, overview.png{made}"
        )
