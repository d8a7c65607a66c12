"""Random placements of a coil: the domain of a reduced field, or a sample of a session."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ..coils import Pose, rotation_from_vector
from ..meshing import Scalp
from .positions import allowed, tangential


@dataclass(frozen=True, eq=False)
class Placements:
    """A coil anywhere on a part of the scalp, turned and tilted at random.

    Called with a count and a seed it gives as many poses, as `efield.reduce` asks for.

    Attributes:
        scalp: The scalp.
        centre: Of what is searched, (3,), or None for the upper head. [m]
        radius: Around it. [m]
        distances: Least and largest from the scalp to the coil's centre, along the
            coil's axis before it is tilted. [m]
        tilt: The largest about the coil's x and y axes, each. [rad]
    """

    scalp: Scalp
    centre: Float[ndarray, "3"] | None
    radius: float
    distances: tuple[float, float]
    tilt: float

    def __call__(self, count: int, seed: int) -> Pose:
        """Make a batch of random poses; the same ones for the same seed."""
        rng = np.random.default_rng(seed)
        base = tangential(self.scalp, self._points(rng, count), 0.0)
        turns = np.zeros((count, 3))
        turns[:, 2] = rng.uniform(0, 2 * np.pi, count)
        tilts = np.zeros((count, 3))
        tilts[:, :2] = rng.uniform(-self.tilt, self.tilt, (count, 2))
        heights = rng.uniform(*self.distances, count)
        return _placed(base, *(jnp.asarray(x) for x in (turns, tilts, heights)))

    def _points(
        self, rng: np.random.Generator, count: int
    ) -> Float[ndarray, "point 3"]:
        """Draw points on the scalp, evenly by area."""
        corners = self.scalp.surface.vertices[self.scalp.surface.triangles]
        inside = allowed(
            self.scalp, corners.reshape(-1, 3), self.centre, self.radius, ()
        )
        corners = corners[inside.reshape(-1, 3).any(axis=1)]
        if not len(corners):
            raise ValueError(
                "there is no scalp in the domain: give a centre on the scalp, in m, or a "
                "larger radius."
            )
        a, b, c = np.moveaxis(corners, 1, 0)
        areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        found = np.zeros((0, 3))
        while len(found) < count:
            triangle = rng.choice(len(areas), 2 * count + 16, p=areas / areas.sum())
            s, t = np.sort(rng.uniform(size=(2, len(triangle), 1)), axis=0)
            points = s * a[triangle] + (t - s) * b[triangle] + (1 - t) * c[triangle]
            good = allowed(self.scalp, points, self.centre, self.radius, ())
            found = np.concatenate([found, points[good]])
        return found[:count]


@jax.jit
def _placed(base: Pose, turns, tilts, heights) -> Pose:
    def one(pose: Pose, turn, tilt, height) -> Pose:
        rotation = (
            pose.rotation @ rotation_from_vector(turn) @ rotation_from_vector(tilt)
        )
        return Pose(rotation, pose.translation - height * pose.rotation[:, 2])

    return jax.vmap(one)(base, turns, tilts, heights)


def placements(
    scalp: Scalp,
    around: ArrayLike | None = None,
    radius: float = 45e-3,
    *,
    distances: tuple[float, float] = (3e-3, 12e-3),
    tilt: float = np.radians(5),
) -> Placements:
    """Say where a coil may be: near a place, or all over the upper head.

    Args:
        scalp: The scalp.
        around: A place, (3,), such as a target: its nearest point on the scalp is the
            centre; by default the upper head, all within 100 mm of the top. [m]
        radius: How far from the centre. [m]
        distances: From the scalp to the coil's centre, least and largest. [m]
        tilt: How far the coil may be tilted about its x and y axes. [rad]

    Raises:
        ValueError: An argument is out of range.
    """
    low, high = distances
    if not (0 <= low <= high < 0.2 and np.isfinite(high)):
        raise ValueError(
            f"`distances` must be 0 or more, the smaller first, in m, got {distances!r}."
        )
    if not 0 < radius < 0.3:
        raise ValueError(f"`radius` must lie between 0 and 0.3 m, got {radius!r}.")
    if not 0 <= tilt <= 1:
        raise ValueError(f"`tilt` must lie between 0 and 1 rad, got {tilt!r}.")
    centre = None if around is None else scalp.nearest(around)
    return Placements(
        scalp, centre, float(radius), (float(low), float(high)), float(tilt)
    )
