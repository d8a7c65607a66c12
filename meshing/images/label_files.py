"""Label images from files: segmentations of heads, with the tissue of each label."""

import os
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from .label_table import SIMNIBS_LABELS, LabelTable
from .nifti import load_nifti, load_volume


_MOST_VOXELS = 1 << 28
_VOXEL_RANGE = (0.05, 10.0)  # [mm]
_SPM_TAGS = np.array([0, 2, 1, 3, 4, 5], np.uint8)  # c1 is gray matter, c2 white.
_WHOLE = 1.02  # Largest sum of probabilities, with rounding.


@dataclass(frozen=True, eq=False)
class LabelImage:
    """The tissue of each voxel, and where the voxels are.

    Attributes:
        labels: Tags 1 to 10, as in SimNIBS; 0 is air.
        affine: Voxel indices to millimetres, as an exception: all who take label images
            take this.
    """

    labels: UInt8[ndarray, "i j k"]
    affine: Float[ndarray, "4 4"]


def read_labels(
    path: str | os.PathLike[str], table: LabelTable = SIMNIBS_LABELS
) -> LabelImage:
    """Read a label image.

    Args:
        path: The image, .nii, .nii.gz or .mgz; three-dimensional, of whole numbers.
        table: What its labels stand for.

    Returns:
        The tissues.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged or no label image, does not say where it is, or holds
            labels that are not in the table.
    """
    file = Path(path)
    image = load_nifti(file)
    stored = load_volume(file, image, _MOST_VOXELS, "a label image")
    values = _whole_numbers(file, stored)
    try:
        return LabelImage(table.apply(values), _affine(file, image))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def read_spm_maps(path: str | os.PathLike[str]) -> LabelImage:
    """Read the probability maps that SPM's segmentation writes, and take the likeliest.

    Args:
        path: The map c1NAME.nii or c1NAME.nii.gz, beside which c2NAME to c5NAME lie.

    Returns:
        The tissues. Where air is likelier than any of them, it is air.

    Raises:
        FileNotFoundError: One of the maps is missing.
        ValueError: The name does not begin with c1; a map is damaged, holds other
            values than probabilities, or is in another space than the first.
    """
    first = Path(path)
    if not first.name.startswith("c1"):
        raise ValueError(
            f"{first}: give the map whose name begins with c1; c2 to c5 are found beside "
            "it."
        )
    image = load_nifti(first)
    affine = _affine(first, image)
    names = [f"c{n}{first.name[2:]}" for n in range(1, len(_SPM_TAGS))]
    maps = (
        _probabilities(first.with_name(name), tuple(image.shape), affine)
        for name in names
    )
    largest = next(maps)
    total, labels = largest.copy(), np.ones(largest.shape, np.uint8)
    for number, probability in enumerate(maps, start=2):
        labels[probability > largest] = number
        np.maximum(largest, probability, out=largest)
        total += probability
    if float(total.max(initial=0)) > _WHOLE:
        raise ValueError(
            f"{first}: the probabilities of c1 to c5 add up to {float(total.max()):.3g} "
            "somewhere. Are these the maps of one segmentation?"
        )
    labels[1 - total > largest] = 0
    return LabelImage(_SPM_TAGS[labels], affine)


def _probabilities(
    file: Path, shape: tuple[int, ...], affine: ndarray
) -> Float[ndarray, "i j k"]:
    image = load_nifti(file)
    if tuple(image.shape) != shape:
        raise ValueError(
            f"{file}: the map has the shape {tuple(image.shape)}, but c1 has {shape}."
        )
    if not np.allclose(_affine(file, image), affine, atol=1e-3):
        raise ValueError(f"{file}: the map is in another space than c1.")
    values = load_volume(file, image, _MOST_VOXELS).astype(np.float32)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not (low >= -_WHOLE + 1 and high <= _WHOLE):  # Of NaN, neither holds.
        raise ValueError(
            f"{file}: values run from {low:.3g} to {high:.3g}; probabilities lie between "
            "0 and 1."
        )
    return values


def _whole_numbers(file: Path, values: ndarray) -> ndarray:
    if values.dtype.kind == "u":
        return values.astype(np.int64) if values.dtype.itemsize > 2 else values
    if values.dtype.kind == "i":
        return values
    if not np.isfinite(values).all():
        raise ValueError(
            f"{file}: {int((~np.isfinite(values)).sum())} values are not finite. A label "
            "image has a whole number in each voxel."
        )
    whole = np.rint(values)
    wrong = int((whole != values).sum())
    if wrong:
        low, high = float(values.min()), float(values.max())
        reason = (
            "It looks like a probability map: make labels of the maps first, or give "
            "SPM's c1 map with the table `spm`."
            if low >= 0 and high <= 1
            else "It was probably resampled by interpolation: resample it anew with the "
            "nearest neighbour."
        )
        raise ValueError(
            f"{file}: {wrong} of {values.size} values are no whole numbers, so this is "
            f"no label image. {reason}"
        )
    if np.abs(whole).max(initial=0) > np.iinfo(np.int32).max:
        raise ValueError(f"{file}: values are too large for labels.")
    return whole.astype(np.int32)


def _affine(file: Path, image: nibabel.Nifti1Image) -> Float[ndarray, "4 4"]:
    matrix = np.array(image.affine, dtype=np.float64)
    voxel = np.linalg.norm(matrix[:3, :3], axis=0)
    low, high = _VOXEL_RANGE
    if not ((voxel >= low) & (voxel <= high)).all():
        size = " × ".join(f"{x:.3g}" for x in voxel)
        raise ValueError(
            f"{file}: voxels are {size} mm, but those of a label image of a head are "
            f"{low:g} to {high:g} mm."
        )
    return matrix
