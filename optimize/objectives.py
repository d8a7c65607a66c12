"""What a search maximises: a number made of the mean field in the target."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from ..efield import Reciprocal


class AbstractObjective(eqx.Module):
    """A function of the mean vector in the target, which a placement gives."""

    reciprocal: eqx.AbstractVar[Reciprocal]

    @abc.abstractmethod
    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Rate a mean field: more is better. [V/m]"""


class MeanMagnitude(AbstractObjective):
    """The norm of the mean vector: the strongest mean field, whatever its direction.

    Attributes:
        reciprocal: Of the target, with the directions x, y and z.
    """

    reciprocal: Reciprocal

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return |mean E|. [V/m]"""
        return jnp.linalg.norm(mean)


class MeanComponent(AbstractObjective):
    """The component of the mean vector along a direction.

    Attributes:
        reciprocal: Of the target, with the directions x, y and z.
        direction: A unit vector.
    """

    reciprocal: Reciprocal
    direction: Float[Array, "3"]

    def __init__(self, reciprocal: Reciprocal, direction: ArrayLike):
        """Keep the target and a direction of any length.

        Raises:
            ValueError: The direction is not three finite numbers, or zero.
        """
        given = np.asarray(direction, dtype=np.float64)
        if given.shape != (3,) or not np.isfinite(given).all() or not given.any():
            raise ValueError(
                "`direction` must be three finite numbers, not all zero, got "
                f"{direction!r}."
            )
        self.reciprocal = reciprocal
        self.direction = jnp.asarray(given / np.linalg.norm(given))

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return direction · mean E. [V/m]"""
        return jnp.dot(self.direction, mean)
