"""Coils whose parts move: pose and shape are searched together.

The coil is pressed on the head: moved along its axis until its nearest point is as near to
the scalp as it may be. Parts that must not cut each other are kept apart by a penalty on
the signed distance of one's casing from the other's.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..coils import Coil, Pose, casing_samples
from ..efield import Reciprocal, equivalent
from ..efield.splines import SplineGrid
from ..meshing import Scalp
from ..meshing.surface import Surface
from .bodies import (
    MARGIN,
    POINTS,
    SOFTNESS,
    Body,
    body,
    casings as casings_of,
    nearest_bodies,
    pose_of,
    rest_gap,
    sampled,
)
from .checks import check_inputs, check_pose
from .climb import climb
from .constraints import lifted, spread_out
from .domain import Domain, domain_of
from .face import Face
from .objectives import AbstractObjective
from .results import Optimum, Search
from .unknowns import ANGLE, LENGTH


_PRESSES = 5
_LOWERINGS = 20
_RESTS = 1e-5  # So near to the clearance. [m]
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
        self_clearance: Between the two nearest of the bodies that must not cut each other,
            on their true surfaces; negative where the coil comes with them cut, as at
            hinges; infinite for a coil without such bodies. [m]
        evaluations: Of value and gradient.
    """

    coil: Coil
    pose: Pose
    value: float
    clearance: float
    self_clearance: float
    evaluations: int


class _Shaped(eqx.Module):
    """The objective over pose and settings."""

    objective: AbstractObjective
    coil: Coil
    start: Pose
    scalp: SplineGrid
    points: Int[Array, "point"]
    bodies: tuple[Body, ...]
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
            nearest = -SOFTNESS * jax.nn.logsumexp(-gap / SOFTNESS)
            return lift + self.clearance - nearest, None

        lift = jax.lax.scan(press, jnp.zeros(()), None, length=_PRESSES)[0]
        return Pose(near.rotation, near.translation - lift * near.rotation[:, 2])

    def nearest_parts(self, settings: Float[Array, "setting"]) -> Float[Array, ""]:
        """The signed distance between the two nearest bodies. [m]"""
        return nearest_bodies(self.coil, self.bodies, settings)

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
    domain: Domain | None = None,
    *,
    rigid: bool = False,
    starts: int = 3,
    **old: Any,
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
        domain: Its `clearance` is kept between casing and scalp; the coil is pressed on
            the head, so its distance is not, and it may tilt freely.
        rigid: Keep the coil's settings, for comparison.
        starts: From how many shapes to climb.
        old: Attributes of `Domain`, as they were given until version 0.1.

    Returns:
        The best of all climbs.

    Raises:
        TypeError: An argument is of another type.
        ValueError: The coil has no parts that move, or the domain has forbidden places or
            obstacles.
    """
    check_inputs(objective, coil, scalp, domain)
    check_pose(start)
    domain = domain_of("find_shape", domain, old)
    domain.require("distance", "radius", "clearance", "tilt", by="a search for shapes")
    clearance = domain.on(coil).clearance
    if not coil.ranges or coil.settings is None:
        raise ValueError(f"{coil.name!r} has no parts that move: take `find_pose`.")
    few, _ = equivalent(objective.reciprocal, scalp)
    given, coil = coil, sampled(coil)
    casings = [] if rigid else casings_of(coil)
    landscape = _landscape(objective, few, coil, scalp, start, clearance, casings)
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
    settings, between = _apart(landscape, casings, best, now)
    x = jnp.asarray(np.append(best[:5], settings))
    wanted = given.clipped(landscape.shape(x))
    shaped = given.shaped(wanted)
    samples = casing_samples(shaped)
    near = landscape.pose(x, coil.shaped(wanted))
    pose, gap = _lowered(
        *lifted(near, samples, scalp, clearance), samples, scalp, clearance
    )
    value = float(objective.value(_mean(objective.reciprocal, shaped, pose)))
    return ShapedOptimum(
        shaped, pose, value, gap, between, int(maxima.evaluations.sum())
    )


def _lowered(
    pose: Pose, gap: float, samples: ndarray, scalp: Scalp, clearance: float
) -> tuple[Pose, float]:
    """Move a coil that is clear of the true scalp towards it, until it rests on it.

    No step is longer than the gap, so none can reach the head.
    """
    axis = np.asarray(pose.rotation)[:, 2]
    placed = samples @ np.asarray(pose.rotation).T + np.asarray(pose.translation)
    depth = 0.0
    for _ in range(_LOWERINGS):
        if gap - clearance < _RESTS:
            break
        depth += gap - clearance
        gap = scalp.clearance(placed + depth * axis)
    return Pose(pose.rotation, pose.translation + depth * jnp.asarray(axis)), gap


def _apart(
    landscape: _Shaped,
    casings: list[tuple[int, Surface]],
    best: ndarray,
    now: ndarray,
) -> tuple[ndarray, float]:
    """Go back towards the shape as it came until no parts cut each other.

    Returns:
        The settings, and the clearance between parts on their true surfaces. [m]
    """
    coil = landscape.coil

    def gap(settings: ndarray) -> float:
        x = jnp.asarray(np.append(best[:5], settings))
        return _true_gap(coil, casings, landscape.shape(x))

    rest = gap(now)
    allowed = min(rest, 0.0) - _SLACK
    for share in np.linspace(1, 0, 21)[:-1]:
        settings = now + share * (best[5:] - now)
        if (found := gap(settings)) >= allowed:
            return settings, found
    return now, rest


def _true_gap(
    coil: Coil, casings: list[tuple[int, Surface]], settings: Float[Array, "setting"]
) -> float:
    """Measure from the points of each casing to the triangles of the others. [m]"""
    poses = [pose_of(coil, element, settings) for element, _ in casings]
    gaps = [float("inf")]
    for (_, mine), here in zip(casings, poses, strict=True):
        points = here.to_head(jnp.asarray(mine.vertices))
        for (_, other), there in zip(casings, poses, strict=True):
            if other is not mine:
                seen = np.asarray(there.to_coil(points))
                gaps.append(float(other.signed_distance(seen, MARGIN).min()))
    return min(gaps)


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
    casings: list[tuple[int, Surface]],
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
        jnp.asarray(spread_out(surface, 3 * POINTS)),
        tuple(body(element, surface) for element, surface in casings),
        jnp.zeros(()),
        jnp.asarray(clearance, dtype=float),
        jnp.asarray(scale),
    )
    return eqx.tree_at(
        lambda each: each.gaps, landscape, rest_gap(coil, landscape.bodies)
    )


def shaped_search(
    objective: AbstractObjective,
    coil: Coil,
    scalp: Scalp,
    search: Search,
    domain: Domain,
) -> tuple[ShapedOptimum, Search]:
    """Search pose and shape from where a coil that does not move is best.

    Args:
        objective: Of the target.
        coil: As it comes.
        scalp: Of the same head.
        search: Of the coil as it comes.
        domain: What remains between casing and scalp.

    Returns:
        The shape, and the search with the pose of that as its best.
    """
    resting = Domain(domain.distance, clearance=domain.clearance)
    if not isinstance(domain.distance, Face):
        resting = Domain(clearance=domain.clearance)
    found = find_shape(objective, coil, scalp, search.pose, resting)
    axis = np.asarray(found.pose.rotation)[:, 2]
    best = Optimum(
        found.pose,
        found.value,
        scalp.distance_along(found.pose.translation, axis),
        found.clearance,
        search.best.gradient,
        search.best.at_edge,
    )
    return found, dataclasses.replace(search, best=best, optima=(best,))
