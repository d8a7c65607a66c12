"""Diffusion tensors from diffusion-weighted images, with dipy.

Weighted linear least squares on the logarithm of the signal [Chung et al. 2006,
doi:10.1016/j.neuroimage.2006.07.001], repeated with weights that leave out measurements
which movement or drop-out has spoilt [Collier et al. 2015, doi:10.1002/mrm.25165]. The
images must be corrected for movement and distortion before, and be in the head's space.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from .fibres import FibreCoherence, fibre_coherence
from .tensors import (
    MM2_PER_S,
    TensorFrame,
    TensorImage,
    components_of,
)


S_PER_MM2 = 1e6  # [s/m²], the unit of bvals.

# A volume below this is taken as not weighted, as scanners make a b of zero of some b.
_NO_WEIGHTING = 50 * S_PER_MM2  # [s/m²]
_LARGEST_PLAUSIBLE = 1e5 * S_PER_MM2  # [s/m²]
_PARAMETERS = 7  # Six of the tensor, one of the signal without weighting.
_FEWEST_TO_REJECT = 12  # Five more than unknown: else a wrong one cannot be found.
_LEAST_KEPT = 0.1  # Of what volumes say on the parameter they say least about.
_UNIT_LENGTH_WITHIN = 0.05
_LEAST_SINGULAR = 1e-2
_AT_ONCE = 20_000  # Voxels; with 100 volumes, 300 MB in dipy.


@dataclass(frozen=True, eq=False)
class DiffusionSeries:
    """Diffusion-weighted images, with the weighting of each volume.

    Attributes:
        signals: One value per voxel and volume.
        affine: Voxel indices to millimetres in the space of the head. [mm]
        b_values: How strongly each volume is weighted. [s/m²]
        directions: Along which unit vector; of no meaning in volumes that are not
            weighted.
        frame: The axes of the directions.
    """

    signals: Float[ndarray, "i j k volume"] | Int[ndarray, "i j k volume"]
    affine: Float[ndarray, "4 4"]
    b_values: Float[ndarray, "volume"]
    directions: Float[ndarray, "volume 3"]
    frame: TensorFrame

    def __init__(
        self,
        signals: ArrayLike,
        affine: ArrayLike,
        b_values: ArrayLike,
        directions: ArrayLike,
        frame: TensorFrame = TensorFrame.FSL,
    ):
        """Check and keep the images.

        Args:
            signals: (i, j, k, volumes).
            affine: Voxel indices to millimetres, (4, 4). [mm]
            b_values: (volumes,). [s/m²]
            directions: Unit vectors, (volumes, 3); zero or NaN where not weighted.
            frame: The axes of the directions: `FSL` for files of the kind bvecs.

        Raises:
            ValueError: A shape does not fit, a signal is not finite, a b-value cannot be,
                or the direction of a weighted volume is no unit vector.
        """
        values = np.asarray(signals)
        if values.ndim != 4 or values.dtype.kind not in "iuf":
            raise ValueError(
                "`signals` must be real numbers of the shape (i, j, k, volumes), got "
                f"{values.dtype} of the shape {values.shape}."
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(
                "`signals` holds values that are not finite. Set them to 0 outside the "
                "head, and repair the image within."
            )
        b, g = _checked_gradients(b_values, directions, values.shape[3])
        object.__setattr__(self, "signals", values.view())
        object.__setattr__(self, "affine", np.array(affine, dtype=np.float64))
        object.__setattr__(self, "b_values", b)
        object.__setattr__(self, "directions", g)
        object.__setattr__(self, "frame", frame)
        for array in (self.signals, self.affine, self.b_values, self.directions):
            array.flags.writeable = False

    @property
    def weighted(self) -> Bool[ndarray, "volume"]:
        """Which volumes are weighted."""
        return self.b_values > _NO_WEIGHTING


@dataclass(frozen=True, eq=False)
class TensorFit:
    """Tensors fitted to diffusion-weighted images.

    Attributes:
        image: The tensors.
        mask: The voxels in which they were fitted.
        used: The volumes they were fitted to.
        outliers: For each volume, the share of voxels in which it was left out; NaN for
            those not used, zero where nothing was to be rejected.
        coherence: Whether fibres continue from voxel to voxel.
    """

    image: TensorImage
    mask: Bool[ndarray, "i j k"]
    used: Bool[ndarray, "volume"]
    outliers: Float[ndarray, "volume"]
    coherence: FibreCoherence

    def __str__(self) -> str:
        share = self.outliers[self.used]
        worst = int(np.nanargmax(self.outliers))
        return (
            f"Tensors in {np.count_nonzero(self.mask)} voxels from "
            f"{np.count_nonzero(self.used)} of {len(self.used)} volumes; "
            f"{share.mean():.1%} of measurements left out as outliers, most in volume "
            f"{worst} ({self.outliers[worst]:.1%}).\n{self.coherence}"
        )


def fit_tensors(
    series: DiffusionSeries,
    mask: Bool[ndarray, "i j k"] | None = None,
    *,
    largest_b: float = 1500 * S_PER_MM2,
    reject_outliers: bool = True,
    check_directions: bool = True,
) -> TensorFit:
    """Fit a diffusion tensor in each voxel, by weighted least squares.

    Args:
        series: Diffusion-weighted images, corrected for movement.
        mask: The voxels to fit in; by default the brain as `median_otsu` of dipy finds
            it in the mean of the volumes that are not weighted.
        largest_b: Volumes that are weighted more are left out, as a tensor does not
            describe them. [s/m²]
        reject_outliers: Whether measurements more than three standard deviations from the
            fit are left out.
        check_directions: Whether to refuse directions with which fibres do not continue
            from voxel to voxel, as with a reversed axis.

    Returns:
        The tensors, and what was left out.

    Raises:
        ImportError: dipy is not installed.
        ValueError: There are too few volumes or directions for a tensor; the mask does
            not fit or is empty; or directions look wrong.
    """
    dti = _dipy()
    used = _usable(series, largest_b)
    _check_design(series, used, reject_outliers)
    where = _brain(series) if mask is None else _checked_mask(mask, series)
    signals = np.asarray(series.signals[where][:, used], dtype=np.float64)
    there = signals[:, ~series.weighted[used]].mean(axis=1) > 0
    where = where.copy()
    where[where] = there
    if not there.any():
        raise ValueError(
            "`signals` is zero in all of the mask: there is nothing to fit."
        )
    tensors, kept = _fitted(dti, series, used, signals[there], reject_outliers)
    components = np.zeros((*where.shape, 6))
    components[where] = components_of(tensors)
    image = TensorImage(components, series.affine, series.frame, MM2_PER_S)
    coherence = fibre_coherence(image)
    if check_directions and coherence.wrong:
        raise ValueError(
            f"{coherence} Correct the directions (bvecs) or their frame; where they are "
            "known to be right, pass `check_directions=False`."
        )
    outliers = np.full(len(used), np.nan)
    outliers[used] = 1 - kept
    return TensorFit(image, where, used, outliers, coherence)


def _dipy() -> Any:
    try:
        import dipy.reconst.dti
    except ImportError as error:
        raise ImportError(
            "fitting tensors needs dipy, which is not installed: pip install tmsgrad[dwi]"
        ) from error
    return dipy.reconst.dti


def _checked_gradients(
    b_values: ArrayLike, directions: ArrayLike, volumes: int
) -> tuple[Float[ndarray, "volume"], Float[ndarray, "volume 3"]]:
    b = np.array(b_values, dtype=np.float64)
    g = np.array(directions, dtype=np.float64)
    if b.shape != (volumes,) or g.shape != (volumes, 3):
        raise ValueError(
            f"there are {volumes} volumes, so `b_values` must have the shape ({volumes},) "
            f"and `directions` ({volumes}, 3); got {b.shape} and {g.shape}."
        )
    if not (np.isfinite(b).all() and b.min() >= 0 and b.max() < _LARGEST_PLAUSIBLE):
        raise ValueError(
            f"`b_values` are from {b.min():.4g} to {b.max():.4g} s/m², but must be "
            f"numbers from 0 to {_LARGEST_PLAUSIBLE:.0e}: 1000 s/mm² are 1e9 s/m²."
        )
    weighted = b > _NO_WEIGHTING
    if not weighted.any():
        raise ValueError(
            f"`b_values` are at most {b.max():.4g} s/m², so that no volume is weighted: "
            "1000 s/mm² are 1e9 s/m²."
        )
    length = np.linalg.norm(g, axis=1)
    wrong = weighted & ~(np.abs(length - 1) <= _UNIT_LENGTH_WITHIN)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"`directions` must be unit vectors, but that of volume {first} (from 0), with "
            f"b = {b[first]:.4g} s/m², is {g[first].tolist()}."
        )
    g[weighted] /= length[weighted, None]
    g[~weighted] = 0.0
    return b, g


def _usable(series: DiffusionSeries, largest_b: float) -> Bool[ndarray, "volume"]:
    # Scanners report 1505 where 1500 was asked for.
    used = series.b_values <= largest_b * 1.05
    if not np.any(series.weighted & used):
        raise ValueError(
            f"all weighted volumes have a b-value above `largest_b`, {largest_b:.4g} s/m²; "
            f"the smallest is {series.b_values[series.weighted].min():.4g}. A tensor "
            "describes such volumes badly; raise `largest_b` to fit it nevertheless."
        )
    if np.all(series.weighted[used]):
        raise ValueError(
            f"`b_values` holds no volume without weighting (up to {_NO_WEIGHTING:.4g} "
            "s/m²), which the fit needs for comparison."
        )
    return used


def _design(
    series: DiffusionSeries, used: Bool[ndarray, "volume"]
) -> Float[ndarray, "used 7"]:
    """What the logarithm of the signal is linear in; without units."""
    g = series.directions[used]
    b = series.b_values[used, None] / series.b_values[used].max()
    products = components_of(g[:, :, None] * g[:, None, :])
    return np.hstack([b * products, np.ones((len(b), 1))])


def _check_design(
    series: DiffusionSeries, used: Bool[ndarray, "volume"], reject_outliers: bool
) -> None:
    count = int(np.count_nonzero(used))
    singular = np.linalg.svd(_design(series, used), compute_uv=False)
    if count < _PARAMETERS or singular[-1] < _LEAST_SINGULAR * singular[0]:
        raise ValueError(
            f"the {count} volumes with a b-value up to `largest_b` do not determine a "
            "tensor: there must be six different directions or more, not in one plane, "
            "and one volume without weighting."
        )
    if reject_outliers and count < _FEWEST_TO_REJECT:
        raise ValueError(
            f"outliers cannot be found with only {count} volumes, {_FEWEST_TO_REJECT} are "
            "needed; pass `reject_outliers=False`."
        )


def _determined(
    design: Float[ndarray, "used 7"], inside: Bool[ndarray, "voxel used"]
) -> Bool[ndarray, "voxel"]:
    """Find the voxels in which the measurements that were kept determine a tensor."""
    outer = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    size = (-1, _PARAMETERS, _PARAMETERS)
    kept = np.linalg.eigvalsh((inside @ outer).reshape(size))[:, 0]
    return kept >= _LEAST_KEPT * np.linalg.eigvalsh(design.T @ design)[0]


def _checked_mask(mask: ndarray, series: DiffusionSeries) -> Bool[ndarray, "i j k"]:
    shape = series.signals.shape[:3]
    if mask.shape != shape:
        raise ValueError(
            f"`mask` must have the shape of the images, {shape}; got {mask.shape}."
        )
    if not mask.any():
        raise ValueError("`mask` is empty: there is no voxel to fit in.")
    return mask


def _brain(series: DiffusionSeries) -> Bool[ndarray, "i j k"]:
    from dipy.segment.mask import median_otsu

    mean = series.signals[..., ~series.weighted].mean(axis=-1, dtype=np.float64)
    # With dipy's standard, a radius of 4 and 4 passes, a layer of cortex is lost.
    mask = np.asarray(median_otsu(mean, median_radius=2, numpass=2)[1], dtype=bool)
    if not mask.any():
        raise ValueError(
            "no brain was found in the volumes without weighting; give a `mask`."
        )
    return mask


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, first + _AT_ONCE) for first in range(0, count, _AT_ONCE))


def _fitted(
    dti: Any,
    series: DiffusionSeries,
    used: Bool[ndarray, "volume"],
    signals: Float[ndarray, "voxel used"],
    reject_outliers: bool,
) -> tuple[Float[ndarray, "voxel 3 3"], Float[ndarray, "used"]]:
    """Fit, and find in which share of voxels each volume was kept."""
    from dipy.core.gradients import gradient_table

    table = gradient_table(
        series.b_values[used] / S_PER_MM2,
        bvecs=series.directions[used],
        b0_threshold=round(_NO_WEIGHTING / S_PER_MM2),
    )
    # A signal of zero has no logarithm; a thousandth of the largest is far below noise.
    least = 1e-3 * signals.max(axis=1, keepdims=True)
    plain = dti.TensorModel(table, fit_method="WLS")
    robust = dti.TensorModel(table, fit_method="RWLS", num_iter=10)
    design = _design(series, used)
    tensors = np.empty((len(signals), 3, 3))
    kept = np.zeros(signals.shape[1])
    for block in _blocks(len(signals)):
        floored = np.maximum(signals[block], least[block])
        if not reject_outliers:
            tensors[block] = plain.fit(floored).quadratic_form
            kept += len(floored)
            continue
        fit = robust.fit(floored)
        inside = np.asarray(robust.extra["robust"]).astype(bool)
        found = fit.quadratic_form
        # Where too little would be left, nothing is rejected: such as where the only
        # volume without weighting would be, or, in data without noise, all that rounds.
        spoilt = ~_determined(design, inside)
        if spoilt.any():
            found[spoilt] = plain.fit(floored[spoilt]).quadratic_form
            inside[spoilt] = True
        tensors[block] = found
        kept += inside.sum(axis=0)
    return tensors, kept / len(signals)
