"""What runs found of a person, as rows of one tidy table."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import coils, meshing
from ...disk import read_json
from ...meshing import HeadMesh
from .people import Person


COLUMNS = (
    *("subject", "session", "coil", "target", "measure", "value", "unit", "error"),
)
RECORDING = "recording"  # The `target` of what navigation recorded.
SHEARED = "sheared_poses"  # Or scaled, or reflected.
_HEAD = "head"  # The `target` of what is measured of the head alone.


@dataclass(frozen=True)
class Measure:
    """A row of the table.

    Attributes:
        coil: Its name; nothing where there is none.
        target: What the run is called, or `head`.
        measure: What was measured.
        value: In its unit.
        unit: As BIDS writes units.
        error: That the value is unlikely to be off by more than, or NaN.
    """

    coil: str
    target: str
    measure: str
    value: float
    unit: str
    error: float = float("nan")

    def row(self, person: Person) -> list[str]:
        """As the table has it."""
        return [
            *(person.subject, person.session or "n/a", self.coil or "n/a", self.target),
            *(
                self.measure,
                _number(self.value),
                self.unit or "n/a",
                _number(self.error),
            ),
        ]


@dataclass(frozen=True)
class RunFolder:
    """What a run of a placement left.

    Attributes:
        name: As names of BIDS have it after `desc-`.
        folder: Where it is.
        summary: What its `summary.json` holds.
    """

    name: str
    folder: Path
    summary: dict

    @property
    def coil(self) -> str:
        """The coil's name, short."""
        return coil_name(str(self.summary["coil"]["source"]))

    @property
    def head(self) -> str:
        """As the command line named it."""
        return str(self.summary["head"]["source"])


def coil_name(source: str) -> str:
    """Shorten the name of a coil's file."""
    return Path(source).name.split(".")[0]


def placements(folder: Path, outputs: Sequence[str]) -> Iterator[RunFolder]:
    """Find what runs that place a coil have left.

    Args:
        folder: Of the person.
        outputs: What the runs write.
    """
    for out in map(Path, outputs):
        file = out / "summary.json"
        if not file.is_file():
            continue
        summary = read_json(file)
        if "matsimnibs" in summary and "coil" in summary:
            yield RunFolder(_label(out, folder), out, summary)


def doses(folder: Path, outputs: Sequence[str]) -> Iterator[Measure]:
    """Take the outputs by each rule of `dose.json` files."""
    for out in map(Path, outputs):
        file = out / "dose.json"
        if not file.is_file():
            continue
        found = read_json(file)
        coil = coil_name(str(found["provenance"]["settings"].get("coil", "")))
        last = found["outputs"][-1]
        label = _label(out, folder)
        percent = 100 * last["output"]
        yield Measure(coil, label, "matched_output", percent, "%")
        yield Measure(coil, label, "of_threshold", float(last["of_threshold"]), "")
        yield Measure(coil, label, "motor_threshold", 100 * found["threshold"], "%")


def measures_of(run: RunFolder) -> Iterator[Measure]:
    """Measure what a placement does."""
    made = run.summary
    rate = float(made["didt"])
    mesh = made.get("mesh_error") or {}
    bar = mesh.get("bar", float("nan")) * rate / 1e6
    row = lambda *parts: Measure(run.coil, run.name, *parts)
    yield row("didt", rate, "A/s")
    yield row("target_efield", made["value"] * rate / 1e6, "V/m", bar)
    if made.get("share_of_max_didt") is not None:
        yield row("stimulator_output", 100 * made["share_of_max_didt"], "%")
    gray = made["field"].get("gray_matter_percentiles", {})
    if "99.9" in gray:
        yield row("gray_matter_efield_p99.9", float(gray["99.9"]), "V/m")
    yield row("scalp_to_coil", float(made["distance_mm"]), "mm")
    yield row("clearance", float(made["scalp_clearance_mm"]), "mm")
    for axis, value in zip("xyz", made["target"]["centre_mm"], strict=True):
        yield row(f"target_{axis}", float(value), "mm")
    for axis, line in zip("xyz", made["matsimnibs"], strict=False):
        yield row(f"coil_{axis}", float(line[3]), "mm")
    regions = run.folder / "rois.csv"
    if regions.is_file():
        with regions.open(encoding="utf-8", newline="") as file:
            first = next(csv.DictReader(file), {})
        depth = first.get("scalp_to_cortex_mm")
        if depth:
            yield row("scalp_to_cortex", float(depth), "mm")


def measures_of_head(head: HeadMesh) -> Iterator[Measure]:
    """Measure a head: its size, the shape of its elements, and its tissues."""
    found = meshing.quality(head)
    yield Measure("", _HEAD, "nodes", float(found.nodes), "")
    yield Measure("", _HEAD, "tetrahedra", float(found.tetrahedra), "")
    angle = float(np.degrees(found.dihedral_angle_per_mille))
    yield Measure("", _HEAD, "dihedral_angle_per_mille", angle, "degree")
    for tissue, volume in found.volumes.items():
        name = tissue.replace(" ", "_")
        yield Measure("", _HEAD, f"volume_{name}", volume * 1e6, "cm3")


def measures_of_recording(files: Sequence[str]) -> Iterator[Measure]:
    """Count what navigation recorded, and what of it no rigid coil can have had.

    Args:
        files: NIBS-BIDS markers. One that cannot be read is said when people are checked.
    """
    lists = []
    for file in files:
        with suppress(OSError, ValueError):
            lists.append(coils.read_poses(file, repair=True))
    if lists:
        yield Measure("", RECORDING, "poses", float(sum(map(len, lists))), "")
        sheared = sum(each.repaired for each in lists)
        yield Measure("", RECORDING, SHEARED, float(sheared), "")


def _label(out: Path, folder: Path) -> str:
    """Name a run's output in letters and numbers, as BIDS takes labels."""
    try:
        words = str(out.resolve().relative_to(folder.resolve()))
    except ValueError:
        words = out.name
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", words) if part]
    return parts[0] + "".join(part[:1].upper() + part[1:] for part in parts[1:])


def _number(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else "n/a"
