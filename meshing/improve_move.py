"""Move nodes to better the worst elements around them.

Nodes inside a label move anywhere. Nodes on a surface between labels move along it, and
nodes on a line where three labels meet move along that line, up to a small drift.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .improve_shape import OTHERS, Stars, sines_of, stars


_DRIFT = 0.1  # Off the surface, as a part of a step. Lets the worst corners be freed.
_STEPS = (0.3, 0.15, 0.3, 0.15, 0.08, 0.2, 0.1, 0.05)  # Of the mean edge.


def move_nodes(
    points: Float[ndarray, "node 3"],
    tetrahedra: Int[ndarray, "tet 4"],
    tags: Int[ndarray, "tet"],
    sines: Float[ndarray, "tet"],
    wanted: float,
    rng: np.random.Generator,
    drift: float = _DRIFT,
) -> int:
    """Try some places for each node of a bad element and keep the best.

    Args:
        points: Changed in place.
        tetrahedra: The elements.
        tags: Their labels.
        sines: Their smallest sines of dihedral angles; changed in place.
        wanted: Elements below this sine are bad.
        rng: Where the places come from.
        drift: How far nodes may leave their surface, as a part of a step.

    Returns:
        How many nodes moved.
    """
    bad = np.zeros(len(points), bool)
    bad[tetrahedra[sines < wanted]] = True
    around = stars(tetrahedra, bad)
    worst = around.least(sines[around.tetrahedra])
    moved = 0
    left = np.ones(len(around.nodes), bool)
    for _ in range(4):
        chosen = _independent(tetrahedra, around, worst, left, len(points))
        left &= ~chosen
        now = np.zeros(len(points), bool)
        now[around.nodes[chosen]] = True
        if chosen.any():
            star = stars(tetrahedra, now)
            moved += _search(points, tetrahedra, tags, sines, star, rng, drift)
    return moved


def _independent(
    tetrahedra: ndarray, around: Stars, worst: ndarray, left: ndarray, count: int
) -> ndarray:
    """Nodes no two of which share an element, the worst ones first."""
    rank = np.full(count, count, np.int64)
    order = np.argsort(worst[left], kind="stable")
    rank[around.nodes[left][order]] = np.arange(len(order))
    least = rank[tetrahedra[around.tetrahedra]].min(axis=1)
    own = rank[around.nodes]
    return left & (around.least(least) == own)


def _search(
    points: ndarray,
    tetrahedra: ndarray,
    tags: ndarray,
    sines: ndarray,
    star: Stars,
    rng: np.random.Generator,
    drift: float,
) -> int:
    """Hill climbing on the worst sine of each star; the stars share no element."""
    others = np.take_along_axis(
        tetrahedra[star.tetrahedra], OTHERS[star.corner], axis=1
    )
    b, c, d = (np.ascontiguousarray(points[others[:, i]].T) for i in range(3))
    centre = np.ascontiguousarray(points[star.nodes].T)
    area = np.cross((c - b).T, (d - b).T)
    free = _free_directions(area, tags[star.tetrahedra], star, drift)
    size = _mean_edge(centre, b, c, d, star)
    value = sines[star.tetrahedra]
    best, start = star.least(value), star.least(value)
    place = centre.copy()
    for i, step in enumerate(_STEPS):
        if i == 0:
            count = star.total(np.ones(len(star.owner)))
            mean = star.total(((b + c + d) / 3).T).T / count - place
            shift = mean
        elif i in (1, 2, 4, 6):
            # Away from the face opposite to the node in its worst element.
            worst = _first_worst(value, star)
            normal = area[worst].T
            shift = normal / np.maximum(np.linalg.norm(normal, axis=0), 1e-300)
            shift = -shift * (step * size)
        else:
            shift = rng.standard_normal(place.shape) * (step * size)
        shift = np.einsum("nij,jn->in", free, shift)
        trial = place + shift
        new = sines_of(trial[:, star.owner], b, c, d)
        least = star.least(new)
        better = least > best
        best[better] = least[better]
        place[:, better] = trial[:, better]
        value = np.where(better[star.owner], new, value)
    moved = best > start
    points[star.nodes[moved]] = place[:, moved].T
    entry = moved[star.owner]
    sines[star.tetrahedra[entry]] = value[entry]
    return int(moved.sum())


def _first_worst(value: ndarray, star: Stars) -> ndarray:
    order = np.lexsort((value, star.owner))
    return order[star.starts]


def _mean_edge(
    centre: ndarray, b: ndarray, c: ndarray, d: ndarray, star: Stars
) -> ndarray:
    to = [np.linalg.norm(x - centre[:, star.owner], axis=0) for x in (b, c, d)]
    return star.total(to[0] + to[1] + to[2]) / (
        3 * star.total(np.ones(len(star.owner)))
    )


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
