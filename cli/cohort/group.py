"""`tmsgrad bids … group`: maps of all people, how they spread, and who is unlike."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ... import meshing
from ...disk import write_whole
from ...disk.as_json import write_json
from ...meshing.average import DENSITY, HEMISPHERES
from ...optimize import cohort
from ...optimize.cohort import GroupMap
from ...optimize.targeting import read_labelled
from ..results.group_result import (
    OUTLYING,
    GroupResult,
    NetworkShare,
    OutlierCell,
    SpreadRow,
    TargetDistance,
)
from ..runtime.notices import dispensable
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from .collecting import Collected, collect
from .group_page import write_group_page
from .measures import RECORDING, SHEARED
from .request import BidsRequest


_AXES = ("x", "y", "z")
_OF_HEAD = ("dihedral_angle_per_mille",)
_OF_RUN = ("target_efield", "didt", "scalp_to_cortex", "scalp_to_coil", "clearance")
_SPREAD = (
    *("target_efield", "didt", "stimulator_output", "matched_output", "of_threshold"),
    *("motor_threshold", "gray_matter_efield_p99.9", "scalp_to_cortex", "clearance"),
)
# What is less is no difference that anyone would act on.
_LEAST = {"mm": 0.5, "degree": 0.5}
# A coil this far from the scalp stimulates nobody; one below it is in the head. [mm]
_OFF_HEAD, _IN_HEAD = 15.0, -0.5


def map_group(request: BidsRequest, origin: Provenance) -> GroupResult:
    """Summarise all people, write the files and the page.

    Raises:
        ValueError: Nobody is finished, or a file is damaged or does not fit.
        OSError: A file cannot be read or written.
    """
    progress = Progress()
    progress.stage("reading", "what people have left")
    found = collect(request.out, request.subjects)
    networks = None if request.networks is None else _networks(request, found)
    with output_folder(str(request.out / "group")) as folder:
        progress.stage("maps", "maps of the group")
        maps = {
            key: cohort.group_map(
                values,
                request.above,
                None if request.above is not None else request.above_share,
            )
            for key, values in found.maps.items()
        }
        for run in found.runs:
            _write_maps(folder, run, maps, found.counts, request)
        result = GroupResult(
            found.people,
            tuple(found.runs),
            _limit_words(request),
            tuple(_spreads(found)),
            tuple(_distances(found)),
            tuple(_shares(maps, found, networks)),
            tuple(_outliers(found)),
            str(request.out),
            origin,
        )
        _write_tables(folder, found, result)
        progress.stage("page", "the page")
        with dispensable("group.html"):
            write_group_page(folder / "group.html", found, maps, result)
        write_json(folder / "group.json", result.to_json())
        progress.close()
    return result


def _limit_words(request: BidsRequest) -> str:
    if request.above is not None:
        return f"{request.above:g} V/m"
    return f"{request.above_share:.0%} of each person's 99.9th percentile"


def _write_maps(
    folder: Path,
    run: str,
    maps: Mapping[tuple[str, str], GroupMap],
    counts: tuple[int, int],
    request: BidsRequest,
) -> None:
    """Write what people have in common, a file for each hemisphere."""
    ends = np.cumsum([0, *counts])
    for number, side in enumerate(HEMISPHERES):
        part = slice(ends[number], ends[number + 1])
        columns: dict[str, ndarray] = {}
        for (name, component), each in maps.items():
            if name == run:
                columns |= {
                    f"{component} mean": each.mean[part],
                    f"{component} deviation": each.deviation[part],
                    f"{component} coverage": each.coverage[part],
                    f"{component} prevalence": each.prevalence[part],
                }
        people = str(next(iter(maps.values())).people)
        about = {"Unit": "V/m", "People": people, "Above": _limit_words(request)}
        stem = f"hemi-{side}_space-fsaverage_den-{DENSITY}_desc-{run}"
        meshing.write_surface_values(
            folder / f"{stem}_stat-group_efield.func.gii", columns, about
        )


def _networks(
    request: BidsRequest, found: Collected
) -> tuple[ndarray, dict[int, str], Float[ndarray, "vertex"]]:
    """Read a parcellation: labels of all vertices, names of labels, and areas."""
    assert request.networks is not None
    labels, names, areas = [], {}, []
    for number, (file, side) in enumerate(
        zip(request.networks, HEMISPHERES, strict=True)
    ):
        keys, known = read_labelled(Path(file))
        if len(keys) != found.counts[number]:
            raise ValueError(
                f"--networks {file}: it has {len(keys)} vertices, but fsaverage5 has "
                f"{found.counts[number]} in each hemisphere."
            )
        numbers = np.full(len(keys), -1)
        for name, values in known.items():
            # A network has the same name on both sides; numbers may differ.
            here = next((k for k, v in names.items() if v == name), len(names))
            names[here] = name
            numbers[np.isin(keys, list(values))] = here
        labels.append(numbers)
        areas.append(meshing.average_cortex(side).areas)
    if not names:
        raise ValueError(f"--networks {request.networks[0]}: it names no network.")
    return np.concatenate(labels), names, np.concatenate(areas)


def _shares(
    maps: Mapping[tuple[str, str], GroupMap],
    found: Collected,
    networks: tuple[ndarray, dict[int, str], ndarray] | None,
) -> list[NetworkShare]:
    """How the place that most people's field reaches lies in networks."""
    if networks is None:
        return []
    labels, names, areas = networks
    rows = []
    for run in found.runs:
        above = _most(maps[run, "magnE"])
        overlaps = cohort.network_overlap(above, labels, names, areas)
        rows += [
            NetworkShare(run, name, each.inside, each.covered)
            for name, each in overlaps.items()
        ]
    return rows


