"""From a lattice with a label at each node to elements with one label each.

Nodes close to a surface between labels move onto it; edges that still cross a surface
are divided there. A node on a surface belongs to several labels, kept as a set of bits.
"""

from itertools import count

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ..head import signed_volumes
from .label_field import LabelField
from .topology import bisect, edges_of


_SAMPLES = 8  # Along an edge, before bisection.
_HALVINGS = 6
_SNAP = 0.3  # Nodes nearer to a cut than this part of the edge move onto it.
_ONE_SIDED = 0.2  # Mean cosine of the directions to one surface, seen from a node.
_LEAST_VOLUME = 0.3  # What a move must leave of an element's volume.
# Nodes may be put on edges of elements that such nodes divided, so many times over.
_GENERATIONS = 12
_ABSORB = 0.06  # Cuts nearer to a node than this part of the edge become the node.


def cut(
    points: Float[ndarray, "node 3"],
    tetrahedra: Int[ndarray, "tet 4"],
    field: LabelField,
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Divide elements along the surfaces between labels.

    Args:
        points: Nodes of the lattice.
        tetrahedra: Elements of the lattice.
        field: Where the labels are.

    Returns:
        Nodes (nodes, 3), tetrahedra (tetrahedra, 4) and their labels (tetrahedra,), as
        counted by the field, without air; and whether each node touches air.
    """
    masks = np.left_shift(1, field.labels(points).astype(np.int32))
    mixed = np.bitwise_or.reduce(masks[tetrahedra], axis=1) != masks[tetrahedra[:, 0]]
    air = ~mixed & (masks[tetrahedra[:, 0]] == 1)
    whole, divided, left_out = (
        tetrahedra[each] for each in (~mixed & ~air, mixed, air)
    )
    points = points.copy()
    for _ in range(2):
        _snap(points, masks, tetrahedra, divided, field)
    points, masks, divided = _divide(points, masks, divided, field)
    tetrahedra = np.concatenate([whole, divided])
    tags = _tags(points, masks, tetrahedra, field)
    outer = np.zeros(len(points), bool)
    outer[tetrahedra[tags == 0]] = True
    outer[left_out] = True  # Some nodes that were moved touch no other air.
    used, tetrahedra, tags = sorted_in_space(
        points, tetrahedra[tags > 0], tags[tags > 0]
    )
    return points[used], tetrahedra, tags, outer[used]


def sorted_in_space(
    points: ndarray, tetrahedra: ndarray, tags: ndarray
) -> tuple[ndarray, ndarray, ndarray]:
    """Number nodes and elements along a space-filling curve, and drop unused nodes.

    What is near in space is then near in memory, which makes all later steps faster.

    Returns:
        The old number of each node, the elements in new numbers, and their labels.
    """
    used, tetrahedra = np.unique(tetrahedra, return_inverse=True)
    order = np.argsort(_along_curve(points[used]), kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    tetrahedra = place[tetrahedra.reshape(-1, 4)]
    by_node = np.argsort(tetrahedra.min(axis=1), kind="stable")
    return used[order], tetrahedra[by_node], tags[by_node].astype(np.int32)


def _along_curve(points: ndarray) -> ndarray:
    """Places on Morton's curve: the bits of the three coordinates in turn."""
    low = points.min(axis=0)
    grid = (points - low) * (1023 / max(float((points - low).max()), 1e-300))
    code = np.zeros(len(points), np.int64)
    for axis in range(3):
        bits = grid[:, axis].astype(np.int64)
        for mask, shift in (
            (0x030000FF, 16),
            (0x0300F00F, 8),
            (0x030C30C3, 4),
            (0x09249249, 2),
        ):
            bits = (bits | bits << shift) & mask
        code |= bits << axis
    return code


def _crossing(masks: ndarray, pairs: ndarray) -> ndarray:
    return (masks[pairs[:, 0]] & masks[pairs[:, 1]]) == 0


def _find_cuts(
    points: ndarray, masks: ndarray, pairs: ndarray, field: LabelField
) -> tuple[ndarray, ndarray]:
    """Where each edge first leaves the labels of its first node.

    Returns:
        The place as a part of the edge, and the set of the two labels that meet there.
    """
    start, along = points[pairs[:, 0]], points[pairs[:, 1]] - points[pairs[:, 0]]
    own, other = masks[pairs[:, 0]], masks[pairs[:, 1]]
    low, high = np.zeros(len(pairs)), np.ones(len(pairs))
    # An end that lies on a surface has no label of its own to ask for.
    low_bit, high_bit = own & -own, other & -other
    open_ = np.arange(len(pairs))
    for i in range(1, _SAMPLES):
        bit = np.left_shift(
            1, field.labels(start[open_] + i / _SAMPLES * along[open_]).astype(np.int32)
        )
        same = (bit & own[open_]) != 0
        low[open_[same]], low_bit[open_[same]] = i / _SAMPLES, bit[same]
        left = open_[~same]
        high[left], high_bit[left] = i / _SAMPLES, bit[~same]
        open_ = open_[same]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        bit = np.left_shift(
            1, field.labels(start + middle[:, None] * along).astype(np.int32)
        )
        same = (bit & own) != 0
        low, high = np.where(same, middle, low), np.where(same, high, middle)
        low_bit, high_bit = np.where(same, bit, low_bit), np.where(same, high_bit, bit)
    return (low + high) / 2, low_bit | high_bit


def _snap(
    points: ndarray,
    masks: ndarray,
    tetrahedra: ndarray,
    divided: ndarray,
    field: LabelField,
) -> None:
    """Move nodes onto a near surface, in place, unless an element would suffer."""
    pairs, _ = edges_of(divided)
    pairs = pairs[_crossing(masks, pairs)]
    edges = np.concatenate([pairs, pairs[:, ::-1]])
    place, meeting = _find_cuts(points, masks, edges, field)
    single = np.bitwise_count(masks[edges[:, 0]]) == 1
    edges, place, meeting = edges[single], place[single], meeting[single]
    along = points[edges[:, 1]] - points[edges[:, 0]]
    length = np.linalg.norm(along, axis=1)
    order = np.lexsort((edges[:, 1], place * length, edges[:, 0]))
    node, first = np.unique(edges[order, 0], return_index=True)
    chosen = order[first]
    one_sided = _one_sided(along / length[:, None], edges[:, 0], meeting, chosen)
    good = (place[chosen] < _SNAP) & one_sided
    node, chosen = node[good], chosen[good]
    old, new = points.copy(), points
    target = edges[chosen, 1]
    new[node] += place[chosen, None] * (old[target] - old[node])
    moved = np.zeros(len(points), bool)
    moved[node] = True
    touched = tetrahedra[moved[tetrahedra].any(axis=1)]
    least = _LEAST_VOLUME * signed_volumes(old, touched)
    while True:
        bad = touched[signed_volumes(new, touched) < least]
        back_to = np.unique(bad[moved[bad]])
        if len(back_to) == 0:
            break
        new[back_to] = old[back_to]
        moved[back_to] = False
    kept = moved[node]
    masks[node[kept]] |= meeting[chosen[kept]].astype(masks.dtype)


def _one_sided(
    way: ndarray, node: ndarray, meeting: ndarray, chosen: ndarray
) -> ndarray:
    """Whether each node sees the surface of its chosen edge on one side only.

    A node in a thin sheet sees the same label on both sides. If it moved onto the
    surface on one side, the other would be lost.
    """
    pick = np.zeros(int(node.max(initial=-1)) + 1, np.int64)
    pick[node[chosen]] = chosen
    best = pick[node]
    same = meeting == meeting[best]
    towards = np.where(same, (way * way[best]).sum(axis=1), 0)
    total = np.bincount(node, towards, len(pick))[node[chosen]]
    number = np.bincount(node, same, len(pick))[node[chosen]]
    return total > _ONE_SIDED * number


def _divide(
    points: ndarray, masks: ndarray, tetrahedra: ndarray, field: LabelField
) -> tuple[ndarray, ndarray, ndarray]:
    """Divide every edge whose two nodes have no label in common, longest first.

    The order is the same in all elements around a face, so that they divide it alike.

    Returns:
        Nodes, their labels and elements, with the new ones.
    """
    done = []
    known, node_on = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for attempt in count():
        pairs, edges = edges_of(tetrahedra)
        key = (pairs[:, 0].astype(np.int64) << 32) + pairs[:, 1]
        node = _look_up(key, known, node_on)
        if attempt < _GENERATIONS:
            new = np.flatnonzero(_crossing(masks, pairs) & (node < 0))
            new, at, meeting = _new_nodes(points, masks, pairs, new, field)
            node[new] = len(points) + np.arange(len(new))
            points, masks = np.concatenate([points, at]), np.append(masks, meeting)
        divided = np.flatnonzero(node >= 0)
        # None is forgotten: some elements come to an edge much later than others.
        known, first = np.unique(np.append(known, key[divided]), return_index=True)
        node_on = np.append(node_on, node[divided])[first]
        rank = np.zeros(len(pairs), np.int64)
        ends = points[pairs[divided]]
        length = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
        rank[divided[np.lexsort((key[divided], length))]] = 1 + np.arange(len(divided))
        ranked = rank[edges]
        split = ranked.any(axis=1)
        done.append(tetrahedra[~split])
        if not split.any():
            break
        edge = ranked[split].argmax(axis=1)
        middle = node[edges[split, edge]]
        tetrahedra = np.concatenate(bisect(tetrahedra[split], edge, middle))
    return points, masks, np.concatenate(done)


def _look_up(key: ndarray, known: ndarray, node: ndarray) -> ndarray:
    """The nodes on edges from sorted keys of edges that have one, else -1."""
    if len(known) == 0:
        return np.full(len(key), -1)
    place = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return np.where(known[place] == key, node[place], -1)


def _new_nodes(
    points: ndarray, masks: ndarray, pairs: ndarray, new: ndarray, field: LabelField
) -> tuple[ndarray, ndarray, ndarray]:
    """Where to divide some edges.

    An edge that would be divided next to one of its nodes is not: that node is given
    the labels that meet there, in place.

    Returns:
        The edges that are left, and the positions and labels of the nodes on them.
    """
    place, meeting = _find_cuts(points, masks, pairs[new], field)
    for end, near in ((0, place < _ABSORB), (1, place > 1 - _ABSORB)):
        np.bitwise_or.at(masks, pairs[new[near], end], meeting[near])
    left = _crossing(masks, pairs[new])
    new, place, meeting = new[left], place[left], meeting[left]
    ends = points[pairs[new]]
    at = ends[:, 0] + place[:, None] * (ends[:, 1] - ends[:, 0])
    return new, at, meeting


def _tags(
    points: ndarray, masks: ndarray, tetrahedra: ndarray, field: LabelField
) -> ndarray:
    """The label of each element: the one its nodes share, or else what it covers most."""
    common = np.bitwise_and.reduce(masks[tetrahedra], axis=1)
    tags = np.zeros(len(tetrahedra), np.uint8)
    sure = np.bitwise_count(common) == 1
    tags[sure] = np.log2(common[sure]).astype(np.uint8)
    rest = np.flatnonzero(~sure)
    votes = np.zeros((len(rest), len(field.values)), np.float32)
    corners = points[tetrahedra[rest]]
    for weights in _VOTERS:
        label = field.labels(np.einsum("j,ijk->ik", weights, corners))
        votes[np.arange(len(rest)), label] += 1
    allowed = common[rest, None] >> np.arange(len(field.values)) & 1
    votes += 10 * allowed
    tags[rest] = votes.argmax(axis=1)
    return tags


_VOTERS = np.concatenate([np.full((1, 4), 0.25), 0.15 + 0.4 * np.eye(4)])
