"""Edges, faces and stars of tetrahedra given by their nodes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from ..faces import OTHERS


# The two corners of each edge.
PAIRS = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])


def edges_of(tetrahedra: ndarray) -> tuple[ndarray, ndarray]:
    """The edges of tetrahedra, each once.

    Returns:
        The two nodes of each edge, lower first, (edges, 2), in ascending order; the six
        edges of each tetrahedron in the order of `PAIRS`, (tetrahedra, 6).
    """
    count = int(tetrahedra.max(initial=-1)) + 1
    first, second = tetrahedra[:, PAIRS[:, 0]], tetrahedra[:, PAIRS[:, 1]]
    key = np.minimum(first, second).astype(np.int64) * count
    key += np.maximum(first, second)
    unique, place = np.unique(key.ravel(), return_inverse=True)
    pairs = np.stack([unique // max(count, 1), unique % max(count, 1)], axis=1)
    return pairs.astype(np.int32), place.reshape(-1, 6).astype(np.int32)


def edge_keys(tetrahedra: Int[ndarray, "tet 4"]) -> Int[ndarray, "tet 6"]:
    """One number for each edge of each element, of its lower and its higher node."""
    first, second = tetrahedra[:, PAIRS[:, 0]], tetrahedra[:, PAIRS[:, 1]]
    key = np.minimum(first, second).astype(np.int64) << 32
    key |= np.maximum(first, second)
    return key


def longest_edges(
    grid: Int[ndarray, "node 3"], tetrahedra: Int[ndarray, "tet 4"]
) -> Int[ndarray, "tet"]:
    """The key of the longest edge of each element, of equally long ones the largest."""
    corners = grid[tetrahedra]
    between = corners[:, PAIRS[:, 0]] - corners[:, PAIRS[:, 1]]
    length = np.einsum("tei,tei->te", between, between)
    key = edge_keys(tetrahedra)
    return np.where(length == length.max(axis=1, keepdims=True), key, -1).max(axis=1)


def bisect(
    tetrahedra: ndarray, edge: ndarray, middle: ndarray
) -> tuple[ndarray, ndarray]:
    """Halve each tetrahedron through one edge, keeping the orientation.

    Args:
        tetrahedra: (tetrahedra, 4).
        edge: Which edge, as a row of `PAIRS`, (tetrahedra,).
        middle: The node on that edge, (tetrahedra,).

    Returns:
        The half with the edge's first node and the half with its second.
    """
    each = np.arange(len(tetrahedra))
    with_first, with_second = tetrahedra.copy(), tetrahedra.copy()
    with_first[each, PAIRS[edge, 1]] = middle
    with_second[each, PAIRS[edge, 0]] = middle
    return with_first, with_second


def node_labels(
    tetrahedra: Int[ndarray, "tet 4"],
    tags: Int[ndarray, "tet"],
    outer: Bool[ndarray, "node"],
) -> Int[ndarray, "node"]:
    """The labels that meet at each node, as a set of bits.

    Args:
        tetrahedra: The elements.
        tags: Their labels, from 1.
        outer: Whether each node touches air, whose bit is the lowest.
    """
    labels = outer.astype(np.int32)
    for tag in np.unique(tags):
        labels[tetrahedra[tags == tag]] |= np.left_shift(1, int(tag))
    return labels


def surface_faces(
    tetrahedra: Int[ndarray, "tet 4"],
    tags: Int[ndarray, "tet"],
    labels: Int[ndarray, "node"],
) -> tuple[ndarray, ndarray, ndarray]:
    """Faces between different labels.

    Args:
        tetrahedra: The elements.
        tags: Their labels, from 1.
        labels: What `node_labels` gives.

    Returns:
        The three nodes of each face, such that the normal points from the first to the
        second of the two labels that follow; air is 0.
    """
    several = (labels & (labels - 1)) != 0
    element, corner = np.nonzero(~several[tetrahedra])
    # Faces opposite to the one node inside a label, or any face if there is none.
    inside = np.bincount(element, minlength=len(tetrahedra))
    one = inside[element] == 1
    none = np.flatnonzero(inside == 0)
    owner = np.concatenate([element[one], np.repeat(none, 4)])
    corner = np.concatenate([corner[one], np.tile(np.arange(4), len(none))])
    faces = np.take_along_axis(tetrahedra[owner], OTHERS[corner], axis=1)
    low, high = faces.min(axis=1).astype(np.int64), faces.max(axis=1)
    middle = faces.sum(axis=1) - low - high
    order = np.lexsort((middle, low * len(labels) + high))
    key, middle = (low * len(labels) + high)[order], middle[order]
    same = (key[1:] == key[:-1]) & (middle[1:] == middle[:-1])
    alone = order[~np.append(same, False) & ~np.append(False, same)]
    first, second = order[:-1][same], order[1:][same]
    differ = tags[owner[first]] != tags[owner[second]]
    first, second = first[differ], second[differ]
    chosen = np.concatenate([first, alone])
    other = np.concatenate([tags[owner[second]], np.zeros(len(alone), tags.dtype)])
    return faces[chosen], tags[owner[chosen]], other


@dataclass(frozen=True, eq=False)
class Stars:
    """The elements around some nodes, one after the other.

    Attributes:
        nodes: The nodes, ascending.
        starts: Where each node's elements begin in the lists below.
        owner: The place in `nodes` that each entry belongs to.
        tetrahedra: Which element.
        corner: Which corner of it is the node.
    """

    nodes: Int[ndarray, "star"]
    starts: Int[ndarray, "star"]
    owner: Int[ndarray, "entry"]
    tetrahedra: Int[ndarray, "entry"]
    corner: Int[ndarray, "entry"]

    def least(self, values: ndarray) -> ndarray:
        """The least value of each star, from a value per entry."""
        return np.minimum.reduceat(values, self.starts)

    def total(self, values: ndarray) -> ndarray:
        """The sum over each star, from a value per entry."""
        return np.add.reduceat(values, self.starts, axis=0)

    def mean(self, values: ndarray) -> ndarray:
        """The mean over each star, from a value per entry."""
        total = self.total(values)
        count = np.diff(self.starts, append=len(self.owner))
        return total / count.reshape(-1, *[1] * (total.ndim - 1))

    def part(self, chosen: Bool[ndarray, "star"]) -> "Stars":
        """Some of the stars."""
        entry = chosen[self.owner]
        count = np.diff(self.starts, append=len(self.owner))[chosen]
        return Stars(
            self.nodes[chosen],
            np.cumsum(count) - count,
            np.repeat(np.arange(len(count)), count),
            self.tetrahedra[entry],
            self.corner[entry],
        )


def stars(tetrahedra: Int[ndarray, "tet 4"], chosen: ndarray) -> Stars:
    """Collect the elements around nodes.

    Args:
        tetrahedra: All elements.
        chosen: Whether each node is wanted, (nodes,). One without elements is left out.
    """
    element, corner = np.nonzero(chosen[tetrahedra])
    node = tetrahedra[element, corner]
    order = np.argsort(node, kind="stable")
    node = node[order]
    first = np.flatnonzero(np.diff(node, prepend=-1))
    owner = np.repeat(np.arange(len(first)), np.diff(first, append=len(node)))
    return Stars(node[first], first, owner, element[order], corner[order])
