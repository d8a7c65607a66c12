"""The field on a surface of the cortex: magnitude, normal and tangential components."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ..meshing import HeadMesh, Surface
from .field import ElectricField
from .sampling import sampler


_GRAY = 2
_REACH = 5e-3  # From a vertex to gray matter, at most, for most of a surface. [m]


@dataclass(frozen=True, eq=False)
class SurfaceField:
    """A field at the vertices of a surface.

    Attributes:
        vectors: [V/m]
        magnitude: [V/m]
        normal: Component along the outward normal of the surface. [V/m]
        tangential: Magnitude of what is left. [V/m]
    """

    vectors: Float[ndarray, "vertex 3"]
    magnitude: Float[ndarray, "vertex"]
    normal: Float[ndarray, "vertex"]
    tangential: Float[ndarray, "vertex"]


def on_nodes(
    head: HeadMesh,
    field: ElectricField,
    surface: Surface,
    nodes: Int[ndarray, "vertex"],
) -> SurfaceField:
    """Take a field at nodes of the head that are the vertices of a surface.

    A node has the mean over the tetrahedra of gray matter at it, of vectors and of |E|.

    Args:
        head: The head.
        field: Of one placement.
        surface: Of gray matter, as `meshing.gray_matter_surface` gives it.
        nodes: Of its vertices.
    """
    gray = head.of("gray matter")
    corners = head.tetrahedra[gray].ravel()
    number = np.bincount(corners, minlength=len(head.nodes))[nodes]
    mean = lambda values: (
        np.bincount(corners, np.repeat(values[gray], 4), len(head.nodes))[nodes]
        / number
    )
    vectors = np.asarray(field.vectors)
    found = np.stack([mean(vectors[:, i]) for i in range(3)], axis=1)
    return _parts(found, mean(np.asarray(field.magnitude)), surface)


def on_surface(head: HeadMesh, field: ElectricField, surface: Surface) -> SurfaceField:
    """Take a field at the vertices of any surface in gray matter.

    Each vertex has the value of the tetrahedron of gray matter that holds it, or of one
    close to it where none does, as between the pial surface and the mesh's.

    Args:
        head: The head.
        field: Of one placement.
        surface: Of the cortex, in the head's coordinates.

    Raises:
        ValueError: The surface does not lie in the head's gray matter.
    """
    check_in_gray_matter(head, surface)
    found = np.asarray(sampler(head, surface.vertices, _GRAY)(field))
    return _parts(found, np.linalg.norm(found, axis=1), surface)


def check_in_gray_matter(head: HeadMesh, surface: Surface) -> None:
    """Refuse a surface that does not lie where the head's gray matter is.

    Raises:
        ValueError: It does not.
    """
    gray = np.unique(head.tetrahedra[head.of("gray matter")])
    low, high = head.nodes[gray].min(axis=0), head.nodes[gray].max(axis=0)
    points = surface.vertices
    within = ((points > low - _REACH) & (points < high + _REACH)).all(axis=1)
    if within.mean() < 0.9:
        raise ValueError(
            f"only {within.mean():.0%} of the surface's vertices lie where the head's gray "
            "matter is: is it of this head, in its millimetres?"
        )


def _parts(
    vectors: Float[ndarray, "vertex 3"],
    magnitude: Float[ndarray, "vertex"],
    surface: Surface,
) -> SurfaceField:
    normals = surface.vertex_normals
    normal = np.einsum("vc,vc->v", vectors, normals)
    tangential = np.linalg.norm(vectors - normal[:, None] * normals, axis=1)
    return SurfaceField(vectors, magnitude, normal, tangential)
