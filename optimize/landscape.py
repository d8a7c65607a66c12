"""The objective as a smooth function of the coil's place, angle and tilt."""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy import ndarray

from ..coils import Pose, Rings
from ..coils.dipoles import MU0_OVER_4PI
from .constraints import Clearance
from .objectives import AbstractObjective
from .placement import Chart
from .turns import mean_of_turns
from .uncertainty import AbstractUncertainty


# Unknowns are scaled so that a step of one is a bold one.
LENGTH = 10e-3  # [m]
ANGLE = 0.35  # [rad]
_CURVATURE = (0.06, 0.06, 0.12, 0.12, 0.12)  # Of a value at its maximum, about.

_ZONE_STEPS = 12
_LIFT_ANGLES = 8  # At which a first look asks how far the coil must be lifted.


class Landscape(eqx.Module):
    """The objective over poses on the scalp, for a simplified coil and target.

    The unknowns are two coordinates along the scalp, the in-plane angle and, where the
    coil may be tilted, the tilts about its x and y axes, all scaled.

    Attributes:
        objective: With a target of few sources.
        rings: The coil.
        chart: The scalp.
        clearance: How far the coil must be lifted.
        distance: From the scalp to the coil's centre, along the coil's axis. [m]
        current_rate: dI/dt. [A/s]
        forbidden: Balls in which the coil may not be placed: centres and radii. [m]
        uncertainty: Errors of placement to reckon with, or None.
        tilt: The largest angle between the coil's axis and the scalp's normal. [rad]
    """

    objective: AbstractObjective
    rings: Rings
    chart: Chart
    clearance: Clearance
    distance: Float[Array, ""]
    current_rate: Float[Array, ""]
    forbidden: Float[Array, "zone 4"]
    uncertainty: AbstractUncertainty | None
    tilt: float = eqx.field(static=True)

    @property
    def unknowns(self) -> int:
        """How many unknowns there are."""
        return 5 if self.tilt > 0 else 3

    @property
    def curvature(self) -> Float[ndarray, "n"]:
        """A guess of the second derivatives, relative to the value at a maximum."""
        return np.array(_CURVATURE[: self.unknowns])

    def near(self, x: Float[Array, "n"]) -> Pose:
        """Place the coil at its distance, whether or not it cuts the scalp."""
        tilt = ANGLE * x[3:] if self.tilt > 0 else None
        return self.chart.pose(LENGTH * x[:2], ANGLE * x[2], self.distance, tilt)

    def pose(self, x: Float[Array, "n"]) -> Pose:
        """Place the coil, lifted as far as it must be."""
        near = self.near(x)
        return _lifted(near, self.lift(near))

    def mean(self, pose: Pose) -> Float[Array, "direction"]:
        """Evaluate what the objective is made of, such as the target's mean field. [V/m]

        By the coil's potential at the target's sources, in the frame of the coil: the work
        and its derivative hardly grow with the number of directions.
        """
        coil, target = self.rings.sources(), self.objective.reciprocal
        places, currents = coil.current_positions, coil.current_vectors
        sources = pose.to_coil(target.positions)
        squares = sum(
            (places[:, None, axis] - sources[None, :, axis]) ** 2 for axis in range(3)
        )
        potential = MU0_OVER_4PI * jax.lax.rsqrt(squares).T @ currents
        turned = target.currents @ pose.rotation
        return -self.current_rate * jnp.einsum("dsc,sc->d", turned, potential)

    def planned(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Rate a place, angle and tilt as if the coil were exactly there. [V/m]"""
        return self.objective.value(self.mean(self.pose(x)))

    def __call__(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Rate a place, angle and tilt, with errors of placement if any. [V/m]"""
        errors = self.uncertainty
        if errors is None:
            return self.planned(x)
        scale = jnp.array([LENGTH, LENGTH, ANGLE, ANGLE, ANGLE])
        tilts = self.unknowns == 5

        def value(place: Float[Array, "5"]) -> Float[Array, ""]:
            tilt = place[3:] if tilts or errors.tilt > 0 else None
            near = self.chart.pose(place[:2], place[2], self.distance, tilt)
            return self.objective.value(self.mean(_lifted(near, self.lift(near))))

        whole = x if tilts else jnp.concatenate([x, jnp.zeros(2)])
        return errors.rate(value, scale * whole)

    def lift(self, pose: Pose) -> Float[Array, ""]:
        """Return how far the coil must be moved back. [m]"""
        return self.clearance.lift(pose)

    def project(self, x: Float[ndarray, "start n"]) -> Float[ndarray, "start n"]:
        """Bring unknowns back into the searched disc and the allowed tilt."""
        places = _within(x[:, :2], self.chart.radius / LENGTH)
        if len(self.forbidden):
            places = LENGTH * jnp.asarray(places)
            places = np.asarray(out_of_zones(self.chart, self.forbidden, places))
            places = _within(places / LENGTH, self.chart.radius / LENGTH)
        parts = [places, x[:, 2:3]]
        if self.tilt > 0:
            parts.append(_within(x[:, 3:], self.tilt / ANGLE))
        return np.concatenate(parts, axis=1)

    def at_edge(self, x: Float[ndarray, "n"]) -> bool:
        """Tell whether the border of the searched disc keeps a place from moving on."""
        return bool(np.linalg.norm(x[:2]) * LENGTH > 0.999 * self.chart.radius)


@eqx.filter_jit
def rate_turns(
    landscape: Landscape, positions: Float[Array, "position 2"], angles: int
) -> Float[Array, "position angles"]:
    """Rate positions [m] at all angles, without tilt.

    The coil is lifted as far as it must be on average over the angles.
    """
    some = jnp.asarray(2 * np.pi * np.arange(_LIFT_ANGLES) / _LIFT_ANGLES)

    def pose(position: Float[Array, "2"]) -> Pose:
        at = lambda angle: landscape.chart.pose(position, angle, landscape.distance)
        lift = jnp.mean(jax.lax.map(lambda a: landscape.clearance.lift(at(a)), some))
        return _lifted(at(jnp.zeros(())), lift)

    means = mean_of_turns(
        landscape.objective.reciprocal,
        landscape.rings,
        jax.vmap(pose)(positions),
        angles,
        landscape.current_rate,
    )
    return jax.lax.map(jax.vmap(landscape.objective.value, in_axes=1), means)


@eqx.filter_jit
def derivatives(
    landscape: Landscape,
    points: Float[Array, "start n"],
    active: Bool[Array, "start"],
) -> tuple[Float[Array, "start"], Float[Array, "start n"]]:
    """Evaluate the objective and its gradient at several places, where these are active.

    One after the other: each keeps the cores busy, and what is inactive takes no time.
    """
    both = jax.value_and_grad(landscape)
    nothing = lambda point: (jnp.zeros(()), jnp.zeros_like(point))
    return jax.lax.map(
        lambda one: jax.lax.cond(one[1], both, nothing, one[0]), (points, active)
    )


@eqx.filter_jit
def simplified_value(landscape: Landscape, pose: Pose) -> Float[Array, ""]:
    """Rate any pose. [V/m]"""
    return landscape.objective.value(landscape.mean(pose))


@eqx.filter_jit
def out_of_zones(
    chart: Chart, zones: Float[Array, "zone 4"], positions: Float[Array, "position 2"]
) -> Float[Array, "position 2"]:
    """Move positions on a chart out of forbidden balls, the shortest way about. [m]"""

    def out(position: Float[Array, "2"]) -> Float[Array, "2"]:
        def step(_, place: Float[Array, "2"]) -> Float[Array, "2"]:
            offset = chart.scalp_point(place)[0][None] - zones[:, :3]
            inside = zones[:, 3] - jnp.linalg.norm(offset, axis=1)
            deepest = jnp.argmax(inside)
            along = chart.tangents @ offset[deepest]
            length = jnp.linalg.norm(along)
            way = jnp.where(length > 0, along / jnp.where(length > 0, length, 1), 1.0)
            return place + jnp.maximum(inside[deepest] * (1 + 1e-6), 0) * way

        return jax.lax.fori_loop(0, _ZONE_STEPS, step, position)

    return jax.vmap(out)(positions)


@eqx.filter_jit
def in_zones(
    chart: Chart, zones: Float[Array, "zone 4"], positions: Float[Array, "position 2"]
) -> Bool[Array, "position"]:
    """Tell which positions [m] on a chart lie in forbidden balls."""
    points = jax.vmap(lambda place: chart.scalp_point(place)[0])(positions)
    gap = jnp.linalg.norm(points[:, None] - zones[None, :, :3], axis=2)
    gap = gap - zones[None, :, 3]
    return jnp.any(gap < -1e-5, axis=1)


@eqx.filter_jit
def near_poses(landscape: Landscape, points: Float[Array, "start n"]) -> Pose:
    """Place the coil at several places, not lifted."""
    return jax.vmap(landscape.near)(points)


def batched_derivatives(
    landscape: Landscape, points: Float[ndarray, "point n"], size: int
) -> tuple[Float[ndarray, "point"], Float[ndarray, "point n"]]:
    """Evaluate values and gradients of any number of places.

    Args:
        landscape: The objective.
        points: The places.
        size: Of the batches, for which the code is compiled already.
    """
    parts = []
    for block, filled in _batches(points, size):
        active = np.arange(size) < len(block)
        found = derivatives(landscape, jnp.asarray(filled), jnp.asarray(active))
        parts.append([np.asarray(x)[: len(block)] for x in found])
    values, gradients = zip(*parts, strict=True)
    return np.concatenate(values), np.concatenate(gradients)


def batched_poses(
    landscape: Landscape, points: Float[ndarray, "point n"], size: int
) -> Pose:
    """Place the coil at any number of places, not lifted."""
    parts = []
    for block, filled in _batches(points, size):
        found = near_poses(landscape, jnp.asarray(filled))
        parts.append((found.rotation[: len(block)], found.translation[: len(block)]))
    rotations, translations = zip(*parts, strict=True)
    return Pose(jnp.concatenate(rotations), jnp.concatenate(translations))


def _batches(
    points: Float[ndarray, "point n"], size: int
) -> Iterator[tuple[Float[ndarray, "block n"], Float[ndarray, "size n"]]]:
    for start in range(0, len(points), size):
        block = points[start : start + size]
        yield block, block[np.minimum(np.arange(size), len(block) - 1)]


def _lifted(pose: Pose, lift: Float[Array, ""]) -> Pose:
    return Pose(pose.rotation, pose.translation - lift * pose.rotation[:, 2])


def _within(x: ndarray, limit: float) -> ndarray:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x * np.minimum(1.0, limit / np.maximum(length, limit))
