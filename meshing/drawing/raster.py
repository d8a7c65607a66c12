"""Which triangle is seen at which pixel: an orthographic camera and a z-buffer.

Each triangle becomes the rows it crosses, each row the pixels it covers, and the nearest
triangle of a pixel stays; all of it over arrays.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike


_TRIANGLES_AT_ONCE = 1 << 16  # Bounds memory: some 10 fragments each.
_FLAT = 1e-12  # Twice the area of a triangle that covers nothing. [pixel²]
_DEPTH_STEPS = 2**31 - 2


@dataclass(frozen=True)
class Camera:
    """An orthographic view: parallel rays, no mirror.

    Attributes:
        right: Unit vector that points to the right of the picture.
        up: Unit vector that points up in it.
        centre: The point in the middle of the picture. [m]
        pixel: Side of a pixel. [m]
        shape: Height and width of the picture, in pixels.
    """

    right: Float[ndarray, "3"]
    up: Float[ndarray, "3"]
    centre: Float[ndarray, "3"]
    pixel: float
    shape: tuple[int, int]

    @property
    def viewer(self) -> Float[ndarray, "3"]:
        """Unit vector from the scene to the viewer."""
        return np.cross(self.right, self.up)

    @property
    def axes(self) -> Float[ndarray, "3 3"]:
        """Rows: right, up, to the viewer."""
        return np.stack([self.right, self.up, self.viewer])

    def project(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Say where points lie in the picture.

        Args:
            points: In the scene. [m]

        Returns:
            Column and row, in pixels from the upper left corner (the first pixel's
            middle is 0.5), and the distance behind the centre. [pixel, pixel, m]
        """
        right, up, near = self.axes @ (points - self.centre[None]).T
        height, width = self.shape
        return np.stack(
            [width / 2 + right / self.pixel, height / 2 - up / self.pixel, -near],
            axis=1,
        )


def look(
    viewer: ArrayLike,
    up: ArrayLike,
    centre: ArrayLike,
    pixel: float,
    shape: tuple[int, int],
) -> Camera:
    """Set up a camera by where the viewer is.

    Args:
        viewer: Direction from the scene to the viewer; its length does not matter.
        up: Direction that is to point up, as far as it lies in the picture.
        centre: The point in the middle of the picture. [m]
        pixel: Side of a pixel. [m]
        shape: Height and width of the picture, in pixels.

    Returns:
        The camera.

    Raises:
        ValueError: `viewer` and `up` are parallel or zero.
    """
    towards, upwards = np.asarray(viewer, float), np.asarray(up, float)
    right = np.cross(upwards, towards)
    if np.linalg.norm(right) < 1e-6 * np.linalg.norm(towards) * np.linalg.norm(upwards):
        raise ValueError("`viewer` and `up` are parallel: the picture has no upright.")
    towards = towards / np.linalg.norm(towards)
    right = right / np.linalg.norm(right)
    return Camera(
        right, np.cross(towards, right), np.asarray(centre, float), pixel, shape
    )


@dataclass(frozen=True, eq=False)
class Fragments:
    """What is seen at the pixels that triangles cover.

    Attributes:
        pixel: Flat index into the picture.
        triangle: The triangle in front.
        weights: Barycentric coordinates of the pixel's middle in it.
        depth: Distance behind the camera's centre. [m]
    """

    pixel: Int[ndarray, "hit"]
    triangle: Int[ndarray, "hit"]
    weights: Float[ndarray, "3 hit"]
    depth: Float[ndarray, "hit"]

    def interpolate(
        self, values: Float[ndarray, "vertex *channel"], triangles: Int[ndarray, "_ 3"]
    ) -> Float[ndarray, "hit *channel"]:
        """Carry values at vertices to the pixels."""
        corners = triangles[self.triangle]
        of_each = self.weights.reshape(3, -1, *(1,) * (values.ndim - 1))
        first, second, third = (of_each[i] * values[corners[:, i]] for i in range(3))
        return first + second + third


