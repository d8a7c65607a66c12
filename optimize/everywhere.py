"""Objectives over a whole brain, by a reduced field: focality, and overlap with a network.

A reduced field gives E at all places of the cortex, so that nothing needs to be named that
is to be spared. While a search climbs, some thousands of places stand for all.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ..efield import Reciprocal, ReducedField
from ..efield.reduced.modes import Modes
from .objectives import AbstractObjective, norm


_PLACES = 12_000
_COARSER = 4  # Times fewer places for a first look.
_SOFTNESS = 0.05  # Of the edge of a hot spot, in units of |E| there.


class Places(eqx.Module):
    """|E| at some places, from the coefficients of a reduced field. Made by `places_of`.

    Attributes:
        modes: Of the field there.
        weights: How much each place counts, of sum 1.
    """

    modes: Modes
    weights: Float[Array, "place"]

    def magnitude(self, coefficients: Float[Array, "mode"]) -> Float[Array, "place"]:
        """Evaluate |E|. [V/m]"""
        return norm(self.modes(coefficients).astype(coefficients.dtype))

    def mean_magnitude(self, coefficients: Float[Array, "mode"]) -> Float[Array, ""]:
        """Average |E| over the places. [V/m]"""
        return jnp.dot(self.weights, self.magnitude(coefficients))


def places_of(
    reduced: ReducedField,
    first: Float[ndarray, "place"] | None = None,
    count: int = _PLACES,
) -> tuple[Places, ndarray]:
    """Let some places of a reduced field stand for all of them.

    Args:
        reduced: The field.
        first: Where this is not zero all places are kept, up to half of `count`.
        count: How many places, or all if there are fewer.

    Returns:
        The places, with weights that make up for those left out, and their numbers.
    """
    total = len(reduced.positions)
    rng = np.random.default_rng(0)
    wanted = np.zeros(total, bool) if first is None else first != 0
    weights = np.asarray(reduced.weights, np.float64).copy()
    chosen = []
    for group, most in ((wanted, count // 2), (~wanted, count)):
        members = np.flatnonzero(group)
        kept = rng.choice(
            members, min(len(members), most - sum(map(len, chosen))), False
        )
        if len(kept):
            weights[kept] *= weights[members].sum() / weights[kept].sum()
        chosen.append(np.sort(kept))
    numbers = np.concatenate(chosen)
    shares = weights[numbers] / weights[numbers].sum()
    return Places(reduced.modes.at(numbers), jnp.asarray(shares, float)), numbers


class FocalityEverywhere(AbstractObjective):
    """The mean of |E| in a target over that in the rest of the brain.

    Attributes:
        reciprocal: Gives the coefficients of the reduced field.
        places: Of the brain.
        target: How much each place counts in the target, of sum 1.
        rest: How much each counts elsewhere, of sum 1.
    """

    reciprocal: Reciprocal
    places: Places
    target: Float[Array, "place"]
    rest: Float[Array, "place"]

    def __init__(self, reduced: ReducedField, target: ArrayLike, count: int = _PLACES):
        """Set a target against everywhere else.

        Args:
            reduced: The field in the brain.
            target: How much of each place belongs to the target, (place,), from 0 to 1,
                or a mask.
            count: How many places stand for all while a search climbs.

        Raises:
            ValueError: The numbers do not fit the places, or all or none are the target.
        """
        share = _shares(reduced, target, "target")
        self.places, numbers = places_of(reduced, share, count)
        inside = np.asarray(self.places.weights) * share[numbers]
        outside = np.asarray(self.places.weights) * (1 - share[numbers])
        self.target = jnp.asarray(inside / inside.sum())
        self.rest = jnp.asarray(outside / outside.sum())
        self.reciprocal = reduced.reciprocal(_middle(reduced, share))

    @property
    def coarse(self) -> "FocalityEverywhere":
        """The same by a quarter of the places, those of the target first."""
        total = len(self.target)
        wanted = np.flatnonzero(np.asarray(self.target))
        others = np.setdiff1d(np.arange(total), wanted)
        # As many for any target: compiled code depends on it.
        count = min(max(total // _COARSER, 1), total)
        wanted = _evenly(wanted, min(len(wanted), count // 2))
        kept = np.concatenate([wanted, _evenly(others, count - len(wanted))])
        part = lambda weights: weights[kept] / jnp.sum(weights[kept])
        places = Places(self.places.modes.at(kept), part(self.places.weights))
        return eqx.tree_at(
            lambda each: (each.places, each.target, each.rest),
            *(self, (places, part(self.target), part(self.rest))),
        )

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return how many times stronger the target's field is."""
        magnitude = self.places.magnitude(mean)
        return jnp.dot(self.target, magnitude) / jnp.dot(self.rest, magnitude)


