"""Tissues by brightness, with the template's maps as what is expected where.

A mixture of Gaussians with a smooth bias field is fitted by expectation and maximisation
[Van Leemput et al. 1999, doi:10.1109/42.811270; Ashburner and Friston 2005,
doi:10.1016/j.neuroimage.2005.02.018]: bone and soft tissue have several Gaussians each, as
marrow, fat and muscle differ. Neighbours are heard by blurring the probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from ..images.label_files import LabelImage
from ..progress import Progress, silent
from .atlas import TISSUES, Atlas
from .grids import Volume, positions
from .registering import Alignment
from .shells import voxel_sides


#: The tissue of each Gaussian, and where its brightness starts, of white matter. CSF is
#: mixed with brain in sulci; bone is compact, mixed with CSF or air, or has marrow.
_GAUSSIANS = (
    *((0, 1.0), (1, 0.72), (2, 0.3), (2, 0.55)),
    *((3, 0.12), (3, 0.25), (3, 0.5), (4, 0.5), (4, 1.1)),
)
_TISSUE = np.array([tissue for tissue, _ in _GAUSSIANS])
_ROUNDS = 18
_FITTED = 150_000  # Voxels that the mixture is fitted to.
_DEGREE = 3  # Of the bias field.
_LEAST_SPREAD = 0.03  # Of a Gaussian, of white matter's brightness.
_BLUR = 0.7  # Of probabilities. [mm]
_ELSEWHERE = 0.01  # Least probability of a tissue anywhere in the head.
_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussians of brightness.

    Attributes:
        means: Of each Gaussian in each channel, after the bias field is divided out.
        variances: Likewise.
        weights: Of each Gaussian within its tissue.
        bias: Coefficients of the logarithm of the bias field, by channel.
    """

    means: Float[ndarray, "gaussian channel"]
    variances: Float[ndarray, "gaussian channel"]
    weights: Float[ndarray, "gaussian"]
    bias: Float[ndarray, "channel term"]


