"""Coils as NIfTI images: the vector potential on a grid, per current or per dI/dt.

The image has three values per voxel, the vector A in the frame of the coil [T m / A, or
V s / m per A/s]; its affine maps voxels to that frame, in the header's unit of length, or
in mm where it names none. SimNIBS writes the largest dI/dt [A/µs] into the header's
description, as `dIdtmax=...`.

Units, forms and sizes are decided as in `meshing/images/nifti.py`. These are their own
lines, as folders beside each other do not import each other; the tests run over both.
"""

import math
import os
import struct
import warnings
import zlib
from pathlib import Path

import jax.numpy as jnp
import nibabel
import numpy as np
from jaxtyping import Float
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy import ndarray

from ..disk import whole_file
from .coil import AbstractCoil, Coil
from .grids import SampledPotential
from .plausible import check_field, checked_rate


_MOST_NUMBERS = 1 << 27
_DAMAGE = (
    ImageFileError,
    HeaderDataError,
    WrapStructError,
    EOFError,
    OSError,
    zlib.error,
    struct.error,
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
)
_METRES = {"mm": 1e-3, "meter": 1.0, "micron": 1e-6, "unknown": 1e-3}
_STEP_RANGE = (1e-5, 0.05)  # Of a grid. [m]
_APART = 0.1  # That qform and sform may differ by. [voxel]
_MOST_COMPRESSED = 1040  # Deflate shrinks zeros by 1032.


def read_nifti(path: str | os.PathLike[str], *, smooth: bool = False) -> Coil:
    """Read a coil's vector potential from an image.

    Args:
        path: The image, .nii or .nii.gz.
        smooth: Whether to interpolate by cubic splines rather than linearly, which is
            what SimNIBS does.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The image is damaged or no vector potential, says not where it is, or
            has no field within 100 mm of the coil's origin.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such image.")
    image = _opened(path)
    shape = tuple(image.shape)
    _check_shape(path, image)
    affine = _affine(path, image)
    try:
        stored = np.asanyarray(image.dataobj)
    except _DAMAGE as error:
        raise ValueError(f"{path}: the image is damaged: {str(error)[:160]}") from None
    if stored.dtype.kind not in "iuf":
        raise ValueError(f"{path}: values are {stored.dtype}, not real numbers.")
    samples = np.asarray(stored, dtype=np.float64)
    description = image.header["descrip"].tobytes().decode("latin-1")
    samples = samples.reshape(*shape[:3], 3)
    if not np.isfinite(samples).all():
        raise ValueError(f"{path}: the image holds a value that is not finite.")
    try:
        element = SampledPotential(samples, affine, smooth=smooth)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    coil = Coil((element,), name=name, max_current_rate=_limit(path, description))
    check_field(path, coil)
    return coil


def write_nifti(
    path: str | os.PathLike[str],
    coil: AbstractCoil,
    *,
    lowest: tuple[float, float, float] = (-0.1, -0.1, 0.0),
    highest: tuple[float, float, float] = (0.1, 0.1, 0.1),
    spacing: float = 2e-3,
) -> None:
    """Sample a coil's vector potential, and write it as an image in single precision.

    Args:
        path: The image, .nii or .nii.gz, replaced when it exists.
        coil: What to sample. A coil that is one grid already is written as it is.
        lowest: Corner of the box, in the frame of the coil. [m]
        highest: The opposite corner. [m]
        spacing: Of the samples. [m]

    Raises:
        ValueError: The box is empty, or has too many samples.
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"{path}: an image's name ends in .nii or .nii.gz.")
    grid = coil.elements[0] if isinstance(coil, Coil) else coil
    alone = not isinstance(coil, Coil) or len(coil.elements) == 1
    if not (isinstance(grid, SampledPotential) and alone):
        grid = sampled(coil, lowest, highest, spacing)
    affine = np.array(grid.affine)
    affine[:3] *= 1e3
    image = nibabel.Nifti1Image(np.asarray(grid.samples, dtype=np.float32), affine)
    image.header.set_xyzt_units("mm")
    if isinstance(coil, Coil) and coil.max_current_rate is not None:
        image.header["descrip"] = f"dIdtmax={coil.max_current_rate * 1e-6:.10g}"
    with whole_file(path) as draft:
        nibabel.save(image, draft)


