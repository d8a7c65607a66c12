"""`tmsgrad simulate`: the fields of given poses, or their values in a target."""

import argparse
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Coil, PoseList, navigation
from ...efield import Conductor, ElectricField, ErrorEstimate
from ...meshing import HeadMesh
from ..inputs.coils import read_driven_coil, stimulator_rates
from ..inputs.files import conductivity_of, read_target, resolve_target, way_to_mni
from ..inputs.heads import read_head
from ..inputs.maps import surface_frame
from ..inputs.poses import current_rates, pose_source, read_pose_list
from ..pictures.overview import write_overview
from ..report.reporting import look_at, report_fields, shown_pose
from ..results.exports import export_fields, read_exports, write_coil_geo
from ..results.fibres import fitted_fibres, read_fibres, write_fibres
from ..results.fields import (
    check_field,
    error_figures,
    field_figures,
    in_metres,
    write_field_msh,
)
from ..results.placing import (
    PULSE_COLUMNS,
    Outline,
    Placer,
    Placing,
    describe_pulse,
    place_all,
)
from ..results.regions import RegionTable
from ..runtime.beside import working_beside
from ..runtime.notices import dispensable, heard, listening
from ..runtime.outputs import FieldFile, write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import ROWS, write_table
from ..runtime.setup import set_up
from ..runtime.versions import versions
from .session import simulate_target
from .simulate_reduced import simulate_reduced


_POSES_AT_ONCE = 8
_COLUMNS = [
    *PULSE_COLUMNS,
    *("E_gray_matter_median", "E_gray_matter_99", "E_gray_matter_99.9"),
]


def simulate(options: argparse.Namespace) -> dict:
    """Compute the fields of given poses."""
    set_up()
    if options.reduced is not None:
        return simulate_reduced(options)
    resolve_target(options)
    if options.target is None and (options.radius or options.direction):
        raise ValueError(
            "--radius and --direction are of a --target, which is missing."
        )
    if options.target is not None and not (options.radius or options.target_choice):
        raise ValueError("--target needs a --radius.")
    if options.uncertainty is not None and (options.target is None or options.fields):
        raise ValueError(
            "--uncertainty is of the value in a --target, without --fields."
        )
    if options.tracts and options.target is not None and not options.fields:
        raise ValueError("--tracts needs whole fields: with a --target, give --fields.")
    with listening():
        if options.target is not None and not options.fields:
            return simulate_target(options, Provenance.of(options))
        return _simulate_fields(options, Provenance.of(options))


def _simulate_fields(options: argparse.Namespace, origin: Provenance) -> dict:
    begin = time.perf_counter()
    progress = Progress()
    with output_folder(options.out) as folder, working_beside() as beside:
        coil = read_driven_coil(options)
        outline = beside(Outline.of, coil)
        poses = read_pose_list(options.pose, options)
        rates = current_rates(options, poses)
        wanted = read_exports(
            options.nifti, options.vtu, options.gifti, options.resample
        )
        tracts = read_fibres(options.tracts)
        progress.stage("head", f"head {options.head}")
        head = read_head(options.head, progress, forced=options.force)
        wanted = wanted.placed(head, surface_frame(options))
        fibres = None if tracts is None else fitted_fibres(head, tracts)
        _check_room(options.out, head, len(poses))
        target = None if options.target is None else read_target(head, options)
        progress.stage("scalp", "scalp")
        scalp = meshing.scalp(head, exact=False)  # Placing measures by triangles.
        placer = Placer(scalp, outline(), options.repair, pose_source(options))
        poses, places = place_all(placer, poses, progress)
        progress.stage("assembly", "finite elements")
        conductivity, tensors = conductivity_of(head, options)
        conductor = efield.assemble(head, conductivity, order=options.order)
        progress.stage("solve", "solving")
        estimator = beside(efield.error_estimator, conductor, head)
        table = beside(
            RegionTable,
            head,
            scalp,
            target,
            options.thresholds,
            way_to_mni(options.head),
        )
        solved = _solve_all(
            folder,
            conductor,
            coil,
            poses,
            rates,
            progress,
            origin,
            head,
            estimator,
            table,
        )
        first, figures = solved
        progress.stage("output", "files and picture")
        mesh_written = beside(write_field_msh, folder, head, first)
        export_fields(folder, head, first, wanted)
        table().write(folder)
        navigation.write_matsimnibs(folder / "pose.txt", poses)
        write_table(folder / ROWS, _COLUMNS, _rows(poses, rates, places, figures))
        with dispensable("overview.png"):
            _draw(folder, head, coil, outline().casing, poses, rates, first, options)
        mesh_written()
        pose, view = jax.tree.map(lambda x: x[0], poses.poses), None
        told = None
        if fibres is not None:
            driven = efield.rates(conductor, coil, pose, rates[0])
            told = write_fibres(folder, head, conductor, first, driven, fibres)
        write_coil_geo(folder / "coil.geo", coil, pose)
        if options.report:
            progress.stage("report", "report")
            aim = None
            if target is not None:
                aim = (np.asarray(options.target) * 1e-3, options.radius * 1e-3)
            with dispensable("report.html"):
                view = look_at(head, first.magnitude, pose, coil, aim)
        progress.close()
        report = {
            "poses": len(poses),
            "names": list(poses.names),
            "didt": _one_or_all(rates),
            "didt_unit": "A/s",
            "pictured_pose": 0,
            "shown": shown_pose(poses.names[0], pose, rates[0]),
            "order": options.order,
            "anisotropy": options.anisotropy,
            "tensors": tensors,
            "fibres": told,
            "fields": [
                {
                    "scalp_clearance_mm": place.clearance * 1e3,
                    "lifted_mm": place.lifted * 1e3,
                    **figure,
                }
                for place, figure in zip(places, figures, strict=True)
            ],
            "head": {
                "source": options.head,
                "nodes": len(head.nodes),
                "tetrahedra": len(head.tags),
            },
            "coil": {
                "source": options.coil,
                "name": coil.name,
                "stimulators": stimulator_rates(coil, float(rates[0])),
            },
            "versions": versions(),
            "provenance": origin.as_json(),
            "warnings": heard(),
            "seconds": {
                **{name: round(s, 3) for name, s in progress.seconds.items()},
                "total": round(time.perf_counter() - begin, 3),
            },
        }
        write_json(folder / "summary.json", report)
        if view is not None:
            with dispensable("report.html"):
                report_fields(folder, report, view)
    if tensors is not None:
        print(tensors)
    _tell_simulation(report, options.out)
    return report


