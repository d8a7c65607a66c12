"""What a T2 beside the T1 brings: where labels have the inner border of the skull.

    python -m benchmarks second_image --t1=T1.nii.gz --t2=T2.nii.gz

In a T2, CSF is bright and bone is dark. Along rays from the brain's hull outwards, in the
plane of the T2's slices and above the AC-PC plane, the border is where the T2 falls half
way from its brightest to its darkest. The labels' border along the same rays is compared,
of `tmsgrad head segment --by atlas` with the T1 alone, with the T2 as it counts there, and
with the T2 counting like the T1; before the clean-up and after it. `--labels=FILE` adds
labels of the same T1 by others. The two T1 and T2 that docs/segmentation.md states are
`chris_t1.nii.gz` and `register/T2w.nii.gz` of GitHub's `niivue/niivue-demo-images`.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks import record
from scipy import ndimage

from tmsgrad import meshing
from tmsgrad.cli.inputs.segmenting import template_atlas
from tmsgrad.meshing.anatomy import registering, second_image
from tmsgrad.meshing.anatomy.classes import classify, light_at
from tmsgrad.meshing.anatomy.cleaning import clean_labels
from tmsgrad.meshing.anatomy.grids import Volume
from tmsgrad.meshing.anatomy.shells import closed, voxel_sides, voxel_volume
from tmsgrad.meshing.anatomy.t1 import read_scan


_RAYS = 6000
_ALONG = np.arange(-3.0, 14.0, 0.25)  # From the hull. [mm]
_PEAK = (-1.5, 5.0)  # Where along a ray CSF or cortex is brightest. [mm]
_DARK = 0.45  # Bone, at most, of gray matter's brightness.
_DEEPEST = 7.0  # A border farther out is none, but a sinus or the ray's end. [mm]
_ACROSS = 0.6  # Of a ray's direction across the T2's slices, at most.
_FAR = 2.0  # [mm]


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks second_image")
    parser.add_argument("--t1", required=True, type=Path)
    parser.add_argument("--t2", required=True, type=Path)
    parser.add_argument("--labels", default="", help="others' labels, by commas")
    parser.add_argument("--name", default="second_image")
    options = parser.parse_args(words)
    one, two = read_scan(options.t1), read_scan(options.t2)
    moved = second_image.align_scans(one.volume, one.inside, two.volume, two.inside)
    atlas = template_atlas()
    alignment = registering.align(
        one.volume, one.inside, atlas.picture(), atlas.brain()
    )
    less = min(1.0, voxel_volume(one.affine) / voxel_volume(two.affine))
    channels = [one.volume, light_at(moved, one.volume)]
    made = {}
    for what, weight in (
        ("T1 alone", 0.0),
        ("T2 by the size of its voxels", less),
        ("T2 like the T1", 1.0),
    ):
        labels, _ = classify(
            *(channels, one.inside, atlas, alignment), weights=[1.0, weight]
        )
        made[what] = labels
        made[f"{what}, cleaned up"] = clean_labels(labels, meshing.CleanRules())[0]
    for path in [Path(each) for each in options.labels.split(",") if each]:
        made[path.parent.name] = meshing.read_labels(path)
    height = np.linalg.inv(alignment.matrix)[2]
    rays = _Rays.of(made["T1 alone, cleaned up"], moved, height)
    rows = []
    for what, labels in made.items():
        off = rays.inner_skull(labels) - rays.border
        off = off[np.isfinite(off)]
        rows.append(
            {
                "labels": what,
                "rays": len(off),
                "too far out, mean mm": round(float(off.mean()), 2),
                "spread mm": round(float(off.std()), 2),
                "by more than 2 mm %": round(100 * float((abs(off) > _FAR).mean()), 1),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    print(record.table(rows))
    print("written to", record.write(options.name, rows))


@dataclass(frozen=True, eq=False)
class _Rays:
    """Rays from the brain's hull outwards.

    Attributes:
        points: Along each. [mm]
        border: Where the skull begins by the T2. [mm along the ray]
    """

    points: np.ndarray
    border: np.ndarray

    @classmethod
    def of(cls, labels: meshing.LabelImage, t2: Volume, height: np.ndarray) -> "_Rays":
        """Choose rays, and find the skull along each of them in a T2.

        Args:
            labels: Of the brain.
            t2: In its place.
            height: From positions to the height above the AC-PC plane. [mm]
        """
        voxel = voxel_sides(labels.affine)
        brain = closed(np.isin(labels.labels, (1, 2)), 8.0, voxel)
        edge = brain & ~np.asarray(ndimage.binary_erosion(brain), bool)
        at = np.argwhere(edge)
        smooth = np.asarray(ndimage.gaussian_filter(brain.astype(np.float32), 2.0))
        slope = np.array([np.gradient(smooth, axis=axis) for axis in range(3)])
        inwards = slope[:, at[:, 0], at[:, 1], at[:, 2]].T / voxel
        outwards = -inwards @ (labels.affine[:3, :3] / voxel).T
        outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
        start = at @ labels.affine[:3, :3].T + labels.affine[:3, 3]
        thick = int(voxel_sides(t2.affine).argmax())
        across = t2.affine[:3, thick] / np.linalg.norm(t2.affine[:3, thick])
        kept = (start @ height[:3] + height[3] > 0) & (
            np.abs(outwards @ across) < _ACROSS
        )
        random = np.random.default_rng(0)
        chosen = random.permutation(np.flatnonzero(kept))[:_RAYS]
        points = start[chosen, None] + _ALONG[:, None] * outwards[chosen, None]
        gray = np.argwhere(labels.labels == 2)[::50]
        usual = np.nanmedian(
            t2.at(gray @ labels.affine[:3, :3].T + labels.affine[:3, 3], np.nan)
        )
        light = t2.at(points.reshape(-1, 3), np.nan).reshape(len(points), -1) / usual
        whole = np.isfinite(light).all(axis=1)
        points, light = points[whole], light[whole]
        bright = np.where(np.clip(_ALONG, *_PEAK) == _ALONG, light, -1)
        low = light[:, _ALONG > 0].min(axis=1)
        level = (np.maximum(bright.max(axis=1), 0.8) + low) / 2
        begun = np.arange(len(_ALONG)) >= bright.argmax(axis=1)[:, None]
        below = begun & (light < level[:, None])
        border = _ALONG[below.argmax(axis=1)]
        told = below.any(axis=1) & (low < _DARK) & (border < _DEEPEST)
        return cls(points[told], border[told])

    def inner_skull(self, labels: meshing.LabelImage) -> np.ndarray:
        """Where labels have bone first along each ray, NaN where nowhere. [mm]"""
        inverse = np.linalg.inv(labels.affine)
        at = np.rint(self.points @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
        at = np.clip(at, 0, np.array(labels.labels.shape) - 1)
        bone = np.isin(labels.labels[tuple(np.moveaxis(at, -1, 0))], (4, 7, 8))
        return np.where(bone.any(axis=1), _ALONG[bone.argmax(axis=1)], np.nan)
