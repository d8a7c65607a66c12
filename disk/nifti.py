"""NIfTI images as all readers open them: what their headers say of their numbers is used.

Lengths come in mm, whatever the header's unit; an image has one place in space; and no
header announces more than its file can hold. What sizes are plausible, and what to do where
qform and sform disagree, is for the reader to say. FreeSurfer's volumes (.mgz, .mgh) are
taken as such images. Not imported with `disk`, so that what needs no image does without
nibabel.
"""

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float, Shaped
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.freesurfer.mghformat import MGHError, MGHHeader
from nibabel.openers import ImageOpener
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
_APART = 0.1  # That qform and sform may differ by. [voxel]
_SIZES_WITHIN = 0.01  # Of voxels, by pixdim and by the sform.
_MOST_COMPRESSED = 1040  # Deflate shrinks zeros by 1032.
_UNCOMPRESSED = (".nii", ".mgh")
_FREESURFER = (".mgz", ".mgh")
_HEADER, _PLACED = 90, slice(28, 30)  # Bytes of FreeSurfer's header, and of its flag.


@dataclass(frozen=True)
class Kind:
    """What an image should be of.

    Attributes:
        name: In messages, such as `an image of a head`.
        voxels: Their least and largest plausible size. [mm]
        placing: What to do about one that says not where it is, a sentence.
    """

    name: str
    voxels: tuple[float, float]
    placing: str


def opened(file: Path, kind: Kind) -> nibabel.Nifti1Image:
    """Open an image, whose numbers are read later, and bring its place in space to mm.

    Args:
        file: The image.
        kind: What it should be of.

    Returns:
        The image; its affine and the lengths in its header are in mm. The affine is that
        of the sform where both forms are set, as in nibabel and SimNIBS.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is neither a NIfTI image nor a volume of FreeSurfer, is damaged,
            says not where it is, or has voxels of a size that is not plausible.
    """
    if not file.exists():
        raise FileNotFoundError(f"{file}: image not found.")
    if file.suffix.lower() in _FREESURFER:
        return _of_freesurfer(file, kind)
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
    shape = tuple(map(int, image.shape))
    _check_size(file, shape, image.header.get_data_dtype())
    if image.header["qform_code"] == 0 and image.header["sform_code"] == 0:
        raise ValueError(
            f"{file}: the header does not say where the image is (qform and sform have the "
            f"code 0). {kind.placing}"
        )
    return _in_mm(file, image, kind)


def forms_apart(image: nibabel.Nifti1Image) -> float:
    """How far apart qform and sform put a corner of an opened image. [mm]

    Returns:
        0 where one is not set, or they differ by a tenth of a voxel at most.
    """
    header = image.header
    if 0 in (int(header["qform_code"]), int(header["sform_code"])):
        return 0.0
    qform, sform = np.asarray(header.get_qform()), np.asarray(header.get_sform())
    apart = _largest_shift(qform - sform, image.shape[:3])
    voxel = float(np.linalg.norm(sform[:3, :3], axis=0).min())
    return 0.0 if apart <= _APART * voxel else apart


def sizes_apart(image: nibabel.Nifti1Image) -> str | None:
    """Say how voxels' sizes by pixdim and by the sform of an opened image disagree.

    Returns:
        None where they agree to 1%; where pixdim is 1 × 1 × 1 in the file's unit or 0, as
        programs leave it that do not fill it; and where it is the qform's, which is
        compared by `forms_apart`.
    """
    header = image.header
    if int(header["sform_code"]) == 0 or int(header["qform_code"]) != 0:
        return None
    stated = np.asarray(header["pixdim"], dtype=np.float64)[1:4]
    if not stated.all() or any(np.allclose(stated, one) for one in _MM.values()):
        return None
    taken = np.linalg.norm(np.asarray(image.affine)[:3, :3], axis=0)
    if np.allclose(stated, taken, rtol=_SIZES_WITHIN, atol=0):
        return None
    words = [" × ".join(f"{x:.3g}" for x in sizes) for sizes in (stated, taken)]
    return (
        f"voxels are {words[0]} mm by pixdim, but {words[1]} mm by the sform, which is "
        "taken"
    )


