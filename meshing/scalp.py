"""The scalp: the surface that a coil rests on and must not cut."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import ndimage

from .head import HeadMesh
from .surface import Surface


_SPACING = 4e-3  # [m]
_MARGIN = 24e-3  # [m]
_EXACT_WITHIN = 10e-3  # [m]

_FIRST_TRIED = 16  # Points whose exact distance rules most others out.

# On a grid the nearest point of the other side is farther than the surface, by about so
# many of the grid's spacings at most.
_GRID_EXCESS = 1.25

# A coil lies on the head as a whole, not on the triangle beneath its centre: the scalp is
# smoothed so before normals are taken, with a Gaussian of this standard deviation.
_SMOOTHING = 8e-3  # [m]


@dataclass(frozen=True, eq=False)
class Scalp:
    """The outer surface of a head, and its signed distance on a grid.

    Attributes:
        surface: The triangles between scalp and air.
        origin: The first point of the grid. [m]
        spacing: Of the grid, along every axis. [m]
        distance: Signed distance at the grid's points, positive outside. Exact up to
            `exact_within` from the scalp, and to the size of a voxel farther away. [m]
        exact_within: [m]
    """

    surface: Surface
    origin: Float[ndarray, "3"]
    spacing: float
    distance: Float[ndarray, "i j k"]
    exact_within: float = _EXACT_WITHIN

    def __repr__(self) -> str:
        """Say how large the scalp is."""
        size = np.ptp(self.surface.vertices, axis=0) * 1e3
        return (
            f"Scalp({len(self.surface.triangles)} triangles, "
            f"{' × '.join(f'{x:.0f}' for x in size)} mm)"
        )

    @cached_property
    def smoothed(self) -> Float[ndarray, "i j k"]:
        """The distance near the scalp, smoothed: its gradient is along the normals. [m]"""
        limited = np.clip(self.distance, -_EXACT_WITHIN, _EXACT_WITHIN)
        return ndimage.gaussian_filter(limited, _SMOOTHING / self.spacing)

    @cached_property
    def _smooth_gradient(self) -> Float[ndarray, "3 i j k"]:
        return np.stack(list(np.gradient(self.smoothed, self.spacing)))

    def normal(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Return outward unit normals of the smoothed scalp, at points near it. [m]"""
        at = ((points - self.origin) / self.spacing).T
        gradient = np.stack(
            [
                ndimage.map_coordinates(part, at, order=1, mode="nearest")
                for part in self._smooth_gradient
            ],
            axis=1,
        )
        return gradient / np.linalg.norm(gradient, axis=1, keepdims=True)

    def nearest(self, point: ArrayLike) -> Float[ndarray, "3"]:
        """Return the vertex of the scalp that is nearest to a point. [m]"""
        vertices = self.surface.vertices
        offset = vertices - np.asarray(point, dtype=np.float64)
        return vertices[np.argmin(np.einsum("vc,vc->v", offset, offset))]

    def clearance(self, points: ArrayLike) -> float:
        """Measure how far the nearest of some points is outside the scalp.

        Args:
            points: Of a coil's casing, in the frame of the head, (points, 3). [m]

        Returns:
            The smallest signed distance to the triangles, negative where the scalp is
            cut; exact up to 20 mm. [m]
        """
        every = np.asarray(points, dtype=np.float64)
        at = ((every - self.origin) / self.spacing).T
        last = np.array(self.distance.shape)[:, None] - 1.0
        beyond = self.spacing * np.linalg.norm(at - np.clip(at, 0.0, last), axis=0)
        rough = ndimage.map_coordinates(self.distance, at, order=1, mode="nearest")
        # Beyond the grid, a convex box, the way to the head is at least the hypotenuse of
        # the way to the box and the distance from there, and at most their sum.
        least = np.where(beyond > 0, np.hypot(rough, beyond), rough)
        # Linear interpolation of a distance errs by at most half of a voxel's diagonal,
        # as E|x - y| ≤ √E|x - y|² over the corners' weights; and so do far corners.
        diagonal = np.sqrt(3) * self.spacing
        far = np.abs(rough) > self.exact_within - diagonal
        least -= diagonal / 2 + np.where(far, _GRID_EXCESS * self.spacing, 0)
        first = np.argpartition(least, min(_FIRST_TRIED, len(least)) - 1)
        tried = first[:_FIRST_TRIED]
        gap = float(self.surface.signed_distance(every[tried]).min())
        left = least < gap
        left[tried] = False
        # What is farther from the surface than `gap`, and not deep inside, is outside.
        shallow = np.flatnonzero(left & (least > -gap))
        left[shallow[self.surface.beyond(every[shallow], gap)]] = False
        if left.any():
            gap = min(gap, float(self.surface.signed_distance(every[left]).min()))
        return gap

    def share_outside(self, centre: ArrayLike, radius: float) -> float:
        """Find which share of a ball lies outside the scalp, to about a hundredth.

        Args:
            centre: (3,). [m]
            radius: [m]
        """
        return self.surface.share_outside(centre, radius)

    def distance_along(self, centre: ArrayLike, axis: ArrayLike) -> float:
        """Measure the distance from a coil's centre to the scalp along the coil's axis.

        This is the distance that SimNIBS means by the coil's distance.

        Args:
            centre: (3,). [m]
            axis: The coil's z axis, (3,), that points into the head.

        Returns:
            Negative where the centre is inside; infinite where the axis misses. [m]
        """
        z = np.asarray(axis, dtype=np.float64)
        back = 0.1
        start = np.asarray(centre, dtype=np.float64) - back * z
        return float(self.surface.cast(start[None], z[None])[0] - back)


def scalp(head: HeadMesh, *, exact: bool = True) -> Scalp:
    """Take the scalp of a head: its outermost closed surface.

    Args:
        head: The head.
        exact: Whether the grid is to be exact near the scalp. A search needs that, and so
            do normals. Without it the clearance of a coil is exact, too, but takes
            longer: it pays for a few coils.

    Returns:
        The surface, with its signed distance on a grid of 4 mm.
    """
    surface = head.outer_surface
    low = surface.vertices.min(axis=0) - _MARGIN
    high = surface.vertices.max(axis=0) + _MARGIN
    count = np.ceil((high - low) / _SPACING).astype(int) + 1
    shape = (int(count[0]), int(count[1]), int(count[2]))
    inside = surface.fill(low, _SPACING, shape)
    outside_by = np.asarray(ndimage.distance_transform_edt(~inside))
    inside_by = np.asarray(ndimage.distance_transform_edt(inside))
    distance = _SPACING * (outside_by - inside_by)
    if not exact:
        return Scalp(surface, low, _SPACING, distance, exact_within=0.0)
    rough = _EXACT_WITHIN + _GRID_EXCESS * _SPACING
    near = np.argwhere(np.abs(distance) < rough)
    true = surface.signed_distance(low + _SPACING * near, exact_within=_EXACT_WITHIN)
    distance[tuple(near.T)] = np.where(inside[tuple(near.T)], -1, 1) * np.abs(true)
    return Scalp(surface, low, _SPACING, distance)
