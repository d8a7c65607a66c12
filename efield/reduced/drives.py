"""A coil as what drives a basis: the vector potential of each of its stimulators.

Where they can, a few hundred point currents on rings stand for a coil: its potential in
the brain then costs a third, and what they miss the basis has been fitted to.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ...coils import AbstractCoil, Coil, MagneticDipoles, Pose, Sources, rings
from ...coils.dipoles import MU0_OVER_4PI
from .digests import digest_of


_RINGS_ERR = 2e-3  # Rings that miss more of a coil's potential do not stand for it.


class Drives(eqx.Module):
    """A coil, by the sources that each of its stimulators drives at 1 A.

    Attributes:
        sources: For each stimulator.
        rates: dI/dt of each, per the dI/dt asked for.
        name: Of the coil.
        digest: What distinguishes it from other coils.
        stands_apart: By how much its sources miss the coil's potential, relatively.
        strengths: Least and largest norm of the potential at all points of a basis, over
            its domain, with one stimulator. [T m/A]
    """

    sources: tuple[Sources, ...]
    rates: Float[Array, "stimulator"]
    name: str = eqx.field(static=True)
    digest: str = eqx.field(static=True)
    stands_apart: float = eqx.field(static=True)
    strengths: tuple[float, float] = eqx.field(static=True, default=(0.0, np.inf))

    def weights(self, current_rate: ArrayLike) -> Float[Array, "stimulator"]:
        """Spread a current rate over the stimulators. [A/s]

        Args:
            current_rate: One for all, or one for each, (stimulator,). [A/s]

        Raises:
            ValueError: There are not as many as stimulators.
        """
        given = jnp.asarray(current_rate, self.rates.dtype)
        if given.shape not in ((), self.rates.shape):
            raise ValueError(
                f"`current_rate` must be one number, or one for each of the "
                f"{len(self.rates)} stimulators of {self.name!r}, got the shape "
                f"{given.shape}."
            )
        return given * self.rates if given.ndim == 0 else given

    def potential(
        self,
        points: Float[Array, "point 3"],
        pose: Pose,
        weights: Float[Array, "stimulator"],
    ) -> Float[Array, "point 3"]:
        """Evaluate the potential of the placed coil, times the weights. [T m/A]"""
        local = pose.to_coil(points)
        parts = [
            weight * potential_of(each, local)
            for weight, each in zip(weights, self.sources, strict=True)
        ]
        return sum(parts[1:], parts[0]) @ pose.rotation.T


def potential_of(
    sources: Sources, points: Float[Array, "point 3"]
) -> Float[Array, "point 3"]:
    """Evaluate the vector potential of sources at 1 A, in their own frame. [T m/A]"""
    total = jnp.zeros_like(points)
    if len(sources.current_positions):
        squares = sum(
            (points[:, None, c] - sources.current_positions[None, :, c]) ** 2
            for c in range(3)
        )
        inverse = jax.lax.rsqrt(squares)  # pyright: ignore[reportArgumentType]
        total = total + MU0_OVER_4PI * inverse @ sources.current_vectors
    if len(sources.dipole_positions):
        dipoles = MagneticDipoles(sources.dipole_positions, sources.dipole_moments)
        total = total + dipoles.vector_potential(points)
    return total


def drives(coil: AbstractCoil) -> Drives:
    """Take a coil as what drives a basis.

    Raises:
        ValueError: The coil is known by its field alone, which is not that of currents
            above the head.
    """
    parts, rates = by_stimulator(coil)
    found = [_stand_in(each) for each in parts]
    cast = lambda leaf: jnp.asarray(leaf, dtype=float)
    sources = tuple(jax.tree.map(cast, each) for each, _ in found)
    return Drives(
        sources,
        jnp.asarray(rates, dtype=float),
        name_of(coil),
        coil_digest(coil),
        max(error for _, error in found),
    )


def by_stimulator(coil: AbstractCoil) -> tuple[list[AbstractCoil], np.ndarray]:
    """Split a coil into one for each stimulator, driven alone, and their rates."""
    count = coil.stimulator_count if isinstance(coil, Coil) else 1
    if not isinstance(coil, Coil) or count == 1:
        return [coil], np.ones(1)
    rates = np.ones(count) if coil.rates is None else np.asarray(coil.rates)
    alone = [coil.driven(jnp.asarray(row)) for row in np.eye(count)]
    return list(alone), rates


def _stand_in(coil: AbstractCoil) -> tuple[Sources, float]:
    try:
        wheel = rings(coil)
    except ValueError:
        return coil.sources(), 0.0
    if wheel.error > _RINGS_ERR:
        try:
            return coil.sources(), 0.0
        except ValueError:  # It is known by its field alone.
            pass
    return wheel.sources(), wheel.error


def name_of(coil: AbstractCoil) -> str:
    """How a coil is called, or its kind."""
    inner = getattr(coil, "coil", coil)
    return inner.name if isinstance(inner, Coil) else type(inner).__name__


def coil_digest(coil: AbstractCoil) -> str:
    """Distinguish a coil from others by its sources, or its field where it has none."""
    driven = dataclasses.replace(coil, rates=None) if isinstance(coil, Coil) else coil
    try:
        leaves = jax.tree.leaves(driven.sources())
    except ValueError:
        leaves = jax.tree.leaves(eqx.filter(driven, eqx.is_array))
    return digest_of(leaves)
