"""Tensor images with known contents, for several test files."""

import nibabel
import numpy as np
from scipy.spatial import KDTree

from tmsgrad.meshing.images.tensors import STORED, frame_axes


WATER = 0.7e-3  # Mean diffusivity of the brain. [mm²/s]

# Voxels of three lengths, turned and shifted; right-handed, and left-handed.
_angle = np.radians(20.0)
_turn = np.array(
    [
        [np.cos(_angle), -np.sin(_angle), 0],
        [np.sin(_angle), np.cos(_angle), 0],
        [0, 0, 1],
    ]
) @ np.array(
    [
        [1, 0, 0],
        [0, np.cos(_angle), -np.sin(_angle)],
        [0, np.sin(_angle), np.cos(_angle)],
    ]
)
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = _turn * np.array([2.0, 2.5, 3.0])
OBLIQUE[:3, 3] = [-20.0, -15.0, 7.0]
MIRRORED = OBLIQUE @ np.diag([-1.0, 1, 1, 1])


def components_of(tensors):
    """xx, xy, xz, yy, yz, zz of tensors."""
    rows, columns = np.array([["xyz".index(a) for a in name] for name in STORED]).T
    return tensors[..., rows, columns]


def random_tensors(rng, shape):
    """Positive definite tensors of the size of the brain's. [mm²/s]"""
    factor = np.eye(3) + 0.4 * rng.normal(size=(*shape, 3, 3))
    return WATER * factor @ np.swapaxes(factor, -1, -2)


def along(directions, largest=1.7e-3, smallest=0.3e-3):
    """Tensors of fibres along unit vectors. [mm²/s]"""
    outer = directions[..., :, None] * directions[..., None, :]
    return smallest * np.eye(3) + (largest - smallest) * outer


def stored(tensors, affine, layout):
    """Volumes as a program writes them for tensors in world axes."""
    axes = frame_axes(affine, layout.frame)
    local = axes.T @ tensors @ axes
    return np.stack(
        [local[..., "xyz".index(a), "xyz".index(b)] for a, b in layout.components],
        axis=-1,
    )


def written(path, volumes, affine, intent=None):
    """Save volumes as an image."""
    image = nibabel.Nifti1Image(volumes, affine)
    if intent is not None:
        image.header.set_intent(intent, (3,) if intent == 1005 else ())
    nibabel.save(image, path)
    return path


def knot(voxels=22):
    """A bundle of fibres along a trefoil knot: where voxels are in it, and directions.

    It runs in all directions, so that any exchange or reversal of axes breaks it. The
    directions are along i, j, k.
    """
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    curve = np.stack(
        [
            np.sin(angle) + 2 * np.sin(2 * angle),
            np.cos(angle) - 2 * np.cos(2 * angle),
            -1.5 * np.sin(3 * angle),
        ],
        axis=1,
    )
    curve *= 0.4 * voxels / np.abs(curve).max()
    tangent = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    grid = np.moveaxis(np.indices((voxels,) * 3), 0, -1) - (voxels - 1) / 2
    distance, nearest = KDTree(curve).query(grid)
    return distance < 2.0, tangent[nearest]
