"""The surfaces that a report's 3-D view shows, small enough for one file.

Every vertex of the cortex is a node of the head, so that what a click reads is a number
that can be found in the field's files.
"""

from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import ndimage

from ..drawing.palette import field_palette
from ..drawing.raster import Camera
from ..drawing.render import Surface, coverage
from ..drawing.shapes import coil_body, compact, smooth
from ..head import HeadMesh
from ..viewer.packing import packed
from .hull import CoilHull
from .scene import highest_shown, means_at_nodes


_CORTEX_TRIANGLES = 110_000
_SCALP_TRIANGLES = 24_000
_COIL_TRIANGLES = 12_000
_FOCUS = 45e-3  # Around the coil's axis the cortex keeps all its nodes. [m]
_COARSEST = 6e-3  # Cells of thinning beside what is kept. [m]
_RIM_PIXEL = 1e-3  # Of the picture that a coil's rim is taken from. [m]
_SHARES = 101  # Of the highest value, at which the volume above is reported.


@dataclass(frozen=True, eq=False)
class Cortex:
    """The cortex as the view has it.

    Attributes:
        drawn: Where vertices are drawn, smoothed. [m]
        triangles: Counter-clockwise, seen from outside.
        nodes: The node of the head that each vertex is.
        values: Mean |E| of the gray matter at each. [V/m]
    """

    drawn: Float[ndarray, "vertex 3"]
    triangles: Int[ndarray, "triangle 3"]
    nodes: Int[ndarray, "vertex"]
    values: Float[ndarray, "vertex"]


def view_data(
    head: HeadMesh,
    magnitude: ArrayLike,
    pose: Float[ndarray, "4 4"],
    hull: CoilHull,
    target: tuple[Float[ndarray, "3"], float] | None,
) -> dict:
    """Collect what the page's script draws.

    Args:
        head: The head.
        magnitude: |E| of each tetrahedron. [V/m]
        pose: Coil to head. [m]
        hull: Of the coil.
        target: Centre and radius, if there is one. [m]

    Returns:
        Numbers and arrays for JSON; lengths in mm.
    """
    values = np.asarray(magnitude, dtype=np.float64)
    cortex = cortex_surface(head, values, pose)
    gray = head.of("gray matter")
    highest = highest_shown(head, values)
    outside, triangles, _ = compact(head.nodes, head.boundary())
    scalp = thinned(smooth(outside, triangles, 4), triangles, _SCALP_TRIANGLES)
    body, faces, handle = coil_body(hull.points, hull.casing, _COIL_TRIANGLES)
    placed = body @ pose[:3, :3].T + pose[None, :3, 3]
    return {
        "highest": highest,
        "palette": [_hex(colour) for colour in field_palette()[::5]],
        "cortex": _surface(cortex.drawn, cortex.triangles)
        | {
            "values": packed(cortex.values, "f4"),
            "nodes": packed(cortex.nodes, "u4"),
            "places": packed(1e3 * head.nodes[cortex.nodes], "f4"),
        },
        "above": _volumes_above(values[gray], head.volumes[gray], highest),
        "scalp": _surface(*scalp[:2]),
        "coil": _surface(placed, faces)
        | {
            "handle": packed(handle.astype(float), "f4"),
            "outline": _outline(body, faces, pose),
        },
        "pose": (pose * [[1.0, 1.0, 1.0, 1e3]]).tolist(),
        "target": None
        if target is None
        else {"centre": (1e3 * target[0]).tolist(), "radius": 1e3 * target[1]},
    }


def cortex_surface(
    head: HeadMesh, magnitude: Float[ndarray, "tet"], pose: Float[ndarray, "4 4"]
) -> Cortex:
    """Take the outer surface of gray and white matter with the field at its nodes.

    Where it has too many triangles for a page, nodes far from the coil's axis are thinned
    out; those that stay are nodes of the head with their own values.

    Args:
        head: The head.
        magnitude: |E| of each tetrahedron. [V/m]
        pose: Coil to head. [m]
    """
    brain = head.boundary(head.of("white matter", "gray matter"))
    vertices, triangles, nodes = compact(head.nodes, brain)
    drawn = smooth(vertices, triangles, 8)
    offset = drawn - pose[:3, 3]
    aside = offset - (offset @ pose[:3, 2])[:, None] * pose[:3, 2]
    near = (np.linalg.norm(aside, axis=1) < _FOCUS) & (offset @ pose[:3, 2] < 0.08)
    drawn, triangles, kept = thinned(drawn, triangles, _CORTEX_TRIANGLES, near)
    return Cortex(
        drawn, triangles, nodes[kept], means_at_nodes(head, magnitude)[nodes[kept]]
    )


