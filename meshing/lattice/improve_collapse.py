"""Remove short edges of bad elements by drawing one end onto the other."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from ..head import signed_volumes
from .improve_mesh import WorkingMesh
from .improve_shape import shapes_of
from .topology import PAIRS, stars


_SWEPT = 1.0  # Volume that may change its label. [mean volume of the elements around]
_WORST = 0.02  # Sine that a collapse must leave at least.


def collapse_edges(mesh: WorkingMesh, wanted: float) -> int:
    """Collapse edges of bad elements where the worst of the elements around gets better.

    A node on a surface is drawn along that surface only, and only onto a node that all
    of its labels meet at.

    Args:
        mesh: Changed in place. Nodes may be left without elements.
        wanted: Elements of a lesser shape than this are bad.

    Returns:
        How many edges were collapsed.
    """
    gone, kept = _candidates(mesh, wanted)
    if len(gone) == 0:
        return 0
    trial = _try(mesh, gone, kept)
    gain = trial.least(trial.shapes) - trial.least(mesh.shapes[trial.element])
    good = (gain > 0) & (trial.least(trial.shapes) > _WORST)
    # Nodes of a surface stay on it: all labels of the node meet at the edge as well.
    good &= _edge_labels(mesh, trial) == mesh.labels[gone]
    good &= _little_swept(mesh, trial)
    won = _without_overlap(trial, good, gain, len(mesh.tetrahedra))
    entry = np.flatnonzero(won[trial.owner])
    stay = entry[~trial.dies[entry]]
    mesh.replace(
        trial.element[entry],
        trial.new[stay],
        mesh.tags[trial.element[stay]],
        trial.shapes[stay],
    )
    return int(won.sum())


@dataclass(frozen=True, eq=False)
class _Trial:
    """What some collapses would bring, with an entry per edge and element around.

    Attributes:
        gone: The node that would vanish, per edge.
        kept: The node it would be drawn onto.
        begin: Where the entries of each edge begin.
        owner: The edge of each entry.
        element: The element of each entry.
        dies: Whether it would vanish.
        new: Its nodes afterwards.
        shapes: Its shape afterwards, 2 if it vanishes.
    """

    gone: Int[ndarray, "edge"]
    kept: Int[ndarray, "edge"]
    begin: Int[ndarray, "edge"]
    owner: Int[ndarray, "entry"]
    element: Int[ndarray, "entry"]
    dies: Bool[ndarray, "entry"]
    new: Int[ndarray, "entry 4"]
    shapes: Float[ndarray, "entry"]

    def least(self, values: ndarray) -> ndarray:
        return np.minimum.reduceat(values, self.begin)


def _candidates(mesh: WorkingMesh, wanted: float) -> tuple[ndarray, ndarray]:
    bad = mesh.tetrahedra[mesh.shapes < wanted]
    both = np.concatenate([PAIRS, PAIRS[:, ::-1]])
    pairs = bad[:, both].reshape(-1, 2)
    within = (mesh.labels[pairs[:, 0]] & ~mesh.labels[pairs[:, 1]]) == 0
    pairs = np.unique(pairs[within & mesh.free[pairs[:, 0]]], axis=0)
    return pairs[:, 0], pairs[:, 1]


def _try(mesh: WorkingMesh, gone: ndarray, kept: ndarray) -> _Trial:
    chosen = np.zeros(len(mesh.points), bool)
    chosen[gone] = True
    star = stars(mesh.tetrahedra, chosen)
    of = np.searchsorted(star.nodes, gone)
    size = np.diff(star.starts, append=len(star.owner))[of]
    begin = np.cumsum(size) - size
    owner = np.repeat(np.arange(len(gone)), size)
    entry = np.arange(len(owner)) - begin[owner] + star.starts[of][owner]
    element = star.tetrahedra[entry]
    new = mesh.tetrahedra[element]
    dies = (new == kept[owner, None]).any(axis=1)
    new[np.arange(len(new)), star.corner[entry]] = kept[owner]
    shapes = np.full(len(new), 2.0)
    shapes[~dies] = shapes_of(mesh.points, new[~dies])
    return _Trial(gone, kept, begin, owner, element, dies, new, shapes)


def _edge_labels(mesh: WorkingMesh, trial: _Trial) -> ndarray:
    """The labels that meet at each edge, as a set of bits; the lowest is air's."""
    bits = np.left_shift(1, mesh.tags[trial.element].astype(np.int32))
    labels = np.bitwise_or.reduceat(np.where(trial.dies, bits, 0), trial.begin)
    # Around an edge in the outer surface the elements do not close a ring.
    ring, edge = mesh.tetrahedra[trial.element[trial.dies]], trial.owner[trial.dies]
    ends = (ring == trial.gone[edge, None]) | (ring == trial.kept[edge, None])
    count = len(mesh.points)
    key = np.repeat(edge, 2) * count + ring[~ends]
    key, times = np.unique(key, return_counts=True)
    labels[key[times == 1] // count] |= 1
    return labels


def _little_swept(mesh: WorkingMesh, trial: _Trial) -> ndarray:
    """Whether each collapse leaves nearly all of the volume its label."""
    before = signed_volumes(mesh.points, mesh.tetrahedra[trial.element])
    after = np.where(trial.dies, 0, signed_volumes(mesh.points, trial.new))
    count = np.diff(trial.begin, append=len(trial.owner))
    most = _SWEPT * np.add.reduceat(before, trial.begin) / count
    tags = mesh.tags[trial.element]
    fine = np.ones(len(trial.gone), bool)
    for tag in np.unique(tags):
        change = np.where(tags == tag, after - before, 0)
        fine &= np.abs(np.add.reduceat(change, trial.begin)) < most
    return fine


def _without_overlap(
    trial: _Trial, good: ndarray, gain: ndarray, elements: int
) -> ndarray:
    """Choose the collapses of largest gain such that no two share an element."""
    order = np.flatnonzero(good)
    order = order[np.argsort(-gain[order], kind="stable")]
    rank = np.full(len(good), len(good))
    rank[order] = np.arange(len(order))
    entry = np.flatnonzero(good[trial.owner])
    element, own = trial.element[entry], rank[trial.owner[entry]]
    first = np.full(elements, len(good))
    np.minimum.at(first, element, own)
    won = good.copy()
    won[trial.owner[entry[first[element] != own]]] = False
    return won
