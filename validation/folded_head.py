"""A simplified folded head: five nested surfaces of which the cortex' two are wavy.

All have a radius in each direction, so that the label image is had by comparing; the waves
are those of the gyroid, sin kx cos ky + sin ky cos kz + sin kz cos kx, on the unit sphere.
"""

import functools

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ..meshing import HeadMesh, mesh_labels


# Outer radius, and how far the folds go in and out. [m]
_LAYERS = (
    ("white matter", 1, 0.061, 4.5e-3),
    ("gray matter", 2, 0.068, 3e-3),
    ("CSF", 3, 0.074, 0.0),
    ("bone", 4, 0.081, 0.0),
    ("scalp", 5, 0.088, 0.0),
)
_WAVES = 11.0  # Radians along the unit sphere's radius: folds of 35 mm.
_VOXEL = 2e-3  # [m]
_COUNT = 96

OUTER = _LAYERS[-1][2]  # [m]


def _radii(directions: Float[ndarray, "point 3"]) -> Float[ndarray, "layer point"]:
    """The radius of each surface along unit vectors. [m]"""
    x, y, z = (_WAVES * directions).T
    wave = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    return np.stack([mean + fold * wave for _, _, mean, fold in _LAYERS])


def _labels() -> tuple[Int[ndarray, "i j k"], Float[ndarray, "4 4"]]:
    """The label image, and what takes its indices to millimetres."""
    along = _VOXEL * (np.arange(_COUNT) - (_COUNT - 1) / 2)
    points = np.stack(np.meshgrid(along, along, along, indexing="ij"), axis=-1)
    flat = points.reshape(-1, 3)
    length = np.linalg.norm(flat, axis=1)
    within = length < _radii(flat / length[:, None])
    tags = np.array([tag for _, tag, _, _ in _LAYERS])
    labels = np.where(within.any(axis=0), tags[within.argmax(axis=0)], 0)
    affine = np.diag([1e3 * _VOXEL] * 3 + [1.0])
    affine[:3, 3] = 1e3 * along[0]
    return labels.reshape(points.shape[:3]), affine


@functools.cache
def folded_head(tetrahedra: int) -> HeadMesh:
    """Mesh the head, with about so many tetrahedra."""
    return mesh_labels(*_labels(), tetrahedra=tetrahedra)
