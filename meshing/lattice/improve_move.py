"""Move nodes to better the worst elements around them.

Nodes inside a label move anywhere. Nodes on a surface between labels move along it, and
nodes on a line where three labels meet move along that line, up to a small drift.
"""

import numpy as np
from numpy import ndarray

from ..faces import OTHERS
from .improve_mesh import WorkingMesh
from .improve_shape import shape_at
from .topology import Stars, stars


_STEPS = (0.3, 0.15, 0.3, 0.15, 0.08, 0.2, 0.1, 0.05)  # Of the mean edge.
_FLEE = (1, 2, 4, 6)  # Steps away from the far face of the worst element.
_BATCHES = 4  # In which the nodes are moved; no two of a batch share an element.


def move_nodes(
    mesh: WorkingMesh, wanted: float, rng: np.random.Generator, drift: float
) -> int:
    """Try some places for each node of a bad element and keep the best.

    Args:
        mesh: Changed in place.
        wanted: Elements of a lesser shape than this are bad.
        rng: Where the places come from.
        drift: How far nodes may leave their surface, as a part of a step.

    Returns:
        How many nodes moved.
    """
    bad = np.zeros(len(mesh.points), bool)
    bad[mesh.tetrahedra[mesh.shapes < wanted]] = True
    bad &= mesh.free
    moved = 0
    for _ in range(_BATCHES):
        if not bad.any():
            break
        star = _independent(mesh, bad)
        bad[star.nodes] = False
        moved += _search(mesh, star, rng, drift)
    return moved


def _independent(mesh: WorkingMesh, bad: ndarray) -> Stars:
    """The stars of bad nodes no two of which share an element, the worst ones first."""
    count = len(mesh.points)
    star = stars(mesh.tetrahedra, bad)
    worst = star.least(mesh.shapes[star.tetrahedra])
    rank = np.full(count, count)
    rank[star.nodes[np.argsort(worst, kind="stable")]] = np.arange(len(worst))
    least = star.least(rank[mesh.tetrahedra[star.tetrahedra]].min(axis=1))
    return star.part(least == rank[star.nodes])


def _search(
    mesh: WorkingMesh, star: Stars, rng: np.random.Generator, drift: float
) -> int:
    """Hill climbing on the worst shape of each star; the stars share no element."""
    around = mesh.tetrahedra[star.tetrahedra]
    others = np.take_along_axis(around, OTHERS[star.corner], axis=1)
    b, c, d = (np.ascontiguousarray(mesh.points[others[:, i]].T) for i in range(3))
    place = np.ascontiguousarray(mesh.points[star.nodes].T)
    area = np.cross((c - b).T, (d - b).T)
    free = _free_directions(area, mesh.tags[star.tetrahedra], star, drift)
    size = _mean_edge(place, b, c, d, star)
    value = mesh.shapes[star.tetrahedra]
    start = best = star.least(value)
    for i, step in enumerate(_STEPS):
        if i == 0:
            shift = star.mean(((b + c + d) / 3).T).T - place
        elif i in _FLEE:
            normal = area[_first_worst(value, star)].T
            length = np.maximum(np.linalg.norm(normal, axis=0), 1e-300)
            shift = -normal * (step * size / length)
        else:
            shift = rng.standard_normal(place.shape) * (step * size)
        trial = place + np.einsum("nij,jn->in", free, shift)
        new = shape_at(trial[:, star.owner], b, c, d)
        least = star.least(new)
        better = least > best
        best = np.where(better, least, best)
        place = np.where(better, trial, place)
        value = np.where(better[star.owner], new, value)
    moved = best > start
    mesh.points[star.nodes[moved]] = place[:, moved].T
    entry = moved[star.owner]
    mesh.shapes[star.tetrahedra[entry]] = value[entry]
    return int(moved.sum())


def _first_worst(value: ndarray, star: Stars) -> ndarray:
    order = np.lexsort((value, star.owner))
    return order[star.starts]


def _mean_edge(
    centre: ndarray, b: ndarray, c: ndarray, d: ndarray, star: Stars
) -> ndarray:
    to = [np.linalg.norm(x - centre[:, star.owner], axis=0) for x in (b, c, d)]
    return star.mean((to[0] + to[1] + to[2]) / 3)


def _free_directions(
    area: ndarray, tags: ndarray, star: Stars, drift: float
) -> ndarray:
    """Matrices that leave only the directions along the surfaces a node lies on.

    The vector areas of the far faces of a label's elements add up to the vector area of
    that label's surface at the node, as the sum over a closed surface is zero.
    """
    normal = np.zeros((len(star.nodes), 3, 3))
    for tag in np.unique(tags):
        vector = star.total(np.where((tags == tag)[:, None], area, 0))
        total = star.total(np.linalg.norm(area, axis=1))
        length = np.linalg.norm(vector, axis=1)
        real = length > 1e-9 * total
        unit = vector[real] / length[real, None]
        normal[real] += unit[:, :, None] * unit[:, None, :]
    value, vector = np.linalg.eigh(normal)
    scale = np.where(value > 0.1, drift, 1.0)
    return np.einsum("nij,nj,nkj->nik", vector, scale, vector)
