"""What the solver asks of finite elements, whatever their order.

The potential is a polynomial in each element, given by its values at nodes. Fields are
polynomials of one degree less: constant in each element, or linear and given by their
values at its corners, the axis `point`. Arrays are stored component by component,
(point, component, tetrahedron), which reads memory in order on CPU and GPU.
"""

import abc
import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from numpy import ndarray

from .binned import BinnedRows
from .tracing import is_plain


# The corners that each edge of an element joins, in the order of its nodes.
ELEMENT_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


class AbstractElements(eqx.Module):
    """Finite elements on the tetrahedra of a head.

    `gradient` and `gradient_adjoint` with `moments` between them make the stiffness, as
    ∫ ∇N·v is a product of values at points. `projected` brings ∂A/∂t among the fields.

    Attributes:
        nodes: Positions, those of the head's nodes first. [m]
        tetrahedra: The i-th node of every element is `tetrahedra[i]`, the corners first.
        gradients: `gradients[i - 1, c]` is the component c of the gradient of the i-th
            barycentric coordinate, i from 1 to 3. [1/m]
        volumes: Of the elements. [m³]
        incidence: Which elements meet at each node, where sums at nodes are to be taken
            in a fixed order by reading instead of writing, as on a GPU; or None.
        order: The degree of the potential.
    """

    nodes: eqx.AbstractVar[Float[Array, "node 3"]]
    tetrahedra: eqx.AbstractVar[Int[Array, "local tet"]]
    gradients: eqx.AbstractVar[Float[Array, "3 3 tet"]]
    volumes: eqx.AbstractVar[Float[Array, "tet"]]
    incidence: eqx.AbstractVar[BinnedRows | None]
    order: ClassVar[int]

    @property
    @abc.abstractmethod
    def products(self) -> Float[ndarray, "pair 6"]:
        """The stiffness of an element, for each pair of its nodes.

        Entries are V ∫ ∇Nₐ·σ∇N_b / V as sums over its edges of Vₑ ∇λᵢ·σ∇λⱼ, of which
        all is made: (0, 1), (0, 2), … in both orders.
        """

    @property
    @abc.abstractmethod
    def coarser(self) -> "AbstractElements | None":
        """Elements of a lower order on the same mesh, or None where these are lowest."""

    @property
    @abc.abstractmethod
    def prolongation(self) -> sp.csr_matrix:
        """What takes a function of `coarser` from its nodes to the nodes here."""

    @abc.abstractmethod
    def gradient(self, values: Float[Array, "node"]) -> Float[Array, "*point 3 tet"]:
        """Take the gradient of a nodal function in each element. [unit/m]"""

    def gradient_adjoint(
        self, vectors: Float[Array, "*point 3 tet"]
    ) -> Float[Array, "node"]:
        """Sum v·∇Nₙ over points and elements at each node n: the adjoint of `gradient`."""
        return self.gathered(self.node_products(vectors))

    @abc.abstractmethod
    def node_products(
        self, vectors: Float[Array, "*point 3 tet"]
    ) -> Float[Array, "local tet"]:
        """Sum v·∇Nₙ over points in each element, for each of its nodes."""

    @abc.abstractmethod
    def projected(self, values: Float[Array, "node 3"]) -> Float[Array, "*point 3 tet"]:
        """Bring a nodal vector among the fields: the nearest in L2 of each element."""

    @abc.abstractmethod
    def projected_adjoint(
        self, vectors: Float[Array, "*point 3 tet"]
    ) -> Float[Array, "node 3"]:
        """Hand the elements' vectors to their nodes: the adjoint of `projected`."""

    @abc.abstractmethod
    def moments(
        self, vectors: Float[Array, "*point 3 tet"]
    ) -> Float[Array, "*point 3 tet"]:
        """Integrate a field against what is one at each point, per volume: symmetric."""

    @abc.abstractmethod
    def averaged(self, vectors: Float[Array, "*point 3 tet"]) -> Float[Array, "3 tet"]:
        """Average a field over each element."""

    @abc.abstractmethod
    def averaged_adjoint(
        self, vectors: Float[Array, "3 tet"]
    ) -> Float[Array, "*point 3 tet"]:
        """Spread a vector over the points of each element: the adjoint of `averaged`."""

    @abc.abstractmethod
    def corners(
        self, vectors: Float[Array, "*point 3 tet"]
    ) -> Float[Array, "tet 4 3"] | None:
        """Return a field's values at the corners, or None where it is constant."""

    def some(self, tetrahedra: Int[ndarray, "some"]) -> "AbstractElements":
        """Keep some of the elements, at all nodes, to take fields of; not to solve on."""
        return dataclasses.replace(
            self,
            tetrahedra=self.tetrahedra[:, tetrahedra],
            gradients=self.gradients[..., tetrahedra],
            volumes=self.volumes[tetrahedra],
            incidence=None,
        )

    def gathered(self, parts: Float[Array, "local tet"]) -> Float[Array, "node"]:
        """Add up at each node what the elements bring."""
        if self.incidence is not None:
            return self.incidence.times(parts.reshape(-1, 1))[:, 0]
        count = len(self.nodes)
        if is_plain(parts) and jax.default_backend() == "cpu":
            # Ten times as fast as XLA's scatter on a CPU, for ten million corners.
            at, values = np.asarray(self.tetrahedra), np.asarray(parts)
            total = np.bincount(at.ravel(), values.ravel(), count)
            return jnp.asarray(total, dtype=parts.dtype)
        zero = jnp.zeros(count, dtype=parts.dtype)
        return zero.at[self.tetrahedra.ravel()].add(parts.ravel())


def rows(array: Array) -> list[Array]:
    """Take an array apart along its first axis.

    Derivatives then put the parts together again. Those of indices would fill an array
    with zeros for each part, and add them all up.
    """
    return [jnp.squeeze(part, 0) for part in jnp.split(array, len(array))]


def sums_at_nodes(tetrahedra: Int[ndarray, "local tet"], nodes: int) -> BinnedRows:
    """List the elements at each node, to sum what they bring in a fixed order.

    XLA adds to nodes in any order on a GPU, so that no two runs would agree.
    """
    count = tetrahedra.size
    ends = np.arange(count + 1)
    ones = sp.csc_matrix((np.ones(count), tetrahedra.ravel(), ends), (nodes, count))
    return BinnedRows.from_scipy(sp.csr_matrix(ones), float)
