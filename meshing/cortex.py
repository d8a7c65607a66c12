"""The outer surface of the cortex, and its normals."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import KDTree

from .head import HeadMesh
from .interfaces import interfaces


_GRAY = 2
_WITHIN = (1, 2)  # Gray matter's boundary to white matter is not its outer surface.
_SMOOTHING = 3e-3  # Normals within this are averaged. [m]


def cortex_faces(head: HeadMesh) -> Int[ndarray, "face 3"]:
    """Take the faces of gray matter towards all but white matter, seen from outside.

    Raises:
        ValueError: The head has no gray matter with such a surface.
    """
    found = interfaces(head)
    first = (found.first == _GRAY) & ~np.isin(found.second, _WITHIN)
    second = (found.second == _GRAY) & ~np.isin(found.first, _WITHIN)
    faces = np.concatenate([found.faces[first], found.faces[second][:, ::-1]])
    if len(faces) == 0:
        raise ValueError("the head has no gray matter with an outer surface.")
    return faces


def cortical_normals(
    head: HeadMesh, points: Float[ndarray, "point 3"]
) -> Float[ndarray, "point 3"]:
    """Return the outward unit normals of the cortex next to points in it.

    The cortex's surface is that between gray matter and all but white matter; normals are
    averaged over a few millimetres of it, with Gaussian weights by distance.

    Args:
        head: The head.
        points: (points, 3). [m]

    Raises:
        ValueError: The head has no gray matter with such a surface.
    """
    chosen = cortex_faces(head)
    a, b, c = (head.nodes[chosen[:, i]] for i in range(3))
    areas, middles = np.cross(b - a, c - a) / 2, (a + b + c) / 3
    nearest = KDTree(middles).query(points)[1]
    middle = middles[np.asarray(nearest)]
    near = KDTree(middles).query_ball_point(middle, 2 * _SMOOTHING)
    normals = np.empty_like(points)
    for row, index in enumerate(near):
        square = np.sum((middles[index] - middle[row]) ** 2, axis=1)
        weights = np.exp(-square / (2 * _SMOOTHING**2))
        # The other bank of a sulcus must not cancel this one.
        facing = areas[index] @ areas[np.asarray(nearest)[row]] > 0
        normals[row] = (weights * facing) @ areas[index]
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)
