"""Affine maps between images by mutual information, and dipy, which finds them.

[Mattes et al. 2003, doi:10.1109/TMI.2003.809072]
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .grids import Volume, moved_by, upright_grid


HEAD_RADIUS = 80.0  # Of a head, about. [mm]


def optimized(
    head: Volume,
    template: Volume,
    start: Float[ndarray, "4 4"],
    voxel: float,
    kind: str,
    where: tuple[Volume, Volume] | None = None,
) -> tuple[Float[ndarray, "4 4"], float]:
    """Maximise mutual information on a grid.

    Args:
        head: The image that stays.
        template: The image that is moved.
        start: A first map from head to template. [mm]
        voxel: Of the grid. [mm]
        kind: `rigid` or `affine`.
        where: Parts of each; voxels in both alone count, where they are given.

    Returns:
        The map from head to template [mm], and minus the mutual information.

    Raises:
        ModuleNotFoundError: dipy is not installed.
    """
    align_, transforms = dipy().imaffine, dipy().transforms
    images, masks = [], []
    for volume, part in zip((head, template), where or (None, None), strict=True):
        shape, grid = upright_grid(volume.values.shape, volume.affine, voxel)
        images.append((scaled(volume.on(shape, grid)).astype(np.float64), grid))
        there = None if part is None else part.on(shape, grid) > 0.5
        masks.append(None if there is None else there.astype(np.int32))
    (static, static_grid), (moving, moving_grid) = images
    centre = moved_by(static_grid, (np.array(static.shape) - 1) / 2)
    here, there = _unit(centre), _unit(moved_by(start, centre))
    with quiet():
        registration = align_.AffineRegistration(
            metric=align_.MutualInformationMetric(nbins=32),
            level_iters=[60],
            sigmas=[0.5],
            factors=[1],
            verbosity=0,
        )
        way = {
            "rigid": transforms.RigidTransform3D,
            "affine": transforms.AffineTransform3D,
        }[kind]()
        found, _, value = registration.optimize(
            static,
            moving,
            way,
            None,
            static_grid2world=here @ static_grid,
            moving_grid2world=there @ moving_grid,
            starting_affine=there @ start @ np.linalg.inv(here),
            ret_metric=True,
            static_mask=masks[0],
            moving_mask=masks[1],
        )
    return np.linalg.inv(there) @ np.asarray(found.affine) @ here, float(value)


def _unit(centre: Float[ndarray, "3"]) -> Float[ndarray, "4 4"]:
    """From mm to a frame in which shifts and turns of one step move a head alike."""
    matrix = np.diag([1 / HEAD_RADIUS] * 3 + [1.0])
    matrix[:3, 3] = -centre / HEAD_RADIUS
    return matrix


def scaled(values: ndarray) -> ndarray:
    """Brightness from 0 to about 1, the brightest cut off."""
    high = float(np.percentile(values[values > 0], 99)) if (values > 0).any() else 1.0
    return np.clip(values / high, 0, 1.2).astype(np.float32)


@contextmanager
def quiet() -> Iterator[None]:
    """Have dipy say nothing of its rounds, nor of its own dependencies."""
    logger = logging.getLogger("dipy")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def dipy() -> Any:
    """The parts of dipy that register images.

    Raises:
        ModuleNotFoundError: dipy is not installed.
    """
    try:
        from dipy.align import (
            VerbosityLevels,
            imaffine,
            imwarp,
            metrics,
            transforms,  # pyright: ignore[reportAttributeAccessIssue]
        )
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "laying the template over a head needs dipy, which is not installed: pip "
            "install 'tmsgrad[segment]'"
        ) from None
    return SimpleNamespace(
        VerbosityLevels=VerbosityLevels,
        imaffine=imaffine,
        imwarp=imwarp,
        metrics=metrics,
        transforms=transforms,
    )
