"""What `tmsgrad sweep` finds: a map of a target's field, and its best placement."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...coils import Pose
from ..runtime.provenance import Provenance
from ..runtime.versions import versions
from .figures import Subject
from .whole_brain import WholeBrain


@dataclass(frozen=True)
class MapError:
    """What the mesh leaves in the value of a map's best placement.

    Attributes:
        bar: That the value is unlikely to be off by more than, in its unit.
        order: Of the map: 2 where it is corrected everywhere, 1 where its best alone is.
    """

    bar: float
    order: int


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
        mesh: What the mesh leaves in the value; None where it was not corrected.
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
    mesh: MapError | None = None

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        position, angle = self.best
        return {
            "schema": self.schema,
            "matsimnibs": self.pose.to_matsimnibs().tolist(),
            "value": self.value,
            "map_value": self.map_value,
            "value_unit": "1" if self.unit == "1" else "V/m at dI/dt = 1e6 A/s",
            "mesh_error": self._mesh(),
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
            "mesh_error": self._mesh(),
            "positions": self.positions,
            "seconds": self.seconds,
            **self._whole(),
        }

    def _mesh(self) -> dict | None:
        return None if self.mesh is None else asdict(self.mesh)

    def _whole(self) -> dict:
        if self.whole is None:
            return {}
        return {"whole_brain": self.whole.to_json(self.best)}

    def describe(self, out: str) -> None:
        """Print it."""
        unit, at = ("", "") if self.unit == "1" else (" V/m", " at 1 A/µs")
        bar = "" if self.mesh is None else f" ± {self.mesh.bar:.4f}"
        by = "" if self.mesh is None else " (mesh)"
        print(
            f"{self.positions} positions x {self.angles} angles; the best has "
            f"{self.value:.4f}{bar}{unit}{by}{at} ({self.objective})"
        )
        if self.mesh is None:
            print("mesh             no ± is stated with --order or --reduced")
        elif self.mesh.order == 1:
            print(
                "map              of first order; the error of the mesh was taken off the "
                "best alone"
            )
        centre = np.round(self.pose.to_matsimnibs()[:3, 3], 1).tolist()
        print(f"coil centre      {centre} mm")
        if self.whole is not None:
            for line in self.whole.lines(self.best):
                print(line)
        print(f"files            {Path(out)}/")
