"""Volumes on other grids: what registration and classes of tissue compute on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage

from .shells import voxel_sides


_BORDER = 1e-3  # Of an image; rounding must not say what lies at it. [voxel]


@dataclass(frozen=True, eq=False)
class Volume:
    """An image in memory.

    Attributes:
        values: Of each voxel.
        affine: Voxel indices to positions. [mm]
    """

    values: Float[ndarray, "i j k"]
    affine: Float[ndarray, "4 4"]

    def at(
        self, points: Float[ndarray, "point 3"], outside: float = 0.0
    ) -> Float[ndarray, "point"]:
        """Interpolate linearly at positions [mm]; beyond the image it is `outside`."""
        inverse = np.linalg.inv(self.affine)
        where = points @ inverse[:3, :3].T + inverse[:3, 3]
        return ndimage.map_coordinates(
            self.values, where.T, order=1, cval=outside, output=np.float32
        )

    def on(
        self, shape: tuple[int, ...], affine: Float[ndarray, "4 4"]
    ) -> Float[ndarray, "i j k"]:
        """Resample to a grid; blurred before where that is coarser."""
        ratio = voxel_sides(affine).min() / voxel_sides(self.affine)
        blur = np.where(ratio > 1.3, 0.35 * ratio, 0.0)
        values = self.values
        if blur.any():
            values = np.asarray(ndimage.gaussian_filter(values, blur))
        way = np.linalg.inv(self.affine) @ affine
        return ndimage.affine_transform(
            values, way, output_shape=shape, order=1, output=np.float32
        )


def positions(
    shape: tuple[int, ...], affine: Float[ndarray, "4 4"]
) -> Float[ndarray, "point 3"]:
    """The centres of all voxels of a grid, in the order of its values. [mm]"""
    index = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=1)
    return (index @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)


def upright_grid(
    shape: tuple[int, ...],
    affine: Float[ndarray, "4 4"],
    voxel: float,
    room: float = 0.0,
) -> tuple[tuple[int, int, int], Float[ndarray, "4 4"]]:
    """Give a grid of cubes along right, front and up that holds an image.

    Args:
        shape: Of the image.
        affine: Of the image.
        voxel: Side of the cubes. [mm]
        room: To leave on all sides. [mm]

    Returns:
        Shape and matrix of the grid.
    """
    ends = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    corners = (ends * (np.array(shape) - 1)) @ affine[:3, :3].T + affine[:3, 3]
    low, high = corners.min(axis=0) - room, corners.max(axis=0) + room
    sides = np.ceil((high - low) / voxel).astype(int) + 1
    matrix = np.diag([voxel, voxel, voxel, 1.0])
    matrix[:3, 3] = low
    return (int(sides[0]), int(sides[1]), int(sides[2])), matrix


def imaged(
    volume: Volume, shape: tuple[int, ...], grid: Float[ndarray, "4 4"]
) -> Bool[ndarray, "x y z"]:
    """Which voxels of a grid lie within an image; those at its very border do not."""
    way = np.linalg.inv(volume.affine) @ grid
    found = np.ones(shape, bool)
    for row, count in zip(way, volume.values.shape, strict=False):
        i, j, k = np.ogrid[tuple(slice(n) for n in shape)]
        at = row[0] * i + row[1] * j + row[2] * k + row[3]
        found &= (at > _BORDER) & (at < count - 1 - _BORDER)
    return found


def moved_by(
    matrix: Float[ndarray, "4 4"], points: Float[ndarray, "*point 3"]
) -> Float[ndarray, "*point 3"]:
    """Apply a map to points."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]
