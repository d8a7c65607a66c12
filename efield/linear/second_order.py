"""The stiffness matrix of second-order elements, summed over edges and faces.

Of the 45 entries that each element brings, 18 belong to its edges, which several elements
share, and 24 to its faces, which two share; three are its own. Summed where they are
shared, two fifths of what the elements bring are left to be put into a matrix.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ..elements import ELEMENT_EDGES


class Entries(NamedTuple):
    """Entries of a symmetric matrix off its diagonal, each once, in either triangle.

    Attributes:
        values: The entries.
        rows: One of their two nodes.
        columns: The other.
    """

    values: Float[ndarray, "entry"]
    rows: Int[ndarray, "entry"]
    columns: Int[ndarray, "entry"]


_NUMBER = {pair: row for row, pair in enumerate(combinations(range(10), 2))}
_MIDDLE = {pair: 4 + edge for edge, pair in enumerate(ELEMENT_EDGES)}
_OPPOSITE = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))


class _Element:
    """What all elements bring for a pair of their local nodes."""

    def __init__(
        self,
        shares: Float[ndarray, "45 6"],
        products: list[Float[ndarray, "tet"]],
    ):
        self._shares, self._products = shares, products

    def __call__(self, a: int, b: int) -> Float[ndarray, "tet"]:
        row = self._shares[_NUMBER[min(a, b), max(a, b)]]
        total = np.zeros_like(self._products[0])
        for edge, share in enumerate(row):
            if share:
                total += share * self._products[edge]
        return total


def summed_entries(
    tetrahedra: Int[ndarray, "10 tet"],
    shares: Float[ndarray, "45 6"],
    products: list[Float[ndarray, "tet"]],
    nodes: int,
) -> Entries:
    """Sum the entries of second-order elements, each of the matrix once.

    Args:
        tetrahedra: The corners of each element, then the middles of its edges.
        shares: The entries of an element, see `AbstractElements.products`.
        products: Vₑ ∇λᵢ·σ∇λⱼ for the six edges of every element. [S]
        nodes: How many there are.
    """
    # Along the nodes' order, so that neighbours in memory are neighbours in the head.
    order = np.argsort(tetrahedra[0], kind="stable")
    tetrahedra = np.ascontiguousarray(tetrahedra[:, order])
    of = _Element(shares, [each[order] for each in products])
    parts = (
        _on_edges(tetrahedra, of, nodes),
        _on_faces(tetrahedra, of, nodes),
        _inside(tetrahedra, of),
    )
    return Entries(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _on_edges(tetrahedra: ndarray, of: _Element, nodes: int) -> Entries:
    """Entries of two ends, and of an end and the middle between."""
    ends = np.zeros((2, nodes), tetrahedra.dtype)
    sums = np.zeros((3, nodes))
    for (i, k), middle in _MIDDLE.items():
        at = tetrahedra[middle]
        first, second = tetrahedra[i], tetrahedra[k]
        low = first < second
        ends[0, at] = np.minimum(first, second)
        ends[1, at] = np.maximum(first, second)
        one, other = of(i, middle), of(k, middle)
        sums[0] += np.bincount(at, of(i, k), nodes)
        sums[1] += np.bincount(at, np.where(low, one, other), nodes)
        sums[2] += np.bincount(at, np.where(low, other, one), nodes)
    there = np.zeros(nodes, bool)
    there[tetrahedra[4:]] = True
    middles = np.flatnonzero(there).astype(tetrahedra.dtype)
    start, end = ends[:, middles]
    return Entries(
        sums[:, middles].ravel(),
        np.concatenate([start, start, end]),
        np.concatenate([end, middles, middles]),
    )


def _on_faces(tetrahedra: ndarray, of: _Element, nodes: int) -> Entries:
    """Entries of a corner and the opposite middle, and of the two middles beside it."""
    faces = [[i for i in range(4) if i != away] for away in range(4)]
    numbers, count = _face_numbers(tetrahedra, faces, nodes)
    sums = np.zeros((2, 3 * count))
    corner, opposite, left, right = np.zeros((4, 3 * count), tetrahedra.dtype)
    for face, number in zip(faces, numbers, strict=True):
        for i in face:
            j, k = (x for x in face if x != i)
            middles = [_MIDDLE[min(p), max(p)] for p in ((j, k), (i, j), (i, k))]
            across, one, other = middles
            # The corner's rank among the three, which both elements agree on.
            rank = sum((tetrahedra[i] > tetrahedra[x]).astype(np.int64) for x in (j, k))
            at = 3 * number + rank
            sums[0] += np.bincount(at, of(i, across), 3 * count)
            sums[1] += np.bincount(at, of(one, other), 3 * count)
            corner[at], opposite[at] = tetrahedra[i], tetrahedra[across]
            left[at], right[at] = tetrahedra[one], tetrahedra[other]
    return Entries(
        sums.ravel(),
        np.concatenate([corner, left]),
        np.concatenate([opposite, right]),
    )


def _face_numbers(
    tetrahedra: ndarray, faces: list[list[int]], nodes: int
) -> tuple[list[Int[ndarray, "tet"]], int]:
    """Number the faces: those opposite to each corner of every element; and count them."""
    keys = []
    for i, j, k in faces:
        # A face is its lowest corner and the middle of its opposite edge.
        a, b, c = tetrahedra[[i, j, k]]
        lowest = np.minimum(np.minimum(a, b), c)
        across = np.where(lowest == a, tetrahedra[_MIDDLE[j, k]], 0)
        across = np.where(lowest == b, tetrahedra[_MIDDLE[i, k]], across)
        across = np.where(lowest == c, tetrahedra[_MIDDLE[i, j]], across)
        keys.append(across.astype(np.int64) * nodes + lowest)
    unique, numbers = np.unique(np.concatenate(keys), return_inverse=True)
    return list(numbers.reshape(4, -1)), len(unique)


def _inside(tetrahedra: ndarray, of: _Element) -> Entries:
    """Entries of two middles of edges that do not meet."""
    pairs = [(_MIDDLE[one], _MIDDLE[other]) for one, other in _OPPOSITE]
    return Entries(
        np.concatenate([of(a, b) for a, b in pairs]),
        np.concatenate([tetrahedra[a] for a, _ in pairs]),
        np.concatenate([tetrahedra[b] for _, b in pairs]),
    )
