"""What `tmsgrad simulate` computed of whole fields, as one object."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...efield.output.fibre_files import FibreFigures
from ...optimize import Placing
from .figures import ErrorFigures, FieldFigures
from .simulation import Simulation


_PRINTED = 20  # Poses; the others are in the summary.


@dataclass(frozen=True, eq=False)
class PoseFigures:
    """The field of one pose, in figures.

    Attributes:
        place: Of the coil to the scalp.
        field: At the pose's dI/dt.
        error: Estimated.
    """

    place: Placing
    field: FieldFigures
    error: ErrorFigures

    def level(self, share: float) -> float:
        """A percentile of |E| in gray matter; NaN where there is none. [V/m]"""
        gray = self.field.gray_matter
        return np.nan if gray is None else gray.percentiles[share]

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "scalp_clearance_mm": self.place.clearance * 1e3,
            "lifted_mm": self.place.lifted * 1e3,
            **self.field.to_json(),
            "estimated_error": self.error.to_json(),
        }

    def describe(self, number: int) -> None:
        """Print a line of it."""
        strength = ""
        if self.field.gray_matter is not None:
            strength = (
                f"|E| in gray matter: 99.9% below {self.level(99.9):.2f} V/m, "
                f"median {self.level(50.0):.2f} V/m; "
            )
        print(
            f"pose {number}: {strength}estimated error {self.error.head:.1%}; "
            f"clearance {self.place.clearance * 1e3:.2f} mm"
        )


@dataclass(frozen=True, eq=False)
class FieldsResult:
    """What `tmsgrad simulate` computes without a target, or with `--fields`.

    Attributes:
        names: Of the poses.
        rates: dI/dt of each. [A/s]
        poses: In figures.
        fibres: The field of the pose that is shown along streamlines, or None.
        simulation: Head, coil and run.
    """

    schema: ClassVar[int] = 1

    names: tuple[str, ...]
    rates: Float[ndarray, "pose"]
    poses: tuple[PoseFigures, ...]
    fibres: FibreFigures | None
    simulation: Simulation

    @property
    def shown(self) -> PoseFigures:
        """The pose that is pictured."""
        return self.poses[self.simulation.shown.number]

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        rates = self.rates
        alike = bool((rates == rates[0]).all())
        return {
            "schema": self.schema,
            "poses": len(self.poses),
            "names": list(self.names),
            "didt": float(rates[0]) if alike else rates.tolist(),
            "pictured_pose": self.simulation.shown.number,
            "fibres": None if self.fibres is None else self.fibres.to_json(),
            "fields": [each.to_json() for each in self.poses],
            **self.simulation.to_json(),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        return self.to_json()

    def describe(self, out: str) -> None:
        """Print the poses."""
        if self.simulation.tensors is not None:
            print(self.simulation.tensors)
        for number, each in enumerate(self.poses[:_PRINTED]):
            each.describe(number)
        if len(self.poses) > _PRINTED:
            print(f"… and {len(self.poses) - _PRINTED} more, in summary.json")
        total = self.simulation.seconds["total"]
        print(f"files: {Path(out)}{os.sep}   time: {total:.1f} s")
