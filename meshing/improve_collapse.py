"""Remove short edges of bad elements by drawing one end onto the other."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .improve_shape import OTHERS, smallest_sines, stars
from .lattice import PAIRS


_SWEPT = 0.12  # Volume that may change its label, as a part of mean edge cubed.


def collapse_edges(
    points: Float[ndarray, "node 3"],
    tetrahedra: Int[ndarray, "tet 4"],
    tags: Int[ndarray, "tet"],
    sines: Float[ndarray, "tet"],
    wanted: float,
    swept: float = _SWEPT,
) -> tuple[ndarray, ndarray, ndarray]:
    """Collapse edges of bad elements where all elements around get better.

    A node on a surface is drawn along that surface only, and only onto a node that all
    of its labels meet at.

    Args:
        points: The nodes.
        tetrahedra: The elements.
        tags: Their labels.
        sines: Their smallest sines of dihedral angles.
        wanted: Elements below this sine are bad.
        swept: Volume that may change its label, as a part of the cubed mean edge.

    Returns:
        Elements, labels and sines afterwards. Nodes may be left without elements.
    """
    labels = node_labels(tetrahedra, tags, len(points))
    gone, kept = _candidates(tetrahedra, sines, wanted, labels)
    if len(gone) == 0:
        return tetrahedra, tags, sines
    chosen = np.zeros(len(points), bool)
    chosen[gone] = True
    star = stars(tetrahedra, chosen)
    # One entry per candidate edge and element around its vanishing end.
    of = np.searchsorted(star.nodes, gone)
    size = np.diff(star.starts, append=len(star.owner))[of]
    begin = np.cumsum(size) - size
    owner = np.repeat(np.arange(len(gone)), size)
    entry = np.arange(len(owner)) - begin[owner] + star.starts[of][owner]
    element, corner = star.tetrahedra[entry], star.corner[entry]
    dies = (tetrahedra[element] == kept[owner, None]).any(axis=1)
    new = tetrahedra[element]
    new[np.arange(len(new)), corner] = kept[owner]
    shape = np.full(len(new), 2.0)
    shape[~dies] = smallest_sines(points, new[~dies])
    before = np.minimum.reduceat(sines[element], begin)
    after = np.minimum.reduceat(shape, begin)
    bits = np.where(dies, np.left_shift(1, tags[element].astype(np.int32)), 0)
    edge_labels = np.bitwise_or.reduceat(bits, begin)
    edge_labels |= _surface_edge(tetrahedra, element, dies, begin, owner, gone, kept)
    good = (after > before) & (after > 0.02) & (edge_labels == labels[gone])
    good &= _little_swept(
        points, tetrahedra, tags, element, new, dies, owner, begin, swept
    )
    return _apply(
        tetrahedra, tags, sines, good, after - before, element, new, dies, shape, owner
    )


def node_labels(tetrahedra: ndarray, tags: ndarray, count: int) -> ndarray:
    """The labels that meet at each node as a set of bits; bit 0 on the outer surface."""
    labels = np.zeros(count, np.int32)
    for tag in np.unique(tags):
        labels[tetrahedra[tags == tag]] |= np.left_shift(1, int(tag))
    labels[outer_nodes(tetrahedra)] |= 1
    return labels


def outer_nodes(tetrahedra: ndarray) -> ndarray:
    """Nodes of faces that belong to one element only."""
    faces = np.sort(tetrahedra[:, OTHERS].reshape(-1, 3), axis=1)
    count = int(tetrahedra.max()) + 1
    # Two numbers per face: a sum that pairs cancel in would lose who is alone.
    key = faces[:, 0].astype(np.int64) * count + faces[:, 1]
    order = np.lexsort((faces[:, 2], key))
    faces = faces[order]
    same = (faces[1:] == faces[:-1]).all(axis=1)
    alone = ~np.concatenate([[False], same]) & ~np.concatenate([same, [False]])
    return np.unique(faces[alone])


def _candidates(
    tetrahedra: ndarray, sines: ndarray, wanted: float, labels: ndarray
) -> tuple[ndarray, ndarray]:
    bad = tetrahedra[sines < wanted]
    both = np.concatenate([PAIRS, PAIRS[:, ::-1]])
    pairs = np.unique(bad[:, both].reshape(-1, 2), axis=0)
    gone, kept = pairs[:, 0], pairs[:, 1]
    within = (labels[gone] & ~labels[kept]) == 0
    return gone[within], kept[within]


def _surface_edge(
    tetrahedra: ndarray,
    element: ndarray,
    dies: ndarray,
    begin: ndarray,
    owner: ndarray,
    gone: ndarray,
    kept: ndarray,
) -> ndarray:
    """1 where an edge lies on the outer surface: its elements do not close a ring."""
    ring = tetrahedra[element[dies]]
    edge = owner[dies]
    ends = (ring == gone[edge, None]) | (ring == kept[edge, None])
    around = ring[~ends].reshape(-1, 2)
    key = np.repeat(edge, 2).astype(np.int64) * (int(tetrahedra.max()) + 1)
    key += around.ravel()
    key, count = np.unique(key, return_counts=True)
    open_ = np.zeros(len(gone), np.int32)
    open_[key[count == 1] // (int(tetrahedra.max()) + 1)] = 1
    return open_


def _little_swept(
    points: ndarray,
    tetrahedra: ndarray,
    tags: ndarray,
    element: ndarray,
    new: ndarray,
    dies: ndarray,
    owner: ndarray,
    begin: ndarray,
    swept: float,
) -> ndarray:
    from .head import signed_volumes

    old_volume = signed_volumes(points, tetrahedra[element])
    new_volume = np.where(dies, 0, signed_volumes(points, new))
    count = np.diff(begin, append=len(owner))
    total = np.add.reduceat(old_volume, begin)
    edge = np.cbrt(8.5 * total / count)
    fine = np.ones(len(begin), bool)
    for tag in np.unique(tags):
        change = np.where(tags[element] == tag, new_volume - old_volume, 0)
        fine &= np.abs(np.add.reduceat(change, begin)) < swept * edge**3
    return fine


def _apply(
    tetrahedra: ndarray,
    tags: ndarray,
    sines: ndarray,
    good: ndarray,
    gain: ndarray,
    element: ndarray,
    new: ndarray,
    dies: ndarray,
    shape: ndarray,
    owner: ndarray,
) -> tuple[ndarray, ndarray, ndarray]:
    """Carry out the collapses of largest gain that share no element."""
    rank = np.full(len(good), len(good))
    order = np.flatnonzero(good)
    order = order[np.argsort(-gain[order], kind="stable")]
    rank[order] = np.arange(len(order))
    entry = np.flatnonzero(good[owner])
    claim = np.full(len(tetrahedra), len(good))
    for _ in range(1):
        np.minimum.at(claim, element[entry], rank[owner[entry]])
    won = good.copy()
    won[owner[entry[claim[element[entry]] != rank[owner[entry]]]]] = False
    entry = np.flatnonzero(won[owner])
    stay = entry[~dies[entry]]
    tetrahedra, sines = tetrahedra.copy(), sines.copy()
    tetrahedra[element[stay]] = new[stay]
    sines[element[stay]] = shape[stay]
    keep = np.ones(len(tetrahedra), bool)
    keep[element[entry[dies[entry]]]] = False
    return tetrahedra[keep], tags[keep], sines[keep]
