"""Finer elements where they are wanted, in a mesh that stays conforming.

An edge is bisected with all elements around it. From a chosen element the way leads to its
longest edge, from there to the longest edge of all elements around, and so on: the edge at
the end is the longest of all elements around it, and comes first [Rivara 1997, *New
mathematical tools and techniques for the refinement and/or improvement of unstructured
triangulations*]. An edge whose bisection would leave a dihedral angle below the given one
stays, and the next longest takes its place. All surfaces stay where they are.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .head import HeadMesh
from .quality import dihedral_angles


_EDGES = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])


def bisected(
    head: HeadMesh, chosen: Bool[ndarray, "tet"], least_angle: float
) -> tuple[HeadMesh, Int[ndarray, "finer"]]:
    """Cut chosen elements into about eight, and others as far as these demand it.

    Args:
        head: The mesh.
        chosen: Which elements.
        least_angle: Between two faces of an element, that none is to come below. [rad]

    Returns:
        The finer mesh, and the element of `head` that each of its elements is part of.
    """
    nodes, tetrahedra = head.nodes, head.tetrahedra.astype(np.int64)
    parents, kept = np.arange(len(tetrahedra)), np.zeros(0, np.int64)
    halvings = np.where(chosen, 3, 0)
    # Only elements at these nodes are looked at: the ways seldom lead far.
    known = _touched(len(nodes), tetrahedra[chosen])
    while True:
        active = np.flatnonzero(known[tetrahedra].any(axis=1))
        edges = _Edges(nodes, tetrahedra[active], kept)
        ends = edges.to_bisect(np.flatnonzero(halvings[active] > 0), known)
        unknown = edges.ends[ends].ravel()
        if not known[unknown].all():
            known[unknown] = True
            continue
        if len(ends) == 0:
            break
        around, halves = edges.halves(ends, len(nodes))
        grown = np.concatenate([nodes, nodes[edges.ends[ends]].mean(axis=1)])
        angles = dihedral_angles(grown[halves.reshape(-1, 4)]).min(axis=1)
        sharp = angles.reshape(2, -1).min(axis=0) < least_angle
        bad = np.unique(edges.longest[around[sharp]])
        kept = np.union1d(kept, edges.keys[bad])
        fine = ~np.isin(edges.longest[around], bad)
        around, halves = active[around[fine]], halves[:, fine].reshape(-1, 4)
        nodes, renumbered = _used(grown, len(nodes), ends, bad)
        stay = np.setdiff1d(np.arange(len(tetrahedra)), around, assume_unique=True)
        tetrahedra = np.concatenate([tetrahedra[stay], renumbered[halves]])
        again = np.concatenate([stay, around, around])
        parents = parents[again]
        halvings = halvings[again]
        halvings[len(stay) :] -= 1
        known = _touched(len(nodes), tetrahedra[halvings > 0])
    order = np.argsort(parents, kind="stable")
    tetrahedra, parents = tetrahedra[order], parents[order]
    return HeadMesh(nodes, tetrahedra, head.tags[parents]), parents


def _touched(count: int, tetrahedra: ndarray) -> Bool[ndarray, "node"]:
    """Mark the nodes of elements."""
    found = np.zeros(count, bool)
    found[tetrahedra] = True
    return found


def _used(
    nodes: Float[ndarray, "node 3"],
    old: int,
    ends: Int[ndarray, "edge"],
    bad: Int[ndarray, "bad"],
) -> tuple[Float[ndarray, "kept 3"], Int[ndarray, "node"]]:
    """Leave out the middles of edges that stay."""
    used = np.concatenate([np.ones(old, bool), ~np.isin(ends, bad)])
    return nodes[used], np.cumsum(used) - 1


class _Edges:
    """The edges of a mesh, and which of each element is the longest that may be cut."""

    def __init__(self, nodes: ndarray, tetrahedra: ndarray, kept: ndarray):
        pairs = tetrahedra[:, _EDGES]
        low, high = pairs.min(axis=2), pairs.max(axis=2)
        # The same key for the life of an edge, however many nodes are added.
        self.tetrahedra = tetrahedra
        self.keys, local = np.unique((low << 32) | high, return_inverse=True)
        self.local = local.reshape(-1, 6)
        self.ends = np.stack([self.keys >> 32, self.keys & 0xFFFFFFFF], axis=1)
        lengths = np.linalg.norm(
            nodes[self.ends[:, 0]] - nodes[self.ends[:, 1]], axis=1
        )
        # Of equal edges the later one counts as longer.
        self.rank = np.empty(len(lengths), np.int64)
        self.rank[np.argsort(lengths, kind="stable")] = np.arange(len(lengths))
        self.rank[np.isin(self.keys, kept)] = -1
        rows = np.arange(len(tetrahedra))
        self.longest = self.local[rows, self.rank[self.local].argmax(axis=1)]

    def to_bisect(
        self, wanted: Int[ndarray, "wanted"], known: Bool[ndarray, "node"]
    ) -> Int[ndarray, "edge"]:
        """Follow the way from elements to the edges that come first.

        It ends early at edges with an end that is not known, where elements may be missing.
        """
        found = np.unique(self.longest[wanted])
        found = found[self.rank[found] >= 0]
        longest = self.rank[self.longest]
        most = np.full(len(self.rank), -1)
        np.maximum.at(most, self.local.ravel(), np.repeat(longest, 6))
        at = np.empty(len(self.rank), np.int64)
        at[self.rank[self.rank >= 0]] = np.flatnonzero(self.rank >= 0)
        while True:
            following = np.unique(at[most[found]])
            inside = known[self.ends[following]].all(axis=1)
            if not inside.all():
                return following
            if np.array_equal(following, found):
                return found
            found = following

    def halves(
        self, ends: Int[ndarray, "edge"], nodes: int
    ) -> tuple[Int[ndarray, "around"], Int[ndarray, "2 around 4"]]:
        """Cut the elements around edges, the middle of the i-th being node `nodes` + i."""
        number = np.full(len(self.rank), -1)
        number[ends] = np.arange(len(ends))
        around = np.flatnonzero(number[self.longest] >= 0)
        edge = self.longest[around]
        which = (self.local[around] == edge[:, None]).argmax(axis=1)
        halves = np.stack([self.tetrahedra[around]] * 2)
        rows = np.arange(len(around))
        for half, end in zip(halves, _EDGES[which].T, strict=True):
            half[rows, end] = nodes + number[edge]
        return around, halves
