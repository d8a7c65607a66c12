"""`tmsgrad simulate`: the fields of given poses."""

import argparse
import os
import sys
import time
from pathlib import Path

import jax
import numpy as np

from .. import efield, meshing, optimize
from ..coils import Coil, Pose
from ..efield import Conductor, ElectricField
from ..meshing import HeadMesh, Scalp
from .fields import field_figures, in_metres, write_field_msh
from .inputs import read_coil, read_conductivity, read_head, read_poses
from .outputs import FieldFile, output_folder, versions, write_json, write_pose
from .picture import write_overview
from .progress import Progress
from .setup import set_up


_POSES_AT_ONCE = 8


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
        conductivity, tensors = read_conductivity(
            head, options.anisotropy, options.tensor
        )
        conductor = efield.assemble(head, conductivity)
        progress.stage("solve", "solving")
        first, figures = _solve_all(
            folder, head, conductor, coil, poses, count, options.didt, progress
        )
        progress.stage("output", "files and picture")
        one = jax.tree.map(lambda x: x[0], poses)
        write_field_msh(folder, head, first)
        write_pose(folder / "pose.txt", poses.to_matsimnibs())
        write_overview(
            folder / "overview.png",
            head,
            np.asarray(first.magnitude),
            in_metres(one),
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
            "anisotropy": options.anisotropy,
            "tensors": tensors,
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
    if tensors is not None:
        print(tensors)
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
                figures.append(field_figures(head, one, None))
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
