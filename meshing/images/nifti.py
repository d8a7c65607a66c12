"""How images of heads are opened, by `disk.nifti`: in mm, and in one place in space.

`load_nifti` warns where the header's two forms of the place disagree. `load_values`,
`load_volume` and `load_mask` read the numbers, with the header's scaling.
"""

import math
import warnings
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Bool, Shaped
from numpy import ndarray

from ...disk import nifti


_HEAD = nifti.Kind(
    "an image of a head",
    (0.01, 50.0),  # From microscopy of tissue to source maps of EEG.
    "Register it to the head's T1, or set the sform (FSL: fslorient).",
)
_FORMS = {1: "scanner", 2: "aligned", 3: "Talairach", 4: "MNI", 5: "template"}
_TEMPLATES = (3, 4, 5)


def load_nifti(file: Path) -> nibabel.Nifti1Image:
    """Open an image, whose data are read later, and bring its place in space to mm.

    Where sform and qform are both set, the sform is taken, as in nibabel and SimNIBS; a
    warning says so where they disagree by more than a tenth of a voxel, and so where the
    sizes of voxels in pixdim are not those of the sform.

    Returns:
        The image; its affine and the lengths in its header are in mm.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no NIfTI image, is damaged, says not where it is, or has voxels
            of a size that no image of a head has.
    """
    image = open_nifti(file)
    disagreement = form_disagreement(image)
    if disagreement is not None:
        warnings.warn(f"{file}: {disagreement}", stacklevel=1)
    return image


def open_nifti(file: Path) -> nibabel.Nifti1Image:
    """Open an image as `load_nifti`, without a word about forms that disagree."""
    return nifti.opened(file, _HEAD)


def form_disagreement(image: nibabel.Nifti1Image) -> str | None:
    """Say how an image's statements about its place disagree, None where they do not."""
    apart = nifti.forms_apart(image)
    if not apart:
        sizes = nifti.sizes_apart(image)
        return None if sizes is None else f"{sizes}. Was it resampled?"
    codes = int(image.header["qform_code"]), int(image.header["sform_code"])
    of_q, of_s = (_FORMS.get(code, f"code {code}") for code in codes)
    return (
        f"qform and sform disagree by up to {apart:.3g} mm about where the image is "
        f"(qform: {of_q}, sform: {of_s}); the sform is taken, other programs may take the "
        "qform. Make them equal (FSL: fslorient)."
    )


def template_space(image: nibabel.Nifti1Image) -> str:
    """Name the template whose space an image says that it is in; empty for a person's."""
    header = image.header
    code = int(header["sform_code"]) or int(header["qform_code"])
    return _FORMS[code] if code in _TEMPLATES else ""


def warn_of_template(file: Path, image: nibabel.Nifti1Image) -> None:
    """Warn that an image of a template's space is taken as in the head's."""
    space = template_space(image)
    if space:
        warnings.warn(
            f"{file}: the header says that the image is in the space {space}; it is taken "
            "as in the head's.",
            stacklevel=1,
        )


def load_values(
    file: Path, image: nibabel.Nifti1Image, most: int
) -> Shaped[ndarray, "..."]:
    """Read the numbers of an image with the header's scaling, else as the file has them.

    Raises:
        ValueError: They are not real, more than `most`, or the file is damaged.
    """
    if math.prod(image.shape) > most:
        raise ValueError(f"{file}: {image.shape} is more than any image of a head has.")
    return nifti.values_of(file, image)


def load_volume(
    file: Path, image: nibabel.Nifti1Image, most: int, what: str = "a map"
) -> Shaped[ndarray, "i j k"]:
    """Read an image of one volume; further axes must have the length 1.

    Args:
        file: For messages.
        image: The image.
        most: How many numbers it may have.
        what: It should be, for messages.

    Raises:
        ValueError: It has several volumes, or none; or see `load_values`.
    """
    shape = tuple(image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise ValueError(
            f"{file}: the image has the shape {shape}, but {what} has three dimensions."
            + (" Take one volume of it." if len(shape) > 3 else "")
        )
    return load_values(file, image, most).reshape(shape[:3])


def load_mask(
    file: Path, image: nibabel.Nifti1Image, most: int
) -> Bool[ndarray, "i j k"]:
    """Read a mask: the voxels that are positive. NaN is outside.

    Raises:
        ValueError: A value is negative or infinite, or nothing is positive; or see
            `load_volume`.
    """
    values = load_volume(file, image, most, "a mask")
    inside = values > 0
    if (values < 0).any() or (values.dtype.kind == "f" and np.isinf(values).any()):
        raise ValueError(
            f"{file}: a mask has 0 outside and positive values inside; this image has "
            "negative or infinite ones."
        )
    if not inside.any():
        raise ValueError(f"{file}: the mask is empty.")
    return inside
