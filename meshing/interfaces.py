"""Faces between tissues, and between tissues and what is outside."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .head import HeadMesh


@dataclass(frozen=True, eq=False)
class Interfaces:
    """The faces of a head that have not the same tissue on both sides.

    Attributes:
        faces: Their nodes, such that the normal points out of the first element.
        first: The tissue of the first element.
        second: That of the other; 0 where there is none.
        crowded: Nodes of faces that more than two elements claim.
    """

    faces: Int[ndarray, "face 3"]
    first: Int[ndarray, "face"]
    second: Int[ndarray, "face"]
    crowded: Int[ndarray, "crowded 3"]


def interfaces(head: HeadMesh) -> Interfaces:
    """Find the faces between different tissues and those that bound the head."""
    faces = head.faces
    first, second = head.tags[faces.one // 4], head.tags[faces.other // 4]
    second = np.where(faces.other < 0, 0, second)
    kept = first != second
    return Interfaces(
        faces.nodes_of(faces.one[kept]),
        first[kept],
        second[kept],
        faces.nodes_of(faces.crowded),
    )


def face_areas(
    nodes: Float[ndarray, "node 3"], faces: Int[ndarray, "face 3"]
) -> Float[ndarray, "face"]:
    """The area of each face. [m²]"""
    a, b, c = (nodes[faces[:, i]] for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def patches(faces: Int[ndarray, "cell corner"], nodes: int) -> Int[ndarray, "cell"]:
    """Number the connected parts of some faces or elements, which share nodes.

    Args:
        faces: The nodes of each.
        nodes: How many nodes there are.

    Returns:
        The part of each.
    """
    columns = faces.shape[1]
    start = np.repeat(faces[:, 0], columns - 1)
    links = coo_matrix(
        (np.ones(len(start), np.int8), (start, faces[:, 1:].ravel())),
        shape=(nodes, nodes),
    )
    return connected_components(links, directed=False)[1][faces[:, 0]]
