"""What `tmsgrad sweep` finds: a map of a target's field, and its best placement."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...coils import Pose
from ..runtime.provenance import Provenance
from ..runtime.versions import versions
from .figures import Subject
from .whole_brain import WholeBrain


@dataclass(frozen=True, eq=False)
class SweepResult:
    """What `tmsgrad sweep` finds.

    Attributes:
        pose: The best one.
        value: There, of the objective, at 1e6 A/s.
        map_value: There, as the map has it.
        unit: Of both: V/m, or 1 for ratios.
        objective: In words.
        positions: How many.
        angles: How many at each.
        best: Position and angle of the best pose, as numbers.
        median: Of the map.
        subject: Head and coil.
        origin: Where the result comes from.
        seconds: By stage and in total.
        whole: Maps of the whole tissue, where there is a reduced field.
    """

    schema: ClassVar[int] = 1

    pose: Pose
    value: float
    map_value: float
    unit: str
    objective: str
    positions: int
    angles: int
    best: tuple[int, int]
    median: float
    subject: Subject
    origin: Provenance
    seconds: dict[str, float]
    whole: WholeBrain | None = None

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        position, angle = self.best
        return {
            "schema": self.schema,
            "matsimnibs": self.pose.to_matsimnibs().tolist(),
            "value": self.value,
            "map_value": self.map_value,
            "value_unit": "1" if self.unit == "1" else "V/m at dI/dt = 1e6 A/s",
            "objective": self.objective,
            "positions": self.positions,
            "angles": self.angles,
            "best": {"position": position, "angle": angle},
            "median": self.median,
            "coil": {"source": self.subject.coil, "name": self.subject.coil_name},
            "head": {
                "source": self.subject.head,
                "tetrahedra": self.subject.tetrahedra,
            },
            "versions": versions(),
            "provenance": self.origin.as_json(),
            "seconds": self.seconds,
            **self._whole(),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        return {
            "matsimnibs": self.pose.to_matsimnibs().tolist(),
            "value": self.value,
            "positions": self.positions,
            "seconds": self.seconds,
            **self._whole(),
        }

    def _whole(self) -> dict:
        if self.whole is None:
            return {}
        return {"whole_brain": self.whole.to_json(self.best)}

    def describe(self, out: str) -> None:
        """Print it."""
        unit = "" if self.unit == "1" else " V/m at 1 A/µs"
        print(
            f"{self.positions} positions x {self.angles} angles; the best has "
            f"{self.value:.4f}{unit} ({self.objective})"
        )
        centre = np.round(self.pose.to_matsimnibs()[:3, 3], 1).tolist()
        print(f"coil centre      {centre} mm")
        if self.whole is not None:
            for line in self.whole.lines(self.best):
                print(line)
        print(f"files            {Path(out)}/")