def _check_room(out: str, head: HeadMesh, count: int) -> None:
    needed = 8 * count * (4 * len(head.tags) + len(head.nodes))
    free = shutil.disk_usage(out).free
    if needed > free:
        raise ValueError(
            f"--out {out}: the fields of {count} poses take {_bytes(needed)}, but "
            f"{_bytes(free)} are free. With --target X,Y,Z --radius MM only values "
            "in the target are kept."
        )


def _bytes(count: int) -> str:
    """Write a number of bytes so that small ones do not become 0."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"


def _solve_all(
    folder: Path,
    conductor: Conductor,
    coil: Coil,
    poses: PoseList,
    rates: Float[ndarray, "pose"],
    progress: Progress,
    origin: Provenance,
    head: HeadMesh,
    estimator: Callable[[], Callable[..., ErrorEstimate]],
    table: Callable[[], RegionTable],
) -> tuple[ElectricField, list[dict]]:
    first, figures = None, []
    with FieldFile(
        folder / "field.h5",
        len(poses),
        len(head.tags),
        len(head.nodes),
        rates,
        origin.as_json(),
    ) as file:
        for start in range(0, len(poses), _POSES_AT_ONCE):
            rows = slice(start, start + _POSES_AT_ONCE)
            block = jax.tree.map(lambda x, r=rows: x[r], poses.poses)
            driven = efield.rates(conductor, coil, block)
            fields = efield.solve_rate(conductor, driven)
            estimate = estimator()(fields, driven)
            errors = error_figures(estimate, head, table().target)
            check_field(fields.magnitude, f"poses from {start} on")
            fields = fields.scaled(rates[rows] * 1e-6)  # Solved at 1e6 A/s.
            file.write(start, fields, block)
            for i in range(len(fields.potential)):
                one = jax.tree.map(lambda x, i=i: x[i], fields)
                pose = jax.tree.map(lambda x, i=i: x[i], block)
                figures.append(field_figures(head, one, table().target))
                figures[-1]["estimated_error"] = errors[i]
                table().add(start + i, poses.names[start + i], one, pose)
                first = one if first is None else first
            progress(len(figures) / len(poses), f"solved {len(figures)} poses")
    assert first is not None
    return first, figures


def _one_or_all(rates: Float[ndarray, "pose"]) -> float | list[float]:
    return float(rates[0]) if (rates == rates[0]).all() else rates.tolist()


def _rows(
    poses: PoseList,
    rates: Float[ndarray, "pose"],
    places: list[Placing],
    figures: list[dict],
) -> list[dict]:
    rows = []
    for index, figure in enumerate(figures):
        found = figure.get("gray_matter_percentiles", {})
        rows.append(
            describe_pulse(index, poses, rates, places[index])
            | {
                "E_gray_matter_median": found.get("50.0", np.nan),
                "E_gray_matter_99": found.get("99.0", np.nan),
                "E_gray_matter_99.9": found.get("99.9", np.nan),
            }
        )
    return rows


def _draw(
    folder: Path,
    head: HeadMesh,
    coil: Coil,
    casing: Float[ndarray, "point 3"],
    poses: PoseList,
    rates: Float[ndarray, "pose"],
    field: ElectricField,
    options: argparse.Namespace,
) -> None:
    count = len(poses)
    write_overview(
        folder / "overview.png",
        head,
        np.asarray(field.magnitude),
        in_metres(jax.tree.map(lambda x: x[0], poses.poses)),
        casing,
        title=f"{coil.name} on {Path(options.head).name}"
        + (f", pose 1 of {count}" if count > 1 else ""),
        subtitle="tmsgrad · for research use only",
        facts=[("dI/dt", f"{rates[0] / 1e6:g} A/µs"), ("coil", coil.name)],
    )


def _tell_simulation(report: dict, out: str) -> None:
    for index, figures in enumerate(report["fields"]):
        percentiles = figures.get("gray_matter_percentiles")
        strength = (
            ""
            if percentiles is None
            else (
                f"|E| in gray matter: 99.9 % below {percentiles['99.9']:.2f} V/m, "
                f"median {percentiles['50.0']:.2f} V/m; "
            )
        )
        error = figures["estimated_error"]["relative_l2_head"]
        print(
            f"pose {index}: {strength}estimated error {error:.1%}; "
            f"clearance {figures['scalp_clearance_mm']:.2f} mm"
        )
        if index == 19 and report["poses"] > 20:
            print(f"… and {report['poses'] - 20} more, in summary.json")
            break
    print(f"files: {Path(out)}{os.sep}   time: {report['seconds']['total']:.1f} s")
