"""`tmsgrad dose`: the stimulator's output for a target, from a motor threshold."""

import argparse
import os
from pathlib import Path

import numpy as np

from ... import efield, meshing
from ...coils import Coil
from ...meshing import HeadMesh, Region
from ...optimize import dosing
from ..inputs.coils import read_coil
from ..inputs.heads import read_head
from ..inputs.poses import one_pose
from ..results.dose_extras import interval_report, tell_interval, write_activation
from ..results.fields import check_field
from ..runtime.notices import listening, warn
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from ..runtime.versions import versions
from .trains import (
    check_trains,
    tell_trains,
    trains_of,
    trains_report,
)


_METRICS = {
    "mean": dosing.MeanStrength(),
    "p99": dosing.Percentile(99.0),
    "normal": dosing.MeanNormal(),
}


def dose(options: argparse.Namespace) -> dict:
    """Compare rules for the output."""
    set_up()
    with listening():
        return _dose(options)


def _dose(options: argparse.Namespace) -> dict:
    threshold = options.threshold / 100
    dosing.fixed(threshold)  # A threshold above 100 % is refused before any work.
    check_trains(options)
    grid = None if options.nifti is None else meshing.read_grid(options.nifti)
    progress = Progress()
    with output_folder(options.out) as folder:
        coil = read_coil(options.coil)
        other = coil if options.target_coil is None else read_coil(options.target_coil)
        most = [
            _maximum(options.maximum, coil),
            _maximum(options.target_maximum, other),
        ]
        if options.target_coil is not None and None in most:
            raise ValueError(
                "--target-coil: the dI/dt at full output of both coils must be known: give "
                "--maximum and --target-maximum."
            )
        files = (options.motor_pose, options.target_pose)
        poses = [one_pose(path, options.head) for path in files]
        progress.stage("head", f"head {options.head}")
        head = read_head(options.head, progress, forced=options.force)
        places = (options.motor, options.target)
        regions = [_region(head, place, options) for place in places]
        progress.stage("solve", "two fields")
        conductor = efield.assemble(head, efield.isotropic(head))
        fields = [
            efield.solve(conductor, each, pose, 1e6)
            for each, pose in zip((coil, other), poses, strict=True)
        ]
        depth = efield.CortexDistance(head, meshing.scalp(head, exact=False))
        depths = [depth(pose)[1] for pose in poses]
        metric = _METRICS[options.metric]
        values = [
            metric(head, field, region)
            for field, region in zip(fields, regions, strict=True)
        ]
        for name, value in zip(("M1", "the target"), values, strict=True):
            check_field(value, f"{metric.words} in {name}")
        outputs = _outputs(threshold, values, depths, most, metric.words)
        trains = trains_of(outputs, options)
        motor, target = (
            dosing.Site(*each)
            for each in zip((coil, other), poses, regions, strict=True)
        )
        sure = interval_report(
            *(head, conductor, (motor, target), metric, outputs[-1]),
            *(options, progress),
        )
        progress.stage("activation", "activated tissue")
        matched = fields[1].scaled(values[0] / values[1])
        limit = options.activated / 100 * values[0]
        active = dosing.activated(head, matched, limit, regions[1], options.tissue)
        write_activation(folder, head, matched, values[0], active, grid)
        report = {
            "note": "for research use only; no medical device",
            "threshold": threshold,
            "metric": metric.words,
            "field_per_1e6_A_per_s": dict(
                zip(("motor", "target"), values, strict=True)
            ),
            "scalp_to_cortex_mm": [depth * 1e3 for depth in depths],
            "outputs": [
                {
                    "rule": each.rule,
                    "output": each.output,
                    "of_threshold": each.of_threshold,
                    "reachable": each.reachable,
                    "target_share_of_motor": _share(each, outputs[-1]),
                }
                for each in outputs
            ],
            "trains": trains_report(trains, options),
            "interval": sure,
            "activation": {
                "share_of_motor_field": options.activated / 100,
                "volume_mm3": active.volume * 1e9,
                "share_inside_target": active.inside,
                "share_of_target": active.covered,
            },
            "versions": versions(),
            "provenance": Provenance.of(options).as_json(),
        }
        if most[1] is not None:
            rate = outputs[-1].output * most[1]
            report["didt"] = rate
            report["target_field"] = values[1] * rate / 1e6
        write_json(folder / "dose.json", report)
        progress.close()
    _tell(report, outputs, options)
    tell_interval(sure)
    tell_trains(outputs, trains)
    return report


def _outputs(
    threshold: float,
    values: list[float],
    depths: list[float],
    most: list[float | None],
    words: str,
) -> list[dosing.Output]:
    """The rules, of which the last matches the fields."""
    found = [dosing.fixed(threshold, 1.2), dosing.fixed(threshold, 1.335)]
    if np.isfinite(depths).all():
        slopes = (dosing.STOKES_2005, dosing.STOKES_2007)
        correct = dosing.distance_corrected
        found += [correct(threshold, depths[0], depths[1], each) for each in slopes]
    motor, target = (1.0 if None in most else rate for rate in most)
    matched = dosing.field_matched(
        threshold,
        *values,
        motor_maximum=motor or 1.0,
        target_maximum=target or 1.0,
        metric=words,
    )
    return [*found, matched]


def _share(each: dosing.Output, matched: dosing.Output) -> float:
    """The target's field in units of that of M1 at threshold."""
    return each.output / matched.output


def _maximum(given: float | None, coil: Coil) -> float | None:
    return coil.max_current_rate if given is None else given


def _region(
    head: HeadMesh, place: tuple[float, ...], options: argparse.Namespace
) -> Region:
    centre = np.asarray(place) * 1e-3
    return meshing.ball(head, centre, options.radius * 1e-3, options.tissue)


def _tell(
    report: dict, outputs: list[dosing.Output], options: argparse.Namespace
) -> None:
    for each in outputs:
        share = _share(each, outputs[-1])
        print(
            f"{each.rule:<58} {each.statement}; the target gets {share:.0%} of M1's field"
        )
        if not each.reachable:
            warn(f"{each.rule}: the output {each.statement}.")
    found = report["activation"]
    print(
        f"activated        {found['volume_mm3']:.0f} mm³ reach "
        f"{found['share_of_motor_field']:.0%} of M1's field at threshold, "
        f"{found['share_inside_target']:.0%} of it in the target"
    )
    if "target_field" in report:
        print(
            f"field in target  {report['target_field']:.1f} V/m ({report['metric']}) at "
            f"{report['didt']:.4g} A/s"
        )
    print(f"files            {Path(options.out)}{os.sep} ({report['note']})")
