"""What a .msh file can hold beside the head: surfaces and fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class TissueSurfaces:
    """Triangles with tags, as SimNIBS keeps the outer surfaces of tissues in a mesh.

    Attributes:
        nodes: Positions of the corners. [m]
        triangles: The three nodes of each triangle, from 0.
        tags: The surface of each triangle: 1000 + the tag of its tissue (1005 is the
            scalp) in files of SimNIBS.
    """

    nodes: Float[ndarray, "point 3"]
    triangles: Int[ndarray, "triangle 3"]
    tags: Int[ndarray, "triangle"]

    def __init__(self, nodes: ArrayLike, triangles: ArrayLike, tags: ArrayLike):
        """Check and keep the surfaces.

        Args:
            nodes: (nodes, 3). [m]
            triangles: Indices from 0 into `nodes`, (triangles, 3).
            tags: (triangles,).

        Raises:
            ValueError: A shape does not fit, a coordinate is not finite, or an index is
                out of range.
        """
        positions = np.ascontiguousarray(nodes, dtype=np.float64)
        corners = np.ascontiguousarray(triangles, dtype=np.int32)
        labels = np.ascontiguousarray(tags, dtype=np.int32)
        for name, array, columns in (
            ("nodes", positions, 3),
            ("triangles", corners, 3),
        ):
            if array.ndim != 2 or array.shape[1] != columns:
                raise ValueError(
                    f"`{name}` must have the shape ({name}, {columns}), got "
                    f"{array.shape}."
                )
        if labels.shape != corners.shape[:1]:
            raise ValueError(
                f"`tags` must give one surface for each of {len(corners)} triangles, got "
                f"the shape {labels.shape}."
            )
        if not np.isfinite(positions).all():
            raise ValueError("`nodes` holds a value that is not finite.")
        if corners.size and (corners.min() < 0 or corners.max() >= len(positions)):
            raise ValueError(
                f"`triangles` names nodes {corners.min()} to {corners.max()}, but there "
                f"are nodes 0 to {len(positions) - 1} only."
            )
        object.__setattr__(self, "nodes", positions)
        object.__setattr__(self, "triangles", corners)
        object.__setattr__(self, "tags", labels)
        for array in (positions, corners, labels):
            array.flags.writeable = False

    def __repr__(self) -> str:
        return (
            f"TissueSurfaces({len(self.nodes)} nodes, {len(self.triangles)} triangles, "
            f"tags {', '.join(map(str, np.unique(self.tags)))})"
        )


@dataclass(frozen=True, eq=False)
class MeshFields:
    """Fields that belong to a head, by name.

    Scalars have one axis, vectors a second one of length 3, and tensors one of length 9
    (row by row). Values are in the unit of the file.

    Attributes:
        at_nodes: Fields with one value for each node.
        in_tetrahedra: Fields with one value for each tetrahedron.
    """

    at_nodes: Mapping[str, Float[ndarray, "..."]] = field(default_factory=dict)
    in_tetrahedra: Mapping[str, Float[ndarray, "..."]] = field(default_factory=dict)
