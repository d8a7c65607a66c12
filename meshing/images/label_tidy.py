"""Label images made fit for meshing: necks cropped, islands and holes removed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8
from numpy import ndarray
from scipy import ndimage

from ..head import TISSUE_NAMES
from .label_files import LabelImage


_BRAIN = (1, 2)
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Tidied:
    """What `tidy_labels` changed.

    Attributes:
        apart: Volume of pieces that were apart from the head and are air now. [m³]
        islands: How many islands of each tissue were given to what is around them.
        filled: Volume of enclosed air that was filled. [m³]
    """

    apart: float
    islands: dict[str, int]
    filled: float

    def __str__(self) -> str:
        parts = []
        if self.apart:
            parts.append(f"{self.apart * 1e6:.3g} ml apart from the head made air")
        if self.islands:
            named = ", ".join(f"{n} of {name}" for name, n in self.islands.items())
            parts.append(f"small islands given to their surroundings: {named}")
        if self.filled:
            parts.append(f"{self.filled * 1e6:.3g} ml of enclosed air filled")
        return "; ".join(parts) or "nothing to tidy up"


def crop_neck(image: LabelImage, below_brain: float) -> LabelImage:
    """Make all air that lies too far below the brain.

    Args:
        image: The tissues, in a space whose third axis points up.
        below_brain: How far below the lowest voxel of white or gray matter the head ends,
            or below the lowest of its largest part. [m]

    Raises:
        ValueError: There is no brain, or `below_brain` is negative.
    """
    if not below_brain >= 0:
        raise ValueError(f"`below_brain` is {below_brain}, but must not be negative.")
    brain = np.isin(image.labels, _BRAIN)
    if not brain.any():
        raise ValueError(
            "there is no white or gray matter, so nothing to crop the neck below."
        )
    parts, count = _parts(brain)
    if count > 1:
        brain = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    lowest = _heights(image, np.argwhere(brain)).min()
    i, j, k = (np.arange(n) for n in image.labels.shape)
    up = image.affine[2]
    height = up[0] * i[:, None, None] + up[1] * j[:, None] + up[2] * k + up[3]
    labels = np.where(height < lowest - 1e3 * below_brain, 0, image.labels)
    return LabelImage(labels.astype(np.uint8), image.affine)


def _heights(image: LabelImage, voxels: ndarray) -> Float[ndarray, "voxel"]:
    return voxels @ image.affine[2, :3] + image.affine[2, 3]


def tidy_labels(
    image: LabelImage, smallest: float = 10e-9, fill_air: bool = False
) -> tuple[LabelImage, Tidied]:
    """Remove what would only spoil the mesh.

    Pieces that touch the head nowhere become air. Islands of a tissue, and enclosed holes
    of air, become what they touch most if they are small.

    Args:
        image: The tissues.
        smallest: Volume of the smallest island to keep. [m³]
        fill_air: Whether all enclosed air is filled, whatever its size.

    Returns:
        The tidied image, and what was done.

    Raises:
        ValueError: The image holds nothing but air.
    """
    if not image.labels.any():
        raise ValueError(
            "the image holds nothing but air (0): there is nothing to mesh."
        )
    voxel = abs(float(np.linalg.det(image.affine[:3, :3]))) * 1e-9
    filled_box = ndimage.find_objects((image.labels > 0).astype(np.int32))[0]
    labels = np.pad(image.labels[filled_box], 1)
    apart = _drop_apart(labels)
    least = max(1, int(np.ceil(smallest / voxel - 1e-6)))
    islands: dict[str, int] = {}
    for tag in [int(t) for t in np.unique(labels) if t]:
        count, _ = _absorb(labels, labels == tag, least)
        if count:
            islands[TISSUE_NAMES[tag]] = count
    most = labels.size if fill_air else least
    _, filled = _absorb(labels, _enclosed(labels), most)
    whole = np.zeros_like(image.labels)
    whole[filled_box] = labels[1:-1, 1:-1, 1:-1]
    report = Tidied(apart * voxel, islands, filled * voxel)
    return LabelImage(whole, image.affine), report


def _parts(
    where: Bool[ndarray, "i j k"], structure: ndarray | None = None
) -> tuple[Integer[ndarray, "i j k"], int]:
    parts = np.zeros(where.shape, np.int32)
    count = ndimage.label(where, structure, output=parts)
    return parts, int(count)  # pyright: ignore[reportArgumentType]


def _drop_apart(labels: UInt8[ndarray, "i j k"]) -> int:
    """Make air, in place, of what does not share a face with the largest part."""
    parts, count = _parts(labels > 0)
    if count == 1:
        return 0
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    apart = (parts != sizes.argmax()) & (parts > 0)
    labels[apart] = 0
    return int(apart.sum())


def _enclosed(labels: UInt8[ndarray, "i j k"]) -> Bool[ndarray, "i j k"]:
    """Air that is not connected with the air around the head."""
    parts, _ = _parts(labels == 0)
    return (parts > 0) & (parts != parts[0, 0, 0])


def _absorb(
    labels: UInt8[ndarray, "i j k"], where: Bool[ndarray, "i j k"], least: int
) -> tuple[int, int]:
    """Give parts of fewer voxels than `least` to what they touch most, in place.

    Voxels that touch by a corner are one part: a thin sheet must not fall to pieces.

    Returns:
        How many parts that were, and of how many voxels.
    """
    parts, _ = _parts(where, _EVERY_NEIGHBOUR)
    sizes = np.bincount(parts.ravel())
    sizes[0] = least
    small = np.flatnonzero(sizes < least)
    if len(small) == 0:
        return 0, 0
    chosen = np.flatnonzero((sizes < least)[parts])
    part = parts.ravel()[chosen]
    votes = np.zeros((len(sizes), 1 + max(TISSUE_NAMES)), np.int32)
    # A part does not reach the border of the array, which is air from outside.
    for step in _steps(labels.shape):
        near = chosen + step
        other = parts.ravel()[near] != part
        np.add.at(votes, (part[other], labels.ravel()[near[other]]), 1)
    # Air takes only what no tissue touches, so that no tissue gets holes.
    votes[:, 0] = np.minimum(votes[:, 0], 1)
    votes[:, 1:] *= 2
    labels.ravel()[chosen] = votes.argmax(axis=1)[part]
    return len(small), len(chosen)


def _steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    line, layer = shape[2], shape[1] * shape[2]
    return (1, -1, line, -line, layer, -layer)
