"""The verbs of the command line: read, call, print, write."""

import argparse
import dataclasses
import hashlib
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from .. import coils, efield, meshing, optimize
from ..coils import Coil, Pose
from ..efield import Conductor, ElectricField
from ..meshing import HeadMesh, Region, Scalp
from ..meshing.template import cache_folder
from .inputs import read_coil, read_head, read_poses
from .outputs import (
    FieldFile,
    output_folder,
    versions,
    volume_weighted_percentiles,
    write_json,
    write_pose,
)
from .picture import write_overview
from .progress import Progress


_POSES_AT_ONCE = 8
_GRAY_MATTER = 2


def set_up() -> None:
    """Set what belongs to a program and not to a library: float64, a compile cache."""
    jax.config.update("jax_enable_x64", True)
    # Compiled code fits the processor that it was made for.
    machine = f"{jax.__version__} {platform.processor()} {_processor_flags()}"
    folder = cache_folder() / f"jax-{hashlib.sha256(machine.encode()).hexdigest()[:12]}"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def _processor_flags() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


@dataclass(frozen=True)
class _Plan:
    """What `optimize` is asked for. Lengths in m."""

    head: str
    coil: str
    target: tuple[float, float, float]
    radius: float
    tissue: str
    direction: tuple[float, float, float] | None
    efield: float | None
    distance: float
    search_radius: float


# Left dorsolateral prefrontal cortex: the site of Fox et al. 2012 (doi:10.1016/j.biopsych.
# 2012.04.028) with the best clinical response, MNI.
_DEMO = _Plan(
    head="template",
    coil="magstim-70mm-double",
    target=(-0.044, 0.040, 0.029),
    radius=5e-3,
    tissue="gm",
    direction=None,
    efield=60.0,
    distance=4e-3,
    search_radius=30e-3,
)


def demo(options: argparse.Namespace) -> dict:
    """Run the main job on the template head."""
    set_up()
    return _optimize(_DEMO, options.out)


def optimize_pose(options: argparse.Namespace) -> dict:
    """Find the best pose for a target."""
    set_up()
    x, y, z = (value * 1e-3 for value in options.target)
    return _optimize(
        _Plan(
            head=options.head,
            coil=options.coil,
            target=(x, y, z),
            radius=options.radius * 1e-3,
            tissue=options.tissue,
            direction=options.direction,
            efield=options.efield,
            distance=options.distance * 1e-3,
            search_radius=options.search_radius * 1e-3,
        ),
        options.out,
    )


def _optimize(plan: _Plan, out: str) -> dict:
    begin = time.perf_counter()
    progress = Progress()
    with output_folder(out) as folder:
        coil = read_coil(plan.coil)
        progress.stage("head", f"head {plan.head}")
        head = read_head(plan.head, progress)
        target = meshing.ball(head, np.asarray(plan.target), plan.radius, plan.tissue)
        progress.stage("scalp", "scalp")
        scalp = meshing.scalp(head)
        _check_target(scalp, plan)
        progress.stage("assembly", "finite elements")
        conductor = efield.assemble(head, efield.isotropic(head))
        progress.stage("adjoint", "adjoint solves")
        reciprocal = jax.block_until_ready(efield.reciprocal(conductor, target))
        progress.stage("search", "search")
        objective = (
            optimize.MeanMagnitude(reciprocal)
            if plan.direction is None
            else optimize.MeanComponent(reciprocal, np.asarray(plan.direction))
        )
        search = optimize.find_pose(
            objective,
            coil,
            scalp,
            distance=plan.distance,
            radius=plan.search_radius,
            progress=progress,
        )
        progress.stage("verification", "verification by a direct solve")
        field = jax.block_until_ready(efield.solve(conductor, coil, search.pose))
        value = float(objective.value(field.mean(target)))
        didt = 1e6 if plan.efield is None else 1e6 * plan.efield / value
        progress.stage("output", "files and picture")
        scaled = _scaled(field, didt / 1e6)
        report = _report(plan, head, target, coil, search, field, scaled, value, didt)
        _write_fields(folder, head, scaled, search.pose, didt)
        write_pose(folder / "pose.txt", search.pose.to_matsimnibs()[None])
        _draw(folder, plan, head, coil, search.pose, scaled, report)
        progress.close()
        report["seconds"] = {
            **{name: round(s, 3) for name, s in progress.seconds.items()},
            "total": round(time.perf_counter() - begin, 3),
        }
        report["search"]["seconds"] = {
            k: round(s, 3) for k, s in search.seconds.items()
        }
        write_json(folder / "summary.json", report)
    _tell_plan(report, coil, out)
    keys = (
        "matsimnibs",
        "value",
        "reciprocal_value",
        "didt",
        "scalp_clearance_mm",
        "seconds",
    )
    return {key: report[key] for key in keys}


