"""What `tmsgrad map motor` finds, as one object."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import PoseList, navigation
from ...disk.tables import write_table
from ...efield import Accuracy
from ...optimize import mapping
from ...optimize.mapping import CortexPatch, ResponseMap
from ...optimize.mapping.responses import Responses
from ..runtime.naming import place
from ..runtime.outcome import StepWords
from ..runtime.provenance import Provenance
from .muscle_result import MuscleResult
from .reduced_result import error_of


@dataclass(frozen=True, eq=False)
class Proposed:
    """Pulses to give next.

    Attributes:
        muscle: Whose place they tell.
        poses: With their dI/dt.
        gains: What each adds to what is known of the place, at most. [nat]
        maximum: dI/dt at full output, or None. [A/s]
    """

    columns: ClassVar[tuple[str, ...]] = (
        *("number", "x_mm", "y_mm", "z_mm", "didt_A_per_s", "output_percent"),
        "information_nat",
    )

    muscle: str
    poses: PoseList
    gains: Float[ndarray, "pose"]
    maximum: float | None

    def write(self, folder: Path) -> None:
        """Write `next.txt`, the poses, and `next.csv`, with their dI/dt."""
        navigation.write_matsimnibs(folder / "next.txt", self.poses)
        rows = []
        for number, (rate, gain) in enumerate(
            zip(self.poses.current_rates, self.gains, strict=True)
        ):
            x, y, z = 1e3 * self.poses.translations[number]
            output = "" if self.maximum is None else 100 * rate / self.maximum
            values = (number + 1, x, y, z, rate, output, gain)
            rows.append(dict(zip(self.columns, values, strict=True)))
        write_table(folder / "next.csv", list(self.columns), rows)

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "muscle": self.muscle,
            "poses": len(self.poses),
            "files": ["next.txt", "next.csv"],
            "information_nat": self.gains.tolist(),
        }


@dataclass(frozen=True)
class Between:
    """How far apart the places of two muscles are.

    Attributes:
        muscles: Both.
        distance: Of the optima. [mm]
        interval: That holds it with a probability of 0.95. [mm]
    """

    muscles: tuple[str, str]
    distance: float
    interval: tuple[float, float]

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "muscles": list(self.muscles),
            "distance_mm": self.distance,
            "interval_mm": list(self.interval),
        }


@dataclass(frozen=True, eq=False)
class MotorResult:
    """What `tmsgrad map motor` finds.

    Attributes:
        matched: How pulses and responses were matched, in words.
        muscles: Each of them.
        between: Distances of their places.
        criterion: Of thresholds. [V]
        component: Of the field.
        curve: In words.
        proposed: Pulses to give next, or None.
        accuracy: Of the basis.
        head: As the command line names it.
        coil: As the command line names it.
        origin: Where the results come from.
        warnings: So far.
        seconds: Of each stage. [s]
    """

    schema: ClassVar[int] = 1

    matched: str
    muscles: tuple[MuscleResult, ...]
    between: tuple[Between, ...]
    criterion: float
    component: str
    curve: str
    proposed: Proposed | None
    accuracy: Accuracy
    head: str
    coil: str
    origin: Provenance
    warnings: tuple[str, ...]
    seconds: dict[str, float]

    @classmethod
    def of(
        cls,
        matched: str,
        muscles: list[MuscleResult],
        maps: list[ResponseMap],
        patch: CortexPatch,
        *rest,
    ) -> "MotorResult":
        """Compare the muscles, and keep the rest as it is."""
        found = [number for number, each in enumerate(muscles) if each.found]
        between = []
        for row, one in enumerate(found):
            for other in found[row + 1 :]:
                if maps[one].fit.pulses != maps[other].fit.pulses:
                    continue  # Samples of other pulses cannot be compared.
                apart, low, high = mapping.distance_between(
                    maps[one], maps[other], patch.positions
                )
                names = (muscles[one].name, muscles[other].name)
                between.append(Between(names, 1e3 * apart, (1e3 * low, 1e3 * high)))
        return cls(matched, tuple(muscles), tuple(between), *rest)

    @property
    def poses(self) -> list[MuscleResult]:
        """Muscles with a pose that stimulates them best."""
        return [each for each in self.muscles if each.placed is not None]

    def pose_list(self) -> PoseList:
        """The poses that stimulate each muscle's place best."""
        return PoseList.of_matrices(
            np.stack([each.placed.matrix for each in self.poses if each.placed]),
            [each.name for each in self.poses],
        )

    def columns(self, maps: list[ResponseMap]) -> dict[str, ndarray]:
        """Values at the vertices of the map, by name."""
        found = {}
        for muscle, each in zip(self.muscles, maps, strict=True):
            found |= {
                f"{muscle.name} R2": each.fit.explained,
                f"{muscle.name} R2 left out": each.cross_validated,
                f"{muscle.name} probability": each.probability,
                f"{muscle.name} region": each.region.astype(float),
                f"{muscle.name} threshold V/m": np.nan_to_num(each.fit.thresholds),
            }
        return found

    @property
    def pulse_columns(self) -> list[str]:
        """Of `pulses.csv`."""
        listed = ["name", "didt_A_per_s", "x_mm", "y_mm", "z_mm"]
        for muscle in self.muscles:
            listed += [f"{muscle.name}_mV", f"{muscle.name}_V_per_m"]
        return listed

    def rows(
        self,
        poses: PoseList,
        rates: Float[ndarray, "pulse"],
        responses: Responses,
        fields: Float[ndarray, "place pulse"],
        maps: list[ResponseMap],
    ) -> list[dict]:
        """Rows of `pulses.csv`: each response, and the field at its muscle's optimum."""
        table = []
        for number, name in enumerate(poses.names):
            row = [name, rates[number], *(1e3 * poses.translations[number])]
            for column, each in enumerate(maps):
                value = responses.values[number, column]
                row.append("" if np.isnan(value) else 1e3 * value)
                row.append(fields[each.optimum, number])
            table.append(dict(zip(self.pulse_columns, row, strict=True)))
        return table

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        return {**self.answer(), "seconds": self.seconds}

    def answer(self) -> dict:
        """What `--json` prints."""
        return {
            "schema": self.schema,
            "matched": self.matched,
            "curve": self.curve,
            "component": self.component,
            "criterion_V": self.criterion,
            "muscles": [each.to_json() for each in self.muscles],
            "between": [each.to_json() for each in self.between],
            "next": None if self.proposed is None else self.proposed.to_json(),
            "basis": error_of(self.accuracy),
            "head": {"source": self.head},
            "coil": {"source": self.coil},
            "provenance": self.origin.as_json(),
            "warnings": list(self.warnings),
        }

    def step(self) -> StepWords:
        """The map in words, as a step of a plan."""
        found = [each for each in self.muscles if each.found]
        places = [f"{each.name} {place(each.optimum)}" for each in found]
        evidence = [
            f"{each.name}: R² {each.explained:.2f} of {each.pulses} pulses, "
            f"{each.cross_validated:.2f} of those left out"
            for each in self.muscles
        ]
        unsure = [
            f"{each.name}: 95 % region of {each.area:.0f} mm²" for each in found
        ] + [f"{each.name}: {doubt}" for each in self.muscles for doubt in each.doubts]
        return StepWords(
            *("Target", "; ".join(places) or "no place was found"),
            *("; ".join(evidence), "; ".join(unsure)),
        )

    def describe(self, out: str) -> None:
        """Print it."""
        print(f"pulses           {self.matched}")
        for each in self.muscles:
            each.describe()
        for each in self.between:
            low, high = each.interval
            print(
                f"{' and '.join(each.muscles)}: {each.distance:.1f} mm apart "
                f"({low:.1f} to {high:.1f})"
            )
        if self.proposed is not None:
            print(
                f"next             {len(self.proposed.poses)} pulses in next.txt, for "
                f"{self.proposed.muscle}"
            )
        print(f"files            {Path(out)}{os.sep}")
