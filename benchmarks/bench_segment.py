"""How labels of one head differ by who made them, and what that does to fields and plans.

    python -m benchmarks segment --folders=m2m_samseg,m2m_atlas --mni=-37,-21,58
    python -m benchmarks segment --folders=m2m_samseg --others=labels.nii.gz --plans=no

The folders are of one T1, by `tmsgrad head segment`; each is compared with the first: Dice
of tissues above the AC-PC plane, the field of the first head's best pose, and the distance
and turn between own optima. `--others` are tissues of the same T1 by other people, tagged
as in SimNIBS: Dice with each. 10-10 positions are compared with those measured on the
template and taken to the head by the folder's own transform: the median distance.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from benchmarks import record

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.meshing.anatomy import folder as files


_RADIUS = 5e-3  # [m]
_DOMAIN = optimize.Domain(distance=4e-3)
_TISSUES = {
    "WM": (1,),
    "GM": (2,),
    "CSF": (3,),
    "bone": (4, 7, 8),
    "scalp": (5, 6, 9, 10),
}


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks segment")
    parser.add_argument("--folders", required=True, help="m2m_ folders of one T1")
    parser.add_argument("--mni", default="-37,-21,58", help="target, mm")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--name", default="colin27")
    parser.add_argument("--others", default="", help="label images of the same T1")
    parser.add_argument("--plans", default="yes", choices=("yes", "no"))
    options = parser.parse_args(words)
    coil = coils.read(options.coil)
    place = np.array([float(x) for x in options.mni.split(",")]) * 1e-3
    folders = [Path(each) for each in options.folders.split(",")]
    made = [_Made.of(folder) for folder in folders]
    others = [Path(each) for each in options.others.split(",") if each]
    rows = []
    first = None
    for each in made:
        row = {"labels": each.way} | _dice(made[0], each.labels)
        for path in others:
            found = _dice(each, meshing.read_labels(path))
            row |= {f"{name} / {path.stem[:8]}": dice for name, dice in found.items()}
        row["10-10 mm"] = each.apart_from_template()
        if options.plans == "yes":
            if first is None:
                place = meshing.read_mni(each.path).to_subject(place)
            planned = _Planned(each.path, coil, place)
            first = first or planned
            apart, turn = first.apart(planned)
            field = planned.field(coil, first.pose) / first.field(coil, first.pose)
            row["field %"] = round(100 * (field - 1), 1)
            row |= {"optimum mm": round(apart, 1), "optimum °": round(turn, 1)}
        print(json.dumps(row), flush=True)
        rows.append(row)
    print(record.table(rows))
    print("written to", record.write(f"segment-{options.name}", rows))


@dataclass(frozen=True)
class _Made:
    """What a folder of `tmsgrad head segment` says without its mesh."""

    path: Path
    labels: meshing.LabelImage
    way: str

    @classmethod
    def of(cls, path: Path) -> "_Made":
        said = json.loads((path / "segmentation.json").read_text("utf-8"))
        labels = meshing.read_labels(path / files.LABELS)
        return cls(path, labels, said["way"])

    def apart_from_template(self) -> float:
        """Median distance of 10-10 positions from the template's, moved. [mm]"""
        head = meshing.scalp(meshing.template(100_000))
        named = meshing.dense_eeg_positions(head, meshing.TEMPLATE_FIDUCIALS)
        moved = meshing.read_mni(self.path).to_subject(np.stack(list(named.values())))
        own = meshing.read_electrodes(self.path)
        apart = np.linalg.norm(moved - np.stack([own[n] for n in named]), axis=1)
        return round(1e3 * float(np.median(apart)), 1)


class _Planned:
    """A head with its best pose for a target."""

    def __init__(self, path: Path, coil, place: np.ndarray):
        self.head = meshing.read_head(path)
        self.target = meshing.ball(self.head, place, _RADIUS, "gm")
        self.conductor = efield.assemble(self.head, efield.isotropic(self.head))
        objective = optimize.MeanMagnitude(
            efield.reciprocal(self.conductor, self.target)
        )
        scalp = meshing.scalp(self.head)
        self.pose = optimize.find_pose(objective, coil, scalp, _DOMAIN).pose

    def field(self, coil, pose) -> float:
        """Mean magnitude in the target. [V/m]"""
        solved = efield.solve(self.conductor, coil, pose, current_rate=1e6)
        return float(np.linalg.norm(np.asarray(solved.mean(self.target))))

    def apart(self, other: "_Planned") -> tuple[float, float]:
        """Distance [mm] and turn [°] between two optima; a turn by 180° counts as none."""
        a, b = (np.asarray(each.pose.to_matsimnibs()) for each in (self, other))
        # The field of a figure of eight is the same but for its sign when it is turned.
        turn = np.degrees(np.arccos(np.clip(abs(a[:3, 1] @ b[:3, 1]), 0, 1)))
        return float(np.linalg.norm(a[:3, 3] - b[:3, 3])), float(turn)


def _dice(first: _Made, b: meshing.LabelImage) -> dict:
    a = first.labels
    shape = a.labels.shape
    corner = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    matrix = np.linalg.inv(np.loadtxt(first.path / "toMNI" / "MNI2conform_12DOF.txt"))
    height = (matrix @ a.affine)[2]
    upper = corner @ height[:3] + height[3] > 0
    found = {}
    for name, tags in _TISSUES.items():
        one, two = np.isin(a.labels, tags) & upper, np.isin(b.labels, tags) & upper
        found[name] = round(2 * int((one & two).sum()) / int(one.sum() + two.sum()), 3)
    return found
