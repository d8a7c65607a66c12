"""Move nodes on surfaces such that the tissues get their volumes.

Flat faces with their corners on a curved surface cut off what bulges, and a lattice misses
some folds. So the corners are moved off the surface until its faces lie on both sides of
it in equal parts, and then the surfaces between two labels by one small distance each, as
much as the labels' volumes demand.
"""

import numpy as np
from numpy import ndarray

from ..head import signed_volumes
from .improve_mesh import WorkingMesh
from .improve_shape import shapes_of
from .label_field import LabelField
from .topology import surface_faces


_REACH = 1.0  # How far a surface is looked for. [voxel]
_STEPS = 4
_HALVINGS = 2
_SAMPLES = np.array([(4, 1, 1), (1, 4, 1), (1, 1, 4), (2, 2, 2)]) / 6
_STIFF = 0.15  # Share of the stiffest direction that every direction is given.
_FRACTIONS = 4  # Times that a move is halved before it is given up.
_ROUNDING = 1e-9  # Of a shape.
_LARGEST_OFFSET = 0.3  # For the sake of the labels' volumes. [voxel]


def fit_surfaces(mesh: WorkingMesh, field: LabelField, wanted: float) -> None:
    """Shift nodes towards the mean of the surfaces around them.

    Args:
        mesh: Changed in place.
        field: Where the labels are.
        wanted: No element gets a lesser shape than this, or gets worse if it has one.
    """
    faces, inner, outer = surface_faces(mesh.tetrahedra, mesh.tags, mesh.labels)
    corners = mesh.points[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    area = np.linalg.norm(normal, axis=1)
    normal /= np.maximum(area, 1e-300)[:, None]
    off = np.zeros(len(faces))
    for weights in _SAMPLES:
        place = np.einsum("j,ijk->ik", weights, corners)
        off += _offsets(place, normal, inner, outer, field) / len(_SAMPLES)
    off += _balance(mesh, area, off, inner, outer, field)
    node, shift = _shifts(faces, area, normal, off, len(mesh.points))
    free = mesh.free[node]
    _move(mesh, node[free], shift[free], wanted)


def _balance(
    mesh: WorkingMesh,
    area: ndarray,
    off: ndarray,
    inner: ndarray,
    outer: ndarray,
    field: LabelField,
) -> ndarray:
    """One distance per pair of labels that gives all labels their volumes.

    The labels are the nodes of a network whose conductances are the areas between them
    and whose currents are the volumes that they lack; air is its ground.
    """
    count = len(field.values)
    moved = area * off
    volumes = signed_volumes(mesh.points, mesh.tetrahedra)
    lack = field.volumes - np.bincount(mesh.tags, volumes, count)
    lack -= np.bincount(inner, moved, count) - np.bincount(outer, moved, count)
    between = np.bincount(inner * count + outer, area, count**2).reshape(count, count)
    between += between.T
    network = np.diag(between.sum(axis=1)) - between
    level = np.zeros(count)
    level[1:] = np.linalg.lstsq(network[1:, 1:], lack[1:], rcond=None)[0]
    most = _LARGEST_OFFSET * float(field.voxel.mean())
    return np.clip(level[inner] - level[outer], -most, most)


def _shifts(
    faces: ndarray, area: ndarray, normal: ndarray, off: ndarray, count: int
) -> tuple[ndarray, ndarray]:
    """Displacements of nodes that bring the planes of their faces where they belong."""
    node, place = np.unique(faces, return_inverse=True)
    place = place.reshape(-1, 3)
    matrix, side = np.zeros((len(node), 3, 3)), np.zeros((len(node), 3))
    for row in range(3):
        for corner in range(3):
            pull = off * area * normal[:, row]
            side[:, row] += np.bincount(place[:, corner], pull, len(node))
        for column in range(row + 1):
            part = area * normal[:, row] * normal[:, column]
            for corner in range(3):
                matrix[:, row, column] += np.bincount(place[:, corner], part, len(node))
            matrix[:, column, row] = matrix[:, row, column]
    stiff = _STIFF * np.trace(matrix, axis1=1, axis2=2)
    matrix += stiff[:, None, None] * np.eye(3)
    # Undone along the normal itself, so that a flat surface moves as far as it should.
    return node, (1 + _STIFF) * np.linalg.solve(matrix, side[..., None])[..., 0]


def _offsets(
    place: ndarray, normal: ndarray, inner: ndarray, outer: ndarray, field: LabelField
) -> ndarray:
    """How far off each point the surface is, along its normal; 0 where none is near."""
    reach = _REACH * float(field.voxel.mean())
    here = field.labels(place)
    # Inside, the surface lies ahead; outside, behind.
    way = np.where(here == inner, 1.0, np.where(here == outer, -1.0, 0.0))
    low, high = np.zeros(len(place)), np.full(len(place), np.inf)
    look = np.flatnonzero(way)
    for step in range(1, _STEPS + 1):
        at = step / _STEPS * reach
        label = field.labels(place[look] + (at * way[look])[:, None] * normal[look])
        same = label == here[look]
        high[look[~same]] = at
        look = look[same]
        low[look] = at
    found = np.flatnonzero(np.isfinite(high))
    for _ in range(_HALVINGS):
        at = (low[found] + high[found]) / 2
        label = field.labels(place[found] + (at * way[found])[:, None] * normal[found])
        same = label == here[found]
        low[found] = np.where(same, at, low[found])
        high[found] = np.where(same, high[found], at)
    offset = np.zeros(len(place))
    offset[found] = way[found] * (low[found] + high[found]) / 2
    return offset


def _move(mesh: WorkingMesh, node: ndarray, shift: ndarray, wanted: float) -> None:
    """Move as far as no element gets bad."""
    full = np.zeros_like(mesh.points)
    full[node] = shift
    share = np.zeros((len(full), 1))
    share[node] = 1
    touched = np.flatnonzero((share > 0)[mesh.tetrahedra, 0].any(axis=1))
    around = mesh.tetrahedra[touched]
    least = np.minimum(mesh.shapes[touched], wanted) - _ROUNDING
    after = shapes_of(mesh.points + full, around)
    attempt = 0
    while (bad := after < least).any():
        share[around[bad]] *= 0.5 if attempt < _FRACTIONS else 0
        slowed = np.zeros(len(full), bool)
        slowed[around[bad]] = True
        again = slowed[around].any(axis=1)
        after[again] = shapes_of(mesh.points + share * full, around[again])
        attempt += 1
    mesh.points += share * full
    mesh.shapes[touched] = after
