"""The stiffness operator K φ = Σₑ ∫ ∇N·σ∇φ, as array code and as a host matrix."""

from dataclasses import dataclass
from itertools import combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int, Shaped
from numpy import ndarray

from ..elements import ELEMENT_EDGES, AbstractElements, rows
from .second_order import Entries, summed_entries


class Stiffness(eqx.Module):
    """The symmetric operator of the potential, with one node grounded.

    The potential is determined up to a constant. The ground node's row and column are
    replaced by those of the identity, which makes the operator positive definite and
    leaves the electric field as it is.

    Attributes:
        elements: The geometry.
        conductivity: A value or a tensor per element. [S/m]
        ground: The node whose potential is zero.
    """

    elements: AbstractElements
    conductivity: Float[Array, "tet"] | Float[Array, "tet 3 3"]
    ground: Int[Array, ""]

    def current(
        self, vectors: Float[Array, "*point 3 tet"]
    ) -> Float[Array, "*point 3 tet"]:
        """Multiply a field by conductivity and integrate it in each element."""
        volumes, moments = self.elements.volumes, self.elements.moments(vectors)
        if self.conductivity.ndim == 1:
            # Written out: XLA sums over short axes slowly on a CPU, as slopes by σ would.
            weights = volumes * self.conductivity
            parts = rows(moments.reshape(-1, len(volumes)))
            current = jnp.stack([weights * part for part in parts])
        else:
            current = jnp.einsum("eij,...je->...ie", self.conductivity, moments)
            current = jnp.reshape(volumes, (1,) * (vectors.ndim - 1) + (-1,)) * current
        # XLA would compute it again for each of an element's nodes, were it not held back.
        return jax.lax.optimization_barrier(current.reshape(vectors.shape))

    def grounded(self, values: Float[Array, "*rhs node"]) -> Float[Array, "*rhs node"]:
        """Set the ground node's value to zero."""
        return jnp.where(jnp.arange(values.shape[-1]) == self.ground, 0.0, values)

    def __call__(self, values: Float[Array, "node"]) -> Float[Array, "node"]:
        """Apply the operator. [A] from [V]"""
        inner = self.elements.gradient(self.grounded(values))
        product = self.elements.gradient_adjoint(self.current(inner))
        return product.at[self.ground].set(values[self.ground])


@dataclass(frozen=True, eq=False)
class Geometry:
    """What a stiffness matrix is made of, as NumPy arrays.

    Attributes:
        tetrahedra: The nodes of each element.
        gradients: Of the barycentric coordinates. [1/m]
        volumes: [m³]
        products: Of the elements, see `AbstractElements`.
        nodes: How many there are.
    """

    tetrahedra: Int[ndarray, "local tet"]
    gradients: Float[ndarray, "3 3 tet"]
    volumes: Float[ndarray, "tet"]
    products: Float[ndarray, "pair 6"]
    nodes: int


