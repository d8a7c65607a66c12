"""How parts of a coil move: translations and rotations within ranges."""

import abc
import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from .pose import Pose, rotation_from_vector


@dataclasses.dataclass(frozen=True)
class Range:
    """What a setting may be.

    Attributes:
        initial: As the coil comes. [m] or [rad]
        lowest: [m] or [rad]
        highest: [m] or [rad]
    """

    initial: float
    lowest: float
    highest: float

    def __post_init__(self):
        if not self.lowest <= self.initial <= self.highest:
            raise ValueError(
                f"the initial value {self.initial:g} of a setting lies outside its range "
                f"[{self.lowest:g}, {self.highest:g}]."
            )


class AbstractMotion(eqx.Module):
    """One rigid motion of a part, by one of the coil's settings.

    Attributes:
        setting: Which one.
    """

    setting: eqx.AbstractVar[int]

    @abc.abstractmethod
    def pose(self, amount: Float[Array, ""]) -> Pose:
        """From the resting part to the moved one, both in the coil's frame."""


class Translation(AbstractMotion):
    """A shift along a fixed direction; its setting is a length. [m]

    Attributes:
        direction: Unit vector in the frame of the coil.
        setting: Which of the coil's settings.
    """

    direction: Float[Array, "3"]
    setting: int = eqx.field(static=True)

    def pose(self, amount: Float[Array, ""]) -> Pose:
        """Shift by a length [m]."""
        return Pose(
            jnp.eye(3, dtype=self.direction.dtype),
            amount.astype(self.direction.dtype) * self.direction,
        )


class Rotation(AbstractMotion):
    """A turn about a fixed axis by the right hand; its setting is an angle. [rad]

    Attributes:
        point: On the axis, in the frame of the coil. [m]
        axis: Unit vector in the frame of the coil.
        setting: Which of the coil's settings.
    """

    point: Float[Array, "3"]
    axis: Float[Array, "3"]
    setting: int = eqx.field(static=True)

    @classmethod
    def through(cls, first: ArrayLike, second: ArrayLike, setting: int) -> "Rotation":
        """Turn about the axis from a first to a second point [m].

        Raises:
            ValueError: The points coincide.
        """
        along = jnp.asarray(second, float) - jnp.asarray(first, float)
        length = jnp.linalg.norm(along)
        if not float(length) > 0:
            raise ValueError("the two points of a rotation's axis coincide.")
        return cls(
            point=jnp.asarray(first, float), axis=along / length, setting=setting
        )

    def pose(self, amount: Float[Array, ""]) -> Pose:
        """Turn by an angle [rad]."""
        turn = rotation_from_vector(amount.astype(self.axis.dtype) * self.axis)
        return Pose(turn, self.point - turn @ self.point)


@eqx.filter_jit  # Step by step, a coil of many parts would take seconds.
def combined(
    motions: tuple[AbstractMotion, ...], settings: Float[Array, "setting"]
) -> Pose:
    """Carry out motions one after the other, the first of the list first."""
    total = Pose(jnp.eye(3, dtype=settings.dtype), jnp.zeros(3, settings.dtype))
    for motion in motions:
        step = motion.pose(settings[motion.setting])
        total = Pose(
            step.rotation @ total.rotation,
            step.rotation @ total.translation + step.translation,
        )
    return total
