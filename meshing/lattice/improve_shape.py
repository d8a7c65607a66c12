"""Shapes of tetrahedra.

The measure that improvement maximises is the lesser of two, negative where the element is
inverted. One is the smallest sine of the six dihedral angles, near zero both for angles
near 0° and near 180° [Freitag and Ollivier-Gooch 1997,
doi:10.1002/(SICI)1097-0207(19971115)40:21<3979::AID-NME251>3.0.CO;2-9]. The other is a
multiple of the radius ratio, three times the inscribed over the circumscribed radius,
which is near zero for needles, too.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


_AT_ONCE = 1 << 13  # Elements, so that temporary arrays stay in the cache.
_RATIO = 2.0  # Weight of the radius ratio against the sine.

# Called so often that the tests' checks of each call's types would take most of their time.
_dot = lambda a, b: a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def shapes_of(
    points: Float[ndarray, "node 3"], tetrahedra: Int[ndarray, "tet 4"]
) -> Float[ndarray, "tet"]:
    """The measure of each tetrahedron's shape, given by its nodes."""
    result = np.empty(len(tetrahedra))
    for start in range(0, len(tetrahedra), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        corners = points[tetrahedra[part]].transpose(1, 2, 0)
        result[part] = shape_at(*np.ascontiguousarray(corners))
    return result


def shape_at(a: ndarray, b: ndarray, c: ndarray, d: ndarray) -> ndarray:
    """The measure of shapes, from the four corners, (3, tetrahedra) each.

    The sine at an edge e between faces of areas F and G is 3 V |e| / (2 F G). The
    inscribed radius is 3 V over the sum of areas, and the circumscribed one
    |u² v×w + v² w×u + w² u×v| / (12 V) for the edges u, v, w from one corner.
    """
    u, v, w = b - a, c - a, d - a
    uv, vw, wu = _cross(u, v), _cross(v, w), _cross(w, u)
    bcd = uv + vw + wu
    volume = _dot(uv, w)  # Six times it; and below, twice the areas, squared.
    uv2, vw2, wu2, bcd2 = _dot(uv, uv), _dot(vw, vw), _dot(wu, wu), _dot(bcd, bcd)
    u2, v2, w2 = _dot(u, u), _dot(v, v), _dot(w, w)
    vu, wv, uw = v - u, w - v, u - w
    with np.errstate(divide="ignore", invalid="ignore"):
        square = u2 / (uv2 * wu2)
        np.minimum(square, v2 / (uv2 * vw2), out=square)
        np.minimum(square, w2 / (vw2 * wu2), out=square)
        np.minimum(square, _dot(vu, vu) / (uv2 * bcd2), out=square)
        np.minimum(square, _dot(wv, wv) / (vw2 * bcd2), out=square)
        np.minimum(square, _dot(uw, uw) / (wu2 * bcd2), out=square)
        sine = volume * np.sqrt(square)
        area = np.sqrt(uv2) + np.sqrt(vw2) + np.sqrt(wu2) + np.sqrt(bcd2)
        to_centre = u2 * vw + v2 * wu + w2 * uv
        ratio = (
            6 * volume * np.abs(volume) / (area * np.sqrt(_dot(to_centre, to_centre)))
        )
        result = np.minimum(sine, _RATIO * ratio)
    result[~np.isfinite(result)] = -1
    return result


def _cross(a: ndarray, b: ndarray) -> ndarray:
    result = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.multiply(a[j], b[k], out=result[i])
        result[i] -= a[k] * b[j]
    return result
