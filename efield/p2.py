"""Quadratic tetrahedra with straight edges: nodes at corners and at middles of edges.

Their formulas are in `quadratic`. The load ∫ σ ∂A/∂t·∇N is taken of the quadratic
interpolant of ∂A/∂t and integrated exactly, by its projection on linear fields. So ∂A/∂t is
wanted at the nodes only, a third of the points of the smallest quadrature of that degree,
and its error is of third order, one above that of the field.
"""

from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..meshing import HeadMesh
from . import quadratic
from .binned import BinnedRows
from .elements import AbstractElements, sums_at_nodes
from .p1 import P1, first_order


class P2(AbstractElements):
    """Second-order tetrahedra on a mesh.

    Attributes:
        nodes: Positions of the mesh's nodes, then of the middles of its edges. [m]
        tetrahedra: The four corners of every element, then the middles of its edges.
        gradients: Of the barycentric coordinates, see `AbstractElements`. [1/m]
        volumes: Of the elements. [m³]
        edges: The two ends of each edge.
        incidence: See `AbstractElements`.
    """

    order: ClassVar[int] = 2
    nodes: Float[Array, "node 3"]
    tetrahedra: Int[Array, "10 tet"]
    gradients: Float[Array, "3 3 tet"]
    volumes: Float[Array, "tet"]
    edges: Int[Array, "2 edge"]
    incidence: BinnedRows | None = None

    @property
    def coarser(self) -> P1:
        """First-order elements on the same mesh."""
        corners = len(self.nodes) - self.edges.shape[1]
        return P1(
            self.nodes[:corners], self.tetrahedra[:4], self.gradients, self.volumes
        )

    @property
    def prolongation(self) -> sp.csr_matrix:
        """Interpolate a linear function: the mean of its ends in the middle of an edge."""
        ends = np.asarray(self.edges).T
        corners = len(self.nodes) - len(ends)
        columns = np.concatenate([np.arange(corners), ends.ravel()])
        values = np.concatenate([np.ones(corners), np.full(ends.size, 0.5)])
        starts = np.concatenate(
            [np.arange(corners), corners + np.arange(0, ends.size + 1, 2)]
        )
        shape = (len(self.nodes), corners)
        return sp.csr_matrix((values, columns, starts), shape=shape)

    @property
    def products(self) -> Float[ndarray, "45 6"]:
        """The stiffness of an element as sums of products of barycentric gradients."""
        return quadratic.gradient_products()

    def gradient(self, values: Float[Array, "node"]) -> Float[Array, "4 3 tet"]:
        """Take the gradient at the corners of each element. [unit/m]"""
        return _corner_gradients(self.gradients, self.tetrahedra, values)

    def node_products(self, vectors: Float[Array, "4 3 tet"]) -> Float[Array, "10 tet"]:
        """Sum v·∇Nₙ over the corners of each element, for each of its nodes."""
        return _node_products(self.gradients, vectors)

    def projected(self, values: Float[Array, "node 3"]) -> Float[Array, "4 3 tet"]:
        """Project the quadratic interpolant of each element on linear functions."""
        return _projection(self.tetrahedra, values)

    def projected_adjoint(
        self, vectors: Float[Array, "4 3 tet"]
    ) -> Float[Array, "node 3"]:
        """Hand the values at corners to the nodes: the adjoint of `projected`."""
        parts = [_projection_adjoint(vectors[:, c]) for c in range(3)]
        return jnp.stack([self.gathered(part) for part in parts], axis=1)

    def moments(self, vectors: Float[Array, "4 3 tet"]) -> Float[Array, "4 3 tet"]:
        """Multiply by ∫ λᵢ λⱼ = V (1 + δᵢⱼ) / 20, per volume."""
        return quadratic.moments(jnp, vectors)

    def averaged(self, vectors: Float[Array, "4 3 tet"]) -> Float[Array, "3 tet"]:
        """Average the values at the corners."""
        return jnp.mean(vectors, axis=0)

    def averaged_adjoint(
        self, vectors: Float[Array, "3 tet"]
    ) -> Float[Array, "4 3 tet"]:
        """Give a quarter of each element's vector to each of its corners."""
        return jnp.broadcast_to(vectors / 4, (4, *vectors.shape))

    def corners(self, vectors: Float[Array, "4 3 tet"]) -> Float[Array, "tet 4 3"]:
        """Return the values at the corners, element by element."""
        return jnp.moveaxis(vectors, -1, 0)


_corner_gradients = jax.jit(partial(quadratic.corner_gradients, jnp))
_node_products = jax.jit(partial(quadratic.node_products, jnp))
_projection_adjoint = jax.jit(partial(quadratic.projection_adjoint, jnp))


@jax.jit
def _projection(
    tetrahedra: Int[Array, "10 tet"], values: Float[Array, "node 3"]
) -> Float[Array, "4 3 tet"]:
    """Take Π a at each corner k: a third of aₖ, two of its edges', less 2/15 of all."""

    def component(c: int) -> Float[Array, "4 tet"]:
        at = [values[tetrahedra[i], c] for i in range(10)]
        total = sum(at)
        ends = [sum(at[e] for e in edges) for edges in quadratic.AROUND]
        corners = jnp.stack([(at[k] + 2 * ends[k]) / 3 for k in range(4)])
        return corners - (2 / 15) * jnp.asarray(total)[None]

    return jnp.stack([component(c) for c in range(3)], axis=1)


def second_order(head: HeadMesh, *, ordered_sums: bool | None = None) -> P2:
    """Set up quadratic elements on a head, once.

    Args:
        head: The mesh.
        ordered_sums: As for `first_order`.
    """
    nodes, tetrahedra, edges = quadratic.with_middles(head)
    linear = first_order(head, ordered_sums=False)
    if ordered_sums is None:
        ordered_sums = jax.default_backend() != "cpu"
    return P2(
        jnp.asarray(nodes),
        jnp.asarray(tetrahedra),
        linear.gradients,
        linear.volumes,
        edges=jnp.asarray(edges),
        incidence=sums_at_nodes(tetrahedra, len(nodes)) if ordered_sums else None,
    )
