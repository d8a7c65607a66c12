"""Which elements count how much where a reduced field is averaged."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import sparse
from scipy.spatial import KDTree

from ...meshing import HeadMesh, Region


def shares_at_nodes(
    head: HeadMesh, inside: Int[ndarray, "point"], nodes: Int[ndarray, "vertex"]
) -> sparse.csr_array:
    """How much each tetrahedron of a tissue counts at each node, by its volume.

    A node that no tetrahedron of the tissue meets takes the nearest one.

    Args:
        head: The head.
        inside: The tetrahedra.
        nodes: Of the head.
    """
    number = np.full(len(head.nodes), -1)
    number[nodes] = np.arange(len(nodes))
    row = number[head.tetrahedra[inside]]
    column = np.broadcast_to(np.arange(len(inside))[:, None], row.shape)
    volume = np.broadcast_to(head.volumes[inside][:, None], row.shape)
    met = row >= 0
    entries = [(row[met], column[met], volume[met])]
    bare = np.setdiff1d(np.arange(len(nodes)), row[met])
    if len(bare):
        centroids = head.centroids[inside]
        nearest = _nearest(centroids, head.nodes[nodes[bare]])
        entries.append((bare, nearest, np.ones(len(bare))))
    rows, columns, values = (np.concatenate(x) for x in zip(*entries, strict=True))
    shape = (len(nodes), len(inside))
    table = sparse.csr_array((values, (rows, columns)), shape=shape)
    total = np.asarray(table.sum(axis=1))
    return sparse.csr_array(sparse.diags_array(1 / total) @ table)


def _nearest(
    places: Float[ndarray, "place 3"], points: Float[ndarray, "point 3"]
) -> Int[ndarray, "point"]:
    """The nearest of some places to each point."""
    return np.asarray(KDTree(places).query(points)[1])


def shares_of_region(
    head: HeadMesh, inside: Int[ndarray, "point"], region: Region
) -> sparse.csr_array | None:
    """How much each tetrahedron of a tissue counts in a region, in one row.

    None where some of the region is not among the tetrahedra.

    Args:
        head: The head.
        inside: The tetrahedra.
        region: Of the head.
    """
    place = np.full(len(head.tags), -1)
    place[inside] = np.arange(len(inside))
    column = place[region.tetrahedra]
    if (column < 0).any():
        return None
    row = np.zeros(len(column), dtype=int)
    return sparse.csr_array((region.weights, (row, column)), shape=(1, len(inside)))