def _check_target(scalp: Scalp, plan: _Plan) -> None:
    depth = -scalp.surface.signed_distance(np.asarray([plan.target]))[0]
    if depth < 0:
        at = ", ".join(f"{x * 1e3:g}" for x in plan.target)
        raise ValueError(
            f"--target: ({at}) mm lies {-depth * 1e3:.1f} mm outside the head. Coordinates "
            "are the head file's mm; MNI coordinates fit the template only."
        )


def _scaled(field: ElectricField, factor: float) -> ElectricField:
    return ElectricField(field.vectors * factor, field.potential * factor, field.report)


def _write_fields(
    folder: Path, head: HeadMesh, field: ElectricField, pose: Pose, didt: float
) -> None:
    every = jax.tree.map(lambda x: x[None], (field, pose))
    with FieldFile(
        folder / "field.h5", 1, len(head.tags), len(head.nodes), didt
    ) as file:
        file.write(0, *every)
    _write_msh(folder, head, field)


def _write_msh(folder: Path, head: HeadMesh, field: ElectricField) -> None:
    meshing.write_msh(
        folder / "field.msh",
        head,
        {
            "E": np.asarray(field.vectors),
            "magnE": np.asarray(field.magnitude),
            "v": np.asarray(field.potential),
        },
    )


def _report(
    plan: _Plan,
    head: HeadMesh,
    target: Region,
    coil: Coil,
    search: optimize.Search,
    field: ElectricField,
    scaled: ElectricField,
    value: float,
    didt: float,
) -> dict:
    best = search.best
    return {
        "matsimnibs": best.pose.to_matsimnibs().tolist(),
        "value": value,
        "reciprocal_value": best.value,
        "value_unit": "V/m at dI/dt = 1e6 A/s",
        "didt": didt,
        "didt_unit": "A/s",
        "share_of_max_didt": None
        if coil.max_current_rate is None
        else didt / coil.max_current_rate,
        "wanted_efield": plan.efield,
        "scalp_clearance_mm": best.clearance * 1e3,
        "distance_mm": best.distance * 1e3,
        "distance_convention": "scalp to coil centre along the coil's z axis",
        "objective": "norm of the mean vector"
        if plan.direction is None
        else f"component of the mean vector along {list(plan.direction)}",
        "target": {
            "centre_mm": [x * 1e3 for x in plan.target],
            "radius_mm": plan.radius * 1e3,
            "tissue": meshing.TISSUE_NAMES[meshing.tissue_tag(plan.tissue)],
            "tetrahedra": len(target.tetrahedra),
            "volume_mm3": float(head.volumes[target.tetrahedra].sum() * 1e9),
        },
        "field": _field_figures(head, scaled, target),
        "optima": [
            {
                "matsimnibs": optimum.pose.to_matsimnibs().tolist(),
                "value": optimum.value,
                "scalp_clearance_mm": optimum.clearance * 1e3,
            }
            for optimum in search.optima
        ],
        "search": {
            "starts": search.starts,
            "converged": search.converged,
            "evaluations": search.evaluations,
            "interpolation_error": search.interpolation_error,
            "gradient_V_per_m_per_mm": best.gradient[0],
            "gradient_V_per_m_per_degree": best.gradient[1],
        },
        "solver": {"relative_residual": float(np.max(field.report.residual))},
        "head": {
            "source": plan.head,
            "nodes": len(head.nodes),
            "tetrahedra": len(head.tags),
        },
        "coil": {"source": plan.coil, "name": coil.name},
        "versions": versions(),
    }


