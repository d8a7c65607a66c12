"""Coils whose parts move: pose and shape are searched together.

The coil is pressed on the head: moved along its axis until its nearest point is as near to
the scalp as it may be. Parts that must not cut each other are kept apart by a penalty on
the signed distance of one's casing from the other's.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..coils import Coil, Part, Pose
from ..coils.motions import combined
from ..efield import Reciprocal, equivalent
from ..efield.splines import SplineGrid
from ..meshing import Scalp
from ..meshing.surface import Surface
from .climb import climb
from .constraints import casing_samples, lifted, spread_out
from .landscape import ANGLE, LENGTH
from .objectives import AbstractObjective


_POINTS = 160  # Of each body, for distances.
_SOFTNESS = 0.3e-3  # Of the nearest point. [m]
_PRESSES = 5
_GRID = 5e-3  # Of a casing's signed distance. [m]
_MARGIN = 15e-3  # [m]
_PENALTY = 0.3  # Of the value, for each square millimetre that parts cut each other.
_SLACK = 0.3e-3  # By which the penalty may fail. [m]
_CURVATURE = (0.06, 0.06, 0.12, 0.12, 0.12)
_SETTING_CURVATURE = 0.2


class ShapedOptimum(eqx.Module):
    """The best pose and shape.

    Attributes:
        coil: In its shape.
        pose: Of the coil.
        value: Of the objective, by exact reciprocity. [V/m]
        clearance: From the coil to the true scalp. [m]
        self_clearance: How much nearer to each other the nearest parts are than as the coil
            comes, negative where nearer; infinite for a coil of one body. [m]
        evaluations: Of value and gradient.
    """

    coil: Coil
    pose: Pose
    value: float
    clearance: float
    self_clearance: float
    evaluations: int


class _Body(eqx.Module):
    """A casing: points of it, and its signed distance at rest."""

    points: Float[Array, "point 3"]
    distance: SplineGrid
    element: int = eqx.field(static=True)  # -1 for the coil's own casing.


class _Shaped(eqx.Module):
    """The objective over pose and settings."""

    objective: AbstractObjective
    coil: Coil
    start: Pose
    scalp: SplineGrid
    points: Int[Array, "point"]
    bodies: tuple[_Body, ...]
    gaps: Float[Array, ""]
    clearance: Float[Array, ""]
    scale: Float[Array, ""]

    def shape(self, x: Float[Array, "n"]) -> Float[Array, "setting"]:
        low = jnp.array([each.lowest for each in self.coil.ranges])
        high = jnp.array([each.highest for each in self.coil.ranges])
        return low + (high - low) * (x[5:] + 1) / 2

    def pose(self, x: Float[Array, "n"], coil: Coil) -> Pose:
        turn = ANGLE * jnp.array([x[3], x[4], x[2]])
        shift = jnp.append(LENGTH * x[:2], 0.0)
        near = self.start.moved(shift, turn)
        placed = near.to_head(coil.surface_points[self.points])
        axis = near.rotation[None, :, 2]

        def press(lift: Float[Array, ""], _: None):
            gap = self.scalp(placed - lift * axis)[:, 0]
            nearest = -_SOFTNESS * jax.nn.logsumexp(-gap / _SOFTNESS)
            return lift + self.clearance - nearest, None

        lift = jax.lax.scan(press, jnp.zeros(()), None, length=_PRESSES)[0]
        return Pose(near.rotation, near.translation - lift * near.rotation[:, 2])

    def nearest_parts(self, settings: Float[Array, "setting"]) -> Float[Array, ""]:
        """The signed distance between the two nearest bodies. [m]"""
        gaps = [jnp.asarray(1.0)]
        poses = [_pose_of(self.coil, body.element, settings) for body in self.bodies]
        for one, mine in zip(self.bodies, poses, strict=True):
            for other, its in zip(self.bodies, poses, strict=True):
                if one is not other:
                    there = its.to_coil(mine.to_head(one.points))
                    gap = other.distance(there)[:, 0]
                    gaps.append(-_SOFTNESS * jax.nn.logsumexp(-gap / _SOFTNESS))
        return jnp.min(jnp.stack(gaps))

    def __call__(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        settings = self.shape(x)
        coil = dataclasses.replace(self.coil, settings=settings)
        pose = self.pose(x, coil)
        mean = _mean(self.objective.reciprocal, coil, pose)
        cut = jnp.maximum(self.gaps - self.nearest_parts(settings), 0) * 1e3
        return self.objective.value(mean) - _PENALTY * self.scale * cut**2


def find_shape(
    objective: AbstractObjective,
    coil: Coil,
    scalp: Scalp,
    start: Pose,
    *,
    clearance: float = 0.0,
    rigid: bool = False,
    starts: int = 3,
) -> ShapedOptimum:
    """Find pose and settings of a coil whose parts move, near a pose.

    The coil may slide, turn and tilt freely; it rests on the head with its casing at the
    clearance. The parts never come nearer to each other than they are as the coil comes,
    or than touching.

    Args:
        objective: Of the target.
        coil: With ranges of settings.
        scalp: Of the same head.
        start: Such as `find_pose` finds for the coil at rest.
        clearance: Between casing and scalp. [m]
        rigid: Keep the coil's settings, for comparison.
        starts: From how many shapes to climb.

    Returns:
        The best of all climbs.

    Raises:
        ValueError: The coil has no parts that move.
    """
    if not coil.ranges or coil.settings is None:
        raise ValueError(f"{coil.name!r} has no parts that move: take `find_pose`.")
    few, _ = equivalent(objective.reciprocal, scalp)
    landscape = _landscape(objective, few, coil, scalp, start, clearance)
    low, high = (
        np.array([getattr(each, end) for each in coil.ranges])
        for end in ("lowest", "highest")
    )
    span = np.where(high > low, high - low, 1.0)
    now = 2 * (np.asarray(coil.settings) - low) / span - 1
    rng = np.random.default_rng(0)
    count = len(now)
    first = np.zeros((starts, 5 + count))
    first[:, 5:] = np.clip(now + rng.uniform(-0.3, 0.3, (starts, count)), -1, 1)
    first[0, 5:] = now
    if rigid:
        first[:, 5:] = now

    def project(x: ndarray) -> ndarray:
        inside = x.copy()
        inside[:, 5:] = now if rigid else np.clip(x[:, 5:], -1, 1)
        return inside

    maxima = climb(
        lambda x, active: _derivatives(landscape, jnp.asarray(x), jnp.asarray(active)),
        first,
        np.array([*_CURVATURE, *[_SETTING_CURVATURE] * count]),
        project,
    )
    best = maxima.points[int(np.argmax(maxima.values))]
    settings = _apart(landscape, best, now)
    x = jnp.asarray(np.append(best[:5], settings))
    shaped = coil.shaped(coil.clipped(landscape.shape(x)))
    samples = casing_samples(shaped)
    pose, gap = lifted(landscape.pose(x, shaped), samples, scalp, clearance)
    value = float(objective.value(_mean(objective.reciprocal, shaped, pose)))
    parts = float(landscape.nearest_parts(landscape.shape(x)))
    rest = float(landscape.nearest_parts(coil.settings))
    return ShapedOptimum(
        shaped,
        pose,
        value,
        gap,
        parts - min(rest, 0.0) if len(landscape.bodies) > 1 else float("inf"),
        int(maxima.evaluations.sum()),
    )


def _apart(landscape: _Shaped, best: ndarray, now: ndarray) -> ndarray:
    """Go back towards the shape as it came until no parts cut each other."""
    for share in np.linspace(1, 0, 21):
        settings = now + share * (best[5:] - now)
        x = jnp.asarray(np.append(best[:5], settings))
        gap = float(landscape.nearest_parts(landscape.shape(x)))
        if gap >= float(landscape.gaps) - _SLACK:
            return settings
    return now


@eqx.filter_jit
def _derivatives(landscape: _Shaped, points: Array, active: Array):
    both = jax.value_and_grad(landscape)
    nothing = lambda point: (jnp.zeros(()), jnp.zeros_like(point))
    return jax.lax.map(
        lambda one: jax.lax.cond(one[1], both, nothing, one[0]), (points, active)
    )


@eqx.filter_jit
def _mean(reciprocal: Reciprocal, coil: Coil, pose: Pose) -> Float[Array, "direction"]:
    return reciprocal.mean_field(coil, pose, 1e6)


def _landscape(
    objective: AbstractObjective,
    few: Reciprocal,
    coil: Coil,
    scalp: Scalp,
    start: Pose,
    clearance: float,
) -> _Shaped:
    values = jnp.asarray(scalp.distance)[..., None]
    surface = np.asarray(coil.surface_points)
    simple = eqx.tree_at(lambda each: each.reciprocal, objective, few)
    scale = abs(float(objective.value(_mean(few, coil, start))))
    landscape = _Shaped(
        simple,
        coil,
        start,
        SplineGrid.fitted(scalp.origin, scalp.spacing, values),
        jnp.asarray(spread_out(surface, 3 * _POINTS)),
        _bodies(coil),
        jnp.zeros(()),
        jnp.asarray(clearance, dtype=float),
        jnp.asarray(scale),
    )
    assert coil.settings is not None
    # Hinges touch as the coil comes: nearer than that they must not be.
    rest = jnp.minimum(landscape.nearest_parts(coil.settings), 0.0)
    return eqx.tree_at(lambda each: each.gaps, landscape, rest)


def _bodies(coil: Coil) -> tuple[_Body, ...]:
    """The casings that must not cut each other."""
    numbers = sorted({body for group in coil.details.apart for body in group})
    found = []
    for number in numbers:
        if number == 0:
            points, triangles = coil.casing, coil.casing_triangles
        else:
            part = coil.elements[number - 1]
            casing = part.casing if isinstance(part, Part) else None
            points = None if casing is None else casing.points
            triangles = None if casing is None else casing.triangles
        if points is None or triangles is None:
            continue
        vertices = np.asarray(points, dtype=np.float64)
        surface = Surface(vertices, np.asarray(triangles))
        low = vertices.min(axis=0) - _MARGIN
        shape = (
            np.ceil((np.ptp(vertices, axis=0) + 2 * _MARGIN) / _GRID).astype(int) + 1
        )
        grid = low + _GRID * np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3)
        distance = surface.signed_distance(grid).reshape(*shape, 1)
        found.append(
            _Body(
                jnp.asarray(vertices[spread_out(vertices, _POINTS)]),
                SplineGrid.fitted(low, _GRID, jnp.asarray(distance)),
                number - 1,
            )
        )
    return tuple(found)


def _pose_of(coil: Coil, element: int, settings: Float[Array, "setting"]) -> Pose:
    part = coil.elements[element] if element >= 0 else None
    motions = part.motions if isinstance(part, Part) else ()
    return combined(motions, settings)
