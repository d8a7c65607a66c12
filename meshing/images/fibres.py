"""Whether the directions in a tensor image make fibres: a check of frame and flips.

A tensor image with a reversed or exchanged axis looks right in every scalar map, and gives
a conductivity in the wrong direction. But who goes a few voxels along a fibre finds another
voxel of it, with the same direction; with a wrong axis one leaves it. So that is tried for
the image as it is and for each way in which it may have gone wrong [the idea: Schilling et
al. 2019, doi:10.1016/j.mri.2019.01.018; Aganj 2018, doi:10.1038/s41598-018-34940-4].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .tensors import TensorFrame, TensorImage, frame_axes


_LEAST_ANISOTROPY = 0.2
_STEPS = (-3, -2, -1, 1, 2, 3)  # Along the fibre, in voxels or more.
# Images with finer voxels have been interpolated, so that neighbours are alike anyway.
_SHORTEST_STEP = 2.0  # [mm]
_MOST_STARTS = 50_000  # Voxels to go from, evenly taken from all.
# Directions by chance have an index of 0, straight fibres 1.
_LEAST_COHERENCE = 0.1
_FEWEST_VOXELS = 100
# Another way is better when it is so by a tenth, and by 5 standard errors.
_CLEARLY_BETTER = 1.1
_SIGNIFICANT = 5.0

_AXIS_NAMES = "ijk"


@dataclass(frozen=True)
class FibreCoherence:
    """How well the directions of a tensor image continue from voxel to voxel.

    Attributes:
        as_given: The index for the image as it is: the mean, over steps of up to three
            voxels (of 2 mm at least) from anisotropic voxels along their directions, of
            (3 cos² - 1) / 2 of the angle between the directions here and there, zero
            where one arrives at a voxel that is not anisotropic. 1 for straight fibres, 0
            for chance.
        best: The index for the best of the ways in which axes may be wrong.
        deviation: The standard error of the difference between the two.
        correction: What makes it best, such as "axis i reversed"; empty where the image is
            best as it is.
        rotation: What `TensorImage.turned` takes for it, in world axes; may be a mirror.
        voxels: How many anisotropic voxels there are.
    """

    as_given: float
    best: float
    deviation: float
    correction: str
    rotation: Float[ndarray, "3 3"]
    voxels: int

    @property
    def conclusive(self) -> bool:
        """Whether there are fibres enough in the image to judge by."""
        return self.voxels >= _FEWEST_VOXELS and self.best > _LEAST_COHERENCE

    @property
    def wrong(self) -> bool:
        """Whether another way is clearly better: by a tenth, and not by chance."""
        by_chance = self.best - self.as_given <= _SIGNIFICANT * self.deviation
        clearly = self.best > _CLEARLY_BETTER * self.as_given
        return self.conclusive and clearly and not by_chance

    def __str__(self) -> str:
        if not self.conclusive:
            return (
                f"Fibre coherence: {self.best:.3f} in {self.voxels} anisotropic voxels, "
                "too little to show whether directions are right."
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
    if len(directions) == 0:
        return FibreCoherence(0.0, 0.0, 0.0, "", np.eye(3), 0)
    starts = slice(None, None, 1 + (len(directions) - 1) // _MOST_STARTS)
    weights = anisotropy[starts] / anisotropy[starts].sum()
    voxels = np.argwhere(there >= 0)[starts]
    given = best = _continuation(image, there, directions, voxels, np.eye(3))
    correction, rotation = "", np.eye(3)
    for name, candidate in _candidates(image):
        scores = _continuation(image, there, directions, voxels, candidate)
        # Ways that differ by a symmetry of the data are equal: then the first.
        if weights @ scores > weights @ best + 1e-12:
            best, correction, rotation = scores, name, candidate
    more = best - given
    variance = float(weights**2 @ (more - weights @ more) ** 2)
    return FibreCoherence(
        float(weights @ given),
        float(weights @ best),
        float(np.sqrt(variance)),
        correction,
        rotation,
        len(directions),
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
) -> tuple[Int[ndarray, "i j k"], Float[ndarray, "n"], Float[ndarray, "n 3"]]:
    """Number the anisotropic voxels (-1 elsewhere); find anisotropy and directions."""
    there: Bool[ndarray, "i j k"] = np.any(image.components != 0, axis=-1)
    values, vectors = np.linalg.eigh(image.tensors(there))
    anisotropy = fractional_anisotropy(values)
    # What has a negative eigenvalue is noise, mostly outside the head.
    kept = (anisotropy >= _LEAST_ANISOTROPY) & (values[:, 0] > 0)
    there[there] = kept
    number = np.full(there.shape, -1)
    number[there] = np.arange(np.count_nonzero(there))
    return number, anisotropy[kept], vectors[kept, :, 2]


def _continuation(
    image: TensorImage,
    there: Int[ndarray, "i j k"],
    directions: Float[ndarray, "n 3"],
    voxels: Int[ndarray, "start 3"],
    rotation: Float[ndarray, "3 3"],
) -> Float[ndarray, "start"]:
    """Go from voxels along their directions, as the rotation mends them, and compare."""
    edge = np.linalg.norm(image.affine[:3, :3], axis=0)
    length = max(float(edge.mean()), _SHORTEST_STEP)
    # Directions here and there are turned alike, which leaves their angle as it is.
    here = directions[there[tuple(voxels.T)]]
    step = here @ rotation.T @ image.grid_axes * (length / edge)
    last = np.subtract(there.shape, 1)
    score = np.zeros(len(here))
    for count in _STEPS:
        target = np.rint(voxels + count * step).astype(np.int64)
        inside = np.all((target >= 0) & (target <= last), axis=1)
        i, j, k = np.clip(target, 0, last).T
        other = there[i, j, k]
        cosine = np.einsum("na,na->n", here, directions[other])
        score += np.where(inside & (other >= 0), 1.5 * cosine**2 - 0.5, 0.0)
    return score / len(_STEPS)


def _candidates(image: TensorImage) -> Iterator[tuple[str, Float[ndarray, "3 3"]]]:
    """Give ways in which axes may be wrong, and the rotation that mends each."""
    grid = image.grid_axes
    for order in permutations(range(3)):
        # Reversing two axes does to a tensor what reversing the third does.
        for reversed_axis in (None, 0, 1, 2):
            if order == (0, 1, 2) and reversed_axis is None:
                continue
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
