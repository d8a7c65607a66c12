"""How far places of MNI space move in a head when its T1 is turned, and parts are lost.

    python -m benchmarks turned --t1=ch2.nii.gz --name=colin27
    python -m benchmarks turned --t1=one.nii.gz --again=other.nii.gz --axes= --name=twice

The T1 is turned about its middle within its own field of view: what leaves it is lost, and
what it lacks is black. The template is laid over it as `tmsgrad head segment` does, and
targets and fiducials are taken to the head, turned back, and compared with those of the T1
as it is. `--neck=MM` has a row of the T1 cut that far below the brain's middle, as well.
`--again=T1` has one of another scan of the same person, the two laid over each other
rigidly; `--axes=` leaves the turned ones out. Colin27's T1 is `ch2.nii.gz` of Debian's
package mricron-data. A picture shows some targets in the average of 152 people and in the
head, as it is and where most is amiss.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from benchmarks import drawing, record
from matplotlib.patches import Circle
from nibabel.nifti1 import Nifti1Image
from scipy import ndimage

from tmsgrad import meshing
from tmsgrad.cli.inputs.segmenting import template_atlas
from tmsgrad.meshing.anatomy.grids import Volume
from tmsgrad.meshing.anatomy.registering import Alignment, align
from tmsgrad.meshing.anatomy.second_image import align_scans
from tmsgrad.meshing.anatomy.t1 import Scan, head_mask, read_scan
from tmsgrad.meshing.template_labels import package_folder


#: Places that are aimed at, in MNI space. [mm]
TARGETS = {
    "left hand knob": (-37, -21, 58),
    "left DLPFC": (-44, 40, 29),
    "left angular gyrus": (-46, -66, 38),
    "left inferior frontal gyrus": (-50, 20, 12),
    "left superior temporal gyrus": (-56, -30, 12),
    "supplementary motor area": (-5, -4, 64),
    "right hand knob": (37, -21, 58),
    "right DLPFC": (44, 40, 29),
    "right parietal lobule": (30, -58, 52),
    "right inferior frontal gyrus": (50, 20, 12),
    "visual cortex": (-8, -92, 4),
}
_SHOWN = (
    *("left hand knob", "left DLPFC"),
    *("left angular gyrus", "left superior temporal gyrus"),
)
_AXES = ("x (nodding)", "y (tilting)", "z (shaking)")
_WORST = 2  # So many of the turned T1s are drawn.
_HALF = 45.0  # Of a side of a picture. [mm]
_GOAL = 5.0  # Within which a target is to stay. [mm]
_MARK = "#ff5a4d"


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks turned")
    parser.add_argument("--t1", required=True, type=Path)
    parser.add_argument("--name", default="colin27")
    parser.add_argument("--degrees", type=float, default=20.0)
    parser.add_argument("--axes", default="0,1,2")
    parser.add_argument("--again", type=Path, help="another T1 of the same person")
    parser.add_argument("--neck", type=float, help="mm below the brain's middle")
    options = parser.parse_args(words)
    scan = read_scan(options.t1)
    whole = _Laid.over(scan.volume, scan.inside, np.eye(4))
    rows, shown = [], {}
    for what, volume, way in _changed(scan, whole.alignment, options):
        laid = whole
        if volume is not scan.volume:
            laid = _Laid.over(volume, head_mask(volume), way)
        shown[what] = laid
        rows.append(_row(what, laid, whole))
        print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    print(record.table(rows))
    path = record.write(f"turned-{options.name}", rows)
    worst = sorted(rows, key=lambda row: row["targets, most mm"])[-_WORST:]
    kept = {row["T1"] for row in [rows[0], *worst]}
    _draw({what: laid for what, laid in shown.items() if what in kept}, path)
    print("written to", path)


def _changed(
    scan: Scan, alignment: Alignment, options: argparse.Namespace
) -> Iterator[tuple[str, Volume, np.ndarray]]:
    """The T1 as it is, turned and cut, and the ways there."""
    yield "as it is", scan.volume, np.eye(4)
    for axis in [int(each) for each in options.axes.split(",") if each]:
        turned, way = _turned(scan.volume, axis, options.degrees)
        yield f"{options.degrees:g}° about {_AXES[axis]}", turned, way
    if options.neck is not None:
        cut = _cut(scan, alignment, options.neck)
        yield f"cut {options.neck:g} mm below the brain's middle", cut, np.eye(4)
    if options.again is not None:
        again = read_scan(options.again)
        moved = align_scans(again.volume, again.inside, scan.volume, scan.inside)
        way = moved.affine @ np.linalg.inv(scan.affine)
        yield "another scan", again.volume, way


def _row(what: str, laid: "_Laid", whole: "_Laid") -> dict:
    apart, ends = laid.apart(whole)
    straight, _ = laid.apart(whole, straight=True)
    return {
        "T1": what,
        "head left %": round(100 * laid.litres() / whole.litres()),
        "targets, median mm": round(float(np.median(apart)), 1),
        "targets, most mm": round(float(apart.max()), 1),
        "by the affine map, most mm": round(float(straight.max()), 1),
        "worst": list(TARGETS)[int(apart.argmax())] if laid is not whole else "",
        "fiducials, most mm": round(float(ends.max()), 1),
        "s of CPU": round(laid.seconds),
    }


@dataclass(frozen=True, eq=False)
class _Laid:
    """A T1 with the template over it.

    Attributes:
        volume: The T1.
        inside: Which of its voxels are head.
        alignment: Of the template.
        way: From the T1 as it was to where it is now. [mm]
        seconds: Of processor time.
    """

    volume: Volume
    inside: np.ndarray
    alignment: Alignment
    way: np.ndarray
    seconds: float

    @classmethod
    def over(cls, volume: Volume, inside: np.ndarray, way: np.ndarray) -> "_Laid":
        atlas, start = template_atlas(), time.process_time()
        alignment = align(volume, inside, atlas.picture(), atlas.brain())
        return cls(volume, inside, alignment, way, time.process_time() - start)

    def places(self, mni: np.ndarray, straight: bool = False) -> np.ndarray:
        """Where places of MNI space are in the T1 as it was, warped or not. [mm]"""
        moved = (
            _by(self.alignment.matrix, mni) if straight else self.alignment.head_of(mni)
        )
        return _by(np.linalg.inv(self.way), moved)

    def apart(
        self, other: "_Laid", straight: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far targets and fiducials are from those of another. [mm]"""
        ends = np.array(list(vars(meshing.TEMPLATE_FIDUCIALS).values())) * 1e3
        found = []
        for mni in (np.array(list(TARGETS.values()), float), ends):
            away = self.places(mni, straight) - other.places(mni, straight)
            found.append(np.linalg.norm(away, axis=1))
        return found[0], found[1]

    def litres(self) -> float:
        """How much of the head there is."""
        return self.inside.sum() * abs(np.linalg.det(self.volume.affine[:3, :3])) / 1e6


