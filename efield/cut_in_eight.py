"""Each tetrahedron cut into eight of half the size, as neighbours agree on."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..meshing import HeadMesh
from .elements import ELEMENT_EDGES
from .quadratic import with_middles


# In the numbering of second-order elements: corners 0 to 3, then the middles of edges.
_AT_CORNERS = ((0, 4, 5, 6), (4, 1, 7, 8), (5, 7, 2, 9), (6, 8, 9, 3))
# The octahedron between, about each of its diagonals.
_AROUND = {(4, 9): (5, 6, 8, 7), (5, 8): (4, 6, 9, 7), (6, 7): (4, 5, 9, 8)}


def cut_in_eight(mesh: HeadMesh) -> tuple[HeadMesh, Float[ndarray, "tet 8 4 4"]]:
    """Cut each tetrahedron into eight, along the shortest diagonal inside of it.

    Surfaces stay where they are.

    Args:
        mesh: What is cut.

    Returns:
        The finer mesh, the eight pieces of each tetrahedron one after the other; and the
        corners of the pieces in barycentric coordinates.
    """
    nodes, local, _ = with_middles(mesh)
    lengths = [
        np.linalg.norm(nodes[local[a]] - nodes[local[b]], axis=1) for a, b in _AROUND
    ]
    shortest = np.argmin(lengths, axis=0)
    corners = np.eye(4)
    places = np.concatenate(
        [corners, [(corners[i] + corners[j]) / 2 for i, j in ELEMENT_EDGES]]
    )
    pieces = np.array([_pieces(*each, places) for each in _AROUND.items()])[shortest]
    count = len(pieces)
    tetrahedra = np.take_along_axis(local.T, pieces.reshape(count, 32), axis=1)
    fine = HeadMesh(nodes, tetrahedra.reshape(-1, 4), np.repeat(mesh.tags, 8))
    return fine, places[pieces]


def _pieces(
    diagonal: tuple[int, int], ring: tuple[int, ...], places: Float[ndarray, "10 4"]
) -> list[tuple[int, ...]]:
    """List the corners of the eight pieces, in the order that makes volumes positive."""
    turns = zip(ring, (*ring[1:], ring[0]), strict=True)
    found = [*_AT_CORNERS, *((*diagonal, *turn) for turn in turns)]
    for number, (a, b, c, d) in enumerate(found):
        edges = places[[b, c, d], 1:] - places[a, 1:]
        if np.linalg.det(edges) < 0:
            found[number] = (b, a, c, d)
    return found