def _field_figures(head: HeadMesh, field: ElectricField, target: Region | None) -> dict:
    magnitude = np.asarray(field.magnitude)
    gray = head.tags == _GRAY_MATTER
    figures: dict = {}
    if target is not None:
        figures["target_mean_vector"] = np.asarray(field.mean(target)).tolist()
        figures["target_mean_magnitude"] = float(field.mean_magnitude(target))
    if gray.any():
        shares = (50.0, 99.0, 99.9)
        found = volume_weighted_percentiles(magnitude[gray], head.volumes[gray], shares)
        figures["gray_matter_percentiles"] = dict(
            zip(map(str, shares), found, strict=True)
        )
        peak = np.flatnonzero(gray)[np.argmax(magnitude[gray])]
        figures["gray_matter_maximum_at_mm"] = (head.centroids[peak] * 1e3).tolist()
    figures["unit"] = "V/m"
    return figures


def _draw(
    folder: Path,
    plan: _Plan,
    head: HeadMesh,
    coil: Coil,
    pose: Pose,
    field: ElectricField,
    report: dict,
) -> None:
    at = ", ".join(f"{x * 1e3:.0f}" for x in plan.target)
    output = report["share_of_max_didt"]
    facts = [
        (
            "target",
            f"({at}) mm, radius {plan.radius * 1e3:g} mm, {report['target']['tissue']}",
        ),
        ("field in target", f"{report['value'] * report['didt'] / 1e6:.1f} V/m"),
        (
            "dI/dt",
            f"{report['didt'] / 1e6:.1f} A/µs"
            + ("" if output is None else f" ({output:.0%} of this coil's maximum)"),
        ),
        ("coil", coil.name),
        ("distance to scalp", f"{report['distance_mm']:.1f} mm along the coil's axis"),
        ("clearance of the casing", f"{report['scalp_clearance_mm']:.1f} mm"),
    ]
    write_overview(
        folder / "overview.png",
        head,
        np.asarray(field.magnitude),
        _in_metres(pose),
        optimize.casing_samples(coil),
        target_centre=np.asarray(plan.target),
        target_radius=plan.radius,
        title=f"Best placement of {coil.name} on {Path(plan.head).name}",
        subtitle=f"{report['objective']} in the target · tmsgrad · for research use only",
        facts=facts,
    )


def _in_metres(pose: Pose) -> np.ndarray:
    matrix = pose.to_matsimnibs()
    matrix[:3, 3] *= 1e-3
    return matrix


def _tell_plan(report: dict, coil: Coil, out: str) -> None:
    matrix = np.asarray(report["matsimnibs"])
    share = report["share_of_max_didt"]
    print(f"coil centre      {np.round(matrix[:3, 3], 1).tolist()} mm")
    print(f"handle towards   {np.round(-matrix[:3, 1], 3).tolist()}")
    print(
        f"field in target  {report['value']:.4f} V/m at 1e6 A/s ({report['objective']}; "
        "by a direct solve)"
    )
    of_maximum = "" if share is None else f", {share:.0%} of the coil's maximum"
    if report["wanted_efield"] is not None:
        print(
            f"drive it with    {report['didt']:.4g} A/s for {report['wanted_efield']:g} V/m"
            f"{of_maximum}"
        )
    if share is not None and share > 1:
        print(
            f"tmsgrad: warning: {report['didt']:.4g} A/s is more than {coil.name} is made "
            f"for ({coil.max_current_rate:.4g} A/s); there the target gets "
            f"{report['value'] * coil.max_current_rate / 1e6:.1f} V/m.",
            file=sys.stderr,
        )
    print(
        f"scalp            {report['distance_mm']:.2f} mm from the coil's centre, "
        f"{report['scalp_clearance_mm']:.2f} mm from its casing"
    )
    for other in report["optima"][1:3]:
        print(
            f"another optimum  {other['value']:.4f} V/m, centre "
            f"{np.round(np.asarray(other['matsimnibs'])[:3, 3], 1).tolist()} mm, handle "
            f"{np.round(-np.asarray(other['matsimnibs'])[:3, 1], 2).tolist()}"
        )
    print(f"files            {Path(out)}{os.sep}")
    print(f"time             {report['seconds']['total']:.1f} s")


