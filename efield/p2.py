"""Quadratic tetrahedra with straight edges: nodes at corners and at middles of edges.

With barycentric coordinates λ the shape functions are λᵢ (2 λᵢ - 1) at the corners and
4 λᵢ λⱼ at the edges. The gradient of a function with the values φᵢ and φᵢⱼ is linear in
each element, and at the corner i it is

    ∇φ = Σₖ cᵢₖ ∇λₖ,    cᵢₖ = 4 (φᵢₖ - φᵢ) - (φₖ - φᵢ),    cᵢᵢ = 0.

The load ∫ σ ∂A/∂t·∇N is taken of the quadratic interpolant of ∂A/∂t and integrated
exactly, by its projection on linear fields. So ∂A/∂t is wanted at the nodes only, a third
of the points of the smallest quadrature of that degree, and its error is of third order,
one above that of the field.
"""

from itertools import combinations, product
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..meshing import HeadMesh
from .binned import BinnedRows
from .elements import ELEMENT_EDGES, AbstractElements, sums_at_nodes
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
        return _products()

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
        return (vectors + jnp.sum(vectors, axis=0, keepdims=True)) / 20

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


@jax.jit
def _corner_gradients(
    gradients: Float[Array, "3 3 tet"],
    tetrahedra: Int[Array, "10 tet"],
    values: Float[Array, "node"],
) -> Float[Array, "4 3 tet"]:
    at = [values[tetrahedra[i]] for i in range(10)]
    middle = {pair: at[4 + e] for e, pair in enumerate(ELEMENT_EDGES)}

    def slope(i: int, k: int) -> Float[Array, "tet"]:
        if i == k:
            return jnp.zeros_like(at[0])
        return 4 * (middle[min(i, k), max(i, k)] - at[i]) - (at[k] - at[i])

    # The gradient of λ₀ is minus the sum of the others.
    return jnp.stack(
        [
            sum((slope(i, k) - slope(i, 0))[None] * gradients[k - 1] for k in (1, 2, 3))
            for i in range(4)
        ]
    )


@jax.jit
def _node_products(
    gradients: Float[Array, "3 3 tet"], vectors: Float[Array, "4 3 tet"]
) -> Float[Array, "10 tet"]:
    """Products v·∇Nₐ, from those with the gradients of the barycentric coordinates."""
    others = [jnp.sum(vectors * g[None], axis=1) for g in gradients]
    along = [-(others[0] + others[1] + others[2]), *others]  # along[k][i] = ∇λₖ·vᵢ
    corners = [4 * along[k][k] - jnp.sum(along[k], axis=0) for k in range(4)]
    edges = [4 * (along[k][i] + along[i][k]) for i, k in ELEMENT_EDGES]
    return jnp.stack(corners + edges)


@jax.jit
def _projection(
    tetrahedra: Int[Array, "10 tet"], values: Float[Array, "node 3"]
) -> Float[Array, "4 3 tet"]:
    """Take Π a at each corner k: a third of aₖ, two of its edges', less 2/15 of all."""

    def component(c: int) -> Float[Array, "4 tet"]:
        at = [values[tetrahedra[i], c] for i in range(10)]
        total = sum(at)
        return (
            jnp.stack(
                [(at[k] + 2 * sum(at[e] for e in _AROUND[k])) / 3 for k in range(4)]
            )
            - (2 / 15) * jnp.asarray(total)[None]
        )

    return jnp.stack([component(c) for c in range(3)], axis=1)


@jax.jit
def _projection_adjoint(corners: Float[Array, "4 tet"]) -> Float[Array, "10 tet"]:
    total = (2 / 15) * jnp.sum(corners, axis=0)
    nodes = [corners[k] / 3 - total for k in range(4)]
    edges = [2 * (corners[i] + corners[k]) / 3 - total for i, k in ELEMENT_EDGES]
    return jnp.stack(nodes + edges)


# The local numbers of the edges that meet at each corner.
_AROUND = [
    [4 + e for e, pair in enumerate(ELEMENT_EDGES) if k in pair] for k in range(4)
]


def _products() -> Float[ndarray, "45 6"]:
    # ∂Nₐ/∂λₖ at the corner i; linear between corners.
    slopes = np.zeros((4, 10, 4))
    for i, k in product(range(4), repeat=2):
        slopes[i, k, k] = 3.0 if i == k else -1.0
    for e, (k, m) in enumerate(ELEMENT_EDGES):
        slopes[k, 4 + e, m] = slopes[m, 4 + e, k] = 4.0
    moments = (1 + np.eye(4)) / 20
    full = np.einsum("ij,iak,jbl->abkl", moments, slopes, slopes)
    full = full + np.swapaxes(full, 2, 3)
    own = np.einsum("abkk->abk", full) / 2
    # ∇λₖ·σ∇λₖ is minus the sum of the products with the three others.
    return np.array(
        [
            [full[a, b, k, m] - own[a, b, k] - own[a, b, m] for k, m in ELEMENT_EDGES]
            for a, b in combinations(range(10), 2)
        ]
    )


def second_order(head: HeadMesh, *, ordered_sums: bool | None = None) -> P2:
    """Set up quadratic elements on a head, once.

    Args:
        head: The mesh.
        ordered_sums: As for `first_order`.
    """
    corners = head.tetrahedra.T
    starts, ends = (
        np.concatenate([corners[p[j]] for p in ELEMENT_EDGES]) for j in (0, 1)
    )
    count = len(head.nodes)
    keys = np.minimum(starts, ends).astype(np.int64) * count + np.maximum(starts, ends)
    unique, place = np.unique(keys, return_inverse=True)
    edges = np.stack([unique // count, unique % count]).astype(np.int32)
    middles = (head.nodes[edges[0]] + head.nodes[edges[1]]) / 2
    numbers = (count + place.reshape(6, -1)).astype(np.int32)
    linear = first_order(head, ordered_sums=False)
    nodes, tetrahedra = (
        np.concatenate([head.nodes, middles]),
        np.concatenate([corners, numbers]),
    )
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
