"""What it does to the field that a segmentation takes air, as of the sinuses, for tissue.

    python -m benchmarks air --head=m2m_atlas --labels=labels.nii.gz --air=6

In the head, elements of bone and soft tissue that are air in the label image are made to
conduct nearly nothing. Below each EEG position the gray matter nearest to it is the target,
and the coil lies where it is best for it in the head as it is: how the target's field,
and that of the strongest hundredth of gray matter, then change. The labels must be of the
same T1.
"""

import argparse
import json

import jax
import nibabel
import numpy as np
from benchmarks import record

from tmsgrad import coils, efield, meshing, optimize


_RADIUS = 5e-3  # [m]
_DOMAIN = optimize.Domain(distance=4e-3)
_AIR = 1e-6  # [S/m]
_TAKEN = (4, 5, 7, 8)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks air")
    parser.add_argument("--head", required=True, help="m2m_ folder")
    parser.add_argument("--labels", required=True, help="label image of the same T1")
    parser.add_argument("--air", type=int, required=True, help="its label of air")
    parser.add_argument("--above", default="Fp1,AF3,F3,C3", help="EEG positions")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--name", default="colin27")
    options = parser.parse_args(words)
    head, coil = meshing.read_head(options.head), coils.read(options.coil)
    positions = meshing.read_electrodes(options.head)
    air = _air(head, options.labels, options.air)
    conductivity = np.asarray(efield.isotropic(head))
    without = np.where(air, _AIR, conductivity)
    found = [efield.assemble(head, each) for each in (conductivity, without)]
    gray = head.tags == 2
    rows = []
    for name in options.above.split(","):
        away = np.linalg.norm(head.centroids - positions[name], axis=1)
        place = head.centroids[np.argmin(np.where(gray, away, np.inf))]
        target = meshing.ball(head, place, _RADIUS, "gm")
        objective = optimize.MeanMagnitude(efield.reciprocal(found[0], target))
        pose = optimize.find_pose(objective, coil, meshing.scalp(head), _DOMAIN).pose
        fields = [efield.solve(each, coil, pose) for each in found]
        means = [float(np.linalg.norm(np.asarray(f.mean(target)))) for f in fields]
        sizes = [np.linalg.norm(np.asarray(f.vectors)[gray], axis=1) for f in fields]
        strong = sizes[0] > np.quantile(sizes[0], 0.99)
        ratio = sizes[1][strong] / sizes[0][strong] - 1
        row = {
            "below": name,
            "air, ml": round(1e6 * float(head.volumes[air].sum()), 1),
            "target, V/m": round(means[0], 3),
            "target %": round(100 * (means[1] / means[0] - 1), 2),
            "strongest 1%, mean %": round(100 * float(ratio.mean()), 2),
            "strongest 1%, at most %": round(100 * float(abs(ratio).max()), 1),
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    print(record.table(rows))
    print("written to", record.write(f"air-{options.name}", rows))


def _air(head: meshing.HeadMesh, labels: str, number: int) -> np.ndarray:
    """Which elements of bone and soft tissue are air by the labels."""
    image = nibabel.Nifti1Image.from_filename(labels)
    values = np.asarray(image.dataobj)
    way = np.linalg.inv(np.asarray(image.affine))
    at = np.rint(1e3 * head.centroids @ way[:3, :3].T + way[:3, 3]).astype(int)
    there = ((at >= 0) & (at < values.shape)).all(axis=1)
    at = np.clip(at, 0, np.array(values.shape) - 1)
    found = there & (values[tuple(at.T)] == number) & np.isin(head.tags, _TAKEN)
    if not found.any():
        raise SystemExit(f"{labels}: no bone or soft tissue of the head is air in it.")
    return found
