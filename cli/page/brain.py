"""The field on the cortex and in the target, as the page has it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import sparse
from scipy.spatial import KDTree

from ...efield import ReducedField
from ...efield.reduced.modes import Table
from ...meshing import HeadMesh
from ..inputs.targets import Target
from ..pictures.shapes import compact, smooth
from ..report.view import thinned
from ..viewer.packing import packed
from .scene import Scene


TRIANGLES = 40_000  # Of the cortex: half as many vertices.
_NEAR = 50e-3  # Of the target the cortex keeps all its nodes. [m]
_BRAIN = 2  # The highest tag of it.


@dataclass(frozen=True, eq=False)
class Brain:
    """The cortex with its field.

    Attributes:
        drawn: Where vertices are drawn, smoothed. [m]
        triangles: Counter-clockwise, seen from outside.
        nodes: The node of the head that each vertex is.
        field: E at each: the mean by volume over the tissue's tetrahedra that meet it.
    """

    drawn: Float[ndarray, "vertex 3"]
    triangles: Int[ndarray, "triangle 3"]
    nodes: Int[ndarray, "vertex"]
    field: ReducedField

    @classmethod
    def of(cls, scene: Scene, triangles: int = TRIANGLES) -> "Brain":
        """Take the cortex of a scene, and what of its field is drawn."""
        head = scene.head
        surface = compact(head.nodes, head.boundary(head.tags <= _BRAIN))
        vertices, faces, nodes = surface
        drawn = smooth(vertices, faces, 8)
        near = np.linalg.norm(vertices - scene.target.centre, axis=1) < _NEAR
        drawn, faces, kept = thinned(drawn, faces, triangles, near)
        nodes = nodes[kept]
        around = shares_at_nodes(head, scene.elements, nodes)
        field = scene.field.means(around, head.nodes[nodes]).stored(np.int8)
        return cls(drawn, faces, nodes, field)

    def to_json(self) -> dict:
        """For the page; lengths in m."""
        field = self.field
        accuracy = field.accuracy
        return {
            "vertices": packed(self.drawn, "f4"),
            "places": packed(field.positions, "f4"),
            "triangles": packed(self.triangles, "u4"),
            "nodes": packed(self.nodes, "u4"),
            "basis": {
                "points": packed(np.asarray(field.points), "f8"),
                "directions": packed(np.asarray(field.directions), "f8"),
                "toModes": packed(np.asarray(field.to_modes), "f8"),
                "tables": [_table(each) for each in field.modes.tables],
                "ratio": accuracy.ratio,
                "limit": accuracy.limit,
                "worst": accuracy.worst,
                "order": field.origin.order,
            },
        }


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


def field_in_target(
    head: HeadMesh,
    field: ReducedField,
    elements: Int[ndarray, "point"],
    target: Target,
) -> ReducedField:
    """Take the mean of a field over a target: one place.

    Args:
        head: The head.
        field: E in the elements.
        elements: Of the head.
        target: Of the same tissue.

    Raises:
        ValueError: The target is not where the field is known.
    """
    region = target.region
    place = np.full(len(head.tags), -1)
    place[elements] = np.arange(len(elements))
    column = place[region.tetrahedra]
    if (column < 0).any():
        raise ValueError(
            f"--tissue {target.tissue}: the basis knows the field of another tissue."
        )
    row = np.zeros(len(column), dtype=int)
    shape = (1, len(elements))
    shares = sparse.csr_array((region.weights, (row, column)), shape=shape)
    return field.means(shares, np.asarray(region.centre)[None])


def _table(table: Table) -> dict:
    values = np.asarray(table.values)
    kind = {"int8": "i1", "float16": "f2"}[str(values.dtype)]
    assert table.scale is not None
    return {
        "values": packed(values, kind),
        "scale": packed(np.asarray(table.scale), "f4"),
    }
