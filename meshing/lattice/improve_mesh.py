"""A mesh while it is being improved."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .improve_shape import shapes_of
from .topology import node_labels


@dataclass(eq=False)
class WorkingMesh:
    """Tetrahedra and what improving them needs to know; changed in place.

    Attributes:
        points: Positions of the nodes, some of which may be without elements.
        tetrahedra: The four nodes of each element, of positive volume.
        tags: The label of each element, from 1.
        shapes: The shape of each element, as `shapes_of` gives.
        outer: Whether each node touches air.
        labels: The labels that meet at each node, as `node_labels` gives.
        free: Whether each node may move or vanish.
    """

    points: Float[ndarray, "node 3"]
    tetrahedra: Int[ndarray, "tet 4"]
    tags: Int[ndarray, "tet"]
    shapes: Float[ndarray, "tet"]
    outer: Bool[ndarray, "node"]
    labels: Int[ndarray, "node"]
    free: Bool[ndarray, "node"]

    @classmethod
    def of(
        cls,
        points: Float[ndarray, "node 3"],
        tetrahedra: Int[ndarray, "tet 4"],
        tags: Int[ndarray, "tet"],
        outer: Bool[ndarray, "node"],
    ) -> "WorkingMesh":
        """Start from a mesh, whose arrays are left as they are."""
        return cls(
            points=points.copy(),
            tetrahedra=tetrahedra,
            tags=tags,
            shapes=shapes_of(points, tetrahedra),
            outer=outer,
            labels=node_labels(tetrahedra, tags, outer),
            free=np.ones(len(points), bool),
        )

    def replace(
        self, old: Int[ndarray, "old"], new: ndarray, tags: ndarray, shapes: ndarray
    ) -> None:
        """Put some elements in the place of others."""
        keep = np.ones(len(self.tetrahedra), bool)
        keep[old] = False
        self.tetrahedra = np.concatenate([self.tetrahedra[keep], new])
        self.tags = np.concatenate([self.tags[keep], tags])
        self.shapes = np.concatenate([self.shapes[keep], shapes])

    def take_around(self, chosen: Bool[ndarray, "tet"], rings: int) -> "WorkingMesh":
        """Cut out some elements and those around them, to be put back by `put_back`.

        Nodes keep their numbers and share their positions; those that elements outside
        the part use must stay.

        Args:
            chosen: Which elements.
            rings: How many rings of elements around them go along.
        """
        inside = chosen
        for _ in range(rings):
            near = np.zeros(len(self.points), bool)
            near[self.tetrahedra[inside]] = True
            inside = near[self.tetrahedra].any(axis=1)
        free = self.free.copy()
        free[self.tetrahedra[~inside]] = False
        part = WorkingMesh(
            self.points,
            self.tetrahedra[inside],
            self.tags[inside],
            self.shapes[inside],
            self.outer,
            self.labels,
            free,
        )
        self.replace(np.flatnonzero(inside), *NOTHING)
        return part

    def put_back(self, part: "WorkingMesh") -> None:
        """Undo `take_around`, with the changes that the part has seen since."""
        nothing = np.zeros(0, np.int64)
        self.replace(nothing, part.tetrahedra, part.tags, part.shapes)


NOTHING = np.zeros((0, 4), np.int32), np.zeros(0, np.int32), np.zeros(0)
