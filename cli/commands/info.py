"""`tmsgrad head info` and `tmsgrad coil info`."""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

from ... import coils, meshing
from ...coils import Coil, Part, Rotation
from ...meshing import HeadMesh
from ..inputs.files import read_coil, read_head
from ..runtime.progress import Progress
from ..runtime.setup import set_up


def head_info(options: argparse.Namespace) -> dict:
    """Describe a head and the quality of its elements."""
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    labels = ()
    if options.head.split(":")[0] == "template" and not Path(options.head).exists():
        labels = meshing.template_labels()
    progress.close()
    report = describe_head(head, *labels)
    subject = meshing.subject_of(options.head)
    return report if subject is None else report | {"folder": _describe_folder(subject)}


def _describe_folder(subject: meshing.Subject) -> dict:
    """Print what else a SimNIBS folder has, and give it for JSON."""
    try:
        transform = meshing.read_mni(subject)
        mni, said = transform.kind, f"{transform.kind} ({transform.description})"
    except (ValueError, FileNotFoundError) as error:
        mni, said = None, f"none ({error})"
    name = lambda path: None if path is None else path.name
    report = {
        "t1": name(subject.t1),
        "tensor": name(subject.tensor),
        "labels": name(subject.labels),
        "mni": mni,
        "eeg": [cap.name for cap in subject.caps],
    }
    print(f"T1                    {report['t1'] or 'none'}")
    print(f"diffusion tensors     {report['tensor'] or 'none'}")
    print(f"to MNI space          {said}")
    print(f"EEG positions         {', '.join(report['eeg']) or 'none'}")
    return report


def describe_head(head: HeadMesh, *labels) -> dict:
    """Print a head's figures, and give them for JSON.

    Args:
        head: The head.
        labels: The label image that it was made from and its matrix, where known.
    """
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
    coil = read_coil(options.coil)
    found = coils.describe(coil)
    parts = ", ".join(f"{count} {kind}" for kind, count in found.elements.items())
    print(found.name + (f" ({found.brand})" if found.brand else ""))
    print(f"elements         {parts}")
    if found.has_sources:
        moment = ", ".join(f"{x:.4g}" for x in found.moment)
        sizes = f"; sizes: {found.moment_magnitude:.4g}" if found.dipole_count else ""
        print(
            f"point sources    {found.dipole_count} dipoles, {found.current_count} "
            "currents"
        )
        print(f"moment           ({moment}) A m² at 1 A{sizes}")
    else:
        print("point sources    none: the coil is known by samples of its field")
    for name, box in (("sources", found.source_box), ("casing", found.casing_box)):
        if box is not None:
            spans = (f"{a * 1e3:.1f}…{b * 1e3:.1f}" for a, b in zip(*box, strict=True))
            print(f"{name:<16} {' × '.join(spans)} mm")
    if found.max_current_rate is not None:
        print(f"largest dI/dt    {found.max_current_rate * 1e-6:.4g} A/µs")
    for each in coil.stimulators if len(coil.stimulators) > 1 else ():
        limit = each.max_current_rate
        rate = "" if limit is None else f", up to {limit * 1e-6:.4g} A/µs"
        print(f"stimulator       {each.name or 'unnamed'}{rate}")
    for words in _motions(coil):
        print(f"moves            {words}")
    for peak in found.peaks:
        print(
            f"{peak.depth * 1e3:3.0f} mm below     |A| up to {peak.magnitude_a:.3g} T m/A, "
            f"|B| up to {peak.magnitude_b:.3g} T/A"
        )
    for warning in found.warnings:
        print(f"tmsgrad: warning: {warning}", file=sys.stderr)
    return dataclasses.asdict(found)


def _motions(coil: Coil) -> list[str]:
    """Say what each setting of a coil does, and within what range."""
    moved: dict[int, list[str]] = {}
    turning = set()
    for part in (each for each in coil.elements if isinstance(each, Part)):
        for motion in part.motions:
            moved.setdefault(motion.setting, []).append(part.name or "a part")
            if isinstance(motion, Rotation):
                turning.add(motion.setting)
    found = []
    for setting, span in enumerate(coil.ranges):
        what, unit, name = ("turns", np.pi / 180, "°")
        if setting not in turning:
            what, unit, name = ("shifts", 1e-3, " mm")
        parts = list(dict.fromkeys(moved.get(setting, ["nothing"])))
        low, high = span.lowest / unit, span.highest / unit
        found.append(
            f"setting {setting} {what} {', '.join(parts)}: {low:g}…{high:g}{name}"
        )
    return found
