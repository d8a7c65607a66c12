"""Shapes of tetrahedra.

The measure that improvement maximises is the smallest sine of an element's six dihedral
angles, negative where the element is inverted: near zero both for angles near 0° and near
180° [Freitag and Ollivier-Gooch 1997,
doi:10.1002/(SICI)1097-0207(19971115)40:21<3979::AID-NME251>3.0.CO;2-9].
"""

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