def simulate(options: argparse.Namespace) -> dict:
    """Compute the fields of given poses."""
    set_up()
    begin = time.perf_counter()
    progress = Progress()
    with output_folder(options.out) as folder:
        coil = read_coil(options.coil)
        poses, count = read_poses(options.pose)
        progress.stage("head", f"head {options.head}")
        head = read_head(options.head, progress)
        progress.stage("scalp", "scalp")
        clearances = _check_poses(meshing.scalp(head), coil, poses, count, options.pose)
        progress.stage("assembly", "finite elements")
        conductor = efield.assemble(head, efield.isotropic(head))
        progress.stage("solve", "solving")
        first, figures = _solve_all(
            folder, head, conductor, coil, poses, count, options.didt, progress
        )
        progress.stage("output", "files and picture")
        one = jax.tree.map(lambda x: x[0], poses)
        _write_msh(folder, head, first)
        write_pose(folder / "pose.txt", poses.to_matsimnibs())
        write_overview(
            folder / "overview.png",
            head,
            np.asarray(first.magnitude),
            _in_metres(one),
            optimize.casing_samples(coil),
            title=f"{coil.name} on {Path(options.head).name}"
            + (f", pose 1 of {count}" if count > 1 else ""),
            subtitle="tmsgrad · for research use only",
            facts=[("dI/dt", f"{options.didt / 1e6:g} A/µs"), ("coil", coil.name)],
        )
        progress.close()
        report = {
            "poses": count,
            "didt": options.didt,
            "didt_unit": "A/s",
            "pictured_pose": 0,
            "fields": [
                {"scalp_clearance_mm": gap * 1e3, **figure}
                for gap, figure in zip(clearances, figures, strict=True)
            ],
            "head": {
                "source": options.head,
                "nodes": len(head.nodes),
                "tetrahedra": len(head.tags),
            },
            "coil": {"source": options.coil, "name": coil.name},
            "versions": versions(),
            "seconds": {
                **{name: round(s, 3) for name, s in progress.seconds.items()},
                "total": round(time.perf_counter() - begin, 3),
            },
        }
        write_json(folder / "summary.json", report)
    _tell_simulation(report, options.out)
    return report


def _check_poses(
    scalp: Scalp, coil: Coil, poses: Pose, count: int, path: str
) -> list[float]:
    """Refuse a coil inside the head, and warn where its casing cuts the scalp."""
    samples = optimize.casing_samples(coil)
    sources = coil.sources()
    points = np.concatenate([sources.dipole_positions, sources.current_positions])
    gaps = []
    for index in range(count):
        pose = jax.tree.map(lambda x, i=index: x[i], poses)
        place = lambda p, pose=pose: (
            p @ np.asarray(pose.rotation).T + np.asarray(pose.translation)
        )
        inside = -scalp.clearance(place(points))
        centre = -scalp.clearance(place(np.zeros((1, 3))))
        if centre > 0 or inside > 0:
            raise ValueError(
                f"{path}: pose {index} puts the coil inside the head: its "
                f"{'centre' if centre > 0 else 'winding'} lies "
                f"{max(centre, inside) * 1e3:.1f} mm beneath the scalp. Is the pose of "
                "this head, in mm, with z pointing into the head?"
            )
        gap = scalp.clearance(place(samples))
        if gap < 0:
            print(
                f"tmsgrad: warning: in pose {index} the casing cuts the scalp by "
                f"{-gap * 1e3:.1f} mm.",
                file=sys.stderr,
            )
        gaps.append(gap)
    return gaps


def _solve_all(
    folder: Path,
    head: HeadMesh,
    conductor: Conductor,
    coil: Coil,
    poses: Pose,
    count: int,
    didt: float,
    progress: Progress,
) -> tuple[ElectricField, list[dict]]:
    first, figures = None, []
    with FieldFile(
        folder / "field.h5", count, len(head.tags), len(head.nodes), didt
    ) as file:
        for start in range(0, count, _POSES_AT_ONCE):
            block = jax.tree.map(lambda x, s=start: x[s : s + _POSES_AT_ONCE], poses)
            fields = efield.solve(conductor, coil, block, didt)
            file.write(start, fields, block)
            for i in range(len(fields.potential)):
                one = jax.tree.map(lambda x, i=i: x[i], fields)
                figures.append(_field_figures(head, one, None))
                first = one if first is None else first
            progress(
                (start + len(fields.potential)) / count, f"solved {len(figures)} poses"
            )
    assert first is not None
    return first, figures


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
        print(
            f"pose {index}: {strength}clearance {figures['scalp_clearance_mm']:.2f} mm"
        )
        if index == 19 and report["poses"] > 20:
            print(f"… and {report['poses'] - 20} more, in summary.json")
            break
    print(f"files: {Path(out)}{os.sep}   time: {report['seconds']['total']:.1f} s")


