"""`group.html`: every person on one scale, what all have in common, and who is unlike."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...optimize.cohort import GroupMap
from ...optimize.pictures.average_map import draw_map, draw_scale
from ..report.page import fill_scripted, write_page
from ..results.group_result import GroupResult, OutlierCell
from .collecting import Collected


_WORDS = {
    "target_efield": "field in the target",
    "didt": "dI/dt",
    "scalp_to_cortex": "scalp to cortex",
    "scalp_to_coil": "scalp to coil",
    "clearance": "clearance",
    "dihedral_angle_per_mille": "smallest angles",
    "stimulator_output": "output",
    "matched_output": "matched output",
    "of_threshold": "of motor threshold",
    "motor_threshold": "motor threshold",
    "sheared_poses": "sheared poses",
    "gray_matter_efield_p99.9": "99.9th percentile in gray matter",
}
_SCALED = {"A/s": (1e-6, "A/µs"), "cm3": (1.0, "cm³"), "degree": (1.0, "°")}


@dataclass(frozen=True)
class Picture:
    """A small picture with its caption, and maybe a link."""

    data: str
    caption: str
    link: str = ""
    odd: bool = False


@dataclass(frozen=True)
class RunPart:
    """What the page shows of a run.

    Attributes:
        name: Of the run.
        scale: Of the people's pictures.
        people: A picture of each.
        common: Mean, deviation, prevalence and coverage, each with its scale.
    """

    name: str
    scale: str
    people: list[Picture]
    common: list[tuple[Picture, str]]


@dataclass(frozen=True)
class Cell:
    """A cell of the sortable table."""

    shown: str
    key: str
    odd: str = ""
    link: str = ""


def write_group_page(
    path: Path,
    found: Collected,
    maps: Mapping[tuple[str, str], GroupMap],
    result: GroupResult,
) -> None:
    """Write the page.

    Args:
        path: Of the file.
        found: What people have left.
        maps: What they have in common.
        result: Tables.

    Raises:
        ValueError: It would be larger than 15 MB.
        OSError: It cannot be written.
    """
    page = fill_scripted(
        "group.html",
        "group.js",
        title=f"{len(found.people)} people",
        people=len(found.people),
        runs=[_run(run, found, maps, result) for run in found.runs],
        above=result.above,
        heads=_heads(result),
        rows=_rows(found, result),
        odd=len({each.person for each in result.odd}),
        spreads=_spreads(result),
        distances=_distances(result),
        networks=_networks(result),
        remarks=[(name, words) for name, words in found.remarks.items() if words],
    )
    write_page(path, page)


def _run(
    run: str,
    found: Collected,
    maps: Mapping[tuple[str, str], GroupMap],
    result: GroupResult,
) -> RunPart:
    values = found.maps[run, "magnE"]
    limits, odd = (0.0, _most(values)), {each.person for each in result.odd}
    people = [
        Picture(
            draw_map(each, found.counts, limits),
            name,
            _link(found, name),
            name in odd,
        )
        for name, each in zip(found.people, values, strict=True)
    ]
    both = maps[run, "magnE"], maps[run, "E_normal"]
    wide = _most(both[1].mean)
    common = [
        _common("mean of |E|", both[0].mean, found, limits, "V/m"),
        _common("deviation of |E|", both[0].deviation, found, None, "V/m"),
        _common(
            "mean of the normal component",
            *(both[1].mean, found, (-wide, wide), "V/m, outwards positive", True),
        ),
        _common(
            f"share above {result.above}", both[0].prevalence, found, (0.0, 1.0), ""
        ),
        _common(
            "share of people with a value", both[0].coverage, found, (0.0, 1.0), ""
        ),
    ]
    return RunPart(run, draw_scale(limits, "|E|, V/m"), people, common)


def _common(
    caption: str,
    values: np.ndarray,
    found: Collected,
    limits: tuple[float, float] | None,
    unit: str,
    signed: bool = False,
) -> tuple[Picture, str]:
    ends = (0.0, _most(values)) if limits is None else limits
    data = draw_map(values, found.counts, ends, signed)
    return Picture(data, caption), draw_scale(ends, unit, signed)


def _most(values: np.ndarray) -> float:
    """The end of a scale; one where there is nothing to show."""
    known = np.abs(values[np.isfinite(values)])
    most = float(np.percentile(known, 99.9)) if len(known) else 0.0
    return most if most > 0 else 1.0


def _heads(result: GroupResult) -> list[tuple[str, str]]:
    """The columns of the table: what is measured, and of what."""
    columns = dict.fromkeys((each.target, each.measure) for each in result.cells)
    units = {(each.target, each.measure): each.unit for each in result.cells}
    return [
        ("person", ""),
        *((_named(m, units[t, m]), "" if t == "head" else t) for t, m in columns),
    ]


def _rows(found: Collected, result: GroupResult) -> list[list[Cell]]:
    by_person: dict[str, list[OutlierCell]] = defaultdict(list)
    for each in result.cells:
        by_person[each.person].append(each)
    return [
        [Cell(name, name, link=_link(found, name)), *map(_cell, by_person[name])]
        for name in found.people
    ]


def _cell(each: OutlierCell) -> Cell:
    if not math.isfinite(each.value):
        return Cell("–", "")
    factor, _ = _SCALED.get(each.unit, (1.0, each.unit))
    words = each.words
    if words and math.isfinite(each.score) and each.score:
        words = f"{words}: {each.score:+.1f} deviations from the median"
    shown = f"{each.value:.2f}" if each.unit == "mm" else f"{each.value * factor:.4g}"
    return Cell(shown, f"{each.value:.9g}", words)


def _spreads(result: GroupResult) -> list[tuple[str, ...]]:
    rows = []
    for each in result.spreads:
        factor, _ = _SCALED.get(each.unit, (1.0, each.unit))
        found = each.spread
        numbers = (found.mean, found.deviation, found.median, found.low, found.high)
        # What is left of rounding is no spread.
        least = 1e-9 * abs(found.mean)
        form = ".2f" if each.unit == "mm" else ".4g"
        cells = [
            f"{(x if abs(x) > least else 0.0) * factor:{form}}"
            if math.isfinite(x)
            else "–"
            for x in numbers
        ]
        rows.append(
            (each.target, _named(each.measure, each.unit), str(found.count), *cells)
        )
    return rows


def _distances(result: GroupResult) -> list[tuple[str, ...]]:
    return [
        (
            f"{each.what} of {each.first} to that of {each.second}",
            *(
                f"{x:.1f}" if math.isfinite(x) else "–"
                for x in (
                    *(each.spread.mean, each.spread.deviation, each.spread.median),
                    *(each.spread.low, each.spread.high),
                )
            ),
        )
        for each in result.distances
    ]


def _networks(result: GroupResult) -> list[tuple[str, ...]]:
    return [
        (each.run, each.network, f"{each.inside:.0%}", f"{each.covered:.0%}")
        for each in result.networks
        if each.inside > 0
    ]


def _named(measure: str, unit: str) -> str:
    words = _WORDS.get(measure, measure.removeprefix("volume_").replace("_", " "))
    shown = _SCALED.get(unit, (1.0, unit))[1]
    return f"{words}, {shown}" if shown else words


def _link(found: Collected, name: str) -> str:
    report = found.reports.get(name)
    return "" if report is None else f"../{report}"
