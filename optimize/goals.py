"""Objectives over whole regions: the mean of |E|, wanted fields, focality, limits."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from ..efield import FieldModes, Reciprocal, ReducedField
from .everywhere import Places, places_of
from .objectives import AbstractObjective, Parts, checked_weights, join, norm


_SHARPNESS = (
    24.0  # Of the smooth minimum over limits; it is 3% low where two are equal.
)


class MeanOfMagnitude(AbstractObjective):
    """The mean of |E| over a region, which is what `ElectricField.mean_magnitude` gives.

    Not to be taken for `MeanMagnitude`, the norm of the mean vector, which is smaller
    where directions differ.

    Attributes:
        reciprocal: Of the modes.
        modes: Of the field in the region.
    """

    reciprocal: Reciprocal
    modes: FieldModes | Places

    def __init__(self, modes: FieldModes | ReducedField):
        """Take the modes of a region, as `field_modes` makes them, or a reduced field.

        Of a reduced field all places count by its weights; `ReducedField.subset` takes
        those of a region.
        """
        if isinstance(modes, ReducedField):
            self.reciprocal = modes.reciprocal()
            self.modes = places_of(modes)[0]
            return
        full = modes.reciprocal
        bare = Reciprocal(full.positions[:0], full.currents[:, :0], full.centre)
        self.reciprocal = full
        self.modes = eqx.tree_at(lambda each: each.reciprocal, modes, bare)

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return Σ w |E|. [V/m]"""
        return self.modes.mean_magnitude(mean)


