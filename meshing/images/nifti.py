"""One way to open NIfTI images: what their headers say about their numbers is used here.

Whoever opens an image by `load_nifti` has its affine in mm, whatever the header's unit; one
place in space, and a warning where the header's two forms of it disagree; and a size that
the file can hold. `load_values`, `load_volume` and `load_mask` read the numbers, with the
header's scaling. Coils have the same rules of their own (`coils/nifti.py`), as folders
beside each other do not import each other; the tests run over both.
"""

import math
import struct
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Bool, Float, Shaped
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy import ndarray


# What nibabel raises for damaged images, besides what it knows by name.
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
_MM = {"mm": 1.0, "meter": 1e3, "micron": 1e-3, "unknown": 1.0}
_VOXEL_RANGE = (0.01, 50.0)  # From microscopy of tissue to source maps of EEG. [mm]
_APART = 0.1  # That qform and sform may differ by. [voxel]
_MOST_COMPRESSED = 1040  # Deflate shrinks zeros by 1032.
_FORMS = {1: "scanner", 2: "aligned", 3: "Talairach", 4: "MNI", 5: "template"}


def load_nifti(file: Path) -> nibabel.Nifti1Image:
    """Open an image, whose data are read later, and bring its place in space to mm.

    Where sform and qform are both set, the sform is taken, as in nibabel and SimNIBS; a
    warning says so where they disagree by more than a tenth of a voxel.

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
    if not file.exists():
        raise FileNotFoundError(f"{file}: there is no such image.")
    try:
        image = nibabel.load(file)
    except _DAMAGE as error:
        raise ValueError(
            f"{file}: the image is damaged or no NIfTI ({str(error)[:160]}). Convert it "
            "to .nii.gz (MRtrix: mrconvert)."
        ) from None
    if not isinstance(image, nibabel.Nifti1Image):
        raise ValueError(
            f"{file}: the image is a {type(image).__name__}. Convert it to .nii.gz."
        )
    _check_size(file, image)
    if image.header["qform_code"] == 0 and image.header["sform_code"] == 0:
        raise ValueError(
            f"{file}: the header does not say where the image is (qform and sform have the "
            "code 0). Register it to the head's T1, or set the sform (FSL: fslorient)."
        )
    return _in_mm(file, image)


def form_disagreement(image: nibabel.Nifti1Image) -> str | None:
    """Say how qform and sform of an image disagree, or None where they do not."""
    header = image.header
    codes = int(header["qform_code"]), int(header["sform_code"])
    if 0 in codes:
        return None
    qform, sform = np.asarray(header.get_qform()), np.asarray(header.get_sform())
    apart = _largest_shift(qform - sform, image.shape[:3])
    if apart <= _APART * float(np.linalg.norm(sform[:3, :3], axis=0).min()):
        return None
    of_q, of_s = (_FORMS.get(code, f"code {code}") for code in codes)
    return (
        f"qform and sform disagree by up to {apart:.3g} mm about where the image is "
        f"(qform: {of_q}, sform: {of_s}); the sform is taken, other programs may take the "
        "qform. Make them equal (FSL: fslorient)."
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
    try:
        values = np.asanyarray(image.dataobj)
    except _DAMAGE as error:
        raise ValueError(f"{file}: the image is damaged: {str(error)[:160]}") from None
    if values.dtype.kind not in "iuf":
        raise ValueError(
            f"{file}: values are {values.dtype}, but must be real numbers."
        )
    return values


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


def _check_size(file: Path, image: nibabel.Nifti1Image) -> None:
    """Refuse a header that announces more than the file can hold, before it is read."""
    shape = tuple(int(n) for n in image.shape)
    if not shape or min(shape) < 1:
        raise ValueError(
            f"{file}: the image is damaged or empty: its header gives the shape {shape}."
        )
    needed = math.prod(shape) * image.header.get_data_dtype().itemsize
    held = file.stat().st_size
    if file.suffix.lower() != ".nii":
        held *= _MOST_COMPRESSED
    if needed > held:
        raise ValueError(
            f"{file}: the image is cut short or damaged: its header announces {shape} "
            f"values of {image.header.get_data_dtype()}, which the file cannot hold."
        )


def _in_mm(file: Path, image: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    header = image.header.copy()
    try:
        space, time = map(str, header.get_xyzt_units())
        scale = _MM[space]
        qform = np.asarray(header.get_qform(), dtype=np.float64)
        sform = np.asarray(header.get_sform(), dtype=np.float64)
    except _DAMAGE as error:
        raise ValueError(
            f"{file}: the header is damaged: its unit of length is unknown, or its qform "
            f"is no rotation ({str(error)[:80]})."
        ) from None
    if scale != 1.0:
        header["pixdim"] = np.asarray(header["pixdim"]) * np.repeat(
            [1, scale, 1], [1, 3, 4]
        )
        if header["sform_code"]:
            header.set_sform(np.diag([scale, scale, scale, 1.0]) @ sform)
        for axis, name in enumerate(("qoffset_x", "qoffset_y", "qoffset_z")):
            header[name] = scale * qform[axis, 3]
    affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    _check_affine(file, affine, space)
    header.set_xyzt_units("mm", time)
    return type(image)(image.dataobj, affine, header)


def _check_affine(file: Path, affine: Float[ndarray, "4 4"], unit: str) -> None:
    voxel = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = _VOXEL_RANGE
    flat = not np.isfinite(affine).all() or not (
        abs(np.linalg.det(affine[:3, :3])) > 1e-3 * voxel.prod() > 0
    )
    if flat or not ((voxel >= low) & (voxel <= high)).all():
        size = " × ".join(f"{x:.3g}" for x in voxel)
        raise ValueError(
            f"{file}: voxels are {size} mm by the header (unit: {unit}), but those of an "
            f"image of a head are {low:g} to {high:g} mm, with a volume. Correct the "
            "header."
        )


def _largest_shift(difference: ndarray, shape: tuple[int, ...]) -> float:
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    sides = np.ones(3)
    sides[: len(shape)] = shape
    at = corners * (sides - 1)
    shift = at @ difference[:3, :3].T + difference[:3, 3]
    return float(np.linalg.norm(shift, axis=1).max())
