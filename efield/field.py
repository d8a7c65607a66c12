"""The induced electric field and what is read off it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..meshing import Region
from .linear import SolverReport


class ElectricField(eqx.Module):
    """E = -∂A/∂t - ∇φ on the elements of a head, for one placement of a coil.

    Attributes:
        vectors: The field in each tetrahedron. [V/m]
        potential: φ at the nodes, zero at the ground node. [V]
        report: Iterations and true relative residual of the solve.
    """

    vectors: Float[Array, "*pose tet 3"]
    potential: Float[Array, "*pose node"]
    report: SolverReport

    @property
    def magnitude(self) -> Float[Array, "*pose tet"]:
        """|E| in each tetrahedron. [V/m]"""
        square = jnp.sum(self.vectors**2, axis=-1)
        positive = square > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)

    def mean(self, region: Region) -> Float[Array, "*pose 3"]:
        """Average the vectors over a region, weighted as the region says. [V/m]"""
        inside = self.vectors[..., region.tetrahedra, :]
        return jnp.einsum("t,...tc->...c", jnp.asarray(region.weights), inside)

    def mean_magnitude(self, region: Region) -> Float[Array, "*pose"]:
        """Average |E| over a region, weighted as the region says. [V/m]"""
        return self.magnitude[..., region.tetrahedra] @ jnp.asarray(region.weights)
