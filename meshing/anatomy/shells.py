"""What lies within some millimetres of voxels, and the parts and cavities of a mask."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Integer
from numpy import ndarray
from scipy import ndimage


EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)
_SLACK = 1e-6  # Of a radius, so that rounding loses no voxel. [mm]


def voxel_sides(affine: Float[ndarray, "4 4"]) -> Float[ndarray, "3"]:
    """The sides of a voxel. [mm]"""
    return np.linalg.norm(affine[:3, :3], axis=0)


def voxel_volume(affine: Float[ndarray, "4 4"]) -> float:
    """The volume of a voxel. [m³]"""
    return abs(float(np.linalg.det(affine[:3, :3]))) * 1e-9


def grown(
    where: Bool[ndarray, "i j k"], radius: float, voxel: Float[ndarray, "3"]
) -> Bool[ndarray, "i j k"]:
    """Take all voxels whose centre lies within a radius of that of a chosen one.

    Args:
        where: The chosen ones.
        radius: [mm]
        voxel: Sides of a voxel. [mm]
    """
    found = where.copy()
    inner = np.asarray(ndimage.binary_erosion(where, border_value=1), bool)
    edge = where & ~inner
    if not edge.any():
        return found
    for step in _ball(radius, voxel):
        found[_moved(where.shape, step)] |= edge[
            _moved(where.shape, tuple(-n for n in step))
        ]
    return found


def closed(
    where: Bool[ndarray, "i j k"], radius: float, voxel: Float[ndarray, "3"]
) -> Bool[ndarray, "i j k"]:
    """Fill gaps and dents that a ball of this radius does not fit into. [mm]

    Nothing is taken away, and closing again changes nothing. Beyond the border of the
    image there is nothing.
    """
    if radius <= 0 or not where.any():
        return where.copy()
    wide = int(np.ceil(radius / voxel.min())) + 1
    # What is filled lies within the smallest box that holds everything.
    box = ndimage.find_objects(where.astype(np.int8))[0]
    room = np.pad(where[box], wide)
    near = _distance(room, voxel) <= radius + _SLACK
    shrunk = _distance(~near, voxel) > radius + _SLACK
    filled = where.copy()
    filled[box] |= shrunk[tuple(slice(wide, -wide) for _ in range(3))]
    return filled


def parts_of(
    where: Bool[ndarray, "i j k"], structure: ndarray | None = None
) -> tuple[Integer[ndarray, "i j k"], Integer[ndarray, "part"]]:
    """Number the connected parts from 1, and count their voxels; that of 0 is 0."""
    parts = np.zeros(where.shape, np.int32)
    ndimage.label(where, structure, output=parts)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts, sizes


def largest_part(where: Bool[ndarray, "i j k"]) -> Bool[ndarray, "i j k"]:
    """Keep the largest part that is connected by faces; nothing of nothing."""
    parts, sizes = parts_of(where)
    return where & (parts == int(sizes.argmax())) if sizes.any() else where.copy()


def large_parts(where: Bool[ndarray, "i j k"], share: float) -> Bool[ndarray, "i j k"]:
    """Keep the parts that have at least a share of the largest one's voxels."""
    parts, sizes = parts_of(where)
    return where & (sizes >= share * max(int(sizes.max()), 1))[parts]


def cavities(where: Bool[ndarray, "i j k"]) -> Bool[ndarray, "i j k"]:
    """What a mask encloses and does not hold; what reaches the border is outside."""
    return np.asarray(ndimage.binary_fill_holes(where)) & ~where


def _distance(where: ndarray, voxel: ndarray) -> ndarray:
    """How far each voxel is from the nearest of some, infinite where there are none."""
    if not where.any():
        return np.full(where.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(~where, voxel))


def _ball(radius: float, voxel: ndarray) -> Iterator[tuple[int, ...]]:
    reach = np.floor((radius + _SLACK) / voxel).astype(int)
    steps = np.stack(
        np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    near = np.linalg.norm(steps * voxel, axis=1) <= radius + _SLACK
    for step in steps[near & steps.any(axis=1)]:
        yield tuple(int(n) for n in step)


def _moved(shape: tuple[int, ...], step: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of an array that stays in it when moved back by a step."""
    return tuple(
        slice(max(s, 0), n + min(s, 0)) if abs(s) < n else slice(0, 0)
        for s, n in zip(step, shape, strict=True)
    )
