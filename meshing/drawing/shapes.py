"""Surfaces to draw: the boundary of tissues, and a body for a coil.

What is made here is for looking at. Surfaces are smoothed by a millimetre or so, and a
coil's body is modelled from the points that its file gives; nothing computes with them.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage, sparse
from scipy.spatial import KDTree

from ..isosurface import isosurface


_WALL = 0.004  # From a dipole to the outside of the casing. [m]
_WINDING = 0.0015  # From a dipole to the outside of a winding without a casing. [m]
_RIM = 0.005  # Over which a rim is made smooth. [m]
_HANDLE_LENGTH = 0.095  # Beyond the casing. [m]
_HANDLE_HALF_WIDTH = 0.0135  # [m]
_HANDLE_HALF_HEIGHT = 0.0105  # [m]
_GRID_NODES = 250_000


def compact(
    nodes: Float[ndarray, "node 3"], triangles: Int[ndarray, "triangle 3"]
) -> tuple[
    Float[ndarray, "vertex 3"], Int[ndarray, "triangle 3"], Int[ndarray, "vertex"]
]:
    """Keep the nodes that triangles use: their positions, the triangles, the nodes."""
    used = np.zeros(len(nodes), bool)
    used[triangles.ravel()] = True
    kept = np.flatnonzero(used)
    number = np.cumsum(used) - 1
    return nodes[kept], number[triangles], kept


def refine(
    vertices: Float[ndarray, "vertex 3"],
    triangles: Int[ndarray, "triangle 3"],
    values: Float[ndarray, "vertex"],
) -> tuple[
    Float[ndarray, "more 3"], Int[ndarray, "four_times 3"], Float[ndarray, "more"]
]:
    """Cut each triangle into four at the middles of its edges, so that it can be round."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
    keys, of = np.unique(edges @ np.array([len(vertices), 1]), return_inverse=True)
    start, end = keys // len(vertices), keys % len(vertices)
    ab, bc, ca = of.reshape(-1, 3).T + len(vertices)
    a, b, c = triangles.T
    quarters = [[a, ab, ca], [b, bc, ab], [c, ca, bc], [ab, bc, ca]]
    return (
        np.concatenate([vertices, (vertices[start] + vertices[end]) / 2]),
        np.concatenate([np.stack(corners, axis=1) for corners in quarters]),
        np.concatenate([values, (values[start] + values[end]) / 2]),
    )


def smooth(
    vertices: Float[ndarray, "vertex 3"],
    triangles: Int[ndarray, "triangle 3"],
    rounds: int,
) -> Float[ndarray, "vertex 3"]:
    """Take the spikes off a surface and keep its volume.

    Laplacian steps forwards and backwards [Taubin, "A signal processing approach to fair
    surface design", SIGGRAPH 1995].
    """
    mean = _neighbour_mean(triangles, len(vertices))
    for step in (0.5, -0.53) * rounds:
        vertices = vertices + step * (mean @ vertices - vertices)
    return vertices


def _neighbour_mean(triangles: Int[ndarray, "triangle 3"], count: int):
    start, end = triangles[:, [0, 1, 2]].ravel(), triangles[:, [1, 2, 0]].ravel()
    ones = np.ones(2 * len(start))
    links = sparse.csr_matrix(
        (ones, (np.r_[start, end], np.r_[end, start])), shape=(count, count)
    )
    total = np.asarray(links.sum(axis=1)).ravel()
    return sparse.diags_array(1 / np.maximum(total, 1)) @ links


def coil_body(
    points: Float[ndarray, "point 3"], casing: bool = True, triangles: int | None = None
) -> tuple[
    Float[ndarray, "vertex 3"], Int[ndarray, "triangle 3"], Bool[ndarray, "vertex"]
]:
    """Model a coil's casing around its points, with a handle towards -y.

    The casing is the closing of the points (grown by more than their spacing, then shrunk
    to a wall of 4 mm), so bent and multi-winding coils come out in their own shape. The
    handle is a rounded bar, flush with the side that faces the head.

    Args:
        points: Of the winding or the casing, in the frame of the coil. [m]
        casing: Whether the coil is known to have one: without it nothing but the windings
            is drawn, as a body 3 mm thick.
        triangles: How many there may be, or None for the finest grid.

    Returns:
        Vertices [m], triangles with outward normals, and which vertices are the handle's.
    """
    coarser = 1.0
    found = _body(points, casing, coarser)
    while triangles is not None and len(found[1]) > triangles:
        coarser *= 1.02 * (len(found[1]) / triangles) ** 0.5
        found = _body(points, casing, coarser)
    return found


