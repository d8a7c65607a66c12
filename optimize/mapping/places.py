"""Places of the cortex that may hold what responds: a part of its surface, fine enough.

The field a millimetre or two beneath a place is nearly in proportion to the field there, so
that pulses cannot separate places at several depths; all places lie in one layer.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from ...meshing import HeadMesh, Surface, cortical_normals, gray_matter_surface


DEPTH = 1.2e-3  # Of the layer, beneath the surface of gray matter. [m]
SPACING = 2.0e-3  # Of places: triangles with longer edges, on average, are cut. [m]


@dataclass(frozen=True, eq=False)
class CortexPatch:
    """A part of the surface of gray matter.

    Attributes:
        surface: The part, open at its rim; its vertices are the places.
        points: In gray matter beneath the vertices, where fields are evaluated. [m]
        normals: Of the cortex there, outwards, of length 1.
        areas: That each vertex stands for. [m²]
        resolution: Standard deviation of a place within the head's elements there, whose
            fields are nearly constant. [m]
    """

    surface: Surface
    points: Float[ndarray, "place 3"]
    normals: Float[ndarray, "place 3"]
    areas: Float[ndarray, "place"]
    resolution: float

    @property
    def positions(self) -> Float[ndarray, "place 3"]:
        """The places, on the surface. [m]"""
        return self.surface.vertices

    @property
    def rim(self) -> Bool[ndarray, "place"]:
        """Whether a place lies at the edge of the part."""
        sides = self.surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        edges, count = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
        at_edge = np.zeros(len(self.surface.vertices), bool)
        at_edge[edges[count == 1]] = True
        return at_edge


def cortex_patch(
    head: HeadMesh,
    chosen: Bool[ndarray, "vertex"],
    spacing: float = SPACING,
    depth: float = DEPTH,
) -> CortexPatch:
    """Take a part of the surface of gray matter, cut finer where the mesh is coarse.

    Args:
        head: The head.
        chosen: Which vertices of `meshing.gray_matter_surface(head)` belong to it.
        spacing: Triangles are cut in four until edges are no longer, on average. [m]
        depth: Of the points beneath the vertices. [m]

    Raises:
        ValueError: No whole triangle is chosen, or the head has no gray matter.
    """
    whole, _ = gray_matter_surface(head)
    triangles = whole.triangles[chosen[whole.triangles].all(axis=1)]
    if not len(triangles):
        raise ValueError(
            "the region holds no triangle of the cortex's surface: choose a larger one."
        )
    vertices, corners = np.unique(triangles, return_inverse=True)
    part = Surface(whole.vertices[vertices], corners.reshape(-1, 3).astype(np.int32))
    resolution = _mean_edge(part) / np.sqrt(12)  # Evenly along an edge.
    while _mean_edge(part) > spacing:
        part = _cut(part)
    normals = cortical_normals(head, part.vertices)
    points = part.vertices - depth * normals
    return CortexPatch(part, points, normals, _areas(part), float(resolution))


def _mean_edge(surface: Surface) -> float:
    a, b, c = surface.corners
    return float(np.linalg.norm(np.stack([a - b, b - c, c - a]), axis=2).mean())


def _cut(surface: Surface) -> Surface:
    """Cut each triangle in four, at the middles of its edges."""
    sides = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges, number = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True)
    count = len(surface.vertices)
    ab, bc, ca = (count + number.reshape(-1, 3)).T
    a, b, c = surface.triangles.T
    pieces = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    middles = surface.vertices[edges].mean(axis=1)
    triangles: Int[ndarray, "triangle 3"] = np.concatenate(
        [np.stack(each, axis=1) for each in pieces]
    ).astype(np.int32)
    return Surface(np.concatenate([surface.vertices, middles]), triangles)


def _areas(surface: Surface) -> Float[ndarray, "place"]:
    a, b, c = surface.corners
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return np.bincount(
        surface.triangles.ravel(), np.repeat(third, 3), len(surface.vertices)
    )
