"""What a search maximises: a number made of linear functions of the field.

These functions, such as the components of the mean vector in a target, or the coefficients
of its modes, come by reciprocity for any placement. An objective holds their adjoint
solutions as one `Reciprocal`, so that all regions are solved for together and share the
work of each placement.
"""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from ..efield import Reciprocal


class AbstractObjective(eqx.Module):
    """A function of what a placement gives: the mean vector in a target, or more."""

    reciprocal: eqx.AbstractVar[Reciprocal]

    def __repr__(self) -> str:
        """Say what is maximised, and where."""
        return f"{type(self).__name__}({self.reciprocal!r})"

    @abc.abstractmethod
    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Rate what `reciprocal` gives for a placement: more is better. [V/m]"""

    @property
    def centre(self) -> Float[Array, "3"]:
        """Of the target. [m]"""
        return self.reciprocal.centre

    @property
    def coarse(self) -> "AbstractObjective":
        """What is nearly the same and costs less, for a first look; not under `jit`."""
        return self


class MeanMagnitude(AbstractObjective):
    """The norm of the mean vector: the strongest mean field, whatever its direction.

    Attributes:
        reciprocal: Of the target, with the directions x, y and z.
    """

    reciprocal: Reciprocal

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return |mean E|. [V/m]"""
        return norm(mean)


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


class NormalComponent(AbstractObjective):
    """The mean over the target of the component along the cortex's normals.

    Positive where E leaves the cortex: turning the coil round changes the sign.

    Attributes:
        reciprocal: With one direction, as `meshing.cortical_normals` gives to
            `normal_component`.
        sign: 1 for the outward normal, -1 for the inward one.
    """

    reciprocal: Reciprocal
    sign: float = eqx.field(static=True, default=1.0)

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return the mean of n · E. [V/m]"""
        return self.sign * mean[0]


class WeightedSum(AbstractObjective):
    """A sum of objectives with weights, negative for what is to be avoided.

    Attributes:
        reciprocal: Of all.
        parts: The objectives.
        weights: Of each.
    """

    reciprocal: Reciprocal
    parts: "Parts"
    weights: Float[Array, "part"]

    def __init__(self, objectives: Sequence[AbstractObjective], weights: ArrayLike):
        """Join objectives of one head; the search goes where the first one's target is.

        Raises:
            ValueError: There are none, they are of different heads, or the weights are
                not as many finite numbers.
        """
        self.reciprocal, self.parts = join(objectives)
        self.weights = checked_weights(weights, len(objectives))

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return Σ weight · value. [V/m]"""
        return jnp.dot(self.weights, jnp.stack(self.parts.values(mean)))


class Parts(eqx.Module):
    """Objectives that share one reciprocal, of which each has some directions."""

    objectives: tuple[AbstractObjective, ...]
    counts: tuple[int, ...] = eqx.field(static=True)

    def values(self, mean: Float[Array, "direction"]) -> list[Float[Array, ""]]:
        """Rate a placement by each."""
        ends = np.cumsum(self.counts).tolist()
        return [
            each.value(mean[end - count : end])
            for each, count, end in zip(self.objectives, self.counts, ends, strict=True)
        ]


def join(objectives: Sequence[AbstractObjective]) -> tuple[Reciprocal, Parts]:
    """Put the adjoint solutions of several objectives together.

    Raises:
        ValueError: There are none, or they are of different heads.
    """
    if len(objectives) == 0:
        raise ValueError("`objectives` is empty: give at least one.")
    every = [each.reciprocal for each in objectives]
    for other in every[1:]:
        if other.positions is not every[0].positions and not bool(
            np.array_equal(other.positions, every[0].positions)
        ):
            raise ValueError(
                "the objectives belong to different heads or elements: make all their "
                "adjoint solutions with one conductor."
            )
    currents = jnp.concatenate([each.currents for each in every])
    counts = tuple(len(each.currents) for each in every)
    bare = tuple(without_currents(each) for each in objectives)
    final = any(each.final for each in every)
    whole = Reciprocal(every[0].positions, currents, every[0].centre, final)
    return whole, Parts(bare, counts)


def without_currents(objective: AbstractObjective) -> AbstractObjective:
    """Keep of an objective what rates, so that nothing is held twice."""
    full = objective.reciprocal
    bare = Reciprocal(full.positions[:0], full.currents[:, :0], full.centre)
    return eqx.tree_at(lambda each: each.reciprocal, objective, bare)


def checked_weights(weights: ArrayLike, count: int) -> Float[Array, "part"]:
    """Check that there is one finite number for each part.

    Raises:
        ValueError: There is not.
    """
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (count,) or not np.isfinite(given).all():
        raise ValueError(
            f"`weights` must be {count} finite numbers, one for each part, got "
            f"{weights!r}."
        )
    return jnp.asarray(given)


def norm(vector: Float[Array, "*batch component"]) -> Float[Array, "*batch"]:
    """Take the length of vectors, with a derivative of zero at zero."""
    square = jnp.sum(vector**2, axis=-1)
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1)), 0)
