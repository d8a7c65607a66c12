"""SofTaxic Optic: stimulation points in a .stmpx file, which is XML.

A point has a centre x, y, z in mm, RAS, and a matrix m whose columns are the axes of the
coil. The third points into the head. How the handle lies to the first two is documented
nowhere that we know of; it is taken to lie along minus the first axis, which has it point
backwards or sideways in the recordings at hand. `PoseList.turned` corrects that where a
laboratory knows better.
"""

import os
from pathlib import Path

import numpy as np

from .poses import PoseList, reframed
from .xml import number_of, read_xml


# Columns of this are SimNIBS' axes of the coil in those of SofTaxic's.
_AXES = np.array([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
_NOTE = (
    "SofTaxic documents no coil axes: the handle is taken to lie along minus its first. "
    "Compare one pose with what was done; --turn corrects all of them."
)


def read_softaxic(path: str | os.PathLike[str], *, repair: bool = False) -> PoseList:
    """Read the stimulation points of SofTaxic.

    Args:
        path: The .stmpx file.
        repair: See `PoseList.of_matrices`.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is malformed.
    """
    file = Path(path)
    root = read_xml(file)
    if root.tag != "stmp":
        raise ValueError(
            f"{file}: <{root.tag}> is no file of SofTaxic, which has <stmp>."
        )
    points = list(root.iter("fmp"))
    names, matrices, stamps = [], [], []
    for number, point in enumerate(points):
        name = point.get("id", f"point {number + 1}")
        pose = point.find("fp")
        if pose is None:
            continue
        where = f"{file}: point {number} ({name!r})"
        matrix = np.eye(4)
        for row in range(3):
            for column in range(3):
                matrix[row, column] = number_of(pose, f"m{row}{column}", where)
            matrix[row, 3] = number_of(pose, "xyz"[row], where)
        names.append(name)
        matrices.append(matrix)
        has_time = pose.get("ts") is not None
        stamps.append(number_of(pose, "ts", where) * 1e-3 if has_time else np.nan)
    times = np.array(stamps)
    known = times[np.isfinite(times)]
    try:
        return PoseList.of_matrices(
            reframed(np.eye(4), np.array(matrices).reshape(-1, 4, 4), _AXES),
            names,
            groups=["sample"] * len(names),
            times=times - known.min() if len(known) else times,
            system="SofTaxic",
            skipped=len(points) - len(names),
            notes=[_NOTE],
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
