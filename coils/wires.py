"""Wires: straight segments with their exact potential, and paths with thickness.

A straight wire of length L that carries 1 A has, where R₁ and R₂ are the distances to its
ends and t its direction, the potential

    A = (μ₀ / 4π) t ln[(R₁ + R₂ + L) / (R₁ + R₂ - L)] = (μ₀ / 2π) t artanh[L / (R₁ + R₂)]

[integral of Jackson, *Classical Electrodynamics*, 3rd ed., eq. 5.32]. The second form loses
no digits at any distance.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from .coil import AbstractSourceList
from .dipoles import MU0_OVER_4PI, in_blocks
from .pose import Pose
from .sources import Sources


# Reciprocity sees a wire as points so far apart or less. From 10 mm on, two Gauss points
# on that length err by 1e-4 of its potential or less.
_POINT_SPACING = 5e-3  # [m]

# Where a segment is shorter than a fifth of R₁ + R₂, thirteen terms of the series of artanh
# leave an error of 1e-19.
_SERIES_UP_TO = 0.04
_SERIES_TERMS = 13


class StraightSegments(AbstractSourceList):
    """Straight wires, each with its own share of the coil's 1 A.

    Attributes:
        midpoints: Of the segments, in the frame of the coil. [m]
        vectors: From a segment's start to its end. [m]
        currents: Of each segment, per current in the coil; 1 but for filaments of a thick
            wire.
        points_per_segment: As how many points each appears in `sources`.
    """

    midpoints: Float[Array, "segment 3"]
    vectors: Float[Array, "segment 3"]
    currents: Float[Array, "segment"]
    points_per_segment: int = eqx.field(static=True)

    def __init__(
        self,
        midpoints: ArrayLike,
        vectors: ArrayLike,
        currents: ArrayLike = 1.0,
        points_per_segment: int | None = None,
    ):
        """Check and keep the segments.

        Args:
            midpoints: (segments, 3). [m]
            vectors: One for each midpoint, (segments, 3). [m]
            currents: One for all segments or one each.
            points_per_segment: By default so many that they are 2.5 mm apart.

        Raises:
            ValueError: The shapes do not fit, or there is no segment.
        """
        shape = jnp.shape(midpoints)
        if len(shape) != 2 or shape[1] != 3 or shape[0] == 0:
            raise ValueError(
                f"`midpoints` must have the shape (segments, 3), got {shape}."
            )
        if jnp.shape(vectors) != shape:
            raise ValueError(
                f"`vectors` must give one vector for each midpoint, got the shape "
                f"{jnp.shape(vectors)} for midpoints of the shape {shape}."
            )
        if jnp.shape(currents) not in ((), shape[:1]):
            raise ValueError(
                f"`currents` must be one number or one for each of {shape[0]} segments, "
                f"got the shape {jnp.shape(currents)}."
            )
        self.midpoints = jnp.asarray(midpoints, float)
        self.vectors = jnp.asarray(vectors, float)
        if isinstance(currents, Array):
            self.currents = jnp.broadcast_to(currents.astype(float), shape[:1])
        else:  # Without compiling for each number of segments.
            self.currents = jax.device_put(np.full(shape[:1], currents, float))
        if points_per_segment is None:
            points_per_segment = 3
            if not isinstance(self.vectors, Tracer):
                longest = np.linalg.norm(np.asarray(self.vectors), axis=1).max()
                points_per_segment = _points_needed(float(longest))
        self.points_per_segment = points_per_segment

    @classmethod
    def between(
        cls, starts: ArrayLike, ends: ArrayLike, currents: ArrayLike = 1.0
    ) -> "StraightSegments":
        """Take segments by their ends. [m]"""
        starts, ends = jnp.asarray(starts, float), jnp.asarray(ends, float)
        return cls((starts + ends) / 2, ends - starts, currents)

    @eqx.filter_jit
    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential at 1 A, exactly but for rounding. [T m / A]"""
        starts = self.midpoints - self.vectors / 2
        ends = self.midpoints + self.vectors / 2
        squares = jnp.sum(self.vectors**2, axis=1)
        table = self.currents[:, None] * self.vectors

        @jax.checkpoint
        def block(chunk: Float[Array, "chunk 3"]) -> Float[Array, "chunk 3"]:
            inverse = 1 / (_distances(chunk, starts) + _distances(chunk, ends))
            return (2 * inverse * _artanh_ratio(squares[None] * inverse**2)) @ table

        return MU0_OVER_4PI * in_blocks(block, points, 4 * len(self.vectors))

    def placed(self, pose: Pose) -> "StraightSegments":
        """Move the wires rigidly, from the coil's frame to that of `pose`."""
        return StraightSegments(
            pose.to_head(self.midpoints),
            self.vectors @ pose.rotation.T,
            self.currents,
            self.points_per_segment,
        )

    def scaled(self, factor: Float[Array, ""]) -> "StraightSegments":
        """Multiply the currents by a factor."""
        return StraightSegments(
            self.midpoints,
            self.vectors,
            self.currents * factor,
            self.points_per_segment,
        )

    @classmethod
    def joined(cls, parts: list) -> "StraightSegments":
        """Put several sets of wires into one; `sources` takes the most points of them."""
        return cls(
            jnp.concatenate([each.midpoints for each in parts]),
            jnp.concatenate([each.vectors for each in parts]),
            jnp.concatenate([each.currents for each in parts]),
            max(each.points_per_segment for each in parts),
        )

    def sources(self) -> Sources:
        """Put Gauss points on each segment, each a short current."""
        nodes, weights = np.polynomial.legendre.leggauss(self.points_per_segment)
        places = (
            self.midpoints[:, None]
            + (nodes / 2)[None, :, None] * self.vectors[:, None, :]
        )
        shares = (weights / 2)[None, :, None] * (self.currents[:, None] * self.vectors)[
            :, None, :
        ]
        vectors = jnp.asarray(shares).reshape(-1, 3)
        return Sources.of_currents(places.reshape(-1, 3), vectors)

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """The ends of the segments. [m]"""
        return jnp.concatenate(
            [self.midpoints - self.vectors / 2, self.midpoints + self.vectors / 2]
        )


