"""Coils made of the designs of the catalogue."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer
from numpy import ndarray
from scipy.spatial import ConvexHull

from .coil import Coil
from .design import Design
from .loops import CircularTurns
from .nests import NestedDesign
from .wires import StraightSegments


_AROUND = 6  # Points around the tube that stands for a turn's casing.


def build(design: Design | NestedDesign) -> Coil:
    """Build a coil as its design says."""
    if isinstance(design, NestedDesign):
        return _of_nests(design)
    return _of_wings(design)


def _of_wings(design: Design) -> Coil:
    """Lay two filaments for each turn, and a casing around each wing."""
    width, height = design.conductor
    # Two filaments at the Gauss points stand for the height to its fifth power.
    offsets = np.array([-1, 1]) * height / 2 / np.sqrt(3)
    turns = tuple(
        CircularTurns(
            np.array(wing.centre) + offset * np.array(wing.axis),
            np.array(wing.axis),
            wing.radii(width),
            1 / len(offsets),
        )
        for wing in design.wings
        for offset in offsets
    )
    return _cased(turns, design, *_cylinders(design))


def _cylinders(
    design: Design,
) -> tuple[Float[ndarray, "point 3"], Integer[ndarray, "triangle 3"]]:
    """One flat cylinder around each wing, whose face the head touches."""
    margin, thickness = design.casing
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    points, triangles = [], []
    for wing in design.wings:
        up = np.array(wing.axis) * np.sign(wing.axis[2])
        aside = np.array([up[2], 0.0, -up[0]]) / np.hypot(up[0], up[2])
        rim = (wing.outer / 2 + margin) * (
            np.cos(angles)[:, None] * aside
            + np.sin(angles)[:, None] * np.cross(up, aside)
        )
        face = np.array(wing.centre) + rim + design.face * up
        body = np.concatenate([face, face - thickness * up])
        triangles.append(ConvexHull(body).simplices + sum(map(len, points)))
        points.append(body)
    return np.concatenate(points), np.concatenate(triangles)


def _of_nests(design: NestedDesign) -> Coil:
    """Lay the wires, and a padded tube around each."""
    paths = np.concatenate([nest.paths() for nest in design.nests])
    ends = np.roll(paths, -1, axis=1)
    wires = StraightSegments.between(paths.reshape(-1, 3), ends.reshape(-1, 3))
    tubes = [_tube(path, design.casing) for path in paths]
    points = np.concatenate([tube for tube, _ in tubes])
    firsts = np.cumsum([0, *(len(tube) for tube, _ in tubes[:-1])])
    faces = [
        triangles + first for (_, triangles), first in zip(tubes, firsts, strict=True)
    ]
    return _cased((wires,), design, points, np.concatenate(faces))


def _cased(elements, design: Design | NestedDesign, points, triangles) -> Coil:
    return Coil(
        elements,
        jnp.asarray(points),
        design.title,
        design.max_current_rate,
        jnp.asarray(triangles),
    )


def _tube(path: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Points [m] and triangles of a closed tube around a closed path."""
    along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    outwards = path - path.mean(axis=0)
    across = np.cross(along, outwards)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angles = 2 * np.pi * np.arange(_AROUND) / _AROUND
    rings = path[:, None] + radius * (
        np.cos(angles)[:, None] * across[:, None]
        + np.sin(angles)[:, None] * np.cross(across, along)[:, None]
    )
    here = np.arange(path.shape[0] * _AROUND).reshape(-1, _AROUND)
    beside, ahead = np.roll(here, -1, axis=1), np.roll(here, -1, axis=0)
    across_ahead = np.roll(ahead, -1, axis=1)
    triangles = np.stack(
        [
            np.stack([here, ahead, beside], axis=-1),
            np.stack([ahead, across_ahead, beside], axis=-1),
        ]
    )
    return rings.reshape(-1, 3), triangles.reshape(-1, 3)
