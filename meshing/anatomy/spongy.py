"""Spongy bone within compact bone, where a T1 shows its marrow."""

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from ..images.label_files import LabelImage
from .shells import grown, voxel_sides


_BONE, _COMPACT, _SPONGY = 4, 7, 8
_SHELL = 1.2  # Thickness of compact bone on both sides. [mm]
_SHARES = (0.03, 0.7)  # Of the vault that is spongy; beyond, brightness tells nothing.
_CONTRAST = 1.5  # Brightness of marrow, of compact bone.


def split_bone(
    image: LabelImage, brightness: Float[ndarray, "i j k"]
) -> tuple[LabelImage, float]:
    """Tell spongy from compact bone by the brightness of marrow.

    Args:
        image: The tissues, with bone.
        brightness: Of a T1 on the same grid.

    Returns:
        The image, with compact and spongy bone in place of bone where the T1 tells them
        apart, else as it was; and the share of bone that is spongy.
    """
    bone = image.labels == _BONE
    voxel = voxel_sides(image.affine)
    inner = bone & ~grown(~bone, _SHELL, voxel)
    if not inner.any():
        return image, 0.0
    light = np.asarray(ndimage.gaussian_filter(brightness, 0.5 / voxel))
    white = (
        float(np.median(light[image.labels == 1])) if (image.labels == 1).any() else 0
    )
    compact = float(np.percentile(light[bone], 20))
    threshold = (compact + white) / 2
    marrow = inner & (light > threshold)
    marrow &= ndimage.binary_dilation(ndimage.binary_opening(marrow))
    vault = bone & _upper(image)
    share = float((marrow & vault).sum() / max(int(vault.sum()), 1))
    bright = float(np.median(light[marrow])) if marrow.any() else 0.0
    if not _SHARES[0] <= share <= _SHARES[1] or bright < _CONTRAST * compact:
        return image, 0.0
    labels = image.labels.copy()
    labels[bone], labels[marrow] = _COMPACT, _SPONGY
    return LabelImage(labels, image.affine), float(marrow.sum() / bone.sum())


def _upper(image: LabelImage) -> Bool[ndarray, "i j k"]:
    """Voxels above the brain's middle: below, muscle and fat are taken for bone easily."""
    i, j, k = np.ogrid[tuple(slice(n) for n in image.labels.shape)]
    up = image.affine[2]
    height = up[0] * i + up[1] * j + up[2] * k
    brain = np.isin(image.labels, (1, 2))
    return height > np.median(height[brain if brain.any() else image.labels > 0])