def rasterize(
    corners: Float[ndarray, "vertex 3"],
    triangles: Int[ndarray, "triangle 3"],
    shape: tuple[int, int],
) -> Fragments:
    """Find the nearest triangle at the middle of each pixel.

    A pixel belongs to a triangle if its middle is inside; triangles that share an edge
    share no pixel and leave none out. Both sides of a triangle are seen.

    Args:
        corners: Column, row and depth of the vertices, from `Camera.project`.
        triangles: Indices into `corners`.
        shape: Height and width of the picture, in pixels.

    Returns:
        The pixels that are covered, and by what.
    """
    height, width = shape
    nearest = np.full(height * width, np.iinfo(np.int64).max)
    planes = _planes(corners[triangles])
    depths = corners[triangles, 2]
    low, high = depths.min(initial=np.inf), depths.max(initial=-np.inf)
    span = max(high - low, 1e-12)
    for first in range(0, len(triangles), _TRIANGLES_AT_ONCE):
        of, row, column = _cover(
            corners[triangles[first : first + _TRIANGLES_AT_ONCE]], height, width
        )
        of += first
        depth = _weigh(_weights(planes, of, row, column), depths[of])
        steps = ((depth - low) * (_DEPTH_STEPS / span)).astype(np.int64)
        # Depth above, triangle below: the least is the nearest, and says which it is.
        np.minimum.at(nearest, row * width + column, (steps << 32) | of)
    pixel = np.flatnonzero(nearest != np.iinfo(np.int64).max)
    triangle = nearest[pixel] & 0xFFFFFFFF
    weights = _weights(planes, triangle, pixel // width, pixel % width)
    return Fragments(pixel, triangle, weights, _weigh(weights, depths[triangle]))


def _cover(
    corners: Float[ndarray, "triangle 3 3"], height: int, width: int
) -> tuple[
    Int[ndarray, "fragment"], Int[ndarray, "fragment"], Int[ndarray, "fragment"]
]:
    """List the pixels in each triangle: the triangle's number, row and column."""
    flat = np.abs(twice_area(corners)) < _FLAT
    order = np.argsort(corners[:, :, 1], axis=1, kind="stable")
    # From the top: an edge is always walked from the same end, so that the two triangles
    # at it find the same crossing to the last bit.
    x, y = (
        np.take_along_axis(corners[:, :, axis], order, axis=1).T for axis in range(2)
    )
    row, of = _expand(_middle(y[0], height), np.where(flat, 0, _middle(y[2], height)))
    x, y, at = x[:, of], y[:, of], row + 0.5
    upper = at < y[1]
    start, end = np.where(upper, x[0], x[1]), np.where(upper, x[1], x[2])
    top, bottom = np.where(upper, y[0], y[1]), np.where(upper, y[1], y[2])
    short = start + (at - top) * ((end - start) / (bottom - top))
    long = x[0] + (at - y[0]) * ((x[2] - x[0]) / (y[2] - y[0]))
    column, line = _expand(
        _middle(np.minimum(short, long), width), _middle(np.maximum(short, long), width)
    )
    return of[line], row[line], column


def _middle(edge: Float[ndarray, "n"], count: int) -> Int[ndarray, "n"]:
    """The first pixel whose middle is not before an edge."""
    return np.clip(np.ceil(edge - 0.5), 0, count).astype(np.int64)


def _expand(
    start: Int[ndarray, "n"], stop: Int[ndarray, "n"]
) -> tuple[Int[ndarray, "m"], Int[ndarray, "m"]]:
    """Write out ranges: their numbers, and the range that each comes from."""
    count = np.maximum(stop - start, 0)
    of = np.repeat(np.arange(len(start)), count)
    begin = np.cumsum(count) - count
    return np.arange(len(of)) - begin[of] + start[of], of


def twice_area(corners: Float[ndarray, "n 3 3"]) -> Float[ndarray, "n"]:
    """Signed areas in a picture, negative where the front is seen. [pixel²]"""
    (ax, ay, _), (bx, by, _), (cx, cy, _) = corners.transpose(1, 2, 0)
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def _planes(corners: Float[ndarray, "triangle 3 3"]) -> Float[ndarray, "6 triangle"]:
    """Write the weights of the second and third corner as c + c_x x + c_y y."""
    (ax, ay, _), (bx, by, _), (cx, cy, _) = corners.transpose(1, 2, 0)
    double = twice_area(corners)
    double = np.where(np.abs(double) < _FLAT, 1.0, double)
    second = (cy - ay) / double, (ax - cx) / double
    third = (ay - by) / double, (bx - ax) / double
    return np.stack(
        [
            -(ax * second[0] + ay * second[1]),
            *second,
            -(ax * third[0] + ay * third[1]),
            *third,
        ]
    )


def _weights(
    planes: Float[ndarray, "6 triangle"],
    of: Int[ndarray, "hit"],
    row: Int[ndarray, "hit"],
    column: Int[ndarray, "hit"],
) -> Float[ndarray, "3 hit"]:
    """Barycentric coordinates of the middles of pixels."""
    x, y = column + 0.5, row + 0.5
    b = planes[0][of] + planes[1][of] * x + planes[2][of] * y
    c = planes[3][of] + planes[4][of] * x + planes[5][of] * y
    # Rounding in a needle of a triangle must not carry a value past its corners.
    weights = np.maximum(np.stack([1 - b - c, b, c]), 0.0)
    weights /= weights[0] + weights[1] + weights[2]
    return weights


def _weigh(
    weights: Float[ndarray, "3 hit"], values: Float[ndarray, "hit 3"]
) -> Float[ndarray, "hit"]:
    return (
        weights[0] * values[:, 0]
        + weights[1] * values[:, 1]
        + weights[2] * values[:, 2]
    )
