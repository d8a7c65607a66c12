"""A cube of tetrahedra, and measures of its surface."""

import numpy as np


def lattice(count):
    """A cube of unit side as tetrahedra, six to a cell."""
    corners = np.array(
        [
            [0, 4, 6, 7],
            [0, 5, 4, 7],
            [0, 6, 2, 7],
            [0, 2, 3, 7],
            [0, 1, 5, 7],
            [0, 3, 1, 7],
        ]
    )
    nodes = np.stack(np.meshgrid(*[np.arange(count + 1)] * 3, indexing="ij"), -1)
    number = np.arange(nodes[..., 0].size).reshape(nodes.shape[:3])
    offset = [slice(None, -1), slice(1, None)]
    cell = np.stack(
        [
            number[offset[i >> 2], offset[i >> 1 & 1], offset[i & 1]].ravel()
            for i in range(8)
        ],
        axis=1,
    )
    return nodes.reshape(-1, 3) / count, cell[:, corners].reshape(-1, 4)


def volume(vertices, triangles):
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return np.einsum("ti,ti->", np.cross(a, b), c) / 6


def area(vertices, triangles):
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def assert_closed(triangles):
    """Each edge is walked once in each direction."""
    edges = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    forward = np.unique(edges, axis=0)
    assert len(forward) == len(edges)
    np.testing.assert_array_equal(forward, np.unique(edges[:, ::-1], axis=0))
