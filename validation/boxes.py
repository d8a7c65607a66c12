"""Bricks of tetrahedra: their faces are flat, so that only the elements err."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..meshing import HeadMesh, tissue_tag


# The six tetrahedra of a cube, along the six ways from one corner to the opposite one
# [Kuhn 1960, doi:10.1147/rd.45.0518]; the corner of (x, y, z) has the number x + 2y + 4z.
_IN_A_CUBE = np.array(
    [[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]]
)
_MOVED = 0.1  # Nodes within, in cells: regular meshes are better than a head's.


def brick(
    width: float,
    heights: Sequence[float],
    tissues: Sequence[str | int],
    size: float,
    turn: Float[ndarray, "3 3"] | None = None,
) -> HeadMesh:
    """Mesh a brick of layers along z around the origin.

    Args:
        width: Along x and y. [m]
        heights: Thickness of each layer, from the lowest. [m]
        tissues: Of each layer, by name or tag.
        size: Edge length, about. [m]
        turn: A rotation of the whole, (3, 3).

    Returns:
        The mesh; the same arguments give the same one.
    """
    across = max(2, round(width / size))
    counts = [max(2, round(height / size)) for height in heights]
    x = np.linspace(-width / 2, width / 2, across + 1)
    tops = np.cumsum([0.0, *heights])
    parts = [
        np.linspace(low, high, count + 1)[1:]
        for low, high, count in zip(tops[:-1], tops[1:], counts, strict=True)
    ]
    z = np.concatenate([[0.0], *parts]) - tops[-1] / 2
    nodes = np.stack(np.meshgrid(x, x, z, indexing="ij"), axis=-1)
    _move(nodes, width / across, np.cumsum(counts)[:-1])
    number = np.arange(nodes[..., 0].size).reshape(nodes.shape[:3])
    corners = np.stack(
        [
            number[_half(i), _half(j), _half(k)]
            for k in (0, 1)
            for j in (0, 1)
            for i in (0, 1)
        ],
        axis=-1,
    )
    tags = np.repeat([tissue_tag(tissue) for tissue in tissues], counts)
    every = np.broadcast_to(tags, corners.shape[:3]).ravel()
    tetrahedra = corners.reshape(-1, 8)[:, _IN_A_CUBE].reshape(-1, 4)
    positions = nodes.reshape(-1, 3)
    if turn is not None:
        positions = positions @ turn.T
    return HeadMesh(positions, tetrahedra, np.repeat(every, 6))


def _move(nodes: ndarray, cell: float, interfaces: ndarray) -> None:
    """Move nodes that are on no face of the brick and on no interface."""
    shifts = np.random.default_rng(0).uniform(-_MOVED, _MOVED, nodes.shape) * cell
    shifts[:, :, interfaces] = 0
    inner = (slice(1, -1),) * 3
    nodes[inner] += shifts[inner]


def _half(upper: int) -> slice:
    """All but the last node of an axis, or all but the first."""
    return slice(1, None) if upper else slice(None, -1)