def thinned(
    vertices: Float[ndarray, "vertex 3"],
    triangles: Int[ndarray, "triangle 3"],
    budget: int,
    kept: ndarray | None = None,
) -> tuple[Float[ndarray, "few 3"], Int[ndarray, "fewer 3"], Int[ndarray, "few"]]:
    """Thin a surface out by clusters, until it has no more triangles than a budget.

    Vertices in one cell of a grid that face the same octant become one of them, so that
    the two banks of a sulcus stay apart [after Rossignac & Borrel, "Multi-resolution 3D
    approximations for rendering complex scenes", 1993].

    Args:
        vertices: [m]
        triangles: Their corners.
        budget: How many triangles there may be.
        kept: Vertices that stay as long as thinning the others suffices.

    Returns:
        Vertices [m], triangles, and which of the vertices have stayed.
    """
    if len(triangles) <= budget:
        return vertices, triangles, np.arange(len(vertices))
    facing = _octants(vertices, triangles)
    alone = np.zeros(len(vertices), bool) if kept is None else kept
    cell = 1e-3
    while True:
        leader = _leaders(vertices, facing, cell, alone)
        moved = leader[triangles]
        whole = (
            (moved[:, 0] != moved[:, 1])
            & (moved[:, 1] != moved[:, 2])
            & (moved[:, 2] != moved[:, 0])
        )
        if whole.sum() <= budget:
            break
        cell *= 1.15
        if cell > _COARSEST and alone.any():  # The others alone do not suffice.
            alone, cell = np.zeros(len(vertices), bool), 1e-3
    found, faces, stayed = compact(vertices, moved[whole])
    return found, faces, stayed


def _octants(
    vertices: Float[ndarray, "vertex 3"], triangles: Int[ndarray, "triangle 3"]
) -> Int[ndarray, "vertex"]:
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.cross(b - a, c - a)
    corner = triangles.ravel()
    sums = [
        np.bincount(corner, np.repeat(area[:, axis], 3), len(vertices))
        for axis in range(3)
    ]
    return (np.stack(sums) > 0).T @ np.array([1, 2, 4])


def _leaders(
    vertices: Float[ndarray, "vertex 3"],
    facing: Int[ndarray, "vertex"],
    cell: float,
    alone: ndarray,
) -> Int[ndarray, "vertex"]:
    """Name for each vertex the one that it becomes: of its cluster, the most central."""
    low = vertices.min(axis=0)
    scaled = (vertices - low) / cell
    box = np.floor(scaled).astype(np.int64)
    i, j, k = box.T
    key = ((i * (j.max() + 1) + j) * (k.max() + 1) + k) * 8 + facing
    key[alone] = key.max() + 1 + np.arange(alone.sum())
    off = np.sum((scaled - box - 0.5) ** 2, axis=1)
    order = np.lexsort((off, key))
    first = np.ones(len(order), bool)
    first[1:] = key[order][1:] != key[order][:-1]
    leader = np.empty(len(vertices), dtype=np.int64)
    leader[order] = order[first][np.cumsum(first) - 1]
    return leader


def _outline(
    body: Float[ndarray, "vertex 3"],
    faces: Int[ndarray, "triangle 3"],
    pose: Float[ndarray, "4 4"],
) -> list[list[float] | None]:
    """The rim of a coil, seen along its axis; None between closed lines. [mm]"""
    low, high = body.min(axis=0) - 4e-3, body.max(axis=0) + 4e-3
    width, height = (int(x) for x in np.ceil((high - low)[:2] / _RIM_PIXEL))
    middle = (low + high) / 2
    # Looking along z with x to the right, y points down.
    right, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
    camera = Camera(right, up, middle, _RIM_PIXEL, (height, width))
    seen = coverage(camera, Surface(body, faces, np.zeros((1, 3)))).astype(float)
    column, row = np.arange(width) + 0.5, np.arange(height) + 0.5
    soft = ndimage.gaussian_filter(seen, 2.0)
    points: list[list[float] | None] = []
    for rim in contour_generator(column, row, soft).lines(0.5):
        at = np.asarray(rim, dtype=np.float64)[::2]
        flat = (at - [width / 2, height / 2]) * _RIM_PIXEL + middle[:2]
        places = np.column_stack([flat, np.full(len(flat), middle[2])])
        placed = 1e3 * (places @ pose[:3, :3].T + pose[:3, 3])
        points += [*np.round(placed, 2).tolist(), np.round(placed[0], 2).tolist(), None]
    return points[:-1]


def _volumes_above(
    values: Float[ndarray, "tet"], volumes: Float[ndarray, "tet"], highest: float
) -> list[float]:
    """The gray matter that reaches each percent of the highest value. [cm³]"""
    limits = np.linspace(0, 1, _SHARES) * highest
    return [round(float(volumes[values >= limit].sum() * 1e6), 5) for limit in limits]


def _surface(
    vertices: Float[ndarray, "vertex 3"], triangles: Int[ndarray, "triangle 3"]
) -> dict:
    return {
        "vertices": packed(1e3 * vertices, "f4"),
        "triangles": packed(triangles, "u4"),
    }


def _hex(colour: Float[ndarray, "3"]) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in colour)
