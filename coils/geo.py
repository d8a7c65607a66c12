"""Coils as views of Gmsh, files of type .geo."""

import os

import numpy as np

from ..disk import write_whole
from .coil import Coil
from .pose import Pose


def write_geo(path: str | os.PathLike[str], coil: Coil, pose: Pose) -> None:
    """Write a coil as a view for Gmsh, to open beside `field.msh`.

    The casing is drawn as triangles, or as points where only those are known; arrows show
    the coil's axis into the head and the handle. All in mm.
    """
    turn, centre = np.asarray(pose.rotation), 1e3 * np.asarray(pose.translation)
    place = lambda points: 1e3 * np.asarray(points) @ turn.T + centre
    points, triangles = coil.surface_points, coil.casing_triangles
    lines = ['View "coil" {']
    if triangles is not None and len(triangles):
        corners = place(points)[np.asarray(triangles)].reshape(-1, 9)
        lines += [f"ST({_numbers(row)}){{0,0,0}};" for row in corners]
    else:
        lines += [f"SP({_numbers(row)}){{0}};" for row in place(points)]
    lines.append("};")
    for name, way in (("axis", 2), ("handle", 1)):
        arrow = (20 if way == 2 else -60) * turn[:, way]
        at, to = _numbers(centre), _numbers(arrow)
        lines.append(f'View "coil {name}" {{ VP({at}){{{to}}}; }};')
    write_whole(path, "\n".join(lines) + "\n")


def _numbers(values: np.ndarray) -> str:
    return ",".join(f"{x:.4f}" for x in values)