class HostMesh:
    """What solvers need of the geometry on the host, as NumPy arrays.

    Its nodes are numbered along a space-filling curve, so that neighbours lie close
    together in memory: products with the matrix of 485k nodes and blocks of vectors are
    3 to 4 times as fast as in the order of a mesh file, the set-up of multigrid 3 times.

    Attributes:
        order: The node of the elements for each node here.
        place: The node here for each node of the elements.
        tetrahedra: In the numbering here, (local, tetrahedra).
        gradients: Of the barycentric coordinates. [1/m]
        volumes: [m³]
        products: Of the elements, see `AbstractElements`.
        nodes: How many there are.
        ground: The node here whose potential is zero.
        coarser: The mesh with elements of a lower order, or None.
        prolongation: From the nodes of `coarser` to these; the ground stays at zero.
    """

    def __init__(
        self,
        elements: AbstractElements,
        ground: int,
        coarser: "HostMesh | None" = None,
    ):
        """Number the nodes.

        Args:
            elements: The geometry.
            ground: The node whose potential is zero.
            coarser: The mesh with `elements.coarser`, where it is at hand.
        """
        self.order = along_curve(np.asarray(elements.nodes))
        self.place = np.empty(len(self.order), dtype=np.int32)
        self.place[self.order] = np.arange(len(self.order), dtype=np.int32)
        self.tetrahedra = self.place[np.asarray(elements.tetrahedra)]
        self.gradients = np.asarray(elements.gradients, dtype=np.float64)
        self.volumes = np.asarray(elements.volumes, dtype=np.float64)
        self.products = elements.products
        self.nodes = len(elements.nodes)
        self.ground = int(self.place[ground])
        self.coarser: HostMesh | None = None
        self.prolongation: sp.csr_matrix | None = None
        if elements.coarser is not None:
            self.coarser = coarser or HostMesh(elements.coarser, ground)
            self.prolongation = self._grounded(elements.prolongation, self.coarser)

    def __eq__(self, other: object) -> bool:
        """Compare contents, so that a copy from another process is the same mesh."""
        if self is other:
            return True
        return (
            isinstance(other, HostMesh)
            and (self.nodes, self.ground) == (other.nodes, other.ground)
            and np.array_equal(self.order, other.order)
            and np.array_equal(self.tetrahedra, other.tetrahedra)
            and np.array_equal(self.gradients, other.gradients)
        )

    def __hash__(self) -> int:
        return hash((self.nodes, self.ground, self.tetrahedra.shape))

    def ordered(self, values: Shaped[ndarray, "*rhs node"]) -> ndarray:
        """Bring values at the nodes of the elements into the numbering here."""
        return np.take(values, self.order, axis=-1)

    def restored(self, values: Shaped[ndarray, "*rhs node"]) -> ndarray:
        """Bring values at the nodes here back into the numbering of the elements."""
        return np.take(values, self.place, axis=-1)

    def _grounded(self, prolongation: sp.csr_matrix, coarser: "HostMesh"):
        """Bring both sides into the numbering here, without the ground's value."""
        rows = sp.csr_matrix(prolongation[self.order])
        rows.indices = coarser.place[rows.indices]
        of_ground = np.repeat(
            np.arange(self.nodes) == self.ground, np.diff(rows.indptr)
        )
        rows.data[(rows.indices == coarser.ground) & ~of_ground] = 0.0
        return rows


def along_curve(nodes: Float[ndarray, "node 3"]) -> Int[ndarray, "node"]:
    """Sort points along Morton's space-filling curve, 1,024 cells wide."""
    low = nodes.min(axis=0)
    cells = (nodes - low) * (1023 / max(float((nodes.max(axis=0) - low).max()), 1e-300))
    code = np.zeros(len(nodes), dtype=np.uint32)
    for axis, bits in enumerate(cells.astype(np.uint32).T):
        # Two zeros between the ten bits.
        for shift, mask in _SPREAD:
            bits = (bits | (bits << np.uint32(shift))) & np.uint32(mask)
        code |= bits << np.uint32(axis)
    return np.argsort(code, kind="stable")


_SPREAD = ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249))


def assemble_upper(mesh: HostMesh, conductivity: ndarray) -> sp.csr_matrix:
    """Assemble the upper triangle of the stiffness matrix in float64.

    The ground node's row keeps its diagonal entry only.

    Args:
        mesh: The geometry.
        conductivity: A value or a tensor per element. [S/m]
    """
    return _with_diagonal(_off_diagonal(mesh, conductivity), mesh.ground)


def assemble_whole(mesh: HostMesh, conductivity: ndarray) -> sp.csr_matrix:
    """Assemble both triangles of the stiffness matrix, as `assemble_upper` does one."""
    if mesh.coarser is None:
        return whole(assemble_upper(mesh, conductivity))
    return _both(_entries(mesh, conductivity), mesh.nodes, mesh.ground)


def assemble_ungrounded(geometry: Geometry, conductivity: ndarray) -> sp.csr_matrix:
    """Assemble both triangles of the stiffness matrix, with no node grounded."""
    if len(geometry.tetrahedra) > 4:
        return _both(_entries(geometry, conductivity), geometry.nodes, None)
    return whole(_with_diagonal(_off_diagonal(geometry, conductivity), None))


