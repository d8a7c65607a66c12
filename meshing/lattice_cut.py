"""From a lattice with a label at each node to elements with one label each.

Nodes close to a surface between labels move onto it; edges that still cross a surface
are divided there. A node on a surface belongs to several labels, kept as a set of bits.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .head import signed_volumes
from .label_field import LabelField
from .topology import bisect, edges_of


_SAMPLES = 8  # Along an edge, before bisection.
_HALVINGS = 6
_SNAP = 0.3  # Nodes nearer to a cut than this part of the edge move onto it.
_LEAST_VOLUME = 0.3  # What a move must leave of an element's volume.
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
    whole, divided = tetrahedra[~mixed & ~air], tetrahedra[mixed]
    points = points.copy()
    for _ in range(2):
        _snap(points, masks, tetrahedra, divided, field)
    points, masks, divided = _divide(points, masks, divided, field)
    tetrahedra = np.concatenate([whole, divided])
    tags = _tags(points, masks, tetrahedra, field)
    outer = np.zeros(len(points), bool)
    outer[tetrahedra[tags == 0]] = True
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
    back = pairs[:, ::-1]
    near, at = [], []
    for direction in (pairs, back):
        place, meeting = _find_cuts(points, masks, direction, field)
        single = np.bitwise_count(masks[direction[:, 0]]) == 1
        hit = (place < _SNAP) & single
        near.append(np.stack([direction[hit, 0], direction[hit, 1], meeting[hit]], 1))
        at.append(place[hit])
    moves, place = np.concatenate(near), np.concatenate(at)
    length = np.linalg.norm(points[moves[:, 1]] - points[moves[:, 0]], axis=1)
    order = np.lexsort((moves[:, 1], place * length, moves[:, 0]))
    node, first = np.unique(moves[order, 0], return_index=True)
    chosen = order[first]
    old, new = points.copy(), points
    target = moves[chosen, 1]
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
    masks[node[kept]] |= moves[chosen[kept], 2].astype(masks.dtype)


def _divide(
    points: ndarray, masks: ndarray, tetrahedra: ndarray, field: LabelField
) -> tuple[ndarray, ndarray, ndarray]:
    """Divide every edge whose two nodes have no label in common, longest first."""
    done = []
    known = {"key": np.zeros(0, np.int64), "node": np.zeros(0, np.int64)}
    while True:
        pairs, edges = edges_of(tetrahedra)
        crossing = _crossing(masks, pairs)
        key = (pairs[:, 0].astype(np.int64) << 32) + pairs[:, 1]
        node = np.full(len(pairs), -1)
        place = np.minimum(np.searchsorted(known["key"], key), len(known["key"]) - 1)
        if len(known["key"]):
            there = known["key"][place] == key
            node[there] = known["node"][place[there]]
        new = np.flatnonzero(crossing & (node < 0))
        where, meeting = _find_cuts(points, masks, pairs[new], field)
        single = np.bitwise_count(masks[pairs]) == 1
        for end, hit in ((0, where < _ABSORB), (1, where > 1 - _ABSORB)):
            edge = new[hit]
            np.bitwise_or.at(masks, pairs[edge, end], meeting[hit])
        crossing = _crossing(masks, pairs) & (single.any(axis=1) | True)
        middle = crossing[new]
        new, where, meeting = new[middle], where[middle], meeting[middle]
        node[new] = len(points) + np.arange(len(new))
        ends = points[pairs[new]]
        points = np.concatenate(
            [points, ends[:, 0] + where[:, None] * (ends[:, 1] - ends[:, 0])]
        )
        masks = np.concatenate([masks, meeting])
        known["key"] = np.concatenate([known["key"], key[new]])
        known["node"] = np.concatenate([known["node"], node[new]])
        order = np.argsort(known["key"])
        known = {name: value[order] for name, value in known.items()}
        length = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
        # An edge that has been divided anywhere must be divided everywhere.
        crossing = node >= 0
        rank = np.zeros(len(pairs), np.int64)
        rank[np.lexsort((key, length))] = np.arange(1, len(pairs) + 1)
        rank[~crossing] = 0
        ranked = rank[edges]
        edge = ranked.argmax(axis=1)
        split = ranked.max(axis=1) > 0
        done.append(tetrahedra[~split])
        if not split.any():
            return points, masks, np.concatenate(done)
        middle = node[edges[split, edge[split]]]
        halves = bisect(tetrahedra[split], edge[split], middle)
        tetrahedra = np.concatenate(halves)


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
