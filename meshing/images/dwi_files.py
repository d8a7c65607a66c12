"""Diffusion-weighted images from files: the volumes, bvals and bvecs."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ...disk import read_text
from .dwi import S_PER_MM2, DiffusionSeries
from .nifti import load_mask, load_nifti, load_values
from .tensors import TensorFrame


_MOST_NUMBERS = 1 << 32
_ENDINGS = (".nii.gz", ".nii")


def read_dwi(
    path: str | os.PathLike[str],
    b_values: str | os.PathLike[str] | None = None,
    directions: str | os.PathLike[str] | None = None,
    *,
    frame: TensorFrame = TensorFrame.FSL,
) -> DiffusionSeries:
    """Read diffusion-weighted images with the weighting of each volume.

    Args:
        path: The images, .nii or .nii.gz, in mm.
        b_values: The text file of b-values [s/mm²]; by default the one of the same name
            that ends in .bval or .bvals.
        directions: The text file of directions, three rows or three columns; by default
            the one of the same name that ends in .bvec or .bvecs.
        frame: The axes of the directions. FSL's, dcm2niix' and BIDS' files have them
            along FSL's.

    Returns:
        The images.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is damaged, or they do not belong together.
    """
    file = Path(path)
    image = load_nifti(file)
    if image.ndim != 4 or image.shape[3] < 2:
        raise ValueError(
            f"{file}: the image has the shape {image.shape}; diffusion-weighted images "
            "have (i, j, k, volumes)."
        )
    of_b = _beside(file, b_values, "b_values", (".bval", ".bvals"))
    of_g = _beside(file, directions, "directions", (".bvec", ".bvecs"))
    b = _numbers(of_b).reshape(-1)
    g = _numbers(of_g)
    count = image.shape[3]
    if g.shape != (3, count) and g.shape != (count, 3):
        raise ValueError(
            f"{of_g}: the file holds {g.shape[0]} rows of {g.shape[1]} numbers, but "
            f"{file.name} has {count} volumes; there must be 3 rows of {count} numbers, or "
            "the other way round."
        )
    if b.shape != (count,):
        raise ValueError(
            f"{of_b}: the file holds {len(b)} b-values, but {file.name} has {count} "
            "volumes."
        )
    # Three by three is taken as three rows, as FSL writes it.
    vectors = g.T if g.shape == (3, count) else g
    try:
        return DiffusionSeries(
            load_values(file, image, _MOST_NUMBERS),
            np.array(image.affine, dtype=np.float64),
            b * S_PER_MM2,
            vectors,
            frame,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def read_mask(
    path: str | os.PathLike[str], series: DiffusionSeries
) -> Bool[ndarray, "i j k"]:
    """Read the mask of a series: the voxels that are positive in an image.

    Args:
        path: The image, .nii or .nii.gz.
        series: Whose mask it is.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or its voxels are not those of the series.
    """
    file = Path(path)
    image = load_nifti(file)
    shape = series.signals.shape[:3]
    if tuple(image.shape[:3]) != shape:
        raise ValueError(
            f"{file}: the mask has the shape {tuple(image.shape)}, but the series has "
            f"{shape} voxels."
        )
    apart = np.abs(np.asarray(image.affine) - series.affine)[:3]
    apart = float((apart[:, :3] @ np.array(shape) + apart[:, 3]).max())
    if apart > 0.1 * np.linalg.norm(series.affine[:3, :3], axis=0).min():
        raise ValueError(
            f"{file}: the mask is up to {apart:.2g} mm away from the series: they are in "
            "different spaces."
        )
    return load_mask(file, image, _MOST_NUMBERS)


def _beside(
    image: Path,
    given: str | os.PathLike[str] | None,
    argument: str,
    endings: tuple[str, ...],
) -> Path:
    if given is not None:
        if not Path(given).exists():
            raise FileNotFoundError(f"{given}: file not found (`{argument}`).")
        return Path(given)
    stem = image.name
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    for ending in endings:
        if (image.parent / f"{stem}{ending}").exists():
            return image.parent / f"{stem}{ending}"
    raise FileNotFoundError(
        f"{image}: beside it there is no {stem}{endings[0]}; give `{argument}`. Without it "
        "a diffusion tensor cannot be fitted."
    )


def _numbers(file: Path) -> Float[ndarray, "row column"]:
    try:
        rows = [line.split() for line in read_text(file).splitlines()]
        rows = [[float(word.rstrip(",")) for word in row] for row in rows if row]
    except ValueError:
        raise ValueError(
            f"{file}: the file holds something else than numbers in rows."
        ) from None
    if not rows or len({len(row) for row in rows}) != 1:
        raise ValueError(
            f"{file}: the file must hold rows of equally many numbers; it has "
            f"{len(rows)} rows of {sorted({len(row) for row in rows})} numbers."
        )
    return np.array(rows)