class WantedField(AbstractObjective):
    """Least squares to the vectors that are wanted in several regions.

    The value is -Σ w |c E - W|² / √(Σ w |W|²): zero where all is reached. The intensity c,
    in units of the search's current rate, is the best from 0 to the highest allowed.

    Attributes:
        reciprocal: With x, y and z of each region, one region after the other.
        wanted: The mean vector W in each region. [V/m]
        weights: Of the regions, of sum 1.
        highest: The largest intensity, in units of the search's current rate.
    """

    reciprocal: Reciprocal
    wanted: Float[Array, "region 3"]
    weights: Float[Array, "region"]
    highest: Float[Array, ""]

    def __init__(
        self,
        targets: Sequence[Reciprocal],
        wanted: ArrayLike,
        weights: ArrayLike | None = None,
        highest: float = np.inf,
    ):
        """Keep regions and what is wanted there.

        Raises:
            ValueError: The numbers do not fit the regions, or all vectors are zero.
        """
        given = np.asarray(wanted, dtype=np.float64)
        self.reciprocal, self.weights = _regions(targets, weights)
        _check_wanted(given, (len(targets), 3), highest)
        self.wanted, self.highest = jnp.asarray(given), jnp.asarray(float(highest))

    def intensity(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return the best factor of the search's current rate."""
        field = mean.reshape(-1, 3)
        weights = self.weights[:, None]
        return _best_factor(
            jnp.sum(weights * field * self.wanted),
            jnp.sum(weights * field**2),
            self.highest,
        )

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return minus the squared misfit, relative to the size of what is wanted."""
        weights = self.weights[:, None]
        misfit = self.intensity(mean) * mean.reshape(-1, 3) - self.wanted
        size = jnp.sqrt(jnp.sum(weights * self.wanted**2))
        return -jnp.sum(weights * misfit**2) / size


class WantedMagnitude(AbstractObjective):
    """Least squares to the norms of the mean vectors wanted in several regions.

    As `WantedField`, with |mean E| in the place of the vectors.

    Attributes:
        reciprocal: With x, y and z of each region, one region after the other.
        wanted: The norm in each region. [V/m]
        weights: Of the regions, of sum 1.
        highest: The largest intensity, in units of the search's current rate.
    """

    reciprocal: Reciprocal
    wanted: Float[Array, "region"]
    weights: Float[Array, "region"]
    highest: Float[Array, ""]

    def __init__(
        self,
        targets: Sequence[Reciprocal],
        wanted: ArrayLike,
        weights: ArrayLike | None = None,
        highest: float = np.inf,
    ):
        """Keep regions and what is wanted there.

        Raises:
            ValueError: The numbers do not fit the regions, are negative or all zero.
        """
        given = np.asarray(wanted, dtype=np.float64)
        self.reciprocal, self.weights = _regions(targets, weights)
        _check_wanted(given, (len(targets),), highest)
        if (given < 0).any():
            raise ValueError(f"`wanted` must not be negative, got {wanted!r}.")
        self.wanted, self.highest = jnp.asarray(given), jnp.asarray(float(highest))

    def intensity(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return the best factor of the search's current rate."""
        sizes = norm(mean.reshape(-1, 3))
        return _best_factor(
            jnp.sum(self.weights * sizes * self.wanted),
            jnp.sum(self.weights * sizes**2),
            self.highest,
        )

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return minus the squared misfit, relative to the size of what is wanted."""
        misfit = self.intensity(mean) * norm(mean.reshape(-1, 3)) - self.wanted
        size = jnp.sqrt(jnp.sum(self.weights * self.wanted**2))
        return -jnp.sum(self.weights * misfit**2) / size


class Focality(AbstractObjective):
    """The target's field in units of that elsewhere: T / Σ w R.

    A ratio alone knows no intensity. Where a weak but focal field will not do, subtract
    instead, by `WeightedSum` with negative weights, or set limits by `Reachable`.

    Attributes:
        reciprocal: Of all.
        parts: The target's objective and those of what is to be spared.
        weights: Of the latter, of sum 1.
    """

    reciprocal: Reciprocal
    parts: Parts
    weights: Float[Array, "spared"]

    def __init__(
        self,
        target: AbstractObjective,
        spared: Sequence[AbstractObjective],
        weights: ArrayLike | None = None,
    ):
        """Set a target against other regions.

        Args:
            target: Rates the target.
            spared: Rate the rest or regions to avoid, such as `MeanOfMagnitude`.
            weights: Of the latter, positive; equal by default.

        Raises:
            ValueError: Nothing is spared, or the weights are not positive.
        """
        self.reciprocal, self.parts = join([target, *spared])
        self.weights = _shares(weights, len(spared))

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return how many times stronger the target's field is."""
        target, *spared = self.parts.values(mean)
        return target / jnp.dot(self.weights, jnp.stack(spared))


class Reachable(AbstractObjective):
    """The target's field at the highest intensity that all limits allow.

    The intensity is min(highest, L / R) over regions to avoid, made smooth: some 3% lower
    where two limits bind at once. `intensity` gives the exact one.

    Attributes:
        reciprocal: Of all.
        parts: The target's objective and those of regions to avoid.
        limits: Of the latter. [V/m]
        highest: The largest intensity, in units of the search's current rate.
    """

    reciprocal: Reciprocal
    parts: Parts
    limits: Float[Array, "avoided"]
    highest: Float[Array, ""]

    def __init__(
        self,
        target: AbstractObjective,
        avoided: Sequence[AbstractObjective],
        limits: ArrayLike,
        highest: float = np.inf,
    ):
        """Set limits to the field elsewhere.

        Args:
            target: Rates the target.
            avoided: Rate regions to avoid, such as `MeanOfMagnitude`.
            limits: What these may be at most. [V/m]
            highest: The largest intensity, in units of the search's current rate.

        Raises:
            ValueError: Limits are missing or not positive.
        """
        given = np.asarray(limits, dtype=np.float64)
        if given.shape != (len(avoided),) or not (given > 0).all():
            raise ValueError(
                f"`limits` must be {len(avoided)} positive numbers in V/m, one for each "
                f"region to avoid, got {limits!r}."
            )
        if not highest > 0 or (np.isinf(highest) and len(avoided) == 0):
            raise ValueError(
                f"`highest` must be positive, and finite where no other limit is set, got "
                f"{highest!r}."
            )
        self.reciprocal, self.parts = join([target, *avoided])
        self.limits, self.highest = jnp.asarray(given), jnp.asarray(float(highest))

    def intensity(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return the highest factor of the search's current rate."""
        _, *avoided = self.parts.values(mean)
        ratios = [x / limit for x, limit in zip(avoided, self.limits, strict=True)]
        return 1 / jnp.max(jnp.stack([1 / self.highest, *ratios]))

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return the target's value at about that intensity. [V/m]"""
        target, *avoided = self.parts.values(mean)
        ratios = [x / limit for x, limit in zip(avoided, self.limits, strict=True)]
        every = jnp.stack([1 / self.highest, *ratios])
        largest = jnp.max(every)
        total = jnp.sum((every / largest) ** _SHARPNESS) ** (1 / _SHARPNESS)
        return target / (largest * total)


def _regions(
    targets: Sequence[Reciprocal], weights: ArrayLike | None
) -> tuple[Reciprocal, Float[Array, "region"]]:
    if len(targets) == 0:
        raise ValueError("`targets` is empty: give at least one region.")
    for each in targets:
        if len(each.currents) != 3:
            raise ValueError(
                "each of `targets` must have the directions x, y and z, got "
                f"{len(each.currents)} directions."
            )
    currents = jnp.concatenate([each.currents for each in targets])
    shares = _shares(weights, len(targets))
    return Reciprocal(targets[0].positions, currents, targets[0].centre), shares


def _shares(weights: ArrayLike | None, count: int) -> Float[Array, "part"]:
    if count == 0:
        raise ValueError("there is no region to weigh against the target.")
    given = checked_weights(np.ones(count) if weights is None else weights, count)
    if not bool((np.asarray(given) > 0).all()):
        raise ValueError(f"`weights` must be positive, got {weights!r}.")
    return given / jnp.sum(given)


def _check_wanted(wanted: np.ndarray, shape: tuple[int, ...], highest: float) -> None:
    if wanted.shape != shape or not np.isfinite(wanted).all() or not wanted.any():
        raise ValueError(
            f"`wanted` must be finite numbers in V/m of the shape {shape}, not all zero, "
            f"got {wanted.tolist()!r}."
        )
    if not highest > 0:
        raise ValueError(f"`highest` must be positive, got {highest!r}.")


def _best_factor(
    product: Float[Array, ""], square: Float[Array, ""], highest: Float[Array, ""]
) -> Float[Array, ""]:
    safe = jnp.where(square > 0, square, 1)
    return jnp.clip(jnp.where(square > 0, product / safe, 0), 0, highest)
