"""A head's folder in the manner of SimNIBS' `m2m_` folders, as all commands take it."""

from collections.abc import Mapping
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import whole_file, write_whole
from ..gifti import write_surface
from ..images.label_files import LabelImage
from ..images.nifti import load_nifti
from ..surface import Surface
from .grids import positions, upright_grid
from .registering import Alignment


#: Files of the folder, under the names that SimNIBS gives them.
T1, LABELS, CAP = "T1.nii.gz", "final_tissues.nii.gz", "EEG10-10_tmsgrad.csv"
_FIDUCIALS = ("Nz", "Iz", "LPA", "RPA")
_MNI_LOW, _MNI_HIGH = (
    np.array([-102.0, -144.0, -110.0]),
    np.array([102.0, 116.0, 120.0]),
)
_MNI_VOXEL = 2.0  # [mm]


def write_t1(folder: Path, source: Path) -> None:
    """Write a T1 as the folder's, with the values and the place that it has."""
    image = load_nifti(source)
    with whole_file(folder / T1) as draft:
        nibabel.save(image, draft)


def write_labels(path: Path, image: LabelImage) -> None:
    """Write tissues as a label image."""
    made = nibabel.Nifti1Image(image.labels, image.affine)
    made.header.set_xyzt_units("mm")
    made.set_sform(image.affine, code=1)
    made.set_qform(image.affine, code=1)
    with whole_file(path) as draft:
        nibabel.save(made, draft)


def write_mni(folder: Path, alignment: Alignment, image: LabelImage) -> None:
    """Write the way to MNI space as `toMNI` has it: two maps and a matrix.

    Args:
        folder: The head's.
        alignment: Of the template with the head.
        image: The head's tissues, for the grid that the map to MNI space is to hold.
    """
    home = folder / "toMNI"
    home.mkdir(exist_ok=True)
    rows = [" ".join(f"{x:.8g}" for x in row) for row in alignment.matrix]
    write_whole(home / "MNI2conform_12DOF.txt", "\n".join(rows) + "\n")
    shape, affine = upright_grid(image.labels.shape, image.affine, _MNI_VOXEL)
    there = alignment.mni_of(positions(shape, affine)).reshape(*shape, 3)
    _write_map(home / "Conform2MNI_nonl.nii.gz", there, affine)
    shape, affine = _mni_grid()
    back = alignment.head_of(positions(shape, affine)).reshape(*shape, 3)
    _write_map(home / "MNI2Conform_nonl.nii.gz", back, affine)


def write_cap(folder: Path, named: Mapping[str, Float[ndarray, "3"]]) -> None:
    """Write EEG positions and fiducials [m] as a CSV file of SimNIBS' kind [mm]."""
    home = folder / "eeg_positions"
    home.mkdir(exist_ok=True)
    lines = []
    for name, point in named.items():
        kind = "Fiducial" if name in _FIDUCIALS else "Electrode"
        place = ",".join(f"{1e3 * x:.3f}" for x in point)
        lines.append(f"{kind},{place},{name}")
    write_whole(home / CAP, "\n".join(lines) + "\n")


def write_surfaces(folder: Path, surfaces: Mapping[str, Surface]) -> None:
    """Write mid-surfaces of the cortex, by side, under the names that SimNIBS gives."""
    home = folder / "surfaces"
    home.mkdir(exist_ok=True)
    for side, surface in surfaces.items():
        write_surface(home / f"{side}.central.gii", surface)


def _mni_grid() -> tuple[tuple[int, int, int], Float[ndarray, "4 4"]]:
    sides = ((_MNI_HIGH - _MNI_LOW) / _MNI_VOXEL).astype(int) + 1
    affine = np.diag([_MNI_VOXEL] * 3 + [1.0])
    affine[:3, 3] = _MNI_LOW
    return (int(sides[0]), int(sides[1]), int(sides[2])), affine


def _write_map(path: Path, values: ndarray, affine: ndarray) -> None:
    made = nibabel.Nifti1Image(values.astype(np.float32), affine)
    made.header.set_xyzt_units("mm")
    made.set_sform(affine, code=1)
    made.set_qform(affine, code=1)
    with whole_file(path) as draft:
        nibabel.save(made, draft)