def sampled(
    coil: AbstractCoil,
    lowest: tuple[float, float, float],
    highest: tuple[float, float, float],
    spacing: float,
    *,
    smooth: bool = False,
) -> SampledPotential:
    """Sample a coil's vector potential in a box of its frame.

    Args:
        coil: What to sample.
        lowest: Corner of the box. [m]
        highest: The opposite corner, which is met where the spacing divides the sides. [m]
        spacing: Of the samples. [m]
        smooth: Whether the result interpolates by cubic splines.

    Raises:
        ValueError: The box is empty, or has too many samples.
    """
    sides = np.subtract(highest, lowest)
    if not spacing > 0 or not (sides > 0).all():
        raise ValueError(
            f"the box from {lowest} to {highest} with a spacing of {spacing} m is empty."
        )
    counts = np.floor(sides / spacing + 1e-6).astype(int) + 1
    if float(np.prod(counts.astype(float))) * 3 > _MOST_NUMBERS:
        raise ValueError(
            f"{counts.tolist()} samples are too many; take a smaller box or a larger "
            "spacing."
        )
    axes = [low + spacing * np.arange(n) for low, n in zip(lowest, counts, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    values = coil.vector_potential(jnp.asarray(points))
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = lowest
    return SampledPotential(values.reshape(*counts, 3), affine, smooth=smooth)


def _opened(path: Path) -> nibabel.Nifti1Image:
    try:
        image = nibabel.load(path)
    except _DAMAGE as error:
        raise ValueError(
            f"{path}: the image is damaged or no NIfTI: {str(error)[:160]}"
        ) from None
    if not isinstance(image, nibabel.Nifti1Image):
        raise ValueError(
            f"{path}: the image is a {type(image).__name__}. Convert it to .nii.gz."
        )
    return image


def _affine(path: Path, image: nibabel.Nifti1Image) -> Float[ndarray, "4 4"]:
    """Take where the grid is from the header, from indices to the coil's frame. [m]"""
    header = image.header
    codes = int(header["qform_code"]), int(header["sform_code"])
    if codes == (0, 0):
        raise ValueError(
            f"{path}: the header does not say where the grid is (qform and sform have the "
            "code 0). Set the sform: from voxels to mm in the coil's frame."
        )
    try:
        unit = str(header.get_xyzt_units()[0])
        qform = np.asarray(header.get_qform(), dtype=np.float64)
        affine = np.array(header.get_best_affine(), dtype=np.float64)
        scale = _METRES[unit]
    except _DAMAGE as error:
        raise ValueError(
            f"{path}: the header is damaged: its unit of length is unknown, or its qform "
            f"is no rotation ({str(error)[:80]})."
        ) from None
    step = np.linalg.norm(affine[:3, :3], axis=0)
    if 0 not in codes:
        ends = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
        apart = qform - affine
        apart = (ends * (np.array(image.shape[:3]) - 1)) @ apart[:3, :3].T + apart[
            :3, 3
        ]
        largest = float(np.linalg.norm(apart, axis=1).max())
        if not largest <= _APART * step.min():
            warnings.warn(
                f"{path}: qform and sform disagree by up to {largest * scale * 1e3:.3g} mm "
                "about where the grid is; the sform is taken.",
                stacklevel=1,
            )
    affine[:3] *= scale
    low, high = _STEP_RANGE
    step = step * scale
    if not (np.isfinite(affine).all() and (step >= low).all() and (step <= high).all()):
        size = " × ".join(f"{x * 1e3:.3g}" for x in step)
        raise ValueError(
            f"{path}: voxels are {size} mm by the header (unit: {unit}), but those of a "
            f"coil's field are {low * 1e3:g} to {high * 1e3:g} mm. Correct the header."
        )
    return affine


def _check_shape(path: Path, image: nibabel.Nifti1Image) -> None:
    shape = tuple(int(n) for n in image.shape)
    vector = len(shape) == 4 or (len(shape) == 5 and shape[3] == 1)
    if not vector or shape[-1] != 3 or min(shape[:3]) < 2:
        raise ValueError(
            f"{path}: the image has the shape {shape}; a coil's has (x, y, z, 3): three "
            "values per voxel, the vector potential."
        )
    if math.prod(shape) > _MOST_NUMBERS:
        raise ValueError(f"{path}: an image of {shape} is no plausible coil.")
    held = path.stat().st_size
    held *= 1 if path.suffix.lower() == ".nii" else _MOST_COMPRESSED
    if math.prod(shape) * image.header.get_data_dtype().itemsize > held:
        raise ValueError(
            f"{path}: the image is cut short or damaged: its header announces {shape} "
            "values, which the file cannot hold."
        )


def _limit(path: Path, description: str) -> float | None:
    _, found, rest = description.partition("dIdtmax=")
    if not found:
        return None
    word = rest.replace("\0", " ").replace(";", " ").split()
    try:
        limit = float(word[0]) * 1e6
    except (IndexError, ValueError):
        limit = np.nan
    if not 0 < limit < np.inf:
        raise ValueError(f"{path}: dIdtmax in the header is no positive number.")
    return checked_rate(str(path), limit, "dIdtmax in the header, in A/µs,")