def wire(path: ArrayLike, *, closed: bool = False) -> StraightSegments:
    """Lead a thin wire along a path.

    Args:
        path: Corners in the order of the current, (corners, 3). [m]
        closed: Whether the last corner leads back to the first.

    Raises:
        ValueError: The path has another shape.
    """
    corners = _path(path)
    ends = jnp.roll(corners, -1, axis=0) if closed else corners[1:]
    starts = corners if closed else corners[:-1]
    return StraightSegments.between(starts, ends)


def thick_wire(
    path: ArrayLike,
    *,
    width: float,
    height: float,
    up: ArrayLike,
    filaments: tuple[int, int] = (2, 2),
    closed: bool = False,
) -> StraightSegments:
    """Lead a wire of rectangular cross-section along a path, as parallel filaments.

    The current is taken as uniform over the cross-section. The filaments lie at the Gauss
    points of the two sides, so that two a side stand for it to the fourth order.

    Args:
        path: The middle of the wire, corners in the order of the current. [m]
        width: Across the path, perpendicular to `up`. [m]
        height: Along `up`. [m]
        up: One direction, not along the path anywhere, (3,).
        filaments: How many over the width and over the height.
        closed: Whether the last corner leads back to the first.

    Raises:
        ValueError: The path has another shape, or `width` or `height` is negative.
    """
    if width < 0 or height < 0:
        raise ValueError(f"a wire of {width} m by {height} m has no cross-section.")
    corners = _path(path)
    before = jnp.roll(corners, 1, axis=0)
    after = jnp.roll(corners, -1, axis=0)
    if not closed:
        before = before.at[0].set(corners[0])
        after = after.at[-1].set(corners[-1])
    vertical = jnp.broadcast_to(jnp.asarray(up, float), corners.shape)
    aside = jnp.cross(after - before, vertical)
    aside = aside / jnp.linalg.norm(aside, axis=1, keepdims=True)
    vertical = vertical / jnp.linalg.norm(vertical, axis=1, keepdims=True)
    lines = []
    for x, share_x in zip(*np.polynomial.legendre.leggauss(filaments[0]), strict=True):
        for y, share_y in zip(
            *np.polynomial.legendre.leggauss(filaments[1]), strict=True
        ):
            line = corners + x * width / 2 * aside + y * height / 2 * vertical
            lines.append((wire(line, closed=closed), float(share_x * share_y / 4)))
    return StraightSegments(
        jnp.concatenate([line.midpoints for line, _ in lines]),
        jnp.concatenate([line.vectors for line, _ in lines]),
        jnp.concatenate([share * line.currents for line, share in lines]),
    )


def _points_needed(length: float) -> int:
    # The short segments of a finely divided path are as good as points.
    if length < _POINT_SPACING / 8:
        return 1
    return min(40, 2 * math.ceil(length / _POINT_SPACING))


def _path(path: ArrayLike) -> Float[Array, "corner 3"]:
    if jnp.ndim(path) != 2 or jnp.shape(path)[1] != 3 or jnp.shape(path)[0] < 2:
        raise ValueError(
            "`path` must have the shape (corners, 3) with two corners or more, got "
            f"{jnp.shape(path)}."
        )
    return jnp.asarray(path, float)


def _distances(
    points: Float[Array, "point 3"], places: Float[Array, "segment 3"]
) -> Float[Array, "point segment"]:
    squares = sum(
        (points[:, None, axis] - places[None, :, axis]) ** 2 for axis in range(3)
    )
    return jnp.sqrt(squares)


def _artanh_ratio(
    square: Float[Array, "point segment"],
) -> Float[Array, "point segment"]:
    """artanh(q) / q as a smooth function of q², at zero too."""
    # Logarithms cost five times as much as the series, which most blocks can do with.
    return jax.lax.cond(
        jnp.max(square) < _SERIES_UP_TO, _series, _artanh_ratio_anywhere, square
    )


def _artanh_ratio_anywhere(
    square: Float[Array, "point segment"],
) -> Float[Array, "point segment"]:
    small = square < _SERIES_UP_TO
    root = jnp.sqrt(jnp.where(small, 0.25, square))
    series = _series(jnp.where(small, square, 0))
    return jnp.where(small, series, jnp.arctanh(root) / root)


def _series(square: Float[Array, "point segment"]) -> Float[Array, "point segment"]:
    total = jnp.full_like(square, 1 / (2 * _SERIES_TERMS + 1))
    for power in range(_SERIES_TERMS - 1, -1, -1):
        total = 1 / (2 * power + 1) + square * total
    return total