def _turned(volume: Volume, axis: int, degrees: float) -> tuple[Volume, np.ndarray]:
    """Turn a T1 about its middle, and the way there."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    way = np.eye(4)
    i, j = (n for n in range(3) if n != axis)
    way[i, i], way[i, j], way[j, i], way[j, j] = c, -s, s, c
    middle = _by(volume.affine, (np.array(volume.values.shape) - 1) / 2)
    way[:3, 3] = middle - way[:3, :3] @ middle
    back = np.linalg.inv(volume.affine) @ np.linalg.inv(way) @ volume.affine
    return Volume(
        ndimage.affine_transform(volume.values, back, order=1), volume.affine
    ), way


def _cut(scan: Scan, alignment: Alignment, below: float) -> Volume:
    """Leave out the slices below a height, seen from the brain's middle."""
    middle = alignment.head_of(np.array([[0.0, -18.0, 10.0]]))[0]
    axes = nibabel.io_orientation(scan.affine)  # Upwards, the third of the world.
    axis = int(np.flatnonzero(axes[:, 0] == 2)[0])
    at = _by(np.linalg.inv(scan.affine), middle - [0, 0, below])[axis]
    where = np.arange(scan.volume.values.shape[axis])
    kept = np.flatnonzero((where - at) * axes[axis, 1] >= 0)
    affine = scan.affine.copy()
    affine[:3, 3] += kept[0] * affine[:3, axis]
    return Volume(scan.volume.values.take(kept, axis), affine)


def _by(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _draw(shown: dict[str, _Laid], result: Path) -> None:
    """Draw targets in the template and in each T1, all seen along the template's axes."""
    columns: dict[str, tuple[Volume, np.ndarray, Callable]] = {
        "average of 152 people": (_average(), np.eye(3), lambda mni: mni)
    }
    for what, laid in shown.items():
        u, _, v = np.linalg.svd(laid.alignment.matrix[:3, :3])
        columns[what] = laid.volume, u @ v, laid.alignment.head_of
    figure, axes = drawing.plt.subplots(
        *(len(_SHOWN), len(columns)),
        figsize=(1.6 * len(columns), 1.75 * len(_SHOWN)),
        facecolor="black",
    )
    for row, name in enumerate(_SHOWN):
        mni = np.array([TARGETS[name]], float)
        for column, (volume, turn, way) in enumerate(columns.values()):
            _slice(axes[row, column], volume, turn, way(mni)[0])
        axes[row, 0].text(
            *(1 - _HALF, 1 - _HALF, name),
            **{"color": "w", "fontsize": 6, "backgroundcolor": "k"},
        )
    for column, what in enumerate(columns):
        axes[0, column].set_title(what, color="w", fontsize=6)
    figure.subplots_adjust(0, 0, 1, 0.96, 0.01, 0.01)
    print("drawn as", drawing.save(figure, result, _MARK))


def _average() -> Volume:
    """The brain of the template, an average of T1s that nilearn carries."""
    name = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    image = Nifti1Image.from_filename(
        package_folder("nilearn") / "datasets" / "data" / name
    )
    return Volume(np.asarray(image.dataobj, np.float32), np.asarray(image.affine))


def _slice(axes, volume: Volume, turn: np.ndarray, place: np.ndarray):
    """Draw what is level with a place, and a circle of the goal around it."""
    steps = np.arange(-_HALF, _HALF + 1)
    x, y = np.meshgrid(steps, steps)
    points = place + np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1) @ turn.T
    light = volume.at(points).reshape(x.shape)
    axes.imshow(light, cmap="gray", origin="lower", extent=(-_HALF, _HALF) * 2)
    axes.plot(0, 0, ".", color=_MARK, markersize=2)
    axes.add_patch(Circle((0, 0), _GOAL, fill=False, color=_MARK))
    axes.set_axis_off()
