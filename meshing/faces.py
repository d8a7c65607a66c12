"""The faces of tetrahedra, each once, with the elements on both sides."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray


# The other three corners, such that (corner, *others) is right-handed.
OTHERS = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])

_ONE_KEY = 2_000_000  # With fewer nodes one number holds the three of a face.
_AT_ONCE = 1 << 13  # Elements, so that temporary arrays stay in the cache.


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of tetrahedra, ordered by their nodes, the lowest node first.

    A side of a face is the element there and the corner of it that lies opposite,
    4 element + corner.

    Attributes:
        tetrahedra: The elements, by their nodes.
        one: The side of the element that comes first.
        other: The side of the second; -1 where there is none.
        crowded: The first side of faces that more than two elements claim, which are
            not among the others.
    """

    tetrahedra: Int[ndarray, "tet 4"]
    one: Int[ndarray, "face"]
    other: Int[ndarray, "face"]
    crowded: Int[ndarray, "crowded"]

    def nodes_of(self, sides: Int[ndarray, "side"]) -> Int[ndarray, "side 3"]:
        """The nodes of faces, such that normals point out of the element of the side."""
        element, corner = sides // 4, sides % 4
        return self.tetrahedra[element[:, None], OTHERS[corner]]

    def outside(self) -> Int[ndarray, "side"]:
        """The sides of the faces that belong to one element only."""
        return self.one[self.other < 0]

    def around(self, chosen: Bool[ndarray, "tet"]) -> Int[ndarray, "side"]:
        """The sides, in chosen elements, of the faces that bound these as a whole."""
        one = chosen[self.one // 4]
        other = chosen[self.other // 4] & (self.other >= 0)
        return np.where(one, self.one, self.other)[one != other]


def faces_of(tetrahedra: Int[ndarray, "tet 4"], count: int) -> Faces:
    """Find the faces of tetrahedra.

    Args:
        tetrahedra: The nodes of each.
        count: How many nodes there are.
    """
    pair, high = _keys(tetrahedra, count)
    if count < _ONE_KEY:
        key = pair
        key *= count
        key += high
        order = np.argsort(key)
        ranked = key[order]
        new = ranked[1:] != ranked[:-1]
    else:
        order = np.lexsort((high, pair))
        pair, high = pair[order], high[order]
        new = (pair[1:] != pair[:-1]) | (high[1:] != high[:-1])
    starts = np.flatnonzero(np.append(True, new))
    size = np.diff(starts, append=len(order))
    sides = order.astype(np.int32) if len(order) < 2**31 else order
    first, last = sides[starts], sides[np.minimum(starts + 1, len(order) - 1)]
    first, last = np.minimum(first, last), np.maximum(first, last)
    single, crowded = size == 1, size > 2
    first[single], last[single] = sides[starts[single]], -1
    claims = sides
    if crowded.any():
        claims = np.minimum.reduceat(sides, starts)[crowded]
        first, last = first[~crowded], last[~crowded]
    return Faces(tetrahedra, first, last, claims[: np.count_nonzero(crowded)])


def _keys(
    tetrahedra: Int[ndarray, "tet 4"], count: int
) -> tuple[Int[ndarray, "side"], Int[ndarray, "side"]]:
    """For each side, the two lowest nodes of its face as one number, and the highest."""
    pairs = np.empty((len(tetrahedra), 4), np.int64)
    highest = np.empty((len(tetrahedra), 4), tetrahedra.dtype)
    for start in range(0, len(tetrahedra), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        # Column by column: sorting rows of three takes twice as long as all the rest.
        a, b, c = (tetrahedra[part, OTHERS[:, i]] for i in range(3))
        low, high = np.minimum(a, b), np.maximum(a, b)
        between = np.maximum(low, np.minimum(high, c))
        np.maximum(high, c, out=highest[part])
        np.multiply(np.minimum(low, c), count, out=pairs[part], dtype=np.int64)
        pairs[part] += between
    return pairs.ravel(), highest.ravel()
