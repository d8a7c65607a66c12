"""The objective as a smooth function of the coil's place, angle and tilt."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import Pose, Rings
from .constraints import Clearance
from .objectives import AbstractObjective
from .placement import Chart
from .turns import mean_of_turns


# Unknowns are scaled so that a step of one is a bold one.
LENGTH = 10e-3  # [m]
ANGLE = 0.35  # [rad]
_CURVATURE = (0.06, 0.06, 0.12, 0.12, 0.12)  # Of a value at its maximum, about.

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
        tilt: The largest angle between the coil's axis and the scalp's normal. [rad]
    """

    objective: AbstractObjective
    rings: Rings
    chart: Chart
    clearance: Clearance
    distance: Float[Array, ""]
    current_rate: Float[Array, ""]
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
        return _lifted(near, self.clearance.lift(near))

    def mean(self, pose: Pose) -> Float[Array, "direction"]:
        """Evaluate the target's mean field. [V/m]"""
        placed = self.rings.sources().placed(pose)
        target = self.objective.reciprocal
        potential = target.vector_potential(placed.current_positions)
        product = jnp.einsum("pdc,pc->d", potential, placed.current_vectors)
        return -self.current_rate * product

    def __call__(self, x: Float[Array, "n"]) -> Float[Array, ""]:
        """Rate a place, angle and tilt. [V/m]"""
        return self.objective.value(self.mean(self.pose(x)))

    def project(self, x: Float[ndarray, "start n"]) -> Float[ndarray, "start n"]:
        """Bring unknowns back into the searched disc and the allowed tilt."""
        parts = [_within(x[:, :2], self.chart.radius / LENGTH), x[:, 2:3]]
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
    return jax.vmap(jax.vmap(landscape.objective.value, in_axes=1))(means)


@eqx.filter_jit
def derivatives(
    landscape: Landscape, points: Float[Array, "start n"]
) -> tuple[Float[Array, "start"], Float[Array, "start n"]]:
    """Evaluate the objective and its gradient at several places."""
    return jax.vmap(jax.value_and_grad(landscape))(points)


@eqx.filter_jit
def simplified_value(landscape: Landscape, pose: Pose) -> Float[Array, ""]:
    """Rate any pose. [V/m]"""
    return landscape.objective.value(landscape.mean(pose))


@eqx.filter_jit
def near_poses(landscape: Landscape, points: Float[Array, "start n"]) -> Pose:
    """Place the coil at several places, not lifted."""
    return jax.vmap(landscape.near)(points)


def _lifted(pose: Pose, lift: Float[Array, ""]) -> Pose:
    return Pose(pose.rotation, pose.translation - lift * pose.rotation[:, 2])


def _within(x: ndarray, limit: float) -> ndarray:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x * np.minimum(1.0, limit / np.maximum(length, limit))
