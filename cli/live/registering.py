"""The registration that the command line names: a matrix, or fiducials."""

import csv

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import coils
from ...disk import read_text
from ...optimize.live import Registration, fit_rigid
from ...optimize.live.sources import in_metres


_COLUMNS = 7
_MOST = 1000


def read_registration(
    matrix: str | None, fiducials: str | None, tool: str | None
) -> Registration:
    """Read how a tracker's coordinates become the head's.

    Args:
        matrix: File of the matrix from tracker to head, in mm, or None.
        fiducials: Table of points in both, or None.
        tool: File of the matrix from the coil to the tool that is tracked, in mm, or None.

    Raises:
        ValueError: A file is malformed, or what it says is not rigid.
        FileNotFoundError: There is no such file.
    """
    to_tool = np.eye(4) if tool is None else _matrix(tool, "tool")
    if fiducials is not None:
        names, tracker, head = _points(fiducials)
        try:
            return fit_rigid(tracker, head, names, coil_to_tool=to_tool)
        except ValueError as error:
            raise ValueError(f"--fiducials {fiducials}: {error}") from None
    to_head = np.eye(4) if matrix is None else _matrix(matrix, "registration")
    return Registration(to_head, to_tool)


def _matrix(path: str, option: str) -> Float[ndarray, "4 4"]:
    found = coils.read_poses(path)
    if len(found) != 1:
        raise ValueError(
            f"--{option} {path}: the file holds {len(found)} matrices; one is needed."
        )
    return in_metres(found.matrices()[0])


def _points(path: str) -> tuple[tuple[str, ...], ndarray, ndarray]:
    """Read names and points; lines that begin with # are left out."""
    names, rows = [], []
    for number, cells in enumerate(csv.reader(read_text(path).splitlines()), 1):
        if not cells or cells[0].lstrip().startswith("#"):
            continue
        try:
            if len(cells) != _COLUMNS:
                raise ValueError
            rows.append([float(x) for x in cells[1:]])
        except ValueError:
            if number == 1:
                continue  # Names of columns.
            raise ValueError(
                f"--fiducials {path}: line {number} should be a name and six numbers in "
                "mm, x, y, z in the tracker and x, y, z in the head, with commas."
            ) from None
        names.append(cells[0].strip())
        if len(rows) > _MOST:
            raise ValueError(f"--fiducials {path}: more than {_MOST} points.")
    points = 1e-3 * np.array(rows, dtype=np.float64).reshape(-1, 6)
    return tuple(names), points[:, :3], points[:, 3:]
