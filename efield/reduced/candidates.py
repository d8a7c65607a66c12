"""Which placements to solve, and at which points in the head to look at dA/dt."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

from ...meshing import outer_surface
from ..conductor import Conductor


_NEAR, _FAR = 600, 150  # Points among the places, and elsewhere.
_DEEP = 10e-3  # From the surface of the head, where rings stand for any coil. [m]
_MOST = 20_000  # Nodes that points are chosen of.
_TRIED = 1000  # Placements that the next are chosen of.
_KNOWN = 1e-7  # Of a reading's norm.
_NEAREST = 4  # Nodes next to each place.


class Candidates:
    """Placements that may be solved, by their dA/dt at the points.

    The next to solve is the one of which the chosen ones know least: pivoted
    orthogonalisation, as in the greedy methods for reduced bases [Binev et al. 2011,
    doi:10.1137/100795772].
    """

    def __init__(self, readings: Float[ndarray, "candidate reading"]):
        width = readings.shape[1]
        self._rest, self._open = np.zeros((0, width)), np.zeros(0, bool)
        self._known = np.zeros((0, width))
        self.add(readings)

    def add(self, readings: Float[ndarray, "candidate reading"]) -> None:
        """Add placements, whose numbers go on."""
        rest = readings / np.linalg.norm(readings, axis=1, keepdims=True)
        for _ in range(2):
            rest = rest - (rest @ self._known.T) @ self._known
        self._rest = np.concatenate([self._rest, rest])
        self._open = np.concatenate([self._open, np.ones(len(rest), bool)])

    def choose(self, count: int) -> list[int]:
        """Choose the next placements, until all that are left are known."""
        chosen, units = [], []
        squares = np.where(
            self._open, np.einsum("cr,cr->c", self._rest, self._rest), -1
        )
        # The least known of all stay so while a few are chosen.
        these = np.argsort(-squares, kind="stable")[: max(_TRIED, count)]
        rest, squares = self._rest[these], squares[these]
        for _ in range(min(count, int(self._open.sum()))):
            best = int(np.argmax(squares))
            chosen.append(int(these[best]))
            size = np.linalg.norm(rest[best])
            # What is known up to rounding adds nothing, but may be chosen in the end.
            if size > _KNOWN:
                unit = rest[best] / size
                along = rest @ unit
                rest -= np.outer(along, unit)
                squares = np.where(squares < 0, -1, np.maximum(squares - along**2, 0))
                units.append(unit)
            squares[best] = -1
        new = np.reshape(units, (-1, self._rest.shape[1]))
        self._open[chosen] = False
        self._rest -= (self._rest @ new.T) @ new
        self._known = np.concatenate([self._known, new])
        return chosen


def reading_points(
    conductor: Conductor, positions: Float[ndarray, "place 3"]
) -> Float[ndarray, "reading 3"]:
    """Spread points over the nodes at the places, and over the depth of the head. [m]

    Where places are few, as in a small target, the rest of the head says how dA/dt goes
    on.
    """
    nodes = np.asarray(conductor.nodes, dtype=np.float64)
    mesh = conductor.host.mesh
    corners = np.asarray(conductor.elements.tetrahedra[:4]).T
    head = nodes[: (mesh.coarser or mesh).nodes]
    some = _some(positions)
    near = np.unique(KDTree(head).query(some, k=_NEAREST)[1])
    surface = KDTree(outer_surface(head, corners).vertices)
    deep = np.flatnonzero(surface.query(head)[0] > _DEEP)
    among = spread_out(head[near], _NEAR)
    rest = head[deep] if len(deep) else head
    return spread_out(_some(rest), _NEAR + _FAR, among)


def spread_out(
    points: Float[ndarray, "point 3"],
    count: int,
    before: Float[ndarray, "given 3"] | None = None,
) -> Float[ndarray, "chosen 3"]:
    """Choose points one after the other, each the farthest from those before. [m]"""
    chosen = [] if before is None else list(before)
    gap = np.full(len(points), np.inf)
    for each in chosen:
        gap = np.minimum(gap, np.sum((points - each) ** 2, axis=1))
    if not chosen:
        gap = np.sum((points - points.mean(axis=0)) ** 2, axis=1)
        first = points[np.argmin(gap)]
        chosen, gap = [first], np.sum((points - first) ** 2, axis=1)
    while len(chosen) < count and gap.max() > 0:
        chosen.append(points[np.argmax(gap)])
        gap = np.minimum(gap, np.sum((points - chosen[-1]) ** 2, axis=1))
    return np.array(chosen)


def _some(points: Float[ndarray, "point 3"]) -> Float[ndarray, "some 3"]:
    if len(points) <= _MOST:
        return points
    return points[np.random.default_rng(0).choice(len(points), _MOST, replace=False)]
