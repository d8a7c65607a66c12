"""Bisection of longest edges, which keeps a lattice conforming and its shapes good.

On a body-centred cubic lattice it brings about only three shapes of elements
[Rivara 1984, doi:10.1002/nme.1620200412].
"""

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from .label_field import LabelField
from .lattice import Lattice
from .topology import bisect, edge_keys, longest_edges


def bisect_longest(
    lattice: Lattice, field: LabelField, chosen: Int[ndarray, "chosen"]
) -> None:
    """Bisect elements at their longest edge, and others as far as these demand it.

    Args:
        lattice: Changed in place.
        field: Where the labels are.
        chosen: The elements to bisect.
    """
    key, middle = np.zeros(0, np.int64), np.zeros(0, np.int64)
    wanted = lattice.longest[chosen]
    while True:
        element = _with_edge(lattice, key)
        new = _close(lattice, key, np.concatenate([wanted, lattice.longest[element]]))
        if len(new) == 0 and len(element) == 0:
            return
        nodes = len(lattice.grid) + np.arange(len(new))
        ends = lattice.grid[new >> 32] + lattice.grid[new & _LOW]
        lattice.grid = np.concatenate([lattice.grid, ends // 2])
        lattice.look_up_new_nodes(field)
        order = np.argsort(np.concatenate([key, new]))
        key = np.concatenate([key, new])[order]
        middle = np.concatenate([middle, nodes])[order]
        _bisect(lattice, key, middle)
        wanted = key[:0]


_LOW = (1 << 32) - 1


def _among(key: ndarray, sorted_keys: ndarray) -> ndarray:
    """Whether each key is one of some sorted ones."""
    if len(sorted_keys) == 0:
        return np.zeros(key.shape, bool)
    place = np.minimum(np.searchsorted(sorted_keys, key), len(sorted_keys) - 1)
    return sorted_keys[place] == key


def _with_edge(lattice: Lattice, key: ndarray) -> ndarray:
    """The elements with one of these edges."""
    touched = np.zeros(len(lattice.grid), np.int8)
    touched[key >> 32] = 1
    touched[key & _LOW] = 1
    # Most elements are out at once: both ends of an edge must be among their nodes.
    near = np.flatnonzero(touched[lattice.tetrahedra].sum(axis=1) > 1)
    return near[_among(edge_keys(lattice.tetrahedra[near]), key).any(axis=1)]


def _close(lattice: Lattice, known: ndarray, wanted: ndarray) -> ndarray:
    """Edges to bisect: the wanted ones, and the longest of each element with such one."""
    found = known[:0]
    while True:
        wanted = np.unique(wanted)
        wanted = wanted[~_among(wanted, known) & ~_among(wanted, found)]
        if len(wanted) == 0:
            return found
        found = np.sort(np.concatenate([found, wanted]))
        wanted = lattice.longest[_with_edge(lattice, wanted)]


def _bisect(lattice: Lattice, key: ndarray, middle: ndarray) -> None:
    """Bisect the elements whose longest edge is among these."""
    element = _with_edge(lattice, key)
    longest = lattice.longest[element]
    ready = _among(longest, key)
    element, longest = element[ready], longest[ready]
    old = lattice.tetrahedra[element]
    edge = (edge_keys(old) == longest[:, None]).argmax(axis=1)
    node = middle[np.searchsorted(key, longest)]
    halves = np.concatenate(bisect(old, edge, node))
    keep = np.ones(len(lattice.tetrahedra), bool)
    keep[element] = False
    lattice.tetrahedra = np.concatenate([lattice.tetrahedra[keep], halves])
    lattice.longest = np.concatenate(
        [lattice.longest[keep], longest_edges(lattice.grid, halves)]
    )
    unknown = np.full(len(halves), -1, np.float32)
    lattice.need = np.concatenate([lattice.need[keep], unknown])