def _most(found: GroupMap) -> Bool[ndarray, "vertex"]:
    return np.nan_to_num(found.prevalence) >= 0.5


def _spreads(found: Collected) -> list[SpreadRow]:
    targets = sorted({row.target for row in found.rows})
    rows = []
    for target in targets:
        for measure in _SPREAD:
            values = found.values(target, measure)
            if np.isfinite(values).any():
                spread = cohort.spread_of(values)
                rows.append(SpreadRow(target, measure, found.unit(measure), spread))
    return rows


def _distances(found: Collected) -> list[TargetDistance]:
    """From one run's target to another's, and from coil to coil, person by person."""
    rows = []
    for number, first in enumerate(found.runs):
        for second in found.runs[number + 1 :]:
            for what in ("target", "coil"):
                apart = [
                    found.values(first, f"{what}_{x}")
                    - found.values(second, f"{what}_{x}")
                    for x in _AXES
                ]
                rows.append(
                    TargetDistance(
                        *(first, second, what),
                        tuple(np.linalg.norm(apart, axis=0).tolist()),
                    )
                )
    return rows


def _outliers(found: Collected) -> list[OutlierCell]:
    """Figures of each person that speak of a mistake where they are unlike the others'."""
    volumes = sorted(
        {row.measure for row in found.rows if row.measure.startswith("volume_")}
    )
    wanted = [("head", name) for name in (*_OF_HEAD, *volumes)]
    wanted += [(RECORDING, SHEARED)]
    wanted += [(run, name) for run in found.runs for name in _OF_RUN]
    cells = []
    for target, measure in wanted:
        values = found.values(target, measure)
        if not np.isfinite(values).any():
            continue
        scores = cohort.robust_scores(values)
        away = np.abs(values - np.nanmedian(values))
        unlike = cohort.outlying(values) & (away > _LEAST.get(found.unit(measure), 0))
        for name, value, score, odd in zip(
            found.people, values, scores, unlike, strict=True
        ):
            words = OUTLYING if odd else ""
            if measure == SHEARED and value > 0:
                words = f"recorded poses that shear, scale or reflect: {value:.0f}"
            elif measure == "clearance" and value > _OFF_HEAD:
                words = "the coil is off the head"
            elif measure == "clearance" and value < _IN_HEAD:
                words = "the coil is in the head"
            cells.append(
                OutlierCell(
                    *(name, target, measure, found.unit(measure)),
                    *(float(value), float(score), words),
                )
            )
    return cells


def _write_tables(folder: Path, found: Collected, result: GroupResult) -> None:
    head = ("person", "coil", "target", "measure", "value", "unit", "error")
    lines = [head] + [
        (
            *(row.person, row.coil, row.target, row.measure),
            *(_cell(row.value), row.unit, _cell(row.error)),
        )
        for row in found.rows
    ]
    tables = {"fields.tsv": lines, **result.tables()}
    for name, rows in tables.items():
        text = "\n".join("\t".join(map(str, row)) for row in rows) + "\n"
        write_whole(folder / name, text)


def _cell(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else "n/a"
