"""The field on the cortex and in the target, as the page has it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ... import efield
from ...efield import ReducedField
from ...efield.reduced.modes import Table
from ...meshing import HeadMesh, Region
from ...meshing.drawing.shapes import compact, smooth
from ...meshing.pictures.view import thinned
from ...meshing.viewer.packing import packed
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
        near = np.linalg.norm(vertices - scene.region.centre, axis=1) < _NEAR
        drawn, faces, kept = thinned(drawn, faces, triangles, near)
        nodes = nodes[kept]
        around = efield.shares_at_nodes(head, scene.elements, nodes)
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


def field_in_target(
    head: HeadMesh,
    field: ReducedField,
    elements: Int[ndarray, "point"],
    region: Region,
) -> ReducedField:
    """Take the mean of a field over a target: one place.

    Args:
        head: The head.
        field: E in the elements.
        elements: Of the head.
        region: Of the same tissue.

    Raises:
        ValueError: The target is not where the field is known.
    """
    shares = efield.shares_of_region(head, elements, region)
    if shares is None:
        raise ValueError(
            "the target is not where the basis knows the field: that is another tissue."
        )
    return field.means(shares, np.asarray(region.centre)[None])


def _table(table: Table) -> dict:
    values = np.asarray(table.values)
    kind = {"int8": "i1", "float16": "f2"}[str(values.dtype)]
    assert table.scale is not None
    return {
        "values": packed(values, kind),
        "scale": packed(np.asarray(table.scale), "f4"),
    }
