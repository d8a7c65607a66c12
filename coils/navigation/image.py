"""The way from the forms of an image to the frame of a head that was made of it."""

from dataclasses import replace

import nibabel
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..rigid import check_rigid
from .forms import FORM_CODES, FORM_NAMES, TEMPLATE_SPACES, form_note
from .poses import HEAD_FRAME, PoseList


_SAME = 0.1  # Shift between two frames that is none. [mm]


def in_image(poses: PoseList, image: nibabel.Nifti1Image) -> PoseList:
    """Bring poses to the frame of a head that was made of an image.

    Args:
        poses: As a reader gives them.
        image: The T1 that the head was made of and the navigation system had loaded.

    Returns:
        The poses in the head's frame, with a note where they were moved or where it is
        not known which form they are in. Those that say nothing of an image as they are.

    Raises:
        ValueError: The image lacks the form that the poses are in, its form leads to
            another space, or the two forms are no rigid move apart.
    """
    form = poses.form
    if form is None:
        return poses
    header = image.header
    codes = {"Q": int(header["qform_code"]), "S": int(header["sform_code"])}
    if form.code in TEMPLATE_SPACES and codes.get(form.letter) != FORM_CODES[form.code]:
        return poses
    notes = tuple(each for each in poses.notes if each != form_note(form))
    head = np.asarray(image.affine, dtype=np.float64)
    forms = {"Q": image.get_qform(), "S": image.get_sform()}
    shifts = {
        letter: _shift(np.asarray(forms[letter]), head, image.shape)
        for letter, code in codes.items()
        if code > 0
    }
    if not form.letter:
        if max(shifts.values(), default=0.0) > _SAME:
            notes += (
                f"qform and sform of the T1 differ by up to {max(shifts.values()):.3g} mm, "
                "and the pose file does not say which of them it goes by: the sform is "
                "assumed.",
            )
        return replace(poses, notes=notes)
    if form.letter not in shifts:
        raise ValueError(
            f"the poses are in the coordinates of the image's {form.words}, but the T1 has "
            f"no {FORM_NAMES[form.letter]}: it is not the image that the navigation "
            "system had."
        )
    if shifts[form.letter] <= _SAME and poses.frame == HEAD_FRAME:
        return replace(poses, notes=notes)
    move = head @ np.linalg.inv(forms[form.letter])
    try:
        check_rigid(move)
    except ValueError:
        raise ValueError(
            f"the poses are in the coordinates of the image's {form.words}, which is no "
            "rigid move away from the head's. Make the forms of the T1 equal, and export "
            "the poses anew."
        ) from None
    moved = poses.transformed(move)
    notes += (
        f"the poses were brought from the T1's {form.words} to the head's frame, by up to "
        f"{shifts[form.letter]:.3g} mm.",
    )
    return replace(moved, notes=notes)


def forms_differ(image: nibabel.Nifti1Image) -> bool:
    """Whether an image's qform and sform say different things about where it lies."""
    if int(image.header["qform_code"]) == 0 or int(image.header["sform_code"]) == 0:
        return False
    forms = (np.asarray(image.get_qform()), np.asarray(image.get_sform()))
    return _shift(*forms, image.shape) > _SAME


def _shift(
    first: Float[ndarray, "4 4"], second: Float[ndarray, "4 4"], shape: tuple[int, ...]
) -> float:
    """How far apart two matrices put a voxel of an image at most. [mm]"""
    corners = np.stack(np.meshgrid(*[[0, n - 1] for n in shape[:3]]), -1).reshape(-1, 3)
    apart = corners @ (first - second)[:3, :3].T + (first - second)[:3, 3]
    return float(np.linalg.norm(apart, axis=1).max())
