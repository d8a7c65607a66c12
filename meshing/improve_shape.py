"""Shapes of tetrahedra, and which of them meet at a node.

The measure that improvement maximises is the smallest sine of an element's six dihedral
angles, negative where the element is inverted: near zero both for angles near 0° and near
180° [Freitag and Ollivier-Gooch 1997,
doi:10.1002/(SICI)1097-0207(19971115)40:21<3979::AID-NME251>3.0.CO;2-9].
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


_AT_ONCE = 1 << 13  # Elements, so that temporary arrays stay in the cache.


def smallest_sines(
    points: Float[ndarray, "node 3"], tetrahedra: Int[ndarray, "tet 4"]
) -> Float[ndarray, "tet"]:
    """The smallest sine of the dihedral angles of each tetrahedron."""
    result = np.empty(len(tetrahedra))
    for start in range(0, len(tetrahedra), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        corners = points[tetrahedra[part]].transpose(1, 2, 0)
        result[part] = sines_of(*np.ascontiguousarray(corners))
    return result


def sines_of(a: ndarray, b: ndarray, c: ndarray, d: ndarray) -> ndarray:
    """The smallest sine of the dihedral angles, from corners of the shape (3, n).

    The sine at an edge e between faces of areas F and G is 3 V |e| / (2 F G).
    """
    u, v, w = b - a, c - a, d - a
    uv, vw, wu = _cross(u, v), _cross(v, w), _cross(w, u)
    opposite = uv + vw + wu
    volume = _dot(uv, w)
    abc, acd, adb, bcd = _dot(uv, uv), _dot(vw, vw), _dot(wu, wu), _dot(
        opposite, opposite
    )  # fmt: skip
    vu, wv, uw = v - u, w - v, u - w
    with np.errstate(divide="ignore", invalid="ignore"):
        square = _dot(u, u) / (abc * adb)
        np.minimum(square, _dot(v, v) / (abc * acd), out=square)
        np.minimum(square, _dot(w, w) / (acd * adb), out=square)
        np.minimum(square, _dot(vu, vu) / (abc * bcd), out=square)
        np.minimum(square, _dot(wv, wv) / (acd * bcd), out=square)
        np.minimum(square, _dot(uw, uw) / (adb * bcd), out=square)
        result = volume * np.sqrt(square)
    result[~np.isfinite(result)] = -1
    return result


def _cross(a: ndarray, b: ndarray) -> ndarray:
    result = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.multiply(a[j], b[k], out=result[i])
        result[i] -= a[k] * b[j]
    return result


def _dot(a: ndarray, b: ndarray) -> ndarray:
    total = a[0] * b[0]
    total += a[1] * b[1]
    total += a[2] * b[2]
    return total


@dataclass(frozen=True, eq=False)
class Stars:
    """The elements around some nodes, one after the other.

    Attributes:
        nodes: The nodes, ascending.
        starts: Where each node's elements begin in the lists below.
        owner: The place in `nodes` that each entry belongs to.
        tetrahedra: Which element.
        corner: Which corner of it is the node.
    """

    nodes: Int[ndarray, "star"]
    starts: Int[ndarray, "star"]
    owner: Int[ndarray, "entry"]
    tetrahedra: Int[ndarray, "entry"]
    corner: Int[ndarray, "entry"]

    def least(self, values: ndarray) -> ndarray:
        """The least value of each star, from a value per entry."""
        return np.minimum.reduceat(values, self.starts)

    def total(self, values: ndarray) -> ndarray:
        """The sum over each star, from a value per entry."""
        return np.add.reduceat(values, self.starts, axis=0)

    def union(self, bits: ndarray) -> ndarray:
        """The union over each star, from a set of bits per entry."""
        return np.bitwise_or.reduceat(bits, self.starts)


def stars(tetrahedra: Int[ndarray, "tet 4"], chosen: ndarray) -> Stars:
    """Collect the elements around nodes.

    Args:
        tetrahedra: All elements.
        chosen: Whether each node is wanted, (nodes,). One without elements is left out.
    """
    element, corner = np.nonzero(chosen[tetrahedra])
    node = tetrahedra[element, corner]
    order = np.argsort(node, kind="stable")
    node = node[order]
    first = np.flatnonzero(np.diff(node, prepend=-1))
    owner = np.repeat(np.arange(len(first)), np.diff(first, append=len(node)))
    return Stars(node[first], first, owner, element[order], corner[order])


# The other three corners, such that (corner, *others) is right-handed.
OTHERS = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
