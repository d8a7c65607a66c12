"""Values of many positions at all in-plane angles, at the price of one angle each."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..coils import Pose, Rings
from ..efield import Reciprocal


def mean_of_turns(
    reciprocal: Reciprocal,
    rings: Rings,
    poses: Pose,
    angles: int,
    current_rate: Float[Array, ""] | float = 1e6,
) -> Float[Array, "pose direction angles"]:
    """Evaluate a target's mean field for each pose, turned about its z axis.

    Args:
        reciprocal: The target, with few sources, as `efield.equivalent` makes.
        rings: The coil.
        poses: A batch of poses.
        angles: Into how many equal angles a full turn is divided.
        current_rate: dI/dt. [A/s]

    Returns:
        The components of the mean vector. [V/m]
    """
    shape = rings.currents.shape
    positions = rings.positions.reshape(-1, 3)

    def one(pose: Pose) -> Float[Array, "direction angles"]:
        potential = reciprocal.vector_potential(pose.to_head(positions))
        inside = jnp.moveaxis(potential @ pose.rotation, 1, 0).reshape(-1, *shape)
        return -current_rate * rings.turned(inside, angles)

    return jax.lax.map(one, poses)
