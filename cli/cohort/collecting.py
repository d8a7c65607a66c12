"""What the people of a study have left, read back for the group."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...disk import read_json, read_text
from ...meshing.average import DENSITY, HEMISPHERES
from .derivatives import COMPONENTS, FIELDS
from .measures import COLUMNS
from .names import named_files, parsed


_SPACE = f"_space-fsaverage_den-{DENSITY}_desc-"
_ENDING = "_efield.func.gii"


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a table of measures; see `measures.Measure`."""

    person: str
    coil: str
    target: str
    measure: str
    value: float
    unit: str
    error: float


@dataclass(frozen=True, eq=False)
class Collected:
    """What all people have left.

    Attributes:
        people: Names, in order.
        maps: By run and component: a row for each person, NaN for those who have none; the
            vertices of the left hemisphere come first.
        counts: Vertices of each hemisphere.
        rows: Of all tables.
        reports: A page of each person, relative to the folder.
        remarks: Of each person: what was wrong, from `people.json`.
    """

    people: tuple[str, ...]
    maps: Mapping[tuple[str, str], Float[ndarray, "person vertex"]]
    counts: tuple[int, int]
    rows: tuple[Row, ...]
    reports: Mapping[str, str]
    remarks: Mapping[str, str]

    @property
    def runs(self) -> list[str]:
        """Names of the runs that have maps."""
        return sorted({run for run, _ in self.maps})

    def values(self, target: str, measure: str) -> Float[ndarray, "person"]:
        """A measure of each person; NaN where there is none."""
        known = {
            row.person: row.value
            for row in self.rows
            if row.target == target and row.measure == measure
        }
        return np.array([known.get(name, np.nan) for name in self.people])

    def unit(self, measure: str) -> str:
        """Of a measure; empty where it has none."""
        units = (row.unit for row in self.rows if row.measure == measure)
        found = next(units, "")
        return "" if found == "n/a" else found


def collect(out: Path, subjects: Sequence[str] | None) -> Collected:
    """Read what people have left.

    Args:
        out: Folder of the results.
        subjects: Labels of those who are wanted, or None for all.

    Raises:
        ValueError: There is nobody, or a file is damaged.
        OSError: A file cannot be read.
    """
    tables = [
        file
        for file in sorted(out.glob("sub-*/**/nibs/*" + FIELDS))
        if subjects is None or _label(file) in subjects
    ]
    if not tables:
        raise ValueError(
            f"{out}: nobody is finished there. Compute people first, with `participant`."
        )
    people = tuple(file.name.removesuffix(FIELDS) for file in tables)
    counts = tuple(len(meshing.average_cortex(h).depth) for h in HEMISPHERES)
    rows = [row for file in tables for row in _rows(file)]
    reports = {name: f"work/{name}/plan.html" for name in people}
    return Collected(
        people,
        _maps(tables, people, (counts[0], counts[1])),
        (counts[0], counts[1]),
        tuple(rows),
        {k: v for k, v in reports.items() if (out / v).is_file()},
        _remarks(out / "people.json"),
    )


def _maps(
    tables: Sequence[Path], people: Sequence[str], counts: tuple[int, int]
) -> dict[tuple[str, str], ndarray]:
    found: dict[tuple[str, str], ndarray] = {}
    for number, table in enumerate(tables):
        for file, name in named_files(table.parent):
            if _SPACE not in file.name or not file.name.endswith(_ENDING):
                continue
            half = HEMISPHERES.index(name.entities["hemi"])  # pyright: ignore
            part = slice(0, counts[0]) if half == 0 else slice(counts[0], None)
            values = meshing.read_surface_values(file)
            for component in COMPONENTS:
                if len(values.get(component, ())) != counts[half]:
                    raise ValueError(
                        f"{file}: there should be {component} at {counts[half]} vertices. "
                        "Compute the person anew."
                    )
                key = (name.entities["desc"], component)
                empty = np.full((len(people), sum(counts)), np.nan)
                found.setdefault(key, empty)[number, part] = values[component]
    return found


def _rows(file: Path) -> list[Row]:
    person = file.name.removesuffix(FIELDS)
    table = list(csv.DictReader(read_text(file).splitlines(), delimiter="\t"))
    try:
        return [
            Row(
                *(person, row["coil"], row["target"], row["measure"]),
                *(_number(row["value"]), row["unit"], _number(row["error"])),
            )
            for row in table
        ]
    except (KeyError, ValueError, TypeError):
        raise ValueError(
            f"{file}: the table should have the columns {', '.join(COLUMNS)}. Compute the "
            "person anew."
        ) from None


def _remarks(file: Path) -> dict[str, str]:
    try:
        people = read_json(file)["people"]
        return {
            str(each["name"]): "; ".join(
                filter(None, [each["reason"], *each.get("notes", ())])
            )
            for each in people
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _label(file: Path) -> str:
    name = parsed(file.name)
    return "" if name is None else name.entities.get("sub", "")


def _number(word: str) -> float:
    return float("nan") if word == "n/a" else float(word)
