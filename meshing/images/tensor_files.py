"""Tensor images from files, of which order and unit are stated or found.

A wrong order or frame does not stop anything later: it only turns the conductivity in the
wrong direction. So what the numbers themselves say is compared with what is stated.
"""

import os
import warnings
from pathlib import Path

import nibabel
import numpy as np
from numpy import ndarray

from .nifti import load_nifti, load_values, warn_of_template
from .tensors import (
    DIPY_TENSORS,
    FSL_TENSORS,
    MM2_PER_S,
    MRTRIX_TENSORS,
    UM2_PER_MS,
    TensorFrame,
    TensorImage,
    TensorLayout,
)


_MOST_NUMBERS = 1 << 30
_SYMMETRIC_MATRIX = 1005  # NIFTI_INTENT_SYMMATRIX: the lower triangle, row by row.
_KNOWN = (FSL_TENSORS, MRTRIX_TENSORS, DIPY_TENSORS)

# The mean diffusivity of brain tissue is 7e-10 m²/s, that of free water at body
# temperature 3e-9. The range is as wide as the ratio between units, 1000.
_PLAUSIBLE = (3e-11, 3e-8)  # [m²/s]
# A component on the diagonal is positive in all tissue, another one in half of it.
_CLEAR_MARGIN = 0.1


