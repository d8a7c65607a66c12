"""A lattice of tetrahedra that gets finer towards the surfaces between labels.

The coarse lattice is body-centred cubic. It is refined by bisection of longest edges
[Rivara 1984, doi:10.1002/nme.1620200412], which on this lattice brings only three shapes
about, all of them good. Nodes are integers while the lattice is refined, so that
midpoints and comparisons of lengths are exact.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .head import signed_volumes
from .label_field import LabelField
from .topology import bisect, edges_of


_FINEST = 1 << 14  # Steps of the integer grid along the edge of a cube.
_SHARE = 0.15  # Of the elements, bisected at once; the worst ones anew each time.
_COST = 3.0  # Elements that bisecting one brings, with those that must follow.
_PIECES = 1.6  # That an element with nodes in several labels leaves.
_ENOUGH = 0.02  # Need below which nothing is to be won.
_DOUBT = 0.05  # Least distance that a wrong label counts with. [voxel]


@dataclass(frozen=True, eq=False)
class Sizes:
    """How fine the lattice must be, per label of a `LabelField`, in its unit of length.

    Only ratios matter: all of them are multiplied by one factor, which is as small as
    the wanted number of elements allows.

    Attributes:
        edge: Longest edge of an element.
        error: Fourth root of an element's volume with the wrong label times how far that
            volume is from where it belongs.
    """

    edge: Float[ndarray, "label"]
    error: Float[ndarray, "label"]


@dataclass(eq=False)
class Lattice:
    """Tetrahedra under refinement, and what is known at their nodes and of them.

    Attributes:
        origin: Position of the grid point (0, 0, 0).
        step: Distance of two grid points.
        grid: Nodes on the integer grid.
        tetrahedra: Their four nodes each.
        labels: The label at each node.
        depth: For each node and label, how far inside the label the node is, negative
            outside.
        need: The factor on `Sizes` at which each tetrahedron is just fine enough, -1
            where not yet known.
    """

    origin: Float[ndarray, "3"]
    step: float
    grid: Int[ndarray, "node 3"]
    tetrahedra: Int[ndarray, "tet 4"]
    labels: ndarray
    depth: ndarray
    need: ndarray

    @property
    def points(self) -> Float[ndarray, "node 3"]:
        """Positions of the nodes."""
        return self.origin + self.step * self.grid


def depths(distances: ndarray, voxel: float) -> ndarray:
    """Signed distances into each label from distances between voxel centres."""
    two = np.partition(distances, 1, axis=1)[:, :2]
    nearest = distances <= two[:, :1]
    depth = np.where(nearest, two[:, 1:], two[:, :1]) - distances
    # Across a surface this rises by two where the distance rises by one.
    size = np.abs(depth)
    return np.sign(depth) * np.where(size < voxel, size / 2, size - voxel / 2)


def coarse_lattice(field: LabelField, cube: float) -> Lattice:
    """Cover all that is not air with a body-centred cubic lattice.

    Args:
        field: What to cover.
        cube: Edge of a cube, the lattice's longer edge.
    """
    count = np.ceil((field.upper - field.lower) / cube).astype(int) + 2
    origin = (field.lower + field.upper - count * cube) / 2
    corners = count + 1
    grid = [np.stack(np.meshgrid(*map(np.arange, n), indexing="ij"), -1).reshape(-1, 3)
            for n in (corners, count)]  # fmt: skip
    nodes = np.concatenate([2 * grid[0], 2 * grid[1] + 1]) * (_FINEST // 2)

    def corner(at: ndarray) -> ndarray:
        return (at[:, 0] * corners[1] + at[:, 1]) * corners[2] + at[:, 2]

    def centre(at: ndarray) -> ndarray:
        place = (at[:, 0] * count[1] + at[:, 1]) * count[2] + at[:, 2]
        return place + len(grid[0])

    parts = []
    for axis in range(3):
        low = grid[1][grid[1][:, axis] < count[axis] - 1]
        unit = np.eye(3, dtype=int)
        face, one, two = low + unit[axis], unit[axis - 2], unit[axis - 1]
        ring = [corner(face), corner(face + one), corner(face + one + two),
                corner(face + two)]  # fmt: skip
        for i in range(4):
            ends = [centre(low), centre(face), ring[i], ring[(i + 1) % 4]]
            parts.append(np.stack(ends, axis=1))
    tetrahedra = np.concatenate(parts).astype(np.int32)
    lattice = Lattice(
        origin=origin,
        step=cube / _FINEST,
        grid=nodes,
        tetrahedra=tetrahedra,
        labels=np.zeros(0, np.uint8),
        depth=np.zeros((0, len(field.values)), np.float32),
        need=np.full(len(tetrahedra), -1, np.float32),
    )
    _look_up_new_nodes(lattice, field)
    return lattice


def _look_up_new_nodes(lattice: Lattice, field: LabelField) -> None:
    new = lattice.origin + lattice.step * lattice.grid[len(lattice.labels) :]
    depth = depths(field.distances(new), float(field.voxel.mean()))
    lattice.depth = np.concatenate([lattice.depth, depth])
    lattice.labels = np.concatenate([lattice.labels, field.labels(new)])


def refine(lattice: Lattice, field: LabelField, sizes: Sizes, wanted: int) -> None:
    """Bisect where it is needed most until about so many elements come of it.

    Args:
        lattice: Changed in place.
        field: Where the labels are.
        sizes: What counts as need.
        wanted: Elements after cutting.
    """
    while True:
        _judge(lattice, field, sizes)
        room = wanted - expected_elements(lattice)
        count = min(int(room / _COST), int(_SHARE * len(lattice.need)))
        needy = int((lattice.need > _ENOUGH).sum())
        count = min(count, needy)
        if count < _SHARE / 100 * len(lattice.need):
            return
        chosen = np.argsort(-lattice.need, kind="stable")[:count]
        bisect_longest(lattice, field, chosen)


def expected_elements(lattice: Lattice) -> int:
    """About how many elements cutting and improving will leave of a lattice."""
    labels = lattice.labels[lattice.tetrahedra]
    mixed = (labels != labels[:, :1]).any(axis=1)
    pure = int((~mixed & (labels[:, 0] > 0)).sum())
    return pure + int(_PIECES * mixed.sum())


def bisect_longest(lattice: Lattice, field: LabelField, chosen: ndarray) -> None:
    """Bisect elements at their longest edge, and others as far as these demand it.

    Args:
        lattice: Changed in place.
        field: Where the labels are.
        chosen: The elements to bisect, (chosen,).
    """
    hanging = _Midpoints()
    wanted = np.zeros(len(lattice.tetrahedra), bool)
    wanted[chosen] = True
    while True:
        pairs, edges = edges_of(lattice.tetrahedra)
        longest = _longest(lattice.grid, pairs, edges)
        marked, middle = hanging.find(pairs)
        marked[longest[wanted]] = True
        if not marked.any():
            return
        _close(marked, edges, longest)
        new = np.flatnonzero(marked & (middle < 0))
        middle[new] = len(lattice.grid) + np.arange(len(new))
        ends = lattice.grid[pairs[new]]
        lattice.grid = np.concatenate([lattice.grid, ends.sum(axis=1) // 2])
        _look_up_new_nodes(lattice, field)
        hanging.keep(pairs[marked], middle[marked])
        _bisect_marked(lattice, marked[longest], edges, longest, middle)
        wanted = np.zeros(len(lattice.tetrahedra), bool)


class _Midpoints:
    """Nodes on edges that some elements still have undivided."""

    def __init__(self) -> None:
        self._key = np.zeros(0, np.int64)
        self._node = np.zeros(0, np.int64)

    def find(self, pairs: ndarray) -> tuple[ndarray, ndarray]:
        key = (pairs[:, 0].astype(np.int64) << 32) + pairs[:, 1]
        node = np.full(len(key), -1)
        if len(self._key):
            # Both are sorted, so the shorter list is looked up in the longer one.
            place = np.minimum(np.searchsorted(key, self._key), len(key) - 1)
            there = key[place] == self._key
            node[place[there]] = self._node[there]
        return node >= 0, node

    def keep(self, pairs: ndarray, node: ndarray) -> None:
        self._key = (pairs[:, 0].astype(np.int64) << 32) + pairs[:, 1]
        self._node = node


def _longest(grid: ndarray, pairs: ndarray, edges: ndarray) -> ndarray:
    between = grid[pairs[:, 0]] - grid[pairs[:, 1]]
    length = (between * between).sum(axis=1)
    # Equal lengths fall to the later edge, the same one in every element around it.
    rank = np.empty(len(pairs), np.int64)
    rank[np.argsort(length, kind="stable")] = np.arange(len(pairs))
    place = rank[edges].argmax(axis=1)
    return edges[np.arange(len(edges)), place]


def _close(marked: Bool[ndarray, "edge"], edges: ndarray, longest: ndarray) -> None:
    """Mark the longest edge of each element that has a marked edge, to the end."""
    rest = np.arange(len(edges))
    while True:
        rest = rest[~marked[longest[rest]]]
        touched = rest[marked[edges[rest]].any(axis=1)]
        if len(touched) == 0:
            return
        marked[longest[touched]] = True


def _bisect_marked(
    lattice: Lattice, split: ndarray, edges: ndarray, longest: ndarray, middle: ndarray
) -> None:
    chosen = np.flatnonzero(split)
    edge = (edges[chosen] == longest[chosen, None]).argmax(axis=1)
    halves = bisect(lattice.tetrahedra[chosen], edge, middle[longest[chosen]])
    lattice.tetrahedra = np.concatenate([lattice.tetrahedra[~split], *halves])
    unknown = np.full(2 * len(chosen), -1, np.float32)
    lattice.need = np.concatenate([lattice.need[~split], unknown])


def _judge(lattice: Lattice, field: LabelField, sizes: Sizes) -> None:
    """Find `need` where it is not yet known."""
    new = np.flatnonzero(lattice.need < 0)
    if len(new) == 0:
        return
    tetrahedra = lattice.tetrahedra[new]
    pairs, edges = edges_of(tetrahedra)
    ends = lattice.points[pairs]
    length = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    coarse = length[edges].max(axis=1)
    coarse /= sizes.edge[lattice.labels[tetrahedra]].min(axis=1)
    weight = sizes.error**-4
    # The middles of edges stand for the outer parts, the centre for the rest.
    wrong = 0.6 * _error(lattice, field, pairs, weight)[edges].mean(axis=1)
    wrong += 0.4 * _error(lattice, field, tetrahedra, weight)
    wrong *= signed_volumes(lattice.points, tetrahedra)
    lattice.need[new] = np.maximum(coarse, wrong**0.25)


def _error(
    lattice: Lattice, field: LabelField, nodes: ndarray, weight: ndarray
) -> ndarray:
    """How far the centre of some nodes is from the label that they predict for it."""
    centre = lattice.origin + lattice.step * lattice.grid[nodes].mean(axis=1)
    depth = lattice.depth[nodes[:, 0]]
    for i in range(1, nodes.shape[1]):
        depth = depth + lattice.depth[nodes[:, i]]
    predicted = depth.argmax(axis=1)
    actual = field.labels(centre)
    wrong = np.flatnonzero(predicted != actual)
    error = np.zeros(len(nodes))
    if len(wrong):
        voxel = float(field.voxel.mean())
        distance = depths(field.distances(centre[wrong]), voxel)
        off = -distance[np.arange(len(wrong)), predicted[wrong]]
        heavy = np.maximum(weight[predicted[wrong]], weight[actual[wrong]])
        # Labels and distances are not quite of one mind within a voxel.
        error[wrong] = np.maximum(off, _DOUBT * voxel) * heavy
    return error
