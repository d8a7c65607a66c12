"""Whether the directions in a tensor image make fibres: a check of frame and flips.

A tensor image with a reversed or exchanged axis looks right in every scalar map, and gives
a conductivity in the wrong direction. But fibres go on from voxel to voxel in the direction
in which they run, and with a wrong axis they do not. So the number of fibres that go on is
counted for the image as it is and for each way in which it may have gone wrong
[Schilling et al. 2019, doi:10.1016/j.mri.2019.01.018].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .tensors import TensorFrame, TensorImage, frame_axes


_LEAST_ANISOTROPY = 0.2
# 22.5°: neighbours in a lattice are at least 35° apart.
_LEAST_COSINE = float(np.cos(np.radians(22.5)))
_CLEARLY_BETTER = 1.1
_FEWEST_VOXELS = 100

_AXIS_NAMES = "ijk"


@dataclass(frozen=True)
class FibreCoherence:
    """How well the directions of a tensor image continue from voxel to voxel.

    Attributes:
        as_given: The index for the image as it is: of all pairs of anisotropic voxels
            that touch, weighted by their anisotropy, the share in which both directions
            run along the line between them.
        best: The index for the best of the ways in which axes may be wrong.
        correction: What makes it best, such as "axis i reversed"; empty where the image is
            best as it is.
        rotation: What `TensorImage.turned` takes for it, in world axes; may be a mirror.
        voxels: How many anisotropic voxels there are.
    """

    as_given: float
    best: float
    correction: str
    rotation: Float[ndarray, "3 3"]
    voxels: int

    @property
    def tells(self) -> bool:
        """Whether there is enough white matter in the image to judge by."""
        return self.voxels >= _FEWEST_VOXELS and self.best > 0

    @property
    def wrong(self) -> bool:
        """Whether another way is clearly better, by a tenth."""
        return self.tells and self.best > _CLEARLY_BETTER * self.as_given

    def __str__(self) -> str:
        if not self.tells:
            return (
                f"Fibre coherence: {self.voxels} voxels are anisotropic, too few to tell "
                "whether directions are right."
            )
        if not self.wrong:
            return f"Fibre coherence: {self.as_given:.3f}, directions continue as they are."
        return (
            f"Fibre coherence: {self.as_given:.3f} as it is, but {self.best:.3f} with "
            f"{self.correction}. Directions are probably wrong."
        )


def fibre_coherence(image: TensorImage) -> FibreCoherence:
    """Check whether the directions of an image are right, by whether fibres continue.

    Tries all exchanges and reversals of voxel axes and the frames of `TensorFrame`.

    Args:
        image: The tensors.

    Returns:
        The index as it is, and what would be better.
    """
    there, anisotropy, directions = _principal(image)
    pairs = list(_pairs(image, there))
    total = sum(float(anisotropy[p] @ anisotropy[q]) for p, q, _ in pairs)
    candidates = list(_candidates(image))
    index = np.zeros(len(candidates))
    for p, q, along in pairs if total > 0 else []:
        weights = anisotropy[p] * anisotropy[q]
        for number, (_, rotation) in enumerate(candidates):
            cosine = np.abs(directions @ (rotation.T @ along))
            runs = cosine > _LEAST_COSINE
            index[number] += weights @ (runs[p] & runs[q])
    index /= total if total > 0 else 1.0
    # Ways that differ by a symmetry of the data are equal: then the first, as it is.
    best = int(np.argmax(index > index.max() * (1 - 1e-12))) if index.max() > 0 else 0
    best = 0 if index[0] >= index[best] else best
    name, rotation = candidates[best]
    rotation = rotation if best else np.eye(3)
    return FibreCoherence(
        float(index[0]), float(index[best]), name, rotation, len(directions)
    )


def fractional_anisotropy(eigenvalues: Float[ndarray, "n 3"]) -> Float[ndarray, "n"]:
    """Fractional anisotropy of tensors, 0 to 1; negative eigenvalues count as zero.

    [Basser and Pierpaoli 1996, doi:10.1006/jmrb.1996.0086, eq. 10]
    """
    size = np.maximum(eigenvalues, 0)
    square = np.sum(size**2, axis=1)
    spread = np.sum((size - size.mean(axis=1, keepdims=True)) ** 2, axis=1)
    return np.sqrt(1.5 * spread / np.where(square > 0, square, 1.0))


def _principal(
    image: TensorImage,
) -> tuple[Bool[ndarray, "i j k"], Float[ndarray, "n"], Float[ndarray, "n 3"]]:
    """Find anisotropic voxels, how anisotropic they are, and along which direction."""
    there = np.any(image.components != 0, axis=-1)
    values, vectors = np.linalg.eigh(image.tensors(there))
    anisotropy = fractional_anisotropy(values)
    # What has a negative eigenvalue is noise, mostly outside the head.
    kept = (anisotropy >= _LEAST_ANISOTROPY) & (values[:, 0] > 0)
    there[there] = kept
    return there, anisotropy[kept], vectors[kept, :, 2]


def _pairs(
    image: TensorImage, there: Bool[ndarray, "i j k"]
) -> Iterator[tuple[Int[ndarray, "pair"], Int[ndarray, "pair"], Float[ndarray, "3"]]]:
    """Give pairs of voxels that touch, and the unit vector between them, by direction."""
    number = np.full(np.add(there.shape, 2), -1)
    number[1:-1, 1:-1, 1:-1][there] = np.arange(np.count_nonzero(there))
    voxels = np.argwhere(there) + 1
    offsets = [o for o in product((-1, 0, 1), repeat=3) if o > (0, 0, 0)]
    for offset in offsets:
        i, j, k = (voxels + np.array(offset)).T
        neighbour = number[i, j, k]
        first = np.flatnonzero(neighbour >= 0)
        along = image.affine[:3, :3] @ np.array(offset, dtype=np.float64)
        yield first, neighbour[first], along / np.linalg.norm(along)


def _candidates(image: TensorImage) -> Iterator[tuple[str, Float[ndarray, "3 3"]]]:
    """Give ways in which axes may be wrong, and the rotation that mends each."""
    grid = image.grid_axes
    for order in permutations(range(3)):
        # Reversing two axes does to a tensor what reversing the third does.
        for reversed_axis in (None, 0, 1, 2):
            signed = np.eye(3)[list(order)]
            if reversed_axis is not None:
                signed[reversed_axis] *= -1
            yield _name(order, reversed_axis), grid @ signed @ grid.T
    for frame in TensorFrame:
        axes = frame_axes(image.affine, frame)
        # Where voxels are along the world's axes, these are among the above.
        yield f"components along {frame.value}", axes @ image.axes.T


def _name(order: tuple[int, ...], reversed_axis: int | None) -> str:
    words = []
    if order != (0, 1, 2):
        was = ", ".join(_AXIS_NAMES[axis] for axis in order)
        words.append(f"axes i, j, k taken from {was}")
    if reversed_axis is not None:
        words.append(f"axis {_AXIS_NAMES[reversed_axis]} reversed")
    return " and ".join(words)