def read_tensors(
    path: str | os.PathLike[str],
    layout: TensorLayout | None = None,
    *,
    frame: TensorFrame | None = None,
    unit: float | None = None,
) -> TensorImage:
    """Read a diffusion tensor image.

    Such as `DTI_coregT1_tensor.nii.gz` of SimNIBS or what dtifit of FSL, dwi2tensor of
    MRtrix or dipy write: six volumes, or a fifth dimension. NIfTI's intent code for
    symmetric matrices gives the order, but not the axes. It must be registered to the
    head already, with its tensors reoriented. For the directions themselves see
    `fibre_coherence`.

    Args:
        path: The image, .nii, .nii.gz or .mgz.
        layout: `FSL_TENSORS`, `MRTRIX_TENSORS`, `DIPY_TENSORS` or your own. By default it
            is found from which volumes are positive in most voxels, and is FSL's where
            that does not say.
        frame: The axes of the components, where they are not those of the layout. Must be
            given for an image with NIfTI's intent code, which does not define it.
        unit: What a value of 1 means [m²/s]. By default it is the one of mm²/s, µm²/ms
            and m²/s in which values are those of tissue.

    Returns:
        The image. Voxels in which a value is not a number have no tensor.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged or no tensor image; it has no position in space; its
            volumes do not look as `layout` says; or its unit cannot be found.
    """
    file = Path(path)
    image = _loaded(file)
    values = _values(file, image)
    if values.ndim == 5:
        layout, frame = _of_intent(file, layout, frame)
    elif layout is None:
        layout = _found_layout(file, values, int(image.header["intent_code"]))
    _check_layout(file, values, layout)
    components = _in_stored_order(values, layout)
    try:
        return TensorImage(
            components,
            np.array(image.affine, dtype=np.float64),
            layout.frame if frame is None else frame,
            _found_unit(file, components) if unit is None else unit,
            layout,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _loaded(file: Path) -> nibabel.Nifti1Image:
    image = load_nifti(file)
    warn_of_template(file, image)
    shape = tuple(image.shape)
    if len(shape) == 5 and shape[3] == 1 and shape[4] == 6:
        return image
    if len(shape) == 4 and shape[3] == 6:
        return image
    hint = "It must have six volumes, (i, j, k, 6), or be (i, j, k, 1, 6)."
    if len(shape) == 4 and shape[3] == 9:
        hint += " Nine volumes are full matrices: keep xx, xy, xz, yy, yz, zz."
    elif len(shape) == 4 and shape[3] == 3:
        hint += " Three are vectors or eigenvalues, such as V1: give the tensor itself."
    elif len(shape) == 4 and shape[3] > 9:
        hint += " This may be the diffusion-weighted series: fit it with `fit_tensors`."
    raise ValueError(f"{file}: the image has the shape {shape}. {hint}")


def _values(file: Path, image: nibabel.Nifti1Image) -> ndarray:
    values = load_values(file, image, _MOST_NUMBERS)
    intent = int(image.header["intent_code"])
    if values.ndim == 5 and intent != _SYMMETRIC_MATRIX:
        raise ValueError(
            f"{file}: the image has five dimensions, but its intent code is {intent}, not "
            f"that of symmetric matrices, {_SYMMETRIC_MATRIX}. Give it four, (i, j, k, 6), "
            "and state the layout."
        )
    there = np.isfinite(values).all(axis=-1) & np.any(values != 0, axis=-1)
    if not there.any():
        raise ValueError(
            f"{file}: the image holds no tensor: in every voxel values are zero or not a "
            "number. Is it the right file?"
        )
    return values


def _of_intent(
    file: Path, layout: TensorLayout | None, frame: TensorFrame | None
) -> tuple[TensorLayout, TensorFrame]:
    if layout is not None and layout.components != DIPY_TENSORS.components:
        raise ValueError(
            f"{file}: `layout` is that of {layout.name}, but the image has NIfTI's intent "
            "code for symmetric matrices, which says xx, xy, yy, xz, yz, zz. Leave "
            "`layout` out, and state `frame`."
        )
    frame = layout.frame if frame is None and layout is not None else frame
    if frame is None:
        raise ValueError(
            f"{file}: the image has NIfTI's intent code for symmetric matrices, which does "
            "not say along which axes. State `frame`: TensorFrame.FSL where it was fitted "
            "with FSL's bvecs (dipy), TensorFrame.WORLD where tensors were rotated to the "
            "scanner's axes. `fibre_coherence` shows which of them is right."
        )
    return TensorLayout("NIfTI", DIPY_TENSORS.components, frame), frame


def _in_stored_order(values: ndarray, layout: TensorLayout) -> ndarray:
    # Volume after volume in memory, as in the file: each is interpolated by itself.
    stored = np.empty((*values.shape[:3], 6), values.dtype, order="F")
    for number, volume in enumerate(layout.to_stored):
        stored[..., number] = values[..., volume].reshape(values.shape[:3])
    return stored


def _share_positive(values: ndarray) -> ndarray:
    there = np.isfinite(values).all(axis=-1) & np.any(values != 0, axis=-1)
    return np.array([(values[..., n][there] > 0).mean() for n in range(6)])


def _seen_diagonal(values: ndarray) -> tuple[int, ...] | None:
    """The volumes that can only be xx, yy, zz; None where several might be."""
    share = _share_positive(values)
    order = np.argsort(-share, kind="stable")
    if share[order[2]] - share[order[3]] < _CLEAR_MARGIN:
        return None
    return tuple(sorted(order[:3].tolist()))


def _found_layout(file: Path, values: ndarray, intent: int) -> TensorLayout:
    seen = _seen_diagonal(values)
    if seen is None and intent == _SYMMETRIC_MATRIX:
        warnings.warn(
            f"{file}: by the intent code for symmetric matrices the volumes are taken as "
            f"xx, xy, yy, xz, yz, zz, along the axes of {DIPY_TENSORS.name}.",
            stacklevel=1,
        )
        return DIPY_TENSORS
    if seen is None:
        return FSL_TENSORS
    for layout in _KNOWN:
        if layout.diagonal == seen:
            return layout
    raise ValueError(
        f"{file}: the volumes {seen} (from 0) are positive in most voxels, so they must be "
        "xx, yy and zz; no program we know stores them so. State `layout` with a "
        "TensorLayout of your own."
    )


def _check_layout(file: Path, values: ndarray, layout: TensorLayout) -> None:
    seen = _seen_diagonal(values)
    if seen is None or seen == layout.diagonal:
        return
    fitting = [other.name for other in _KNOWN if other.diagonal == seen]
    looks = f", as {' or '.join(fitting)} store them" if fitting else ""
    raise ValueError(
        f"{file}: in the layout of {layout.name} the volumes {layout.diagonal} (from 0) "
        f"are xx, yy and zz, which are positive; but {seen} are{looks}. State the right "
        "`layout`."
    )


def _found_unit(file: Path, components: ndarray) -> float:
    mean = components[..., 0] / 3 + components[..., 3] / 3 + components[..., 5] / 3
    with np.errstate(invalid="ignore"):
        positive = mean[np.isfinite(mean) & (mean > 0)]
    typical = float(np.median(positive)) if len(positive) else 0.0
    for unit in (MM2_PER_S, UM2_PER_MS, 1.0):
        if _PLAUSIBLE[0] <= typical * unit < _PLAUSIBLE[1]:
            return unit
    raise ValueError(
        f"{file}: half of the voxels have a mean diffusivity above {typical:.3g}, which is "
        "that of tissue neither in mm²/s nor in µm²/ms nor in m²/s. State `unit` in m²/s "
        "per value; for tensors without a physical size any will do, with the type `vn`."
    )
