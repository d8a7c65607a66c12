"""The nodes of each tissue by itself, and points within its tetrahedra."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import KDTree

from ..meshing import HeadMesh
from ..meshing.head import TISSUE_NAMES, tissue_tag


_TOLERANCE = 1e-9  # Of barycentric coordinates, for points on a face.


@dataclass(frozen=True, eq=False)
class TissueMesh:
    """Elements in which a node between two tissues is one node for each of them.

    Fields jump between tissues, so each tissue has its own value there.

    Attributes:
        nodes: The node of the head that each node is.
        positions: [m]
        tetrahedra: The elements by these nodes.
        elements: The tetrahedron of the head that each element is.
        centroids: [m]
        volumes: [m³]
    """

    nodes: Int[ndarray, "node"]
    positions: Float[ndarray, "node 3"]
    tetrahedra: Int[ndarray, "tet 4"]
    elements: Int[ndarray, "tet"]
    centroids: Float[ndarray, "tet 3"]
    volumes: Float[ndarray, "tet"]

    @cached_property
    def centroid_tree(self) -> KDTree:
        """Finds the elements with the nearest centroids."""
        return KDTree(self.centroids)

    @cached_property
    def reach(self) -> float:
        """No point of an element is farther from its centroid than this. [m]"""
        offsets = (self.positions[c] - self.centroids for c in self.tetrahedra.T)
        return max(float(np.linalg.norm(x, axis=1).max()) for x in offsets)

    def incidence(self) -> sp.csr_matrix:
        """Find which elements each node belongs to. (nodes, elements)"""
        ones = np.ones(self.tetrahedra.size, dtype=np.int8)
        starts = np.arange(0, self.tetrahedra.size + 1, 4)
        shape = (len(self.elements), len(self.nodes))
        by_element = sp.csr_matrix((ones, self.tetrahedra.ravel(), starts), shape=shape)
        return by_element.T.tocsr()  # pyright: ignore[reportReturnType]

    def on_boundary(self) -> Bool[ndarray, "node"]:
        """Give the nodes of faces that belong to one element only."""
        corners = np.sort(self.tetrahedra, axis=1)
        faces = np.concatenate([np.delete(corners, i, axis=1) for i in range(4)])
        pair = faces[:, 0].astype(np.int64) * len(self.nodes) + faces[:, 1]
        order = np.lexsort((faces[:, 2], pair))
        pair, last = pair[order], faces[order, 2]
        as_next = (pair[1:] == pair[:-1]) & (last[1:] == last[:-1])
        single = ~(np.append(as_next, False) | np.append(False, as_next))
        found = np.zeros(len(self.nodes), dtype=bool)
        found[faces[order[single]]] = True
        return found


def tissue_mesh(head: HeadMesh, tissue: str | int | None) -> TissueMesh:
    """Split a head into its tissues, or take one of them.

    Raises:
        ValueError: The tissue is not known or not in the head.
    """
    if tissue is None:
        elements = np.arange(len(head.tags))
    else:
        tag = tissue_tag(tissue)
        elements = np.flatnonzero(head.of(tag))
        if len(elements) == 0:
            present = ", ".join(TISSUE_NAMES[t] for t in head.tissues)
            raise ValueError(
                f"the head has no {TISSUE_NAMES[tag]}; its tissues are {present}."
            )
    count = len(head.nodes)
    key = head.tags[elements, None].astype(np.int64) * count + head.tetrahedra[elements]
    used = np.zeros((max(TISSUE_NAMES) + 1) * count, dtype=bool)
    used[key] = True
    place = np.cumsum(used, dtype=np.int32) - 1
    nodes = np.flatnonzero(used) % count
    return TissueMesh(
        nodes,
        head.nodes[nodes],
        place[key],
        elements,
        head.centroids[elements],
        head.volumes[elements],
    )


def locate(
    mesh: TissueMesh, points: Float[ndarray, "point 3"]
) -> tuple[Int[ndarray, "point"], Float[ndarray, "point 4"], Bool[ndarray, "point"]]:
    """Find the element that holds each point; outside, one that lies close to it.

    Returns:
        The element, the barycentric coordinates in it, and whether it holds the point.
    """
    best = np.full(len(points), -1)
    depth = np.full(len(points), -np.inf)  # The least coordinate in it.
    left, tried, count = np.arange(len(points)), 0, 8
    while len(left) and tried < len(mesh.elements):
        count = min(count, len(mesh.elements))
        # At least two, as one alone would come without its axis.
        query = mesh.centroid_tree.query(points[left], max(count, 2))
        distance, candidates = map(np.asarray, query)
        for candidate in candidates[:, tried:count].T:
            still = depth[left] < -_TOLERANCE
            at, element = left[still], candidate[still]
            inside = _barycentric(mesh, element, points[at]).min(axis=1)
            better = inside > depth[at]
            best[at[better]] = element[better]
            depth[at[better]] = inside[better]
        left = left[(depth[left] < -_TOLERANCE) & (distance[:, -1] <= mesh.reach)]
        tried, count = count, 4 * count
    return best, _barycentric(mesh, best, points), depth >= -_TOLERANCE


def _barycentric(
    mesh: TissueMesh, element: Int[ndarray, "point"], points: Float[ndarray, "point 3"]
) -> Float[ndarray, "point 4"]:
    return barycentric(mesh.positions[mesh.tetrahedra[element]], points)


def barycentric(
    corners: Float[ndarray, "point 4 3"], points: Float[ndarray, "point 3"]
) -> Float[ndarray, "point 4"]:
    """Return the barycentric coordinates of points, each in a tetrahedron of its own."""
    b, c, d = (corners[:, i] - corners[:, 0] for i in (1, 2, 3))
    r = points - corners[:, 0]
    triple = lambda u, v, w: np.einsum("pi,pi->p", np.cross(u, v), w)
    parts = [triple(c, d, r), triple(d, b, r), triple(b, c, r)]
    shares = np.stack(parts, axis=1) / triple(b, c, d)[:, None]
    return np.concatenate([1 - shares.sum(axis=1, keepdims=True), shares], axis=1)
