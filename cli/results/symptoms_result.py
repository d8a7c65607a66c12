"""What `tmsgrad target symptoms` finds."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ... import meshing
from ...meshing import VoxelGrid
from ...optimize.targeting import SymptomTarget, VolumeMap, WeighedTarget
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance


_FILES = {"direct": "target.nii.gz", "indirect": "seed.nii.gz"}
_USES = {
    "direct": "for --target-map with --map-space mni",
    "indirect": "for --seed-map of `target functional`",
}


@dataclass(frozen=True, eq=False)
class SymptomsResult:
    """Published targets, weighed by symptom scores.

    Attributes:
        scores: By symptom.
        targets: With their shares.
        maps: By kind, direct and indirect.
        radius: Of balls around places. [m]
        apart: Of the direct places, at most. [m]
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    scores: Mapping[str, float]
    targets: tuple[WeighedTarget, ...]
    maps: Mapping[str, VolumeMap]
    radius: float
    apart: float
    origin: Provenance

    def to_json(self) -> dict:
        """What `target.json` holds."""
        return {
            "schema": self.schema,
            "note": RESEARCH,
            "space": "MNI",
            "scores": dict(self.scores),
            "targets": [
                {"share": each.share, **_row_json(each.row)} for each in self.targets
            ],
            "radius_mm": self.radius * 1e3,
            "places_apart_mm": self.apart * 1e3,
            "files": {_FILES[kind]: _USES[kind] for kind in self.maps},
            "provenance": self.origin.as_json(),
        }

    def step(self) -> StepWords:
        """As a step of a plan."""
        shares = "; ".join(
            f"{each.share:.0%} {each.row.name} {_place(each.row)}"
            for each in self.targets
        )
        grades = sorted({each.row.certainty for each in self.targets})
        return StepWords(
            "Target",
            shares,
            ", ".join(f"{name} {score:g}" for name, score in self.scores.items()),
            f"certainty of the rows: {', '.join(grades)}; places up to "
            f"{self.apart * 1e3:.0f} mm apart",
        )

    def describe(self, out: str) -> None:
        """Print it."""
        for each in self.targets:
            print(
                f"{each.row.kind:<16} {each.share:4.0%}  {_place(each.row)}: "
                f"{each.row.words}"
            )
        for kind in self.maps:
            print(f"{_FILES[kind]:<16} {_USES[kind]}")
        print(f"files            {Path(out)}{os.sep} ({RESEARCH})")

    def write_maps(self, folder: Path) -> None:
        """Write `target.nii.gz` of places, and `seed.nii.gz` of indirect targets."""
        for kind, found in self.maps.items():
            i, j, k = found.values.shape
            numbers = np.arange(found.values.size).reshape(i, j, k)
            grid = VoxelGrid(found.affine, (i, j, k))
            meshing.write_image(
                folder / _FILES[kind], grid, numbers, found.values.ravel()
            )


def _row_json(row: SymptomTarget) -> dict:
    found = asdict(row)
    found["centre_mni_mm"] = found.pop("centre")
    return found


def _place(row: SymptomTarget) -> str:
    """Where a row is, in MNI mm, or by which map."""
    if row.centre is None:
        return row.map
    return f"({', '.join(f'{x:g}' for x in row.centre)}) mm"