class HotSpotOverlap(AbstractObjective):
    """Which share of the hottest tissue belongs to a network.

    As in TANS [Lynch et al. 2022, doi:10.1016/j.neuron.2022.08.012]: the hot spot is the
    tissue of the largest |E|. Its edge is soft, so that the share has slopes.

    Attributes:
        reciprocal: Gives the coefficients of the reduced field.
        places: Of the brain.
        network: How much of each place belongs to it.
        hottest: The share of the tissue that is the hot spot.
        softness: Of its edge, in units of |E| there.
    """

    reciprocal: Reciprocal
    places: Places
    network: Float[Array, "place"]
    hottest: float = eqx.field(static=True)
    softness: float = eqx.field(static=True)

    def __init__(
        self,
        reduced: ReducedField,
        network: ArrayLike,
        hottest: float = 0.01,
        *,
        softness: float = _SOFTNESS,
        count: int = _PLACES,
    ):
        """Ask for a hot spot inside of a network.

        Args:
            reduced: The field in the brain.
            network: How much of each place belongs to it, (place,), from 0 to 1, or a
                mask.
            hottest: The share of the tissue that is the hot spot.
            softness: |E| that is by this much larger or smaller than at the edge, in
                units of it, is inside or outside by 73%.
            count: How many places stand for all while a search climbs.

        Raises:
            ValueError: The numbers do not fit the places, or all or none are of the
                network; or a share is out of range.
        """
        share = _shares(reduced, network, "network")
        if not 0 < hottest < 1 or not 0 < softness < 1:
            raise ValueError(
                f"`hottest` and `softness` must lie between 0 and 1, got {hottest!r} and "
                f"{softness!r}."
            )
        self.places, numbers = places_of(reduced, None, count)
        self.network = jnp.asarray(share[numbers])
        self.hottest, self.softness = float(hottest), float(softness)
        self.reciprocal = reduced.reciprocal(_middle(reduced, share))

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return the share, from 0 to 1."""
        magnitude, weights = self.places.magnitude(mean), self.places.weights
        edge = _edge(magnitude, weights, self.hottest)
        hot = weights * jax.nn.sigmoid((magnitude / edge - 1) / self.softness)
        return jnp.dot(hot, self.network) / jnp.sum(hot)


class PeakMagnitude(AbstractObjective):
    """The strongest |E| in a brain: that which a share of the tissue does not reach. [V/m]

    Attributes:
        reciprocal: Gives the coefficients of the reduced field.
        places: Of the brain.
        below: The share of the tissue with a smaller |E|.
    """

    reciprocal: Reciprocal
    places: Places
    below: float = eqx.field(static=True)

    def __init__(
        self, reduced: ReducedField, below: float = 0.999, *, count: int = _PLACES
    ):
        """Ask for the peak of the field.

        Args:
            reduced: The field in the brain.
            below: The share of the tissue with a smaller |E|: the very largest belongs to
                some element of bad shape.
            count: How many places stand for all.

        Raises:
            ValueError: The share is out of range.
        """
        if not 0 < below < 1:
            raise ValueError(f"`below` must lie between 0 and 1, got {below!r}.")
        self.places, _ = places_of(reduced, None, count)
        self.below = float(below)
        self.reciprocal = reduced.reciprocal()

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return |E| at the edge of the share. [V/m]"""
        return _edge(self.places.magnitude(mean), self.places.weights, 1 - self.below)


