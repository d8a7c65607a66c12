"""Resting-state series on surfaces of the cortex: .func.gii (GIfTI), .dtseries.nii (CIFTI).

Vertices, and voxels that a CIFTI file has besides, go to the voxels of a grid that they lie
in, a voxel being the mean of what it holds. Its voxels are one and a half times as wide as
vertices are apart, so that neighbours on the surface share faces. So all that is done with
volumes is done with these, and cortex alone has signals: nothing of white matter and fluid
comes in. What lies on two banks of a sulcus may share a voxel, as in a volume.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import KDTree

from ...disk import gifti
from ...meshing import read_surface
from .bold import BoldSeries
from .sidecar import chosen_time, read_sidecar


_LEAST = 2e-3  # Of the grid's voxels. [m]
_WIDE = 1.5  # Voxels, in units of the distance to the next vertex, its median.
_MM_PER_M = 1e3
_ENDS = (".func.gii", ".dtseries.nii")
CIFTI_CORTEX = {
    "CIFTI_STRUCTURE_CORTEX_LEFT": "left",
    "CIFTI_STRUCTURE_CORTEX_RIGHT": "right",
}
# How names of files tell a side, and how that of the other one is written.
_SIDES = (
    (r"hemi-L", "hemi-R", "left"),
    (r"hemi-R", "hemi-L", "right"),
    (r"(?<![A-Za-z])lh(?![A-Za-z])", "rh", "left"),
    (r"(?<![A-Za-z])rh(?![A-Za-z])", "lh", "right"),
    (r"(?<=\.)L(?=\.)", "R", "left"),
    (r"(?<=\.)R(?=\.)", "L", "right"),
)


@dataclass(frozen=True, eq=False)
class _Part:
    """Signals of places: of a hemisphere, or of voxels.

    Attributes:
        signals: [as they come]
        positions: [m]
    """

    signals: Float[ndarray, "time place"]
    positions: Float[ndarray, "place 3"]


def is_on_surface(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a series on surfaces."""
    return os.fspath(path).lower().endswith(_ENDS)


