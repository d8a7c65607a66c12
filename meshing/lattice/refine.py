"""Where a lattice must be finer: towards the surfaces between labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..head import signed_volumes
from .bisect import bisect_longest
from .label_field import LabelField
from .lattice import Lattice, depths
from .topology import edges_of


_SHARE = 0.15  # Of the elements, bisected at once; the worst ones anew each time.
_COST = 3.0  # Elements that bisecting one brings, with those that must follow.
_PIECES = 1.82  # That an element with nodes in several labels leaves.
_ENOUGH = 0.02  # Need below which nothing is to be won.
_DOUBT = 0.05  # Least distance that a wrong label counts with. [voxel]


@dataclass(frozen=True, eq=False)
class Sizes:
    """How fine the lattice must be, per label of a `LabelField`, in its unit of length.

    Of `edge` and `error` only ratios matter: all of them are multiplied by one factor,
    which is as small as the wanted number of elements allows.

    Attributes:
        edge: Longest edge of an element.
        error: Fourth root of an element's volume with the wrong label times how far that
            volume is from where it belongs.
        limit: Longest edge of an element, which does not depend on that number.
    """

    edge: Float[ndarray, "label"]
    error: Float[ndarray, "label"]
    limit: Float[ndarray, "label"]


def refine(
    lattice: Lattice, field: LabelField, sizes: Sizes, wanted: int, most: int
) -> None:
    """Bisect where it is needed most until about so many elements come of it.

    Args:
        lattice: Changed in place.
        field: Where the labels are.
        sizes: What counts as need.
        wanted: Elements after cutting, unless the limits of sizes demand more.
        most: Elements after cutting that are not exceeded.

    Raises:
        ValueError: The limits demand more than `most`.
    """
    _keep_limits(lattice, field, sizes.limit, most)
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


def _keep_limits(
    lattice: Lattice, field: LabelField, limit: Float[ndarray, "label"], most: int
) -> None:
    while np.isfinite(limit).any():
        ends = np.stack([lattice.longest >> 32, lattice.longest & 0xFFFFFFFF])
        between = lattice.grid[ends[0]] - lattice.grid[ends[1]]
        length = lattice.step * np.linalg.norm(between, axis=1)
        allowed = limit[lattice.labels[lattice.tetrahedra]].min(axis=1)
        chosen = np.flatnonzero(length > allowed)
        if len(chosen) == 0:
            return
        if expected_elements(lattice) + len(chosen) > most:
            raise ValueError(
                f"`largest_edges` needs more than {most:,} tetrahedra. Allow longer ones."
            )
        bisect_longest(lattice, field, chosen)


def expected_elements(lattice: Lattice) -> int:
    """About how many elements cutting and improving will leave of a lattice."""
    labels = lattice.labels[lattice.tetrahedra]
    mixed = (labels != labels[:, :1]).any(axis=1)
    pure = int((~mixed & (labels[:, 0] > 0)).sum())
    return pure + int(_PIECES * mixed.sum())


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
    labels = lattice.labels[tetrahedra]
    # Far from everything else, air may be as coarse as it likes.
    reach = lattice.depth[:, 0][tetrahedra].min(axis=1)
    far = (labels == 0).all(axis=1) & (reach > coarse)
    coarse = np.where(far, 0, coarse / sizes.edge[labels].min(axis=1))
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
