"""The coil must not cut the scalp: its casing is sampled, and lifted until it is clear."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ..coils import Pose
from ..efield.splines import SplineGrid
from ..meshing import Scalp


_SEARCH_SAMPLES = 160
_SOFTNESS = 0.15e-3  # Of minimum and hinge in the search. [m]
_LIFT_STEPS = 3


class Clearance(eqx.Module):
    """How far a coil must be lifted off the scalp, as a smooth function of its pose.

    Attributes:
        distance: Signed distance to the scalp. [m]
        points: Samples of the casing, in the frame of the coil. [m]
        wanted: The clearance to keep. [m]
        obstacles: Balls on the head that the casing must clear: centres and radii. [m]
    """

    distance: SplineGrid
    points: Float[Array, "point 3"]
    wanted: Float[Array, ""]
    obstacles: Float[Array, "ball 4"]

    def lift(self, pose: Pose) -> Float[Array, ""]:
        """Return how far to move the coil back along its axis. [m]

        Almost zero where the coil is clear. Soft, to be differentiable: what counts in
        the end is `lifted`.
        """
        placed = pose.to_head(self.points)

        def farther(lift: Float[Array, ""], _: None):
            nearest = self._nearest(placed - lift * pose.rotation[None, :, 2])
            step = _SOFTNESS * jax.nn.softplus((self.wanted - nearest) / _SOFTNESS)
            return lift + step, None

        return jax.lax.scan(farther, jnp.zeros(()), None, length=_LIFT_STEPS)[0]

    def gap(self, pose: Pose) -> Float[Array, ""]:
        """Measure, softly, from the casing to the scalp and the obstacles. [m]

        Negative where they are cut; at most the true distance, by less than a millimetre.
        """
        return self._nearest(pose.to_head(self.points))

    def _nearest(self, placed: Float[Array, "point 3"]) -> Float[Array, ""]:
        gap = self.distance(placed)[:, 0]
        for ball in self.obstacles:
            offset = placed - ball[None, :3]
            gap = jnp.minimum(gap, jnp.linalg.norm(offset, axis=1) - ball[3])
        return -_SOFTNESS * jax.nn.logsumexp(-gap / _SOFTNESS)


def clearance(
    samples: Float[ndarray, "point 3"],
    scalp: Scalp,
    wanted: float,
    below: float = 0.03,
    obstacles: Sequence[tuple[ArrayLike, float]] = (),
) -> Clearance:
    """Set up the smooth constraint for a search.

    Args:
        samples: Of a coil's casing, in its frame: what `casing_samples` gives. [m]
        scalp: The scalp.
        wanted: The clearance to keep. [m]
        below: How far above its lowest plane the casing matters: the top of a coil does
            not touch a head first. [m]
        obstacles: Balls on the head, such as electrodes, as pairs of centre and radius.
            [m]
    """
    low = samples[samples[:, 2] >= samples[:, 2].max() - below]
    thin = low[spread_out(low, _SEARCH_SAMPLES)]
    values = jnp.asarray(scalp.distance)[..., None]
    grid = SplineGrid.fitted(scalp.origin, scalp.spacing, values)
    return Clearance(
        grid,
        jnp.asarray(thin),
        jnp.asarray(wanted, dtype=float),
        jnp.asarray(balls(obstacles)),
    )


def balls(zones: Sequence[tuple[ArrayLike, float]]) -> Float[ndarray, "zone 4"]:
    """Check balls given as pairs of centre and radius [m], and make rows of them.

    Raises:
        ValueError: One is no such pair.
    """
    rows = [np.append(np.asarray(c, dtype=np.float64), r) for c, r in zones]
    for row, zone in zip(rows, zones, strict=True):
        if row.shape != (4,) or not np.isfinite(row).all() or row[3] <= 0:
            raise ValueError(
                "a zone must be a pair of a centre, three finite numbers in m, and a "
                f"positive radius, got {zone!r}."
            )
    return np.array(rows).reshape(-1, 4)


def lifted(
    pose: Pose,
    samples: Float[ndarray, "point 3"],
    scalp: Scalp,
    wanted: float,
    obstacles: Sequence[tuple[ArrayLike, float]] = (),
) -> tuple[Pose, float]:
    """Move a coil back along its axis until it is clear of the true scalp.

    Args:
        pose: Where it is.
        samples: Of its casing, in the frame of the coil. [m]
        scalp: The scalp.
        wanted: The clearance to keep. [m]
        obstacles: Balls that it must clear as well, as pairs of centre and radius. [m]

    Returns:
        The pose, moved no farther than it must be, and its exact clearance. [m]

    Raises:
        ValueError: The coil is not clear even 50 mm farther out.
    """
    rotation = np.asarray(pose.rotation)
    back = -rotation[:, 2]
    placed = samples @ rotation.T + np.asarray(pose.translation)
    zones = balls(obstacles)

    def clear(points: Float[ndarray, "point 3"]) -> float:
        arms = np.linalg.norm(points[:, None] - zones[:, :3], axis=2)
        return min(scalp.clearance(points), (arms - zones[:, 3]).min(initial=np.inf))

    lift = 0.0
    for _ in range(50):
        gap = clear(placed + lift * back)
        if gap >= wanted:
            moved = Pose(pose.rotation, pose.translation + lift * jnp.asarray(back))
            return moved, gap
        lift += max(wanted - gap, 1e-5)
        if lift > 0.05:
            break
    cut = (wanted - clear(placed)) * 1e3
    raise ValueError(
        f"the coil cuts the scalp by {cut:.1f} mm, and does so even 50 mm farther out. "
        "Is the casing that of this coil, and on the side of its negative z axis?"
    )


def spread_out(points: Float[ndarray, "point 3"], count: int) -> Int[ndarray, "chosen"]:
    """Choose points one after the other, each the farthest from those before."""
    if len(points) <= count:
        return np.arange(len(points))
    chosen = np.empty(count, dtype=int)
    chosen[0] = np.argmax(points[:, 2])
    gap = np.full(len(points), np.inf)
    for i in range(1, count):
        gap = np.minimum(gap, ((points - points[chosen[i - 1]]) ** 2).sum(axis=1))
        chosen[i] = np.argmax(gap)
    return chosen