def read_surface_bold(
    path: str | os.PathLike[str],
    surfaces: Sequence[str | os.PathLike[str]],
    repetition_time: float | None = None,
) -> BoldSeries:
    """Read a series on surfaces of the cortex.

    Args:
        path: `.dtseries.nii`, or `.func.gii` of one hemisphere: that of the other is read
            as well where it lies beside under the same name.
        surfaces: Of the same vertices, in the series' space: white, middle or pial, of one
            hemisphere or both, whose names tell the side (`hemi-L`, `lh.`, `.L.`).
        repetition_time: Wins over what the files say. [s]

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is damaged, lacks its surface, or belongs to another one.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: file not found.")
    sides = surfaces_by_side(surfaces)
    if file.name.lower().endswith(".func.gii"):
        parts, step = _of_gifti(file, sides)
    else:
        parts, step = _of_cifti(file, sides)
    lengths = {len(each.signals) for each in parts}
    if len(lengths) > 1:
        raise ValueError(f"{file}: the hemispheres have {sorted(lengths)} volumes.")
    named = file.with_suffix("") if file.suffix == ".gii" else file
    time, remarks = chosen_time(file, step, read_sidecar(named), repetition_time)
    signals = np.concatenate([each.signals for each in parts], axis=1)
    wrong = np.flatnonzero(~np.isfinite(signals).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"{file}: {len(wrong)} of {len(signals)} volumes hold NaN or infinite values, "
            f"the first is volume {wrong[0]} (counted from 0)."
        )
    return _gridded(
        signals,
        np.concatenate([each.positions for each in parts]),
        *(time, str(file), remarks),
    )


def _gridded(
    signals: Float[ndarray, "time place"],
    positions: Float[ndarray, "place 3"],
    time: float,
    name: str,
    remarks: tuple[str, ...],
) -> BoldSeries:
    """Average what lies in a voxel; places that never change, as the medial wall, go."""
    moving = signals.std(axis=0) > 0
    if moving.mean() < 0.5:
        raise ValueError(f"{name}: {1 - moving.mean():.0%} of the places never change.")
    signals, positions = signals[:, moving], positions[moving]
    apart = np.median(KDTree(positions).query(positions, 2)[0][:, 1])
    voxel = max(_LEAST, np.ceil(_WIDE * float(apart) * _MM_PER_M) / _MM_PER_M)
    # Corners at whole voxels from the origin, so that runs share a grid.
    index = np.floor(positions / voxel).astype(np.int64)
    low = np.floor(index.min(axis=0) / 8).astype(np.int64) * 8
    shape = np.ceil((index.max(axis=0) + 1 - low) / 8).astype(np.int64) * 8
    i, j, k = (index - low).T
    flat = np.ravel_multi_index((i, j, k), tuple(shape))
    voxels, place = np.unique(flat, return_inverse=True)
    order = np.argsort(place, kind="stable")
    begins = np.searchsorted(place[order], np.arange(len(voxels)))
    counts = np.bincount(place)
    mean = np.add.reduceat(signals[:, order], begins, axis=1) / counts
    mask = np.zeros(tuple(shape), bool)
    mask.ravel()[voxels] = True
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = (low + 0.5) * voxel
    return BoldSeries(mean, mask, affine, time, name, remarks, cortex=True)


def surfaces_by_side(
    files: Sequence[str | os.PathLike[str]],
) -> dict[str, tuple[Path, Float[ndarray, "vertex 3"]]]:
    """Read surfaces of the hemispheres `left` and `right`, as their names tell.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A name tells no side, or two the same one.
    """
    found = {}
    for name in files:
        file = Path(name)
        side = side_of(file)
        if side in found:
            raise ValueError(
                f"{file} and {found[side][0]}: both are surfaces of the {side} hemisphere."
            )
        found[side] = file, read_surface(file).vertices
    if not found:
        raise ValueError(
            "a series on surfaces needs the surfaces that its vertices are of (white, "
            "middle or pial), one for each hemisphere."
        )
    return found


def side_of(file: Path) -> str:
    """Which hemisphere a file is of, as its name tells: `left` or `right`.

    Raises:
        ValueError: It tells none.
    """
    for pattern, _, side in _SIDES:
        if re.search(pattern, file.name):
            return side
    raise ValueError(
        f"{file}: nothing in the name tells the hemisphere: hemi-L or hemi-R, lh. or rh., "
        ".L. or .R. is looked for."
    )


def _beside(file: Path) -> Path | None:
    """The file of the other hemisphere, where there is one."""
    for pattern, other, _ in _SIDES:
        if re.search(pattern, file.name):
            found = file.with_name(re.sub(pattern, other, file.name, count=1))
            return found if found.is_file() and found != file else None
    return None


def _of_gifti(file: Path, surfaces: dict) -> tuple[list[_Part], float]:
    parts, step = [], 0.0
    for each in (file, _beside(file)):
        if each is None:
            continue
        side = side_of(each)
        if side not in surfaces:
            raise ValueError(f"{each}: a surface of the {side} hemisphere is needed.")
        try:
            image = gifti.opened(each)
            signals = np.stack(
                [np.asarray(one.data, np.float64) for one in image.darrays]
            )
        except ValueError as error:
            raise ValueError(f"{each}: {error}.") from None
        parts.append(_on_surface(each, signals, surfaces[side]))
        step = _gifti_step(image) or step
    return parts, step


def _gifti_step(image) -> float:
    """The repetition time that the first array names in ms; 0 without. [s]"""
    word = dict(image.darrays[0].meta).get("TimeStep", "")
    try:
        return float(word) * 1e-3
    except ValueError:
        return 0.0


def _on_surface(file: Path, signals: ndarray, surface: tuple) -> _Part:
    name, vertices = surface
    if signals.ndim != 2 or len(signals) < 2:
        raise ValueError(
            f"{file}: {len(signals)} arrays of the shape {signals.shape[1:]}; a series has "
            "one number per vertex in each of many arrays."
        )
    if signals.shape[1] != len(vertices):
        raise ValueError(
            f"{file}: {signals.shape[1]} vertices, but {name} has {len(vertices)}: they "
            "belong to different surfaces."
        )
    return _Part(signals, vertices)


def _of_cifti(file: Path, surfaces: dict) -> tuple[list[_Part], float]:
    try:
        image: Any = nibabel.load(file)
        rows, brain = (image.header.get_axis(n) for n in (0, 1))
        signals = np.asarray(image.dataobj, np.float64)
        steps = {"SECOND": 1.0}
        step = float(rows.step) * steps.get(str(rows.unit), 0.0)
        structures = list(brain.iter_structures())
    except Exception as error:  # nibabel raises of every kind for damaged files.
        raise ValueError(
            f"{file}: it is no CIFTI series (.dtseries.nii): {str(error)[:120]}."
        ) from None
    parts = []
    for name, chosen, model in structures:
        side = CIFTI_CORTEX.get(name)
        columns = signals[:, chosen]
        if side is not None:
            if side not in surfaces:
                raise ValueError(
                    f"{file}: a surface of the {side} hemisphere is needed."
                )
            at = cifti_vertices(file, model.vertex, surfaces[side])
            parts.append(_Part(columns, at))
        elif (model.voxel >= 0).all():
            affine = np.asarray(brain.affine, np.float64)
            at = model.voxel @ affine[:3, :3].T + affine[:3, 3]
            parts.append(_Part(columns, at / _MM_PER_M))
    if not parts:
        raise ValueError(f"{file}: it has no cortex and no voxels.")
    return parts, step


def cifti_vertices(
    file: Path, vertices: Int[ndarray, "place"], surface: tuple[Path, ndarray]
) -> Float[ndarray, "place 3"]:
    """Where vertices that a CIFTI file names are on their surface. [m]

    Raises:
        ValueError: The surface has not as many.
    """
    name, places = surface
    if vertices.max() >= len(places):
        raise ValueError(
            f"{file}: it names vertex {vertices.max()}, but {name} has {len(places)} "
            "vertices: they belong to different surfaces."
        )
    return places[vertices]
