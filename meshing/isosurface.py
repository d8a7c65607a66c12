"""Where a field on a grid is zero, as a surface of triangles."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


# Kuhn's six tetrahedra of a cube; corner i has the offsets (i >> 2, i >> 1 & 1, i & 1).
_CUBE = np.array(
    [[0, 4, 6, 7], [0, 4, 5, 7], [0, 2, 6, 7], [0, 2, 3, 7], [0, 1, 5, 7], [0, 1, 3, 7]]
)


def isosurface(
    field: Float[ndarray, "x y z"],
) -> tuple[Float[ndarray, "vertex 3"], Int[ndarray, "triangle 3"]]:
    """Find where a field on a grid is zero, by marching tetrahedra.

    Args:
        field: At the nodes of the grid, positive inside.

    Returns:
        Vertices in units of the grid's spacing, and triangles with their normals towards
        the negative side.
    """
    values = field.ravel()
    # How many corners of each cell are inside: 0 and 8 are of no interest.
    count = (field > 0).astype(np.int8)
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        count = count[tuple(low)] + count[tuple(high)]
    cell = np.stack(np.nonzero((count > 0) & (count < 8)), axis=1)
    offsets = np.stack(np.unravel_index(np.arange(8), (2, 2, 2)), axis=1)
    x, y, z = np.moveaxis(cell[:, None] + offsets[None], -1, 0)
    nodes = (x * field.shape[1] + y) * field.shape[2] + z
    tetrahedra = nodes[:, _CUBE].reshape(-1, 4)
    order = np.argsort(values[tetrahedra] <= 0, axis=1, kind="stable")
    tetrahedra = np.take_along_axis(tetrahedra, order, axis=1)  # Those inside first.
    within = np.sum(values[tetrahedra] > 0, axis=1)
    one, two, three = (tetrahedra[within == number] for number in (1, 2, 3))
    edges = np.concatenate(
        [
            one[:, [[0, 1], [0, 2], [0, 3]]],
            three[:, [[0, 3], [1, 3], [2, 3]]],
            two[:, [[0, 2], [0, 3], [1, 3]]],
            two[:, [[0, 2], [1, 3], [1, 2]]],
        ]
    )
    return _join(edges, field)


def _join(
    edges: Int[ndarray, "triangle 3 2"], field: Float[ndarray, "x y z"]
) -> tuple[Float[ndarray, "vertex 3"], Int[ndarray, "triangle 3"]]:
    """Make triangles of the grid edges that they cut, the inner end first."""
    keys, triangles = np.unique(
        edges.reshape(-1, 2) @ np.array([field.size, 1]), return_inverse=True
    )
    triangles = triangles.reshape(-1, 3)
    inner, outer = keys // field.size, keys % field.size
    start, end = (
        np.stack(np.unravel_index(node, field.shape), axis=1).astype(float)
        for node in (inner, outer)
    )
    high, low = field.ravel()[inner], field.ravel()[outer]
    vertices = start + (high / (high - low))[:, None] * (end - start)
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    outwards = (end - start)[triangles].sum(axis=1)
    wrong = np.einsum("ti,ti->t", np.cross(b - a, c - a), outwards) < 0
    triangles[wrong] = triangles[wrong][:, ::-1]
    return vertices, triangles
