"""ANT visor2: coil targets in a .mrk file, which is JSON.

A target's matrix maps the coil to the associated image, lengths in mm. It says which axes
of the coil it means; `simnibs` is the only convention seen.
"""

import os
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import mm_per_unit, read_json, write_whole
from .forms import ImageForm
from .image import forms_differ
from .poses import HEAD_FRAME, PoseList
from .text import check_names
from .values import at, to_json


def read_ant(path: str | os.PathLike[str], *, repair: bool = False) -> PoseList:
    """Read the targets of visor2.

    Args:
        path: The .mrk file.
        repair: See `PoseList.of_matrices`.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is malformed, or its axes or lengths are not known.
    """
    file = Path(path)
    markers = at(file, read_json(file), "TargetMarkers", list)
    names, matrices, frames = [], [], set()
    for number, marker in enumerate(markers):
        where = f"TargetMarkers[{number}]"
        target = at(file, marker, "CoilTarget", dict, where)
        convention = at(file, target, "CoilAxesConvention", str, where)
        if convention.lower() != "simnibs":
            raise ValueError(
                f"{file}: {where} has the coil's axes of {convention!r}; known is simnibs."
            )
        unit = at(file, target, "PositionalUnit", str, where)
        scale = mm_per_unit(unit)
        if scale is None:
            raise ValueError(f"{file}: {where} is in {unit!r}; known are mm and m.")
        pose = at(file, target, "CoilPose", dict, where)
        rows = at(file, pose, "RigidTransformMatrix4x4", list, where)
        matrix = _matrix(file, where, rows)
        matrix[:3, 3] *= scale
        names.append(at(file, target, "Name", str, where))
        frames.add(at(file, target, "CoordinateSystem", str, where))
        matrices.append(matrix)
    if len(frames) > 1:
        raise ValueError(
            f"{file}: the targets are in {', '.join(sorted(frames))}; they must be in one "
            "coordinate system."
        )
    frame = next(iter(frames), "ASSOCIATED_IMAGE")
    try:
        return PoseList.of_matrices(
            np.array(matrices).reshape(-1, 4, 4),
            names,
            groups=["target"] * len(names),
            system=f"ANT visor2, {frame}",
            frame=HEAD_FRAME if frame == "ASSOCIATED_IMAGE" else frame.lower(),
            form=ImageForm("Q") if frame == "ASSOCIATED_IMAGE" else None,
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def write_ant(
    path: str | os.PathLike[str],
    poses: PoseList,
    image: nibabel.Nifti1Image,
    *,
    coil: str = "",
    program: str = "tmsgrad",
    version: str = "",
) -> None:
    """Write poses as targets of visor2.

    Args:
        path: The .mrk file, replaced when it exists.
        poses: In the head's frame.
        image: The image that visor2 has: the file says where it lies.
        coil: Name of the coil.
        program: What is named as the source.
        version: Of that.

    Raises:
        OSError: The file cannot be written.
        ValueError: The image has no qform or one that differs from its sform, or a name
            holds control characters.
    """
    check_names(poses, "visor2")
    header = image.header
    if int(header["qform_code"]) == 0:
        raise ValueError(
            "the image has no qform, by which visor2 knows where it lies. Give the T1 as "
            "visor2 has it."
        )
    if forms_differ(image):
        raise ValueError(
            "qform and sform of the image differ: visor2 goes by the qform, heads by the "
            "sform. Make them equal (FSL: fslorient), in visor2's image too."
        )
    place = {
        "NIfTI_quatern": [float(header[f"quatern_{c}"]) for c in "bcd"],
        "NIfTI_qoffset": [float(header[f"qoffset_{c}"]) for c in "xyz"],
        "NIfTI_pixdim": [float(x) for x in header["pixdim"][:4]],
    }
    targets = [
        {
            "CoilTarget": {
                "Name": name,
                "CoordinateSystem": "ASSOCIATED_IMAGE",
                "PositionalUnit": "mm",
                "CoilAxesConvention": "simnibs",
                "CoilInfo": {"Type": coil, "Id": ""},
                "CoilPose": {"RigidTransformMatrix4x4": matrix.tolist()},
            }
        }
        for name, matrix in zip(poses.names, poses.matrices(), strict=True)
    ]
    source = {"AppName": program, "AppVersion": version}
    content = {
        "Configuration": {"SourceInfo": source, "AssociatedImageInfo": place},
        "TargetMarkers": targets,
    }
    write_whole(path, to_json(content))


def _matrix(file: Path, where: str, rows: list) -> Float[ndarray, "4 4"]:
    try:
        matrix = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.shape != (4, 4):
        raise ValueError(f"{file}: {where} has no matrix of 4×4 numbers.")
    return matrix
