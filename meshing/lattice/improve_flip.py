"""Connect the nodes around bad elements otherwise.

The elements around an edge are replaced by pairs of elements over the triangles of a
polygon, which the far nodes of the old elements form [Freitag and Ollivier-Gooch 1997,
doi:10.1002/(SICI)1097-0207(19971115)40:21<3979::AID-NME251>3.0.CO;2-9, "edge swapping"].
All triangulations of the polygon are tried. An edge in the surface between two labels is
replaced by one across it in the surface, if that hardly changes the volumes.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from ..head import signed_volumes
from .improve_mesh import WorkingMesh
from .improve_shape import shapes_of
from .topology import edge_keys


_MOST = 6  # Elements around an edge that are replaced.
_SWEPT = 0.5  # Volume that may change its label. [mean volume of the old elements]
_LEAST_GAIN = 1e-6

# The corners of an element, those of each edge first, such that the order is even.
_EVEN = np.array(
    [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 2, 0), (2, 3, 0, 1)]
)


def swap_edges(mesh: WorkingMesh, wanted: float) -> int:
    """Replace edges of bad elements where the worst of the elements around gets better.

    Args:
        mesh: Changed in place.
        wanted: Elements of a lesser shape than this are bad.

    Returns:
        How many edges were replaced.
    """
    candidates = np.unique(edge_keys(mesh.tetrahedra[mesh.shapes < wanted]))
    if len(candidates) == 0:
        return 0
    rings = _rings(mesh, candidates)
    return _apply(mesh, [way for ring in rings for way in _propose(mesh, *ring)])


@dataclass(frozen=True, eq=False)
class _Swaps:
    """Ways to replace the elements around some edges, as many around each.

    Attributes:
        gain: By how much the worst shape gets better.
        old: The elements that go.
        new: The nodes of those that come.
        tags: Their labels.
        shapes: Their shapes.
    """

    gain: Float[ndarray, "edge"]
    old: Int[ndarray, "edge old"]
    new: Int[ndarray, "edge new 4"]
    tags: Int[ndarray, "edge new"]
    shapes: Float[ndarray, "edge new"]


def _rings(mesh: WorkingMesh, candidates: ndarray) -> list[tuple[ndarray, ndarray]]:
    """The elements around each edge in order, and its ends and then their far nodes.

    Returns:
        For each number n of elements around an edge: (edges, n), (edges, 2 + n). Edges on
        the outer surface are left out, as are those of a frozen surrounding.
    """
    touched = np.zeros(len(mesh.points), np.int8)
    touched[candidates >> 32] = 1
    touched[candidates & 0xFFFFFFFF] = 1
    near = np.flatnonzero(touched[mesh.tetrahedra].sum(axis=1) > 1)
    key = edge_keys(mesh.tetrahedra[near])
    place = np.minimum(np.searchsorted(candidates, key), len(candidates) - 1)
    row, edge = np.nonzero(candidates[place] == key)
    corners = np.take_along_axis(mesh.tetrahedra[near[row]], _EVEN[edge], axis=1)
    # From the lower end to the higher one, still in even order.
    turned = corners[:, 0] > corners[:, 1]
    corners[turned] = corners[turned][:, [1, 0, 3, 2]]
    owner = place[row, edge]
    order = np.argsort(owner, kind="stable")
    element, corners, owner = near[row][order], corners[order], owner[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    size = np.diff(starts, append=len(owner))
    result = []
    for count in range(3, _MOST + 1):
        entry = starts[size == count][:, None] + np.arange(count)
        chain, closed = _chain(corners[entry, 2], corners[entry, 3])
        entry = np.take_along_axis(entry, chain, axis=1)[closed]
        ends = corners[entry[:, 0], :2]
        ring = np.concatenate([ends, corners[entry, 2]], axis=1)
        result.append((element[entry], ring))
    return result


def _chain(
    first: Int[ndarray, "edge n"], second: Int[ndarray, "edge n"]
) -> tuple[ndarray, ndarray]:
    """Order links such that each begins where the one before ends; whether they close."""
    each, count = np.arange(len(first)), first.shape[1]
    order = np.zeros(first.shape, np.int64)
    closed = np.ones(len(first), bool)
    for i in range(1, count):
        follows = first == second[each, order[:, i - 1], None]
        closed &= follows.any(axis=1)
        order[:, i] = follows.argmax(axis=1)
    closed &= second[each, order[:, -1]] == first[:, 0]
    # Two rings that do not meet would close too early.
    closed &= (np.sort(order, axis=1) == np.arange(count)).all(axis=1)
    return order, closed


def _propose(
    mesh: WorkingMesh, around: Int[ndarray, "edge n"], ring: Int[ndarray, "edge n+2"]
) -> list[_Swaps]:
    """The best way to replace each edge inside a label or between two."""
    tags = mesh.tags[around]
    changes = tags != np.roll(tags, 1, axis=1)
    number = changes.sum(axis=1)
    inside = number == 0
    result = [_best(mesh, around[inside], ring[inside], 0)]
    between, count = np.flatnonzero(number == 2), around.shape[1]
    # Begin the ring of an edge between two labels where the first of them begins.
    begin = changes[between].argmax(axis=1)
    turn = (begin[:, None] + np.arange(count)) % count
    elements = np.take_along_axis(around[between], turn, axis=1)
    far = np.take_along_axis(ring[between, 2:], turn, axis=1)
    turned = np.concatenate([ring[between, :2], far], axis=1)
    changes = np.take_along_axis(changes[between], turn, axis=1)
    arc = changes[:, 1:].argmax(axis=1) + 1
    for length in range(2, count - 1):
        kind = arc == length
        result.append(_best(mesh, elements[kind], turned[kind], length))
    return result


def _best(mesh: WorkingMesh, around: ndarray, ring: ndarray, arc: int) -> _Swaps:
    """Try all triangulations that keep the diagonal from far node 0 to `arc`."""
    triangles, ways = _triangulations(around.shape[1])
    if arc:
        ways = ways[[_has_diagonal(triangles[way], 0, arc) for way in ways]]
    # Beyond the diagonal, triangles belong to the second label.
    beyond = triangles.max(axis=1) > (arc or around.shape[1])
    far = ring[:, 2:][:, triangles]
    low, high = (np.broadcast_to(ring[:, i, None, None], (*far.shape[:2], 1))
                 for i in (0, 1))  # fmt: skip
    above = np.concatenate([far, high], axis=2)
    below = np.concatenate([far[:, :, [0, 2, 1]], low], axis=2)
    both = np.stack([above, below], axis=2)
    shapes = shapes_of(mesh.points, both.reshape(-1, 4)).reshape(both.shape[:3])
    worst = shapes.min(axis=2)[:, ways].min(axis=2)
    way = worst.argmax(axis=1)
    gain = worst.max(axis=1) - mesh.shapes[around].min(axis=1)
    row, chosen = np.arange(len(ring))[:, None], ways[way]
    tags = np.where(
        beyond[chosen], mesh.tags[around[:, arc], None], mesh.tags[around[:, 0], None]
    )
    tags = np.repeat(tags, 2, axis=1)
    new = both[row, chosen].reshape(*tags.shape, 4)
    good = gain > _LEAST_GAIN
    if arc:
        good &= _little_swept(mesh, around, new, tags)
    shapes = shapes[row, chosen].reshape(tags.shape)
    return _Swaps(gain[good], around[good], new[good], tags[good], shapes[good])


def _little_swept(
    mesh: WorkingMesh, around: ndarray, new: ndarray, tags: ndarray
) -> Bool[ndarray, "edge"]:
    before = signed_volumes(mesh.points, mesh.tetrahedra[around].reshape(-1, 4))
    before = before.reshape(around.shape)
    after = signed_volumes(mesh.points, new.reshape(-1, 4)).reshape(tags.shape)
    first = mesh.tags[around[:, :1]]
    change = np.where(tags == first, after, 0).sum(axis=1)
    change -= np.where(mesh.tags[around] == first, before, 0).sum(axis=1)
    return np.abs(change) < _SWEPT * before.mean(axis=1)


@cache
def _triangulations(count: int) -> tuple[ndarray, ndarray]:
    """All triangles of a polygon's corners, and all sets of them that fill it."""
    triangles = [
        (i, j, k)
        for i in range(count)
        for j in range(i + 1, count)
        for k in range(j + 1, count)
    ]

    def fill(low: int, high: int) -> list[list[tuple[int, int, int]]]:
        if high - low < 2:
            return [[]]
        return [
            [*left, (low, middle, high), *right]
            for middle in range(low + 1, high)
            for left in fill(low, middle)
            for right in fill(middle, high)
        ]

    number = {triangle: i for i, triangle in enumerate(triangles)}
    ways = [[number[t] for t in way] for way in fill(0, count - 1)]
    return np.array(triangles), np.array(ways)