def classify(
    channels: Sequence[Volume],
    inside: Bool[ndarray, "i j k"],
    atlas: Atlas,
    alignment: Alignment,
    progress: Progress | None = None,
    weights: Sequence[float] | None = None,
) -> tuple[LabelImage, float]:
    """Give each voxel of a head the likeliest tissue.

    Args:
        channels: The T1 and, on the same grid, maybe a T2, which is NaN where it does
            not reach; there the T1 alone counts.
        inside: Which voxels are head.
        atlas: What is expected in MNI space.
        alignment: Of the head.
        progress: Called now and then.
        weights: What each channel says counts so much, from 0 to 1: less than 1 for one
            whose own voxels are larger than those of the grid, as several voxels then say
            the same. By default 1.

    Returns:
        White and gray matter, CSF, bone and scalp; and how much the bias field differs
        within the brain: its 95th percentile over its 5th.
    """
    report = progress or silent
    shape, affine = inside.shape, channels[0].affine
    report(0.0, "placing the atlas")
    expected = _expected(atlas, alignment, inside, affine)
    at = np.argwhere(inside)
    unit = (2 * at / (np.array(shape) - 1) - 1).astype(np.float32)
    light = np.stack([channel.values[inside] for channel in channels], axis=1)
    light = _normalised(light, expected)
    some = np.flatnonzero(np.isfinite(light).all(axis=1))
    some = some[:: max(1, len(some) // _FITTED)]
    report(0.3, "fitting the mixture")
    counts = np.ones(len(channels)) if weights is None else np.asarray(weights, float)
    mixture = _fit(light[some], expected[some], unit[some], counts)
    report(0.6, "classifying")
    posterior = np.zeros((len(TISSUES), *shape), np.float32)
    for begin in range(0, len(at), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        likely = _likelihoods(mixture, light[part], unit[part], counts)
        joint = _by_tissue(likely) * expected[part]
        joint /= joint.sum(axis=1, keepdims=True) + 1e-30
        posterior[:, *at[part].T] = joint.T
    labels = _decided(posterior, inside, voxel_sides(affine))
    brain = (labels == 1) | (labels == 2)
    field = np.exp(_terms(unit) @ mixture.bias[0])[brain[inside]]
    spread = np.percentile(field, [5, 95]) if len(field) else np.ones(2)
    report(1.0, "done")
    return LabelImage(labels, affine), float(spread[1] / spread[0])


def _expected(
    atlas: Atlas, alignment: Alignment, inside: ndarray, affine: ndarray
) -> Float[ndarray, "voxel tissue"]:
    """What the atlas says of each voxel of the head."""
    at = np.argwhere(inside)
    found = np.empty((len(at), len(TISSUES)), np.float32)
    maps = [atlas.share(tag) for tag in TISSUES]
    for begin in range(0, len(at), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        points = at[part] @ affine[:3, :3].T + affine[:3, 3]
        mni = alignment.mni_of(points)
        for number, each in enumerate(maps):
            found[part, number] = each.at(mni)
    # Where the atlas has air, in dents of the template's head, there is soft tissue.
    found[:, -1] += np.maximum(1 - found.sum(axis=1), 0)
    found += _ELSEWHERE * np.array([0.1, 0.1, 0.3, 1, 1], np.float32)
    return found / found.sum(axis=1, keepdims=True)


def _normalised(light: ndarray, expected: ndarray) -> ndarray:
    """Scale each channel such that what is surely white matter has the median 1."""
    white = expected[:, 0] > min(0.9, float(np.percentile(expected[:, 0], 99)))
    known = white & np.isfinite(light).all(axis=1)
    scale = np.median(light[known], axis=0) if known.any() else np.zeros(1)
    return light / np.where(scale > 0, scale, 1)


def _terms(unit: ndarray) -> Float[ndarray, "voxel term"]:
    """Polynomials of the place, without a constant."""
    x, y, z = unit.T
    found = [
        x**i * y**j * z**k
        for i in range(_DEGREE + 1)
        for j in range(_DEGREE + 1 - i)
        for k in range(_DEGREE + 1 - i - j)
        if i + j + k
    ]
    return np.stack(found, axis=1)


def _started(light: ndarray, expected: ndarray, channels: int) -> Mixture:
    means = np.repeat(np.array([m for _, m in _GAUSSIANS])[:, None], channels, axis=1)
    for channel in range(1, channels):  # Its contrast is not known.
        share = expected**2
        by_tissue = (share.T @ light[:, channel]) / share.sum(axis=0)
        means[:, channel] = by_tissue[_TISSUE] * np.where(
            np.arange(len(_TISSUE)) % 2, 1.15, 0.9
        )
    count = np.bincount(_TISSUE)[_TISSUE]
    terms = _terms(np.zeros((1, 3))).shape[1]
    return Mixture(
        means, np.full_like(means, 0.15**2), 1 / count, np.zeros((channels, terms))
    )


def _fit(light: ndarray, expected: ndarray, unit: ndarray, counts: ndarray) -> Mixture:
    channels = light.shape[1]
    mixture = _started(light, expected, channels)
    terms = _terms(unit)
    for number in range(_ROUNDS):
        likely = _likelihoods(mixture, light, unit, counts)
        joint = likely * expected[:, _TISSUE]
        joint /= joint.sum(axis=1, keepdims=True) + 1e-30
        even = light / np.exp(terms @ mixture.bias.T)
        total = joint.sum(axis=0) + 1e-6
        means = (joint.T @ even) / total[:, None]
        square = np.stack(
            [
                (joint * (even[:, c, None] - means[:, c]) ** 2).sum(axis=0) / total
                for c in range(channels)
            ],
            axis=1,
        )
        shares = total / np.bincount(_TISSUE, total)[_TISSUE]
        variances = np.maximum(square, _LEAST_SPREAD**2)
        bias = mixture.bias
        if number >= 3:
            bias = _bias(light, joint, means, variances, terms)
        mixture = Mixture(means, variances, np.maximum(shares, 0.02), bias)
    return mixture


def _bias(
    light: ndarray, joint: ndarray, means: ndarray, variances: ndarray, terms: ndarray
) -> Float[ndarray, "channel term"]:
    """Fit the logarithm of what brightness is of its expectation, in the brain."""
    found = []
    brain = np.isin(_TISSUE, (0, 1))
    weight = joint[:, brain].sum(axis=1)
    for c in range(light.shape[1]):
        precision = joint[:, brain] / variances[brain, c]
        expected = (precision @ means[brain, c]) / (precision.sum(axis=1) + 1e-12)
        used = (weight > 0.5) & (light[:, c] > 0.2) & (expected > 0.2)
        ratio = np.log(light[used, c] / expected[used])
        design = terms[used] * weight[used, None]
        ridge = 1e-3 * used.sum() * np.eye(terms.shape[1])
        found.append(
            np.linalg.solve(
                design.T @ design + ridge, design.T @ (ratio * weight[used])
            )
        )
    return np.stack(found)


def _likelihoods(
    mixture: Mixture, light: ndarray, unit: ndarray, counts: ndarray
) -> Float[ndarray, "voxel gaussian"]:
    even = light / np.exp(np.clip(_terms(unit) @ mixture.bias.T, -0.7, 0.7))
    total = np.zeros((len(light), len(_TISSUE)), np.float32)
    for c in range(light.shape[1]):
        spread = mixture.variances[:, c]
        far = (even[:, c, None] - mixture.means[:, c]) ** 2 / (2 * spread)
        far += 0.5 * np.log(2 * np.pi * spread)
        total -= counts[c] * np.where(np.isfinite(far), far, 0)
    # A floor, so that no voxel is left without a class.
    return mixture.weights * (np.exp(total) + 1e-6)


def _by_tissue(likely: ndarray) -> Float[ndarray, "voxel tissue"]:
    found = np.zeros((len(likely), len(TISSUES)), likely.dtype)
    for gaussian, tissue in enumerate(_TISSUE):
        found[:, tissue] += likely[:, gaussian]
    return found


def _decided(posterior: ndarray, inside: ndarray, voxel: ndarray) -> ndarray:
    best = np.zeros(inside.shape, np.float32)
    labels = np.zeros(inside.shape, np.uint8)
    for number, tag in enumerate(TISSUES):
        blurred = ndimage.gaussian_filter(posterior[number], _BLUR / voxel)
        better = blurred > best
        labels[better], best[better] = tag, blurred[better]
    labels[~inside] = 0
    labels[inside & (labels == 0)] = TISSUES[-1]
    return labels


def light_at(channel: Volume, other: Volume) -> Volume:
    """Put an image onto the grid of another; it is NaN where it does not reach."""
    shape = other.values.shape
    values = channel.at(positions(shape, other.affine), np.nan).reshape(shape)
    return Volume(values, other.affine)