def values_of(file: Path, image: nibabel.Nifti1Image) -> Shaped[ndarray, "..."]:
    """Read the numbers of an image with the header's scaling, else as the file has them.

    Raises:
        ValueError: They are not real, or the file is damaged.
    """
    try:
        values = np.asanyarray(image.dataobj)
    except _DAMAGE as error:
        raise ValueError(f"{file}: the image is damaged: {str(error)[:160]}") from None
    if values.dtype.kind not in "iuf":
        raise ValueError(
            f"{file}: values are {values.dtype}, but must be real numbers."
        )
    return values


@np.errstate(all="ignore")  # What is not finite is refused.
def _of_freesurfer(file: Path, kind: Kind) -> nibabel.Nifti1Image:
    """Open a volume of FreeSurfer, whose lengths are in mm and times in ms."""
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm", "msec")
    try:
        with ImageOpener(str(file)) as stream:
            start = stream.read(_HEADER)
        found = MGHHeader(start, check=False)  # The check would print a line.
        if int(found["version"]) != 1:
            raise MGHError(f"version {found['version']}, not 1")
        if int(found["dims"][3]) > 1:  # The time between volumes stands behind them.
            with ImageOpener(str(file)) as stream:
                found = MGHHeader.from_fileobj(stream, check=False)
        header.set_data_dtype(found.get_data_dtype())
        header.set_data_shape(found.get_data_shape())
        header.set_zooms([float(side) for side in found.get_zooms()])
        affine = np.asarray(found.get_affine(), dtype=np.float64)
    except (*_DAMAGE, MGHError) as error:
        raise ValueError(
            f"{file}: the image is damaged or no volume of FreeSurfer "
            f"({str(error)[:160]}). Convert it to .nii.gz (FreeSurfer: mri_convert)."
        ) from None
    shape = tuple(map(int, found.get_data_shape()))
    _check_size(file, shape, np.dtype(header.get_data_dtype()))
    if not any(start[_PLACED]):  # nibabel makes up a place.
        raise ValueError(
            f"{file}: the header does not say where the image is (goodRASFlag is 0). "
            f"{kind.placing}"
        )
    _check_affine(file, affine, "mm", kind)
    header.set_sform(affine, code="scanner")
    return nibabel.Nifti1Image(ArrayProxy(str(file), found), affine, header)


def _check_size(file: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse a header that announces more than the file can hold, before it is read."""
    if not shape or min(shape) < 1:
        raise ValueError(
            f"{file}: the image is damaged or empty: its header gives the shape {shape}."
        )
    needed = math.prod(shape) * dtype.itemsize
    held = file.stat().st_size
    if file.suffix.lower() not in _UNCOMPRESSED:
        held *= _MOST_COMPRESSED
    if needed > held:
        raise ValueError(
            f"{file}: the image is cut short or damaged: its header announces {shape} "
            f"values of {dtype}, which the file cannot hold."
        )


def _in_mm(file: Path, image: nibabel.Nifti1Image, kind: Kind) -> nibabel.Nifti1Image:
    header = image.header.copy()
    try:
        space, time = map(str, header.get_xyzt_units())
        scale = _MM[space]
        qform = np.asarray(header.get_qform(), dtype=np.float64)
        sform = np.asarray(header.get_sform(), dtype=np.float64)
        affine = np.array(header.get_best_affine(), dtype=np.float64)
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
        affine[:3] *= scale
    _check_affine(file, affine, space, kind)
    header.set_xyzt_units("mm", time)
    return type(image)(image.dataobj, affine, header)


def _check_affine(
    file: Path, affine: Float[ndarray, "4 4"], unit: str, kind: Kind
) -> None:
    voxel = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = kind.voxels
    flat = not np.isfinite(affine).all() or not (
        abs(np.linalg.det(affine[:3, :3])) > 1e-3 * voxel.prod() > 0
    )
    if flat or not ((voxel >= low) & (voxel <= high)).all():
        size = " × ".join(f"{x:.3g}" for x in voxel)
        raise ValueError(
            f"{file}: voxels are {size} mm by the header (unit: {unit}), but those of "
            f"{kind.name} are {low:g} to {high:g} mm, with a volume. Correct the header."
        )


def _largest_shift(difference: ndarray, shape: tuple[int, ...]) -> float:
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    sides = np.ones(3)
    sides[: len(shape)] = shape
    at = corners * (sides - 1)
    shift = at @ difference[:3, :3].T + difference[:3, 3]
    return float(np.linalg.norm(shift, axis=1).max())