def _has_diagonal(triangles: ndarray, one: int, two: int) -> bool:
    return bool(((triangles == one).any(axis=1) & (triangles == two).any(axis=1)).any())


def _apply(mesh: WorkingMesh, swaps: list[_Swaps]) -> int:
    """Carry out the swaps of largest gain that share no element."""
    gain = np.concatenate([s.gain for s in swaps])
    rank = np.empty(len(gain), np.int64)
    rank[np.argsort(-gain, kind="stable")] = np.arange(len(gain))
    ranks = np.split(rank, np.cumsum([len(s.gain) for s in swaps])[:-1])
    first = np.full(len(mesh.tetrahedra), len(gain))
    for own, kind in zip(ranks, swaps, strict=True):
        np.minimum.at(first, kind.old, np.broadcast_to(own[:, None], kind.old.shape))
    won = [
        (first[kind.old] == own[:, None]).all(axis=1)
        for own, kind in zip(ranks, swaps, strict=True)
    ]
    pairs = list(zip(swaps, won, strict=True))
    mesh.replace(
        np.concatenate([kind.old[w].ravel() for kind, w in pairs]),
        np.concatenate([kind.new[w].reshape(-1, 4) for kind, w in pairs]),
        np.concatenate([kind.tags[w].ravel() for kind, w in pairs]),
        np.concatenate([kind.shapes[w].ravel() for kind, w in pairs]),
    )
    return sum(int(w.sum()) for w in won)