def head_info(options: argparse.Namespace) -> dict:
    """Describe a head and the quality of its elements."""
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress)
    labels = ()
    if options.head.split(":")[0] == "template" and not Path(options.head).exists():
        labels = meshing.template_labels()
    progress.close()
    quality = meshing.quality(head, *labels)
    low, high = head.nodes.min(axis=0) * 1e3, head.nodes.max(axis=0) * 1e3
    degrees = lambda angle: float(np.degrees(angle))
    report = {
        "nodes": quality.nodes,
        "tetrahedra": quality.tetrahedra,
        "bounds_mm": [low.tolist(), high.tolist()],
        "radius_ratio_min": quality.smallest_radius_ratio,
        "radius_ratio_mean": quality.mean_radius_ratio,
        "dihedral_min_degrees": degrees(quality.smallest_dihedral_angle),
        "dihedral_0.1_percent_degrees": degrees(quality.dihedral_angle_per_mille),
        "dihedral_1_percent_degrees": degrees(quality.dihedral_angle_percent),
        "volumes_ml": {name: v * 1e6 for name, v in quality.volumes.items()},
        "volume_errors": quality.volume_errors,
    }
    print(f"{quality.nodes} nodes, {quality.tetrahedra} tetrahedra")
    spans = (f"{a:.1f}…{b:.1f}" for a, b in zip(low, high, strict=True))
    print(f"extent                {' × '.join(spans)} mm")
    print(
        f"radius ratio          min {report['radius_ratio_min']:.3f}, "
        f"mean {report['radius_ratio_mean']:.3f} (1 is a regular tetrahedron)"
    )
    print(
        f"dihedral angle        min {report['dihedral_min_degrees']:.1f}°, 0.1 % below "
        f"{report['dihedral_0.1_percent_degrees']:.1f}°, 1 % below "
        f"{report['dihedral_1_percent_degrees']:.1f}°"
    )
    for name, volume in report["volumes_ml"].items():
        error = quality.volume_errors.get(name)
        against = "" if error is None else f"   ({error:+.1%} of the label image)"
        print(f"{name:<21} {volume:8.1f} ml{against}")
    return report


def coil_info(options: argparse.Namespace) -> dict:
    """Describe a coil."""
    set_up()
    found = coils.describe(read_coil(options.coil))
    parts = ", ".join(f"{count} {kind}" for kind, count in found.elements.items())
    print(found.name + (f" ({found.brand})" if found.brand else ""))
    print(f"elements         {parts}")
    print(
        f"point sources    {found.dipole_count} dipoles, {found.current_count} currents"
    )
    moment = ", ".join(f"{x:.4g}" for x in found.moment)
    print(
        f"moment           ({moment}) A m² at 1 A; sizes add up to {found.moment_magnitude:.4g}"
    )
    for name, box in (("sources", found.source_box), ("casing", found.casing_box)):
        if box is not None:
            spans = (f"{a * 1e3:.1f}…{b * 1e3:.1f}" for a, b in zip(*box, strict=True))
            print(f"{name:<16} {' × '.join(spans)} mm")
    if found.max_current_rate is not None:
        print(f"largest dI/dt    {found.max_current_rate * 1e-6:.4g} A/µs")
    for peak in found.peaks:
        print(
            f"{peak.depth * 1e3:3.0f} mm below     |A| up to {peak.magnitude_a:.3g} T m/A, "
            f"|B| up to {peak.magnitude_b:.3g} T/A"
        )
    for warning in found.warnings:
        print(f"tmsgrad: warning: {warning}", file=sys.stderr)
    return dataclasses.asdict(found)


COMMANDS = {
    "demo": demo,
    "simulate": simulate,
    "optimize": optimize_pose,
    "head info": head_info,
    "coil info": coil_info,
}
