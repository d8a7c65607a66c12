"""Poses on the scalp: two coordinates along it, an in-plane angle, and a distance.

Around a target the scalp is charted once: over a lattice in a tangent plane, the point of
the true scalp and the normal of the smoothed one. Bicubic splines through these make a
pose a smooth function of its coordinates. The coil's z axis is along the inward normal,
and its centre lies at the wanted distance from the scalp along that axis, as in SimNIBS.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import ndimage

from ..coils import Pose, rotation_from_vector
from ..efield.splines import cubic_weights
from ..meshing import Scalp
from .objectives import norm


_STEP = 1.5e-3  # Of the lattice. [m]
_FOOT_STEPS = 20  # To where a coil's axis meets the scalp.
_MARGIN = 5  # Lattice points around the searched disc.


class Chart(eqx.Module):
    """A patch of scalp.

    Attributes:
        coefficients: Of the splines of point [m] and outward normal.
        tangents: The axes of the two coordinates, in the tangent plane at the middle.
        radius: Of the patch, in the tangent plane. [m]
        spacing: Of the lattice. [m]
    """

    coefficients: Float[Array, "u v 6"]
    tangents: Float[Array, "2 3"]
    radius: float = eqx.field(static=True)
    spacing: float = eqx.field(static=True)

    def scalp_point(
        self, position: Float[Array, "2"]
    ) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
        """Return the scalp's point [m] and outward unit normal at a position [m]."""
        middle = (self.coefficients.shape[0] - 1) / 2
        limit = self.coefficients.shape[0] - 2.001
        scaled = jnp.clip(position / self.spacing + middle, 1.0, limit)
        cell = jnp.floor(jax.lax.stop_gradient(scaled))
        u, v = jax.vmap(cubic_weights)(scaled - cell)
        corner = cell.astype(jnp.int32) - 1
        local = jax.lax.dynamic_slice(
            self.coefficients, (*corner, jnp.int32(0)), (4, 4, 6)
        )
        both = jnp.einsum("u,v,uvf->f", u, v, local)
        return both[:3], both[3:] / jnp.linalg.norm(both[3:])

    def pose(
        self,
        position: Float[Array, "2"],
        angle: Float[Array, ""],
        distance: Float[Array, ""] | float,
        tilt: Float[Array, "2"] | None = None,
    ) -> Pose:
        """Place a coil on the scalp.

        Args:
            position: Along the two tangents from the middle of the patch. [m]
            angle: Of the coil's y axis, from the first tangent, right-handed about the
                coil's z axis. [rad]
            distance: From the scalp to the coil's centre, along the coil's axis. [m]
            tilt: Of the coil about its x and y axes, as a rotation vector. [rad]
        """
        point, normal = self.scalp_point(position)
        z = -normal
        first = self.tangents[0] - jnp.dot(self.tangents[0], z) * z
        first = first / jnp.linalg.norm(first)
        second = jnp.cross(z, first)
        y = jnp.cos(angle) * first + jnp.sin(angle) * second
        rotation = jnp.stack([jnp.cross(y, z), y, z], axis=1)
        if tilt is not None:
            rotation = rotation @ rotation_from_vector(jnp.append(tilt, 0.0))
        return Pose(rotation, point - distance * rotation[:, 2])

    def coordinates(
        self, pose: Pose
    ) -> tuple[
        Float[Array, "2"], Float[Array, ""], Float[Array, "2"], Float[Array, ""]
    ]:
        """Find the place, angle, tilt and distance of a pose: the inverse of `pose`.

        Args:
            pose: One whose axis meets the charted scalp.
        """
        axis = pose.rotation[:, 2]
        middle = self.scalp_point(jnp.zeros(2))[0]

        def nearer(place: Float[Array, "2"], _: None):
            point, normal = self.scalp_point(place)
            height = jnp.dot(point - pose.translation, normal)
            distance = height / jnp.dot(axis, normal)
            foot = pose.translation + distance * axis
            return place + self.tangents @ (foot - point), distance

        first = self.tangents @ (pose.translation - middle)
        place, distances = jax.lax.scan(nearer, first, None, length=_FOOT_STEPS)
        plain = self.pose(place, jnp.zeros(()), 0.0).rotation
        # A turn about z after a turn about an axis across it, as quaternions have it.
        inside = plain.T @ pose.rotation
        z = inside[:, 2]
        across = jnp.stack([-z[1], z[0], jnp.zeros_like(z[0])])
        sine = norm(across)
        size = jnp.arctan2(sine, z[2]) / jnp.where(sine > 0, sine, 1.0)
        swing = rotation_from_vector(size * across)
        twist = swing.T @ inside
        angle = jnp.arctan2(twist[1, 0], twist[0, 0])
        tilt = (twist.T @ (size * across))[:2]
        return place, angle, tilt, distances[-1]


def chart(scalp: Scalp, near: ArrayLike, radius: float = 30e-3) -> Chart:
    """Chart the scalp around the place that is nearest to a target.

    Args:
        scalp: The scalp.
        near: The target's centre, (3,). [m]
        radius: How far around, in the tangent plane. [m]

    Raises:
        ValueError: The radius is not positive, or the scalp there is too small or too
            folded to be charted.
    """
    if not (np.isfinite(radius) and 0 < radius < 0.2):
        raise ValueError(
            f"`radius` of the search must lie between 0 and 0.2 m, got {radius!r}."
        )
    middle = scalp.nearest(near)
    up = scalp.normal(middle[None])[0]
    tangents = _tangents(up)
    half = int(np.ceil(radius / _STEP)) + _MARGIN
    steps = _STEP * np.arange(-half, half + 1)
    u, v = np.meshgrid(steps, steps, indexing="ij")
    corner = middle + steps[0] * (tangents[0] + tangents[1])
    height = scalp.surface.heights(corner, np.stack([*tangents, up]), _STEP, u.shape)
    hit = np.isfinite(height)
    if not hit[np.hypot(u, v) <= radius / 2].all():
        raise ValueError(
            f"the scalp within {radius * 500:.0f} mm of "
            f"({', '.join(f'{x * 1e3:.0f}' for x in middle)}) mm cannot be charted: the "
            "head ends there. Take a target farther from the edge of the mesh, or a "
            "smaller search radius."
        )
    height = np.where(hit, height, 0.0)
    points = (
        middle
        + u[..., None] * tangents[0]
        + v[..., None] * tangents[1]
        + height[..., None] * up
    )
    # Past the edge of the head the patch goes on as at its nearest point.
    nearest = np.empty((2, *hit.shape), dtype=np.int32)
    ndimage.distance_transform_edt(
        ~hit, return_distances=False, return_indices=True, indices=nearest
    )
    points = points[tuple(nearest)]
    normals = scalp.normal(points.reshape(-1, 3)).reshape(points.shape)
    table = np.concatenate([points, normals], axis=-1)
    coefficients = ndimage.spline_filter1d(table, axis=0, mode="mirror")
    coefficients = ndimage.spline_filter1d(coefficients, axis=1, mode="mirror")
    return Chart(jnp.asarray(coefficients), jnp.asarray(tangents), radius, _STEP)


def _tangents(normal: Float[ndarray, "3"]) -> Float[ndarray, "2 3"]:
    """Two tangents, the first as far to the front (+y) as the normal lets it be."""
    front = np.array([0.0, 1.0, 0.0])
    if abs(normal @ front) > 0.9:
        front = np.array([0.0, 0.0, 1.0])
    first = front - (front @ normal) * normal
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(-normal, first)])
