"""A person's resting-state series that the pip package `brainspace` carries.

`pip install --no-deps brainspace` is enough: its files are read, it is not imported. The
series is on fsaverage5, 652 volumes of a person of the Leipzig mind-brain-body study
[Babayan et al. 2019, doi:10.1038/sdata.2018.308]; the package is under the BSD licence.
Nothing of it is part of this project. What its table's columns are was found by comparing
them with each other: six have norm 1, as components of aCompCor; six are followed by their
differences, three of them rotations by their size; eight mark a volume each; the rest is a
polynomial. The package does not say the repetition time: 1.4 s is that of the study, as
known to us and not compared with the paper.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from benchmarks import simulated_bold
from jaxtyping import Float
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage
from numpy import ndarray
from scipy.spatial import KDTree

from tmsgrad.meshing import average_cortex, write_surface


STEP = 1.4  # [s]
SEED = np.array([6.0, 16.0, -10.0])  # [mm]
_NAME = "sub-010188_ses-02_task-rest_acq-AP_run-01"
_MOTION = ("rot_x", "rot_y", "rot_z", "trans_x", "trans_y", "trans_z")
_SIDES = ("L", "R")
_VOXEL = 3.0  # Of the group's map. [mm]
_REACH = 4.0  # From a vertex. [mm]
_WITHIN = 10.0  # Of the seed, that parcels lie in part within. [mm]


@dataclass(frozen=True)
class Person:
    """Files as `tmsgrad target functional` reads them.

    Attributes:
        bold: Of the left hemisphere; that of the right one lies beside.
        surfaces: Of both.
        confounds: Table in fMRIPrep's names.
        group: Image of a group's connectivity with the subgenual cingulate.
    """

    bold: Path
    surfaces: tuple[Path, Path]
    confounds: Path
    group: Path


def package() -> Path | None:
    """The folder of the package's data, or None where it is not installed."""
    found = importlib.util.find_spec("brainspace")
    places = [] if found is None else list(found.submodule_search_locations or ())
    folder = Path(places[0]) / "datasets" if places else None
    return folder if folder is not None and folder.is_dir() else None


def write(data: Path, folder: Path, part: slice = slice(None)) -> Person:
    """Write a stretch of the series, its table, surfaces and the group's map.

    Args:
        data: Folder `datasets` of the package.
        folder: Where to write; it is made.
        part: Which volumes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    signals, surfaces = [], []
    for side in _SIDES:
        file = data / "preprocessing" / f"{_NAME}.fsa5.{side.lower()}h.mgz"
        image: Any = nibabel.load(file)
        values = np.asarray(image.dataobj, np.float32)[:, 0, 0, part].T
        signals.append(values)
        surfaces.append(folder / f"sub-01_hemi-{side}_midthickness.surf.gii")
        write_surface(surfaces[-1], average_cortex(side).middle)
        _write_series(_bold(folder, side), values)
    whole = np.concatenate(signals, axis=1)
    table = np.loadtxt(data / "preprocessing" / f"{_NAME}_confounds.txt")[part]
    confounds = folder / "sub-01_task-rest_desc-confounds_timeseries.tsv"
    simulated_bold.write_confounds(confounds, _columns(table, whole))
    group = folder / "group.nii.gz"
    _write_group(data, group)
    left, right = surfaces
    return Person(_bold(folder, "L"), (left, right), confounds, group)


def parcels(data: Path) -> Float[ndarray, "parcel 3"]:
    """The middles of a hundred parcels of the cortex, at their nearest vertex. [mm]"""
    labels = np.loadtxt(data / "parcellations" / "schaefer_100_conte69.csv")
    places = _group_places(data)
    found = []
    for number in range(1, 101):
        own = places[labels == number]
        apart = np.linalg.norm(own - own.mean(axis=0), axis=1)
        found.append(own[np.argmin(apart)])
    return np.array(found)


def _bold(folder: Path, side: str) -> Path:
    return folder / f"sub-01_task-rest_space-MNI152_hemi-{side}_bold.func.gii"


def _write_series(path: Path, values: Float[ndarray, "time vertex"]) -> None:
    arrays = [
        GiftiDataArray(each, intent="NIFTI_INTENT_TIME_SERIES", datatype="float32")
        for each in values
    ]
    arrays[0].meta["TimeStep"] = f"{STEP * 1e3:g}"
    nibabel.save(GiftiImage(darrays=arrays), path)


def _columns(
    table: Float[ndarray, "time column"], signals: Float[ndarray, "time vertex"]
) -> dict[str, ndarray]:
    """The table's columns in fMRIPrep's names."""
    names = {f"a_comp_cor_{k:02d}": table[:, k] for k in range(6)}
    names |= dict(zip(_MOTION, table[:, 6:12].T, strict=True))
    marks = table[:, 18:26]
    names |= {
        f"motion_outlier{k:02d}": marks[:, k] for k in range(8) if marks[:, k].any()
    }
    return names | {"global_signal": signals.mean(axis=1)}


def _group_places(data: Path) -> Float[ndarray, "vertex 3"]:
    """The vertices that the group's parcels are of, of both hemispheres. [mm]"""
    files = [data / "surfaces" / f"conte69_32k_{side}h.gii" for side in "lr"]
    images: list[Any] = [nibabel.load(file) for file in files]
    return np.concatenate([image.darrays[0].data for image in images])


def _write_group(data: Path, path: Path) -> None:
    """A group's connectivity of the parcels about the seed, less its mean over all."""
    labels = np.loadtxt(data / "parcellations" / "schaefer_400_conte69.csv")
    matrices = data / "matrices" / "main_group"
    matrix = np.loadtxt(
        matrices / "schaefer_400_mean_connectivity_matrix.csv", delimiter=","
    )
    places = _group_places(data)
    near = labels[np.linalg.norm(places - SEED, axis=1) < _WITHIN]
    parcels = np.unique(near[near > 0]).astype(int) - 1
    row = matrix[parcels].mean(axis=0)
    row = np.concatenate([[0.0], row - row.mean()])
    low = np.floor(places.min(axis=0) / _VOXEL) * _VOXEL - _VOXEL
    voxels = np.ceil((places.max(axis=0) - low) / _VOXEL).astype(int) + 2
    shape = tuple(map(int, voxels))
    affine = np.diag([_VOXEL, _VOXEL, _VOXEL, 1.0])
    affine[:3, 3] = low
    centres = np.moveaxis(np.indices(shape), 0, -1) * _VOXEL + low
    apart, nearest = KDTree(places).query(centres.reshape(-1, 3))
    values = np.where(apart <= _REACH, row[labels[nearest].astype(int)], 0.0)
    image = nibabel.Nifti1Image(values.reshape(shape).astype(np.float32), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=4)
    nibabel.save(image, path)