class Compactness(AbstractObjective):
    """How little of the brain is stimulated about as strongly as the peak.

    The reciprocal of the share of the tissue whose |E| exceeds a share of the peak's, with
    a soft edge, so that it has slopes: 50 where a fiftieth of the tissue does.

    Attributes:
        reciprocal: Gives the coefficients of the reduced field.
        places: Of the brain.
        above: The share of the peak.
        below: Which share of the tissue the peak exceeds.
        softness: Of the edge, in units of |E| there.
    """

    reciprocal: Reciprocal
    places: Places
    above: float = eqx.field(static=True)
    below: float = eqx.field(static=True)
    softness: float = eqx.field(static=True)

    def __init__(
        self,
        reduced: ReducedField,
        above: float = 0.5,
        *,
        below: float = 0.999,
        softness: float = _SOFTNESS,
        count: int = _PLACES,
    ):
        """Ask for a compact field.

        Args:
            reduced: The field in the brain.
            above: The share of the peak.
            below: Which share of the tissue the peak exceeds, as in `PeakMagnitude`.
            softness: |E| that is by this much larger or smaller than at the edge, in
                units of it, counts by 73 or 27%.
            count: How many places stand for all.

        Raises:
            ValueError: A share is out of range.
        """
        if not (0 < above < 1 and 0 < below < 1 and 0 < softness < 1):
            raise ValueError(
                f"`above`, `below` and `softness` must lie between 0 and 1, got {above!r}, "
                f"{below!r} and {softness!r}."
            )
        self.places, _ = places_of(reduced, None, count)
        self.above, self.below = float(above), float(below)
        self.softness = float(softness)
        self.reciprocal = reduced.reciprocal()

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Return how many times the tissue is as large as its hot part."""
        magnitude, weights = self.places.magnitude(mean), self.places.weights
        edge = self.above * _edge(magnitude, weights, 1 - self.below)
        inside = jax.nn.sigmoid((magnitude / edge - 1) / self.softness)
        return jnp.sum(weights) / jnp.dot(weights, inside)


def _evenly(numbers: Int[ndarray, "all"], count: int) -> Int[ndarray, "some"]:
    """Take some of the numbers, at even steps."""
    return numbers[np.linspace(0, len(numbers) - 1, count).astype(int)]


def _edge(
    magnitude: Float[Array, "place"], weights: Float[Array, "place"], hottest: float
) -> Float[Array, ""]:
    """|E| that a share of the tissue exceeds. [V/m]"""
    order = jnp.argsort(-magnitude)
    inside = jnp.cumsum(weights[order]) < hottest
    return magnitude[order[jnp.minimum(jnp.sum(inside), len(order) - 1)]]


def _shares(
    reduced: ReducedField, given: ArrayLike, name: str
) -> Float[ndarray, "place"]:
    share = np.asarray(given).astype(np.float64)
    count = len(reduced.positions)
    if share.shape != (count,) or not ((share >= 0) & (share <= 1)).all():
        raise ValueError(
            f"`{name}` must be a number from 0 to 1 for each of {count} places of the "
            f"reduced field, got the shape {share.shape}."
        )
    if not share.any() or (share == 1).all():
        raise ValueError(f"`{name}` is {'everywhere' if share.any() else 'nowhere'}.")
    return share


def _middle(
    reduced: ReducedField, share: Float[ndarray, "place"]
) -> Float[ndarray, "3"]:
    weights = np.asarray(reduced.weights) * share
    return weights @ reduced.positions / weights.sum()
