"""Linear tetrahedra: gradients of nodal functions, and their adjoints.

On an element with the nodes r₀…r₃ the shape functions N₁…N₃ have the gradients that are
dual to the edges rᵢ - r₀, and ∇N₀ is minus their sum. Fields are constant in an element.
"""

import dataclasses
from types import ModuleType
from typing import ClassVar, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..meshing import HeadMesh
from .binned import BinnedRows
from .elements import AbstractElements, rows, sums_at_nodes


class P1(AbstractElements):
    """First-order tetrahedra on a mesh.

    Attributes:
        nodes: Positions. [m]
        tetrahedra: The i-th node of every element is `tetrahedra[i]`.
        gradients: `gradients[i - 1, c]` is the component c of ∇Nᵢ, i from 1 to 3. [1/m]
        volumes: Of the elements. [m³]
        incidence: See `AbstractElements`.
    """

    order: ClassVar[int] = 1
    nodes: Float[Array, "node 3"]
    tetrahedra: Int[Array, "4 tet"]
    gradients: Float[Array, "3 3 tet"]
    volumes: Float[Array, "tet"]
    incidence: BinnedRows | None = None

    @property
    def products(self) -> Float[ndarray, "6 6"]:
        """The products of gradients themselves."""
        return np.eye(6)

    @property
    def coarser(self) -> None:
        """Return None: there are none of a lower order."""

    @property
    def prolongation(self) -> sp.csr_matrix:
        """Leave a function as it is."""
        return sp.csr_matrix(sp.eye_array(len(self.nodes)))

    def gradient(self, values: Float[Array, "node"]) -> Float[Array, "3 tet"]:
        """Take the gradient of a nodal function on each element. [unit/m]"""
        first, *others = [values[self.tetrahedra[i]] for i in range(4)]
        steps = [other - first for other in others]
        return jnp.stack([_dot(steps, self.gradients[:, c]) for c in range(3)])

    def node_products(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "4 tet"]:
        """Take v·∇Nₙ for each node of each element."""
        parts = rows(vectors)
        others = [_dot(parts, g) for g in self.gradients]
        return jnp.stack([-(others[0] + others[1] + others[2]), *others])

    def projected(self, values: Float[Array, "node 3"]) -> Float[Array, "3 tet"]:
        """Average a nodal vector over the four nodes of each element."""
        return jnp.stack(
            [sum(values[self.tetrahedra[i], c] for i in range(4)) / 4 for c in range(3)]
        )

    def projected_adjoint(
        self, vectors: Float[Array, "3 tet"]
    ) -> Float[Array, "node 3"]:
        """Hand a quarter of each element's vector to its nodes."""
        quarters = vectors / 4
        return jnp.stack(
            [self.gathered(jnp.broadcast_to(v, (4, len(v)))) for v in quarters], axis=1
        )

    def moments(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "3 tet"]:
        """Leave a constant as it is."""
        return vectors

    def averaged(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "3 tet"]:
        """Leave a constant as it is."""
        return vectors

    def averaged_adjoint(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "3 tet"]:
        """Leave a constant as it is."""
        return vectors

    def corners(self, vectors: Float[Array, "3 tet"]) -> None:
        """Return None: fields are constant."""


def _dot(parts: list[Array], others: Float[Array, "3 tet"]) -> Float[Array, "tet"]:
    # Written out: XLA's sums over an axis of three take ten times as long on a CPU.
    return parts[0] * others[0] + parts[1] * others[1] + parts[2] * others[2]


def first_order(head: HeadMesh, *, ordered_sums: bool | None = None) -> P1:
    """Set up linear elements on a head, once; they do not depend on conductivity.

    Args:
        head: The mesh.
        ordered_sums: Keep `incidence`; by default where arrays are not on a CPU.
    """
    elements = _geometry(jnp.asarray(head.nodes), jnp.asarray(head.tetrahedra.T))
    if ordered_sums is None:
        ordered_sums = jax.default_backend() != "cpu"
    if not ordered_sums:
        return elements
    sums = sums_at_nodes(head.tetrahedra.T, len(head.nodes))
    return dataclasses.replace(elements, incidence=sums)


@jax.jit
def _geometry(nodes: Float[Array, "node 3"], tetrahedra: Int[Array, "4 tet"]) -> P1:
    return P1(nodes, tetrahedra, *barycentric_gradients(jnp, nodes, tetrahedra))


_Of = TypeVar("_Of", Array, ndarray)


def barycentric_gradients(
    xp: ModuleType,
    nodes: Float[_Of, "node 3"],
    tetrahedra: Int[_Of, "4 tet"],
) -> tuple[Float[_Of, "3 3 tet"], Float[_Of, "tet"]]:
    """Take the gradients of three barycentric coordinates [1/m], and volumes [m³].

    Args:
        xp: The module that the arrays are of, `jax.numpy` or `numpy`.
        nodes: Positions. [m]
        tetrahedra: The corners of every element.
    """
    corner = [[nodes[tetrahedra[i], c] for c in range(3)] for i in range(4)]
    b, c, d = ([corner[i][k] - corner[0][k] for k in range(3)] for i in (1, 2, 3))
    duals = xp.stack([xp.stack(_cross(*pair)) for pair in ((c, d), (d, b), (b, c))])
    six_volumes = xp.sum(xp.stack(b) * duals[0], axis=0)
    return duals / six_volumes[None, None], six_volumes / 6


def _cross(a: list, b: list) -> list:
    return [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]
