"""Coils as NIfTI images: the vector potential on a grid, per current or per dI/dt.

The image has three values per voxel, the vector A in the frame of the coil [T m / A, or
V s / m per A/s]; its affine maps voxels to that frame, in the header's unit of length, or
in mm where it names none. SimNIBS writes the largest dI/dt [A/µs] into the header's
description, as `dIdtmax=...`.
"""

import math
import os
import warnings
from pathlib import Path

import jax.numpy as jnp
import nibabel
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..disk import nifti, whole_file
from .coil import AbstractCoil, Coil
from .grids import SampledPotential
from .plausible import check_field, checked_rate


_MOST_NUMBERS = 1 << 27
_FIELD = nifti.Kind(
    "a coil's field",
    (0.01, 50.0),
    "Set the sform: from voxels to mm in the coil's frame.",
)


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
    image = nifti.opened(path, _FIELD)
    shape = tuple(image.shape)
    _check_shape(path, image)
    affine = _affine(path, image)
    stored = nifti.values_of(path, image)
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


def _affine(path: Path, image: nibabel.Nifti1Image) -> Float[ndarray, "4 4"]:
    """Take where the grid is, from indices to the coil's frame. [m]"""
    apart = nifti.forms_apart(image)
    if apart:
        warnings.warn(
            f"{path}: qform and sform disagree by up to {apart:.3g} mm about where the "
            "grid is; the sform is taken.",
            stacklevel=1,
        )
    sizes = nifti.sizes_apart(image)
    if sizes is not None:
        warnings.warn(f"{path}: {sizes}.", stacklevel=1)
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= 1e-3
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
