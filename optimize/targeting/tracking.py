"""Probabilistic tracking from a deep target, with dipy.

Directions come from constrained spherical deconvolution of diffusion-weighted images
[Tournier et al. 2007, doi:10.1016/j.neuroimage.2007.02.016], or from the orientation
distribution of tensors, which knows one fibre per voxel only [Descoteaux et al. 2009,
doi:10.1109/TMI.2008.2004424]. Streamlines end where they enter gray matter, and those that
leave the brain otherwise are dropped [Smith et al. 2012,
doi:10.1016/j.neuroimage.2012.06.005]: the head's own tissues show where.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from ...efield.linear.products import core_count
from ...meshing import (
    DiffusionSeries,
    HeadMesh,
    Progress,
    TensorImage,
    Tractogram,
    VoxelGrid,
    elements_on_grid,
)
from ...meshing.images.tensors import TensorFrame, components_of, frame_axes
from .maps import VolumeMap
from .tracts import NEAR_GRAY, Place


SEEDS = 10_000
_S_PER_MM2 = 1e6
_SPACING = 2e-3  # Of the grid on which tensors are tracked. [m]
_STEP, _LONGEST, _SHORTEST = 0.5, 250, 10  # [mm]
_ANGLE = 30  # Between steps. [°]
_LEAST_CHANCE = 0.1  # Of a direction, as a share of the likeliest.
_BLOCKS = 10
_AT_ONCE = 20_000  # Voxels.
_SHELL = 0.1  # b-values that differ by less are of one shell.
_NO_WEIGHTING = 50 * _S_PER_MM2
_RESPONSE_VOXELS = 300  # With the highest anisotropy.
_ORDERS = ((45, 8), (28, 6), (15, 4))  # Directions needed for an order.
_MILD = 1e-2  # Of the largest eigenvalue: the least that a tensor may have.


@dataclass(frozen=True, eq=False)
class Orientations:
    """How likely fibres run in each direction, voxel by voxel.

    Attributes:
        coefficients: Spherical harmonics (dipy's legacy basis of Descoteaux), along the
            voxel axes; zero where there is no white matter.
        grid: Of the voxels.
        tags: Tissue of each voxel, zero outside the head.
    """

    coefficients: Float[ndarray, "i j k harmonic"]
    grid: VoxelGrid
    tags: ndarray


@dataclass(frozen=True, eq=False)
class Tracked:
    """Streamlines from seeds.

    Attributes:
        tracts: Those that end in gray matter.
        seeds: The voxels that they began in, as a mask.
        tried: How many seeds there were.
    """

    tracts: Tractogram
    seeds: VolumeMap
    tried: int


def tensor_orientations(head: HeadMesh, image: TensorImage) -> Orientations:
    """Take orientations from tensors, on a grid of 2 mm around the brain.

    Args:
        head: The head.
        image: Registered to it.

    Raises:
        ModuleNotFoundError: dipy is not installed.
        ValueError: There are no tensors in the head's white matter.
    """
    dipy = _dipy()
    brain = head.nodes[
        np.unique(head.tetrahedra[head.of("white matter", "gray matter")])
    ]
    low = brain.min(axis=0) - 2 * _SPACING
    sides = np.ceil((brain.max(axis=0) - low) / _SPACING).astype(int) + 3
    affine = np.diag([_SPACING, _SPACING, _SPACING, 1.0])
    affine[:3, 3] = low
    i, j, k = sides.tolist()
    grid = VoxelGrid(affine, (i, j, k))
    tags = _tags(head, grid)
    where = _white(tags)
    tensors = image.sample(np.argwhere(where) @ affine[:3, :3].T + low)
    values, vectors = np.linalg.eigh(tensors)
    there = values[:, 2] > 0
    if not there.any():
        raise ValueError(
            "the tensor image has no tensor in the white matter of this head: it is in "
            "another space, or empty."
        )
    values[~there] = 1.0
    values = np.maximum(values, _MILD * values[:, 2:])
    # Up to its scale, which tracking does not see: the inverse where the largest is 1.
    turned = vectors * np.sqrt(values[:, None, 2:] / values[:, None])
    inverse = components_of(turned @ np.swapaxes(turned, 1, 2))
    sphere = dipy.HemiSphere.from_sphere(dipy.default_sphere)
    x, y, z = sphere.vertices.T
    products = np.stack([x * x, 2 * x * y, 2 * x * z, y * y, 2 * y * z, z * z])
    of_white = np.zeros((len(values), 45))
    for start in range(0, len(values), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(values)))
        rows = rows[there[rows]]
        quadratic = inverse[rows] @ products
        # Within a solid angle [Aganj et al. 2010, doi:10.1002/mrm.22365]: the integral of a
        # Gaussian times r² along a ray is in proportion to the quadratic form of its
        # inverse to the power of -3/2.
        odf = 1 / (quadratic * np.sqrt(quadratic))
        odf /= odf.sum(axis=1, keepdims=True)
        with _legacy_basis():
            of_white[rows] = dipy.sf_to_sh(odf, sphere, sh_order_max=8)
    coefficients = np.zeros((*grid.shape, 45))
    coefficients[where] = of_white
    return Orientations(coefficients, grid, tags)


def deconvolved_orientations(
    head: HeadMesh,
    series: DiffusionSeries,
    progress: Progress | None = None,
) -> Orientations:
    """Take orientations from diffusion-weighted images, by spherical deconvolution.

    The shell with the highest b-value is used. The response is that of the 300 voxels of
    white matter with the highest anisotropy.

    Args:
        head: The head.
        series: Corrected for movement, in the head's space.
        progress: Called with the share that is done, and words.

    Raises:
        ModuleNotFoundError: dipy is not installed.
        ValueError: There are too few directions, or no white matter in the images.
    """
    dipy = _dipy()
    affine = series.affine.copy()
    affine[:3] *= 1e-3
    i, j, k = series.signals.shape[:3]
    grid = VoxelGrid(affine, (i, j, k))
    tags = _tags(head, grid)
    where = _white(tags) & (series.signals[..., ~series.weighted].mean(axis=3) > 0)
    if not (where & (tags == 1)).any():
        raise ValueError(
            "the diffusion-weighted images show nothing in the white matter of this head: "
            "they are in another space."
        )
    used, order = _shell(series)
    # Directions along the voxel axes, in which dipy tracks.
    world = series.directions @ frame_axes(series.affine, series.frame).T
    local = world @ frame_axes(series.affine, TensorFrame.VOXEL)
    table = dipy.gradient_table(
        series.b_values[used] / _S_PER_MM2, bvecs=local[used], b0_threshold=50
    )
    signals = np.asarray(series.signals[where][:, used], dtype=np.float64)
    response = _response(dipy, table, signals, tags[where] == 1)
    with _legacy_basis():
        model = dipy.ConstrainedSphericalDeconvModel(
            table, response, sh_order_max=order
        )
    found = []
    for start in range(0, len(signals), _AT_ONCE // 10):
        if progress is not None:
            progress(start / len(signals), "fibre orientations")
        with _legacy_basis():
            fit = model.fit(signals[start : start + _AT_ONCE // 10])
        found.append(fit.shm_coeff)
    coefficients = np.zeros((*grid.shape, found[0].shape[-1]))
    coefficients[where] = np.concatenate(found)
    return Orientations(coefficients, grid, tags)


def track(
    orientations: Orientations,
    target: Place,
    *,
    seeds: int = SEEDS,
    seed: int = 1,
    progress: Progress | None = None,
) -> Tracked:
    """Track streamlines from the white matter in or beside a target.

    Seeds lie at random in the target's white matter; where it has none, as a nucleus or a
    patch of cortex, in that within 4 mm.

    Args:
        orientations: Of fibres.
        target: Weights of points [m].
        seeds: How many; the number that reach gray matter is less.
        seed: Of the random numbers, at least 1: the same seed gives the same streamlines.
        progress: Called with the share that is done, and words.

    Raises:
        ModuleNotFoundError: dipy is not installed.
        ValueError: There is no white matter near the target, or no streamline arrives.
    """
    dipy = _dipy()
    grid, tags = orientations.grid, orientations.tags
    affine = grid.affine.copy()
    affine[:3] *= 1e3
    where = _seed_voxels(orientations, target)
    rng = np.random.default_rng(seed)
    voxels = np.argwhere(where)
    places = voxels[rng.integers(len(voxels), size=seeds)]
    places = places + rng.uniform(-0.5, 0.5, size=(seeds, 3))
    places = places @ affine[:3, :3].T + affine[:3, 3]
    criterion = dipy.ActStoppingCriterion(
        (tags == 2).astype(float), (~np.isin(tags, (1, 2))).astype(float)
    )
    lines = []
    for number, part in enumerate(np.array_split(places, min(_BLOCKS, seeds))):
        if progress is not None:
            progress(number / _BLOCKS, f"tracking, {len(lines)} streamlines")
        with _legacy_basis():
            found = dipy.probabilistic_tracking(
                part,
                criterion,
                affine,
                sh=orientations.coefficients,
                sphere=dipy.default_sphere,
                min_len=_SHORTEST,
                max_len=_LONGEST,
                step_size=_STEP,
                max_angle=_ANGLE,
                pmf_threshold=_LEAST_CHANCE,
                random_seed=seed,
                nbr_threads=core_count(),
                return_all=False,
            )
            lines += [np.asarray(line, dtype=np.float64) * 1e-3 for line in found]
    lines = [line for line in lines if len(line) > 1]
    if not lines:
        raise ValueError(
            f"none of {seeds} streamlines from the target reaches gray matter at both "
            "ends: is the diffusion data in the head's space, and are its directions right?"
        )
    mask = VolumeMap(where.astype(np.float64), grid.affine, "the seeds")
    return Tracked(Tractogram.of(lines, "the streamlines"), mask, seeds)


class _Dipy:
    """What is taken of dipy."""

    def __init__(self) -> None:
        try:
            from dipy.core.gradients import gradient_table
            from dipy.core.sphere import HemiSphere
            from dipy.data import default_sphere
            from dipy.reconst.csdeconv import (
                ConstrainedSphericalDeconvModel,
                response_from_mask_ssst,
            )
            from dipy.reconst.dti import TensorModel
            from dipy.reconst.shm import sf_to_sh
            from dipy.tracking.stopping_criterion import ActStoppingCriterion
            from dipy.tracking.tracker import probabilistic_tracking
        except ImportError as error:
            raise ModuleNotFoundError(
                "tracking needs dipy 1.12 or later, which is not installed: pip install "
                "'tmsgrad[connectome]'"
            ) from error
        self.gradient_table: Any = gradient_table
        self.HemiSphere: Any = HemiSphere
        self.default_sphere: Any = default_sphere
        self.ConstrainedSphericalDeconvModel: Any = ConstrainedSphericalDeconvModel
        self.response_from_mask_ssst: Any = response_from_mask_ssst
        self.TensorModel: Any = TensorModel
        self.sf_to_sh: Any = sf_to_sh
        self.ActStoppingCriterion: Any = ActStoppingCriterion
        self.probabilistic_tracking: Any = probabilistic_tracking


@contextmanager
def _legacy_basis() -> Iterator[None]:
    """Keep silent that the basis, which deconvolution gives, is an old one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield


def _dipy() -> _Dipy:
    return _Dipy()


def _tags(head: HeadMesh, grid: VoxelGrid) -> ndarray:
    elements = elements_on_grid(head, grid)
    return np.where(elements >= 0, np.asarray(head.tags)[elements], 0)


def _white(tags: ndarray) -> Bool[ndarray, "i j k"]:
    """White matter and what is beside it, between which streamlines interpolate."""
    beside = np.asarray(ndimage.binary_dilation(tags == 1), dtype=bool)
    return beside & np.isin(tags, (1, 2))


def _shell(series: DiffusionSeries) -> tuple[Bool[ndarray, "volume"], int]:
    """The volumes of the highest shell and those without weighting, and the order."""
    highest = series.b_values.max()
    shell = series.b_values >= (1 - _SHELL) * highest
    count = int(np.count_nonzero(shell))
    fitting = [order for needed, order in _ORDERS if count >= needed]
    if not fitting or series.weighted.all():
        raise ValueError(
            f"the images have {count} directions with b = {highest / _S_PER_MM2:.0f} s/mm² "
            f"and {np.count_nonzero(~series.weighted)} volumes without weighting; "
            f"spherical deconvolution needs at least {_ORDERS[-1][0]} and 1. Track "
            "with a tensor image in their place."
        )
    return shell | ~series.weighted, fitting[0]


def _response(
    dipy: _Dipy,
    table: Any,
    signals: Float[ndarray, "voxel volume"],
    white: Bool[ndarray, "voxel"],
) -> Any:
    inside = signals[white]
    anisotropy = np.nan_to_num(dipy.TensorModel(table).fit(inside).fa)
    best = np.argsort(-anisotropy)[: min(_RESPONSE_VOXELS, len(inside))]
    data = inside[best].reshape(-1, 1, 1, inside.shape[1])
    mask = np.ones(data.shape[:3], dtype=bool)
    response, _ = dipy.response_from_mask_ssst(table, data, mask)
    return response


def _seed_voxels(orientations: Orientations, target: Place) -> Bool[ndarray, "i j k"]:
    grid, white = orientations.grid, orientations.tags == 1
    fibres = white & orientations.coefficients.any(axis=3)
    everywhere = np.argwhere(np.ones(grid.shape, dtype=bool))
    points = everywhere @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    inside = (np.asarray(target(points)) > 0).reshape(grid.shape)
    if (inside & fibres).any():
        return inside & fibres
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    near = np.zeros(grid.shape, dtype=bool)
    if inside.any():
        apart = ndimage.distance_transform_edt(~inside, sampling=spacing)
        near = (np.asarray(apart) <= NEAR_GRAY) & fibres
    if not near.any():
        raise ValueError(
            "there is no white matter with diffusion data in the target or within "
            f"{NEAR_GRAY * 1e3:g} mm of it: it lies elsewhere, or is smaller than a voxel."
        )
    return near
