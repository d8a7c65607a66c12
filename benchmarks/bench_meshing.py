"""Seconds, memory and quality of meshing a label image.

    python -m benchmarks meshing --labels=template --counts=300000,1000000

Each mesh is made in a process of its own, so that its peak memory is known. `labels` is
a .nii.gz file with tags as SimNIBS has them, or `template`. Seconds are of one core.
"""

import argparse
import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np
from benchmarks import record

from tmsgrad import meshing
from tmsgrad.meshing.interfaces import face_areas, interfaces


_GRAY, _BONE = 2, (4, 7, 8)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks meshing")
    parser.add_argument("--labels", default="template", help="a .nii.gz, or template")
    parser.add_argument("--counts", default="300000,1000000")
    options = parser.parse_args(words)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    rows = []
    for count in options.counts.split(","):
        with context.Pool(1) as pool:
            rows.append(pool.apply(measure, (options.labels, int(float(count)))))
        print(record.table(rows[-1:]), flush=True)
    print(record.table(rows))
    name = Path(options.labels).name.split(".")[0]
    print("written to", record.write(f"meshing-{name}", rows))


def measure(labels: str, count: int) -> dict:
    if labels == "template":
        image = meshing.LabelImage(*meshing.template_labels())
    else:
        image = meshing.read_labels(labels)
    begin = time.process_time()
    head = meshing.mesh_labels(image.labels, image.affine, count)
    seconds = time.process_time() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = meshing.quality(head, image.labels, image.affine)
    degrees = lambda angle: float(np.degrees(angle))
    errors = [f"{100 * e:+.1f}" for e in found.volume_errors.values()]
    return {
        "wanted": count,
        "tetrahedra": found.tetrahedra,
        "nodes": found.nodes,
        "CPU [s]": seconds,
        "memory [GiB]": memory,
        "rr min": found.smallest_radius_ratio,
        "rr mean": found.mean_radius_ratio,
        "dihedral min [°]": degrees(found.smallest_dihedral_angle),
        "0.1 % [°]": degrees(found.dihedral_angle_per_mille),
        "1 % [°]": degrees(found.dihedral_angle_percent),
        "volume errors [%]": " ".join(errors),
        "gray matter on bone [cm²]": _gray_on_bone(head),
    }


def _gray_on_bone(head: meshing.HeadMesh) -> float:
    between = interfaces(head)
    low = np.minimum(between.first, between.second)
    high = np.maximum(between.first, between.second)
    touch = (low == _GRAY) & np.isin(high, _BONE)
    return 1e4 * float(face_areas(head.nodes, between.faces[touch]).sum())
