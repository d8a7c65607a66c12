"""Where the outer surface of a mesh crosses itself.

Elements of positive volume cannot overlap unless the surface around them all does, as two
walls of a thin gap of air may when their nodes are moved.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import KDTree

from ..faces import faces_of


_PAIRS_AT_ONCE = 1 << 20


def crossing_nodes(
    points: Float[ndarray, "node 3"], tetrahedra: Int[ndarray, "tet 4"]
) -> Int[ndarray, "crossing"]:
    """Find the nodes of outer faces that are pierced by an edge of another one.

    Args:
        points: The nodes.
        tetrahedra: The elements, of positive volume.

    Returns:
        Those nodes and the ends of these edges, and the nodes of faces that more than two
        elements claim, ascending.
    """
    faces = faces_of(tetrahedra, len(points))
    triangles = faces.nodes_of(faces.outside())
    found = [faces.nodes_of(faces.crowded).ravel()]
    for one, other in _near_pairs(points[triangles]):
        for first, second in ((one, other), (other, one)):
            for edge in ((0, 1), (1, 2), (2, 0)):
                ends, face = triangles[first][:, edge], triangles[second]
                pierced = _pierces(points[ends], points[face])
                pierced &= ~(ends[:, :, None] == face[:, None]).any(axis=(1, 2))
                found += [ends[pierced].ravel(), face[pierced].ravel()]
    return np.unique(np.concatenate(found))


def _near_pairs(corners: Float[ndarray, "face 3 3"]):
    """Pairs of triangles whose boxes overlap, many at a time, each pair once or twice."""
    centre = corners.mean(axis=1)
    reach = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    low, high = corners.min(axis=1), corners.max(axis=1)
    # By size: else a few large ones would have all the small ones compared.
    size = np.ceil(np.log2(np.maximum(reach / reach.max(), 1e-6))).astype(int)
    for each in np.unique(size):
        smaller = np.flatnonzero(size <= each)
        tree = KDTree(centre[smaller])
        own = np.flatnonzero(size == each)
        step = max(1, _PAIRS_AT_ONCE // 64)
        for start in range(0, len(own), step):
            some = own[start : start + step]
            lists = tree.query_ball_point(centre[some], 2 * reach[own].max())
            one = np.repeat(some, [len(found) for found in lists])
            other = smaller[np.concatenate([np.asarray(x, int) for x in lists])]
            near = (one != other) & ((size[other] < each) | (one < other))
            near[near] &= (low[one[near]] <= high[other[near]]).all(axis=1)
            near[near] &= (low[other[near]] <= high[one[near]]).all(axis=1)
            yield one[near], other[near]


def _pierces(
    ends: Float[ndarray, "pair 2 3"], face: Float[ndarray, "pair 3 3"]
) -> Bool[ndarray, "pair"]:
    """Whether each edge passes through the inside of a triangle."""
    (p, q), (a, b, c) = np.moveaxis(ends, 1, 0), np.moveaxis(face, 1, 0)
    volume = lambda u, v, w: np.einsum("pi,pi->p", u, np.cross(v, w))
    apart = volume(p - a, b - a, c - a) * volume(q - a, b - a, c - a) < 0
    along = q - p
    sides = [volume(along, u - p, v - p) for u, v in ((a, b), (b, c), (c, a))]
    inside = np.sign(sides)
    return apart & (np.abs(inside.sum(axis=0)) == 3)