def _entries(mesh: HostMesh | Geometry, conductivity: ndarray) -> Entries:
    products = _gradient_products(mesh, conductivity)
    return summed_entries(mesh.tetrahedra, mesh.products, products, mesh.nodes)


def _both(entries: Entries, nodes: int, ground: int | None) -> sp.csr_matrix:
    """Put entries into both triangles; rows add up to zero, which gives the diagonal.

    Rows are not in order, which products do not need. Those of the ground are zeros.
    """
    values, rows, columns = entries
    diagonal = -(np.bincount(rows, values, nodes) + np.bincount(columns, values, nodes))
    if ground is not None:
        values[(rows == ground) | (columns == ground)] = 0.0
    every = np.arange(nodes, dtype=rows.dtype)
    places = (
        np.concatenate([rows, columns, every]),
        np.concatenate([columns, rows, every]),
    )
    full = np.concatenate([values, values, diagonal])
    return _once(sp.coo_matrix((full, places), shape=(nodes, nodes)))


def _once(matrix: sp.coo_matrix) -> sp.csr_matrix:
    """Bring entries that are there once to their rows, without looking for others."""
    matrix.has_canonical_format = True
    return sp.csr_matrix(matrix)


def _off_diagonal(mesh: HostMesh | Geometry, conductivity: ndarray) -> sp.csr_matrix:
    shape = (mesh.nodes, mesh.nodes)
    if len(mesh.tetrahedra) > 4:
        values, rows, columns = _entries(mesh, conductivity)
        places = np.minimum(rows, columns), np.maximum(rows, columns)
        upper = _once(sp.coo_matrix((values, places), shape=shape))
        upper.sort_indices()
        return upper
    products = _gradient_products(mesh, conductivity)
    pairs = list(combinations(range(4), 2))
    rows, columns = (
        np.concatenate([mesh.tetrahedra[p[i]] for p in pairs]) for i in (0, 1)
    )
    places = np.minimum(rows, columns), np.maximum(rows, columns)
    values = np.concatenate(
        [sum(x * products[e] for e, x in enumerate(row) if x) for row in mesh.products]
    )
    return sp.csr_matrix(sp.coo_matrix((values, places), shape=shape))


def _with_diagonal(upper: sp.csr_matrix, ground: int | None) -> sp.csr_matrix:
    """Add the diagonal: rows add up to zero before grounding, so the others give it."""
    diagonal = (
        -np.asarray(upper.sum(axis=0)).ravel() - np.asarray(upper.sum(axis=1)).ravel()
    )
    if ground is not None:
        _cut(upper, ground)
    upper = (upper + sp.diags_array(diagonal, format="csr")).tocsr()
    upper.sort_indices()
    return sp.csr_matrix(upper)


def _gradient_products(
    mesh: HostMesh | Geometry, conductivity: ndarray
) -> list[Float[ndarray, "tet"]]:
    """Products Vₑ ∇λᵢ·σ∇λⱼ for the six edges of every element."""
    others = mesh.gradients
    gradients = [-others.sum(axis=0), *others]
    if conductivity.ndim == 1:
        weighted = [mesh.volumes * conductivity * g for g in gradients[:3]]
    else:
        tensors = (
            np.moveaxis(np.asarray(conductivity, np.float64), 0, -1) * mesh.volumes
        )
        weighted = [np.einsum("ije,je->ie", tensors, g) for g in gradients[:3]]
    return [(weighted[i] * gradients[j]).sum(axis=0) for i, j in ELEMENT_EDGES]


def whole(upper: sp.csr_matrix) -> sp.csr_matrix:
    """Complete a symmetric matrix from its upper triangle."""
    full = sp.csr_matrix(upper + upper.T)
    full.setdiag(upper.diagonal())
    return full


def _cut(upper: sp.csr_matrix, node: int) -> None:
    upper.data[upper.indptr[node] : upper.indptr[node + 1]] = 0
    upper.data[upper.indices == node] = 0
    upper.eliminate_zeros()
