"""The field at many places for any placement of a coil, as a sum of modes."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int
from numpy import ndarray
from numpy.typing import DTypeLike
from scipy import sparse

from ...coils import AbstractCoil, Pose
from ..conductor import Conductor
from ..reciprocity import Reciprocal
from .accuracy import Accuracy, Origin
from .digests import conductor_digest
from .drives import Drives, coil_digest, name_of
from .modes import Modes


_TOGETHER = 8  # Fields whose change is measured at once.


class ReducedField(eqx.Module):
    """E at many places, for any placement of a coil near those it was made of.

    Made by `reduce`, or read by `read_reduced`. A pose gives coefficients by the coil's
    vector potential at some points in the head; modes times coefficients are the field.
    Everything is pure JAX: `jit`, `vmap`, and derivatives in pose and current.

    Attributes:
        modes: At the places. [V/m]
        points: In the head, where the coil's potential is looked at. [m]
        directions: Orthonormal: of the potential at all points, what the basis knows.
        to_modes: From there to coefficients, per 1 A/s.
        coils: What may be placed.
        positions: The places. [m]
        weights: How much each place counts, of sum 1.
        accuracy: Against direct solves.
        origin: Head and settings.
    """

    modes: Modes
    points: Float[Array, "reading 3"]
    directions: Float[Array, "rank readings"]
    to_modes: Float[Array, "mode rank"]
    coils: tuple[Drives, ...]
    positions: Float[ndarray, "point 3"]
    weights: Float[Array, "point"]
    accuracy: Accuracy
    origin: Origin = eqx.field(static=True)

    def field(
        self,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
        *,
        coil: int | AbstractCoil = 0,
        strict: bool = False,
    ) -> Float[Array, "*pose point 3"]:
        """Evaluate E at all places. [V/m]

        Args:
            pose: One placement, or a batch with one leading axis.
            current_rate: dI/dt; one for each stimulator of the coil, (stimulator,), where
                they are driven apart. [A/s]
            coil: Which of `coils`, or another coil: `misfit` says whether the basis
                knows its field.
            strict: Refuse poses outside of what the basis has seen; not under `jit`.

        Raises:
            ValueError: `strict`, and a pose is outside.
        """
        if strict:
            self.check(pose, coil=coil)
        return _field(self, pose, current_rate, coil)

    def magnitude(
        self,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
        *,
        coil: int | AbstractCoil = 0,
        strict: bool = False,
    ) -> Float[Array, "*pose point"]:
        """Evaluate |E| at all places, as `field` evaluates E. [V/m]"""
        if strict:
            self.check(pose, coil=coil)
        return _magnitude(self, pose, current_rate, coil)

    def coefficients(
        self,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
        *,
        coil: int | AbstractCoil = 0,
    ) -> Float[Array, "*pose mode"]:
        """Evaluate the coefficients of the modes, as for `field`."""
        return _coefficients(self, pose, current_rate, coil)

    def misfit(
        self,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
        *,
        coil: int | AbstractCoil = 0,
    ) -> Float[Array, "*pose"]:
        """Measure what the basis does not know of a placement's dA/dt, relative to it.

        Usable under `jit`. Within the domain it is about as large as the error of E;
        beyond `accuracy.limit` the pose is outside of what the basis has seen.
        """
        return _misfit(self, pose, current_rate, coil)

    def outside(
        self, pose: Pose, *, coil: int | AbstractCoil = 0
    ) -> Bool[Array, "*pose"]:
        """Find which poses are outside of what the basis has seen, under `jit` too.

        Their dA/dt is missed by more than that of any placement in the domain, or is
        stronger or weaker than all of these.
        """
        return _outside(self, pose, coil)

    def estimated_error(
        self,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
        *,
        coil: int | AbstractCoil = 0,
    ) -> Float[Array, "*pose"]:
        """Estimate the relative error of E from the misfit, inside the domain or not.

        The largest ratio of both over the unseen placements, times the misfit.
        """
        return self.accuracy.ratio * self.misfit(pose, current_rate, coil=coil)

    def check(self, pose: Pose, *, coil: int | AbstractCoil = 0) -> None:
        """Refuse poses outside of what the basis has seen.

        Raises:
            ValueError: With the number of the first such pose, and its estimated error.
        """
        outside = np.atleast_1d(np.asarray(self.outside(pose, coil=coil)))
        if outside.any():
            first, count = int(np.argmax(outside)), outside.size
            which = "the pose is" if count == 1 else f"pose {first} is"
            more = f" ({outside.sum()} of {count} poses are)" if count > 1 else ""
            errors = np.asarray(self.estimated_error(pose, coil=coil))
            error = np.atleast_1d(errors)[first]
            raise ValueError(
                f"{which} outside of what the reduced field has seen{more}; the error is "
                f"some {error:.1%}. Is the coil another one, or farther, nearer or "
                "elsewhere? Solve directly, or reduce a larger domain."
            )

    def check_made_for(
        self, conductor: Conductor | None = None, coil: AbstractCoil | None = None
    ) -> int:
        """Refuse another head or coil than the field was made for.

        Args:
            conductor: The head, or None to leave it unchecked.
            coil: The coil, or None.

        Returns:
            Which of `coils` the coil is; 0 where none is given.

        Raises:
            ValueError: The head, its conductivity, the order or the coil is another.
        """
        if conductor is not None:
            order = conductor.elements.order
            if order != self.origin.order:
                raise ValueError(
                    f"the reduced field was made with elements of order "
                    f"{self.origin.order}, not {order}."
                )
            if conductor_digest(conductor) != self.origin.head:
                raise ValueError(
                    f"the reduced field was made for another head or other conductivities: "
                    f"{self.origin.head_name}."
                )
        if coil is None:
            return 0
        digests = [each.digest for each in self.coils]
        mine = coil_digest(coil)
        if mine not in digests:
            names = ", ".join(repr(each.name) for each in self.coils)
            raise ValueError(
                f"the reduced field was made for the coil {names}, not for "
                f"{name_of(coil)!r}, or for one of this name with another winding, shape "
                "or setting."
            )
        return digests.index(mine)

    def stored(
        self, kind: DTypeLike, *, tolerance: float | None = None
    ) -> "ReducedField":
        """Store the modes in fewer bits, or more; what that changes is measured.

        Args:
            kind: float32, float16, or int8 with a scale for each mode and chunk of points.
            tolerance: With int8, leading modes stay in float16 until storage changes the
                fields of the unseen placements by less; by default a quarter of the
                tolerance of the basis.

        Returns:
            The field, whose `accuracy.storage` is the largest relative change, added to
            its errors.

        Raises:
            ValueError: There is no storage of this kind.
        """
        allowed = self.accuracy.tolerance / 4 if tolerance is None else tolerance
        leading, count = 0, self.modes.count
        while True:
            modes = self.modes.stored(kind, leading)
            change = self._changed_by(modes)
            if np.dtype(kind) != np.int8 or change <= allowed or leading >= count:
                break
            leading = min(max(8, 2 * leading), count)
        accuracy = dataclasses.replace(
            self.accuracy,
            relative=self.accuracy.relative + change,
            storage=self.accuracy.storage + change,
        )
        return dataclasses.replace(self, modes=modes, accuracy=accuracy)

    def subset(
        self, points: ArrayLike, weights: ArrayLike | None = None
    ) -> "ReducedField":
        """Keep some of the places; stated errors stay.

        Args:
            points: Their numbers, or a mask.
            weights: How much each counts, (some,); by default as before.

        Raises:
            ValueError: None is chosen, there are no such places, or weights do not fit.
        """
        chosen = np.asarray(points)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        count = len(self.positions)
        good = chosen.ndim == 1 and len(chosen) > 0
        if not (good and 0 <= chosen.min() <= chosen.max() < count):
            raise ValueError(
                f"`points` must be numbers from 0 to {count - 1}, at least one."
            )
        kept = self.weights[chosen] if weights is None else jnp.asarray(weights, float)
        if kept.shape != chosen.shape:
            raise ValueError(
                f"`weights` must be {len(chosen)} numbers, got the shape {kept.shape}."
            )
        return dataclasses.replace(
            self,
            modes=self.modes.at(chosen),
            positions=self.positions[chosen],
            weights=kept / jnp.sum(kept),
        )

    def means(
        self,
        shares: sparse.csr_array,
        positions: Float[ndarray, "mean 3"],
    ) -> "ReducedField":
        """Take means over the places, such as those around each vertex of a surface.

        Args:
            shares: How much each place counts in each mean, (means, places).
            positions: What stands for each mean, such as the vertices. [m]

        Returns:
            The field of the means, which all count alike; stated errors stay.

        Raises:
            ValueError: The numbers do not fit each other.
        """
        count = len(positions)
        if shares.shape != (count, len(self.positions)):
            raise ValueError(
                f"`shares` must be {count} means of {len(self.positions)} places, got the "
                f"shape {shares.shape}."
            )
        return dataclasses.replace(
            self,
            modes=self.modes.means(shares),
            positions=np.asarray(positions, dtype=np.float64),
            weights=jnp.full(count, 1 / count),
        )

    def reciprocal(self, centre: ArrayLike | None = None) -> Reciprocal:
        """Write the way to coefficients as currents at the points.

        So an objective may be made of the coefficients, as of the components of a
        target's mean field.

        Args:
            centre: Of what is aimed at, (3,); by default of all places. [m]
        """
        middle = self.weights @ self.positions if centre is None else centre
        table = self.to_modes @ self.directions
        currents = -table.reshape(self.modes.count, len(self.points), 3)
        return Reciprocal(self.points, currents, jnp.asarray(middle, dtype=float), True)

    def functional(
        self,
        points: Int[ndarray, "some"],
        shares: Float[ndarray, "direction some 3"],
        centre: ArrayLike,
    ) -> Reciprocal:
        """Write sums over components of E as currents at the points.

        Such as the mean vector of a target, with three directions, which an objective
        takes as it takes what adjoint solutions give.

        Args:
            points: Numbers of the places that are added up.
            shares: How much each component counts there.
            centre: Of what is aimed at, (3,). [m]
        """
        sums = np.einsum("dpc,mpc->dm", shares, self.modes.dense(points))
        table = jnp.asarray(sums, float) @ self.to_modes @ self.directions
        currents = -table.reshape(len(shares), len(self.points), 3)
        return Reciprocal(self.points, currents, jnp.asarray(centre, dtype=float), True)

    def _changed_by(self, modes: Modes) -> float:
        """Relative, of the field of the unseen placement where that is the largest."""
        worst = 0.0
        root = np.sqrt(np.asarray(self.weights))[:, None]
        rows = self.accuracy.coefficients
        for first in range(0, len(rows), _TOGETHER):
            some = rows[first : first + _TOGETHER]
            before = np.asarray(self.modes(some)) * root
            change = np.asarray(modes(some)) * root - before
            sizes = (
                np.linalg.norm(x.reshape(len(x), -1), axis=1) for x in (change, before)
            )
            worst = max(worst, float(np.max(np.divide(*sizes))))
        return worst


# Compiled, so that a call takes milliseconds; within a program that is being compiled these
# are part of it.


@eqx.filter_jit
def _coefficients(
    reduced: ReducedField,
    pose: Pose,
    current_rate: ArrayLike,
    coil: int | AbstractCoil,
) -> Float[Array, "*pose mode"]:
    def one(each: Pose) -> Float[Array, "mode"]:
        reading = _reading(reduced, each, current_rate, coil)
        return reduced.to_modes @ (reduced.directions @ reading)

    return _over_poses(one, pose)


@eqx.filter_jit
def _field(
    reduced: ReducedField,
    pose: Pose,
    current_rate: ArrayLike,
    coil: int | AbstractCoil,
) -> Float[Array, "*pose point 3"]:
    return reduced.modes(_coefficients(reduced, pose, current_rate, coil))


@eqx.filter_jit
def _magnitude(
    reduced: ReducedField,
    pose: Pose,
    current_rate: ArrayLike,
    coil: int | AbstractCoil,
) -> Float[Array, "*pose point"]:
    found = _field(reduced, pose, current_rate, coil)
    square = jnp.sum(found**2, axis=-1)
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1)), 0)


@eqx.filter_jit
def _misfit(
    reduced: ReducedField,
    pose: Pose,
    current_rate: ArrayLike,
    coil: int | AbstractCoil,
) -> Float[Array, "*pose"]:
    def one(each: Pose) -> Float[Array, ""]:
        reading = _reading(reduced, each, current_rate, coil)
        scaled = _scaled(reading)
        rest = scaled - reduced.directions.T @ (reduced.directions @ scaled)
        return jnp.linalg.norm(rest) / jnp.linalg.norm(scaled)

    return _over_poses(one, pose)


@eqx.filter_jit
def _outside(
    reduced: ReducedField, pose: Pose, coil: int | AbstractCoil
) -> Bool[Array, "*pose"]:
    named = 0 if isinstance(coil, AbstractCoil) else coil
    low, high = reduced.coils[named].strengths
    size = _over_poses(
        lambda each: (
            jnp.max(jnp.abs(_reading(reduced, each, 1.0, coil)))
            * jnp.linalg.norm(_scaled(_reading(reduced, each, 1.0, coil)))
        ),
        pose,
    )
    # What is not a number is outside as well.
    known = _misfit(reduced, pose, 1.0, coil) <= reduced.accuracy.limit
    return ~(known & (size >= low) & (size <= high))


def _scaled(reading: Float[Array, "readings"]) -> Float[Array, "readings"]:
    return reading / jnp.max(jnp.abs(reading))  # Squares of less vanish.


def _reading(
    reduced: ReducedField,
    pose: Pose,
    current_rate: ArrayLike,
    coil: int | AbstractCoil,
) -> Float[Array, "readings"]:
    """Evaluate dA/dt at the points. [V/m]"""
    if isinstance(coil, AbstractCoil):
        potential = coil.potential_at(reduced.points, pose)
        return jnp.multiply(current_rate, potential).reshape(-1)
    driven = reduced.coils[coil]
    rates = driven.weights(current_rate)
    return driven.potential(reduced.points, pose, rates).reshape(-1)


def _over_poses(one, pose: Pose) -> Array:
    # One pose after the other: each keeps the machine busy, and memory stays small.
    return one(pose) if pose.translation.ndim == 1 else jax.lax.map(one, pose)
