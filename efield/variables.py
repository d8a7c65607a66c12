"""The conductivity of elements as a function of few numbers: the values of tissues."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..meshing import TISSUE_NAMES, HeadMesh
from .conductivity import CONDUCTIVITIES
from .conductor import Conductor
from .distributions import AbstractDistribution, Distributions, by_tag
from .linear import Stiffness


class UncertainTissues(eqx.Module):
    """Tissues with uncertain conductivities.

    The conductivity of an element is that which it was given times the value of its
    tissue over the tissue's nominal value. So a tensor keeps its shape and scales with its
    tissue, as `Anisotropy.VOLUME_NORMALISED` does.

    Attributes:
        tags: Of the tissues, in order: the variables.
        distributions: Of each.
        given: The conductivity of all elements. [S/m]
        nominal: The values of the tissues for which it was given. [S/m]
        variable: Which variable each element depends on, or as many as there are.
    """

    tags: tuple[int, ...] = eqx.field(static=True)
    distributions: tuple[AbstractDistribution, ...] = eqx.field(static=True)
    given: Float[Array, "tet"] | Float[Array, "tet 3 3"]
    nominal: Float[ndarray, "variable"]
    variable: Int[Array, "tet"]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tissues."""
        return tuple(TISSUE_NAMES[tag] for tag in self.tags)

    @property
    def means(self) -> Float[ndarray, "variable"]:
        """Means of the distributions. [S/m]"""
        return np.array([d.mean for d in self.distributions])

    @property
    def deviations(self) -> Float[ndarray, "variable"]:
        """Standard deviations of the distributions. [S/m]"""
        return np.array([d.deviation for d in self.distributions])

    def conductivity(
        self, values: Float[Array, "variable"] | Float[ndarray, "variable"]
    ) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
        """Give elements their conductivities; differentiable. [S/m]

        Args:
            values: Of the tissues. [S/m]
        """
        ratio = jnp.append(jnp.asarray(values) / jnp.asarray(self.nominal), 1.0)
        return self.given * self._spread(ratio[self.variable])

    def part(self, index: int) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
        """The derivative of the conductivity by one value; for -1 what does not vary."""
        if index < 0:
            return self.given * self._spread(
                jnp.asarray(self.variable == len(self.tags), self.given.dtype)
            )
        inside = jnp.asarray(self.variable == index, self.given.dtype)
        return self.given * self._spread(inside / self.nominal[index])

    def parts(self, stiffness: Stiffness) -> list[Stiffness]:
        """The operator for what does not vary, then its derivative by each value."""
        return [
            Stiffness(stiffness.elements, self.part(index), stiffness.ground)
            for index in range(-1, len(self.tags))
        ]

    def at_means(self, conductor: Conductor) -> Conductor:
        """The conductor with the means of all distributions."""
        return conductor.with_conductivity(self.conductivity(self.means))

    def draws(self, count: int, seed: int = 0) -> Float[ndarray, "draw variable"]:
        """Draw values, evenly by a Sobol sequence. [S/m]

        Args:
            count: How many.
            seed: Of the scrambling.
        """
        return self.values_at(sobol(len(self.tags), count, seed))

    def values_at(
        self, shares: Float[ndarray, "draw variable"]
    ) -> Float[ndarray, "draw variable"]:
        """Take quantiles of each distribution. [S/m]"""
        columns = [
            distribution.quantile(shares[:, i])
            for i, distribution in enumerate(self.distributions)
        ]
        return np.stack(columns, axis=1)

    def _spread(self, factor: Float[Array, "tet"]) -> Array:
        return factor if self.given.ndim == 1 else factor[:, None, None]


def uncertain_tissues(
    head: HeadMesh,
    conductor: Conductor,
    distributions: Distributions,
    nominal: Mapping[int, float] | None = None,
) -> UncertainTissues:
    """Let the tissues of a head have uncertain conductivities.

    Args:
        head: The head.
        conductor: Of the same head, with scalar conductivities or tensors.
        distributions: By tissue; those of tissues that the head lacks are left out.
        nominal: By tag, the values for which the conductor was made; by default
            `CONDUCTIVITIES`. [S/m]

    Raises:
        ValueError: The head has none of the tissues, or one is unknown.
    """
    wanted = by_tag(distributions)
    there = set(head.tissues)
    found = {tag: d for tag, d in wanted.items() if tag in there}
    if not found:
        raise ValueError(
            f"`distributions` is of {', '.join(TISSUE_NAMES[t] for t in wanted)}; the head "
            f"has only {', '.join(TISSUE_NAMES[t] for t in sorted(there))}."
        )
    values = CONDUCTIVITIES | dict(nominal or {})
    variable = np.full(max(TISSUE_NAMES) + 1, len(found))
    variable[list(found)] = np.arange(len(found))
    return UncertainTissues(
        tuple(found),
        tuple(found.values()),
        conductor.conductivity,
        np.array([float(values[tag]) for tag in found]),
        jnp.asarray(variable[head.tags]),
    )


def sobol(dimensions: int, count: int, seed: int) -> Float[ndarray, "draw dimension"]:
    """Spread points evenly over the unit cube [Sobol 1967; scrambled as by Owen 1998]."""
    if count < 2:
        raise ValueError(f"`draws` must be at least 2, got {count!r}.")
    from scipy.stats import qmc  # It takes as long to import as all of JAX.

    points = qmc.Sobol(dimensions, rng=seed).random_base2(int(np.ceil(np.log2(count))))
    # Of 2^-53 and nearer to 0 or 1 a quantile is none.
    return np.clip(points[:count], 1e-12, 1 - 1e-12)
