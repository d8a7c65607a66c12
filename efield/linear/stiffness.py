"""The stiffness operator K φ = Σₑ Vₑ ∇N·σ∇φ, as array code and as a host matrix."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int

from ..p1 import P1


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

    elements: P1
    conductivity: Float[Array, "tet"] | Float[Array, "tet 3 3"]
    ground: Int[Array, ""]

    def current(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "3 tet"]:
        """Multiply by volume and conductivity, for a vector on each element."""
        volumes = self.elements.volumes
        if self.conductivity.ndim == 1:
            return (volumes * self.conductivity)[None] * vectors
        return volumes[None] * jnp.einsum("eij,je->ie", self.conductivity, vectors)

    def grounded(self, values: Float[Array, "node"]) -> Float[Array, "node"]:
        """Set the ground node's value to zero."""
        return values.at[self.ground].set(0.0)

    def __call__(self, values: Float[Array, "node"]) -> Float[Array, "node"]:
        """Apply the operator. [A] from [V]"""
        inner = self.elements.gradient(self.grounded(values))
        product = self.elements.gradient_adjoint(self.current(inner))
        return product.at[self.ground].set(values[self.ground])


class HostMesh:
    """What a host solver needs of the geometry, as NumPy arrays that share its memory."""

    def __init__(self, elements: P1, ground: int):
        self.tetrahedra = np.asarray(elements.tetrahedra)
        self.gradients = np.asarray(elements.gradients, dtype=np.float64)
        self.volumes = np.asarray(elements.volumes, dtype=np.float64)
        self.nodes = len(elements.nodes)
        self.ground = ground


def assemble_upper(mesh: HostMesh, conductivity: np.ndarray) -> sp.csr_matrix:
    """Assemble the upper triangle of the stiffness matrix, grounded, in float64.

    The ground node's row keeps its diagonal entry only. Rows add up to zero before
    grounding, so the diagonal is minus the sum of the others: six products per element.
    """
    others = mesh.gradients
    gradients = [-others.sum(axis=0), *others]
    if conductivity.ndim == 1:
        weighted = [mesh.volumes * conductivity * g for g in gradients[:3]]
    else:
        tensors = (
            np.moveaxis(np.asarray(conductivity, np.float64), 0, -1) * mesh.volumes
        )
        weighted = [np.einsum("ije,je->ie", tensors, g) for g in gradients[:3]]
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    values = np.concatenate(
        [(weighted[i] * gradients[j]).sum(axis=0) for i, j in pairs]
    )
    rows = np.concatenate([mesh.tetrahedra[i] for i, _ in pairs])
    columns = np.concatenate([mesh.tetrahedra[j] for _, j in pairs])
    rows, columns = np.minimum(rows, columns), np.maximum(rows, columns)
    shape = (mesh.nodes, mesh.nodes)
    upper = sp.csr_matrix(sp.coo_matrix((values, (rows, columns)), shape=shape))
    diagonal = (
        -np.asarray(upper.sum(axis=0)).ravel() - np.asarray(upper.sum(axis=1)).ravel()
    )
    _cut(upper, mesh.ground)
    upper = (upper + sp.diags_array(diagonal, format="csr")).tocsr()
    upper.sort_indices()
    return sp.csr_matrix(upper)


def whole(upper: sp.csr_matrix) -> sp.csr_matrix:
    """Complete a symmetric matrix from its upper triangle."""
    full = upper + upper.T - sp.diags_array(upper.diagonal(), format="csr")
    return sp.csr_matrix(full)


def _cut(upper: sp.csr_matrix, node: int) -> None:
    upper.data[upper.indptr[node] : upper.indptr[node + 1]] = 0
    upper.data[upper.indices == node] = 0
    upper.eliminate_zeros()
