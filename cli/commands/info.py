"""`tmsgrad head info`."""

import argparse
from pathlib import Path

import numpy as np

from ... import meshing
from ...meshing import HeadMesh
from ..inputs.heads import read_head
from ..runtime.progress import Progress


def head_info(options: argparse.Namespace) -> dict:
    """Describe a head and the quality of its elements."""
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    labels = ()
    if options.head.split(":")[0] == "template" and not Path(options.head).exists():
        labels = meshing.kept_template_labels()
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
        f"dihedral angle        min {report['dihedral_min_degrees']:.1f}°, 0.1% below "
        f"{report['dihedral_0.1_percent_degrees']:.1f}°, 1% below "
        f"{report['dihedral_1_percent_degrees']:.1f}°"
    )
    for name, volume in report["volumes_ml"].items():
        error = quality.volume_errors.get(name)
        against = "" if error is None else f"   ({error:+.1%} of the label image)"
        print(f"{name:<21} {volume:8.1f} ml{against}")
    return report
