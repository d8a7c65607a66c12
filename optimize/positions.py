"""Where on the scalp a coil may be: points spread over it, and coils laid on them."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy.spatial import KDTree

from ..coils import Pose
from ..meshing import Scalp


_UPPER = 0.1  # What lies within this of the top is the upper head. [m]
_CANDIDATES = 12  # For each point that is wanted in the end.
_ROUNDS = 100


def spread(
    scalp: Scalp,
    spacing: float,
    *,
    centre: ArrayLike | None = None,
    radius: float = 30e-3,
    forbidden: Sequence[tuple[ArrayLike, float]] = (),
    seed: int = 0,
) -> Float[ndarray, "position 3"]:
    """Spread positions evenly over the scalp, none nearer to another than a spacing.

    Args:
        scalp: The scalp.
        spacing: The smallest distance between positions; the largest gap between
            neighbours is twice that. [m]
        centre: Only positions within `radius` of this point; by default the upper head,
            which is all within 100 mm of its highest point along z. (3,) [m]
        radius: See `centre`. [m]
        forbidden: Balls in which no position may lie, such as ears or electrodes, as
            pairs of centre and radius. [m]
        seed: Of the random order in which positions are taken.

    Returns:
        Positions on the scalp. [m]

    Raises:
        ValueError: The spacing is not positive, or no position is left.
    """
    if not (np.isfinite(spacing) and 0 < spacing < 0.1):
        raise ValueError(f"`spacing` must lie between 0 and 0.1 m, got {spacing!r}.")
    corners = scalp.surface.vertices[scalp.surface.triangles]
    within = lambda points: allowed(scalp, points, centre, radius, forbidden)
    # A triangle counts where its centre does, or a corner of it.
    whole = np.concatenate([corners.mean(axis=1)[:, None], corners], axis=1)
    near = within(whole.reshape(-1, 3)).reshape(-1, 4).any(axis=1)
    if not near.any():
        raise ValueError(_none_left(centre, radius, forbidden))
    corners = corners[near]
    edges = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(edges, axis=1) / 2
    rng = np.random.default_rng(seed)
    count = int(_CANDIDATES * areas.sum() / spacing**2) + 100
    triangle = rng.choice(len(areas), count, p=areas / areas.sum())
    a, b = np.sort(rng.uniform(size=(2, count, 1)), axis=0)
    p, q, r = np.moveaxis(corners[triangle], 1, 0)
    points = a * p + (b - a) * q + (1 - b) * r
    points = points[within(points)]
    if len(points) == 0:
        raise ValueError(_none_left(centre, radius, forbidden))
    return points[_apart(points, spacing)]


def outside(
    points: Float[ndarray, "point 3"], zones: Sequence[tuple[ArrayLike, float]]
) -> Float[ndarray, "left 3"]:
    """Leave out the points that lie in zones.

    Args:
        points: Such as positions on the scalp. [m]
        zones: Balls, as pairs of centre and radius. [m]

    Raises:
        ValueError: No point is left.
    """
    left = points[_clear_of(points, zones)]
    if len(left) == 0:
        raise ValueError("the forbidden zones cover every position: take fewer zones.")
    return left


def tangential(
    scalp: Scalp, points: Float[ndarray, "position 3"], distance: float = 4e-3
) -> Pose:
    """Lay a coil on the scalp at several points, with its handle towards the back.

    Args:
        scalp: The scalp.
        points: On the scalp. [m]
        distance: From there to the coil's centre, along the coil's axis. [m]

    Returns:
        A batch of poses.
    """
    normal = scalp.normal(points)
    front = np.where(np.abs(normal[:, 1:2]) > 0.9, [[0.0, 0, 1]], [[0.0, 1, 0]])
    y = front - np.sum(front * normal, axis=1, keepdims=True) * normal
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    rotation = np.stack([np.cross(y, -normal), y, -normal], axis=2)
    return Pose(jnp.asarray(rotation), jnp.asarray(points + distance * normal))


def allowed(
    scalp: Scalp,
    points: Float[ndarray, "point 3"],
    centre: ArrayLike | None,
    radius: float,
    forbidden: Sequence[tuple[ArrayLike, float]],
) -> Bool[ndarray, "point"]:
    """Find which points [m] are near a centre, or on the upper head, and not forbidden."""
    if centre is None:
        good = points[:, 2] >= scalp.surface.vertices[:, 2].max() - _UPPER
    else:
        good = np.linalg.norm(points - np.asarray(centre), axis=1) <= radius
    return good & _clear_of(points, forbidden)


def _clear_of(
    points: Float[ndarray, "point 3"], zones: Sequence[tuple[ArrayLike, float]]
) -> Bool[ndarray, "point"]:
    clear = np.ones(len(points), bool)
    for middle, around in zones:
        clear &= np.linalg.norm(points - np.asarray(middle), axis=1) > around
    return clear


def _none_left(centre: ArrayLike | None, radius: float, forbidden: Sequence) -> str:
    where = (
        "on the upper head"
        if centre is None
        else f"within {radius * 1e3:g} mm of {(np.asarray(centre) * 1e3).tolist()} mm"
    )
    but = " outside the forbidden zones" if forbidden else ""
    return f"there is no scalp {where}{but}. Take a larger region."


def _apart(points: ndarray, spacing: float) -> ndarray:
    """Choose points no two of which are near, so that no further one would fit."""
    pairs = KDTree(points).query_pairs(spacing, output_type="ndarray")
    undecided, chosen = np.ones(len(points), bool), np.zeros(len(points), bool)
    # The order of the points is random: who comes before all neighbours is taken.
    for _ in range(_ROUNDS):
        if not undecided.any():
            break
        first = np.full(len(points), len(points))
        np.minimum.at(first, pairs[:, 0], pairs[:, 1])
        np.minimum.at(first, pairs[:, 1], pairs[:, 0])
        taken = undecided & (first > np.arange(len(points)))
        chosen |= taken
        undecided &= ~taken
        out = np.concatenate(
            [pairs[taken[pairs[:, 0]], 1], pairs[taken[pairs[:, 1]], 0]]
        )
        undecided[out] = False
        pairs = pairs[undecided[pairs].all(axis=1)]
    return np.flatnonzero(chosen)
