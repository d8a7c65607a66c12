"""A second image of a person: laid over the first, and whether it can be of the same."""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray
from scipy import ndimage

from .grids import Volume, imaged, upright_grid
from .mutual_information import optimized


_STARTS, _FINE = (8.0, 6.0), 4.0  # Voxels of the steps. [mm]
_SCALP = 2.0  # Voxels on which scalps are compared, [mm]
_VAULT = 100.0  # in so much of the head below its top. [mm]
_FEWEST = 300  # Of these voxels.


def align_scans(
    head: Volume,
    inside: Bool[ndarray, "i j k"],
    other: Volume,
    other_inside: Bool[ndarray, "l m n"],
) -> Volume:
    """Move another image of the same person onto a head, without deforming it.

    Args:
        head: The image that stays.
        inside: Which of its voxels are head.
        other: The image that is moved.
        other_inside: Which of its voxels are head.

    Returns:
        The other image in the place of the first.

    Raises:
        ModuleNotFoundError: dipy is not installed.
    """
    fixed = Volume(np.where(inside, head.values, 0).astype(np.float32), head.affine)
    moving = Volume(
        np.where(other_inside, other.values, 0).astype(np.float32), other.affine
    )
    tried = []
    # Mutual information has local optima, and each grid leads to its own.
    for voxel in _STARTS:
        rough, _ = optimized(fixed, moving, np.eye(4), voxel, "rigid")
        tried.append(optimized(fixed, moving, rough, _FINE, "rigid"))
    found, _ = min(tried, key=lambda each: each[1])
    return Volume(other.values, np.linalg.inv(found) @ other.affine)


def scalps_apart(
    head: Volume,
    inside: Bool[ndarray, "i j k"],
    other: Volume,
    other_inside: Bool[ndarray, "l m n"],
) -> float | None:
    """How far the scalp of one image is from that of another that lies over it. [mm]

    Args:
        head: An image.
        inside: Which of its voxels are head.
        other: The other image, where it lies.
        other_inside: Which of its voxels are head.

    Returns:
        The mean over the scalp in the upper part of the head, where both images hold it;
        None where there is hardly any.
    """
    shape, grid = upright_grid(inside.shape, head.affine, _SCALP)
    one, two = (
        Volume(where.astype(np.float32), affine).on(shape, grid) > 0.5
        for where, affine in ((inside, head.affine), (other_inside, other.affine))
    )
    if not one.any():
        return None
    height = np.flatnonzero(one.any(axis=(0, 1)))
    both = imaged(head, shape, grid) & imaged(other, shape, grid)
    both = np.array(ndimage.binary_erosion(both, iterations=3))  # Heads are cut there.
    both[:, :, : max(int(height.max() - _VAULT / _SCALP), 0)] = False
    border = lambda where: where & ~np.asarray(ndimage.binary_erosion(where), bool)
    away = np.asarray(ndimage.distance_transform_edt(~border(one))) * _SCALP
    seen = away[border(two) & both]
    return float(seen.mean()) if len(seen) > _FEWEST else None