def _body(
    points: Float[ndarray, "point 3"], casing: bool, coarser: float
) -> tuple[
    Float[ndarray, "vertex 3"], Int[ndarray, "triangle 3"], Bool[ndarray, "vertex"]
]:
    spacing = KDTree(points).query(points, k=min(8, len(points)))[0]
    wall = _WALL if casing else _WINDING
    reach = wall + float(np.clip(1.5 * np.median(spacing.max(axis=-1)), 0.004, 0.02))
    edge = float(points[:, 1].min()) - wall
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    if casing:
        low[1] = edge - _HANDLE_LENGTH - 0.01
        low = np.minimum(low, [-0.03, low[1], low[2] - 2.2 * _HANDLE_HALF_HEIGHT])
        high = np.maximum(high, [0.03, 0.01, high[2]])
    step = max(0.0016, float((np.prod(high - low) / _GRID_NODES) ** (1 / 3))) * coarser
    shape = tuple(np.ceil((high - low) / step).astype(int) + 3)
    origin = low - step
    grid = origin + step * np.moveaxis(np.indices(shape), 0, -1)

    field = _closing(points, grid, step, reach, wall)
    if casing:
        inside, blend = _handle(points, grid, edge), 0.004
        closer = np.clip(0.5 + 0.5 * (inside - field) / blend, 0, 1)
        field = field + closer * (inside - field) + blend * closer * (1 - closer)
    field = ndimage.gaussian_filter(field, 0.8)
    vertices, triangles = isosurface(field)
    vertices = smooth(origin[None] + step * vertices, triangles, 3)
    return vertices, triangles, (vertices[:, 1] < edge - 0.006) & casing


def _closing(
    points: Float[ndarray, "point 3"],
    grid: Float[ndarray, "x y z 3"],
    step: float,
    reach: float,
    wall: float,
) -> Float[ndarray, "x y z"]:
    """How deep grid nodes lie in the closing of points, negative outside. [m]"""
    far = reach + 2 * _RIM
    away = KDTree(points).query(grid.reshape(-1, 3), distance_upper_bound=far)[0]
    away = np.minimum(away, far).reshape(grid.shape[:3])
    # Points lie on a raster, whose steps would show at the rim; a coil is flat along z.
    away = ndimage.gaussian_filter(away, np.array([_RIM, _RIM, 0.0]) / step)
    hull = grid[0, 0, 0] + step * isosurface(reach - away)[0]
    inside, shrink = away < reach, reach - wall
    depth = reach - away
    found = KDTree(hull).query(grid[inside], distance_upper_bound=reach)[0]
    depth[inside] = np.minimum(found, reach)
    return depth - shrink


def _handle(
    points: Float[ndarray, "point 3"], grid: Float[ndarray, "x y z 3"], edge: float
) -> Float[ndarray, "x y z"]:
    """How deep grid nodes lie in a rounded bar, negative outside. [m]"""
    middle = np.abs(points[:, :2]).max(axis=1) < 0.03
    face = points[middle if middle.any() else slice(None), 2].max() + _WALL
    start, end = min(edge + 0.03, 0.0), edge - _HANDLE_LENGTH
    centre = np.array([0.0, (start + end) / 2, face - _HANDLE_HALF_HEIGHT - 0.001])
    half = np.array([_HANDLE_HALF_WIDTH, (start - end) / 2, _HANDLE_HALF_HEIGHT])
    rounding = 0.008
    beyond = np.abs(grid - centre) - (half - rounding)
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=-1)
    return rounding - outside - np.minimum(beyond.max(axis=-1), 0)
