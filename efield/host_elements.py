"""Second-order elements of a part of a head, in NumPy.

Of every target there are others, so that XLA would compile all that is computed on them
anew: for a target on a head that was seen before that took longer than the rest.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ..meshing import HeadMesh
from . import quadratic
from .linear.stiffness import Geometry
from .p1 import barycentric_gradients


@dataclass(frozen=True, eq=False)
class HostElements:
    """Second-order tetrahedra; what they compute is that of `P2`, in float64.

    Attributes:
        nodes: Positions of the mesh's nodes, then of the middles of its edges. [m]
        tetrahedra: The four corners of every element, then the middles of its edges.
        gradients: Of the barycentric coordinates, see `AbstractElements`. [1/m]
        volumes: Of the elements. [m³]
        conductivity: A value or a tensor per element. [S/m]
    """

    nodes: Float[ndarray, "node 3"]
    tetrahedra: Int[ndarray, "10 tet"]
    gradients: Float[ndarray, "3 3 tet"]
    volumes: Float[ndarray, "tet"]
    conductivity: Float[ndarray, "tet"] | Float[ndarray, "tet 3 3"]

    @classmethod
    def on(
        cls,
        mesh: HeadMesh,
        conductivity: Float[ndarray, "tet"] | Float[ndarray, "tet 3 3"],
    ) -> "HostElements":
        """Set them up on a mesh."""
        nodes, tetrahedra, _ = quadratic.with_middles(mesh)
        geometry = barycentric_gradients(np, nodes, tetrahedra[:4])
        return cls(nodes, tetrahedra, *geometry, conductivity)

    @property
    def geometry(self) -> Geometry:
        """What their stiffness matrix is made of."""
        products = quadratic.gradient_products()
        return Geometry(
            self.tetrahedra, self.gradients, self.volumes, products, len(self.nodes)
        )

    def load(self, vectors: Float[ndarray, "3 tet"]) -> Float[ndarray, "node"]:
        """Take the load of one vector in each element, ∇N·v. [A] from [A m]"""
        spread = self._at_corners(vectors)
        return self._gathered(quadratic.node_products(np, self.gradients, spread))

    def currents(
        self, vectors: Float[ndarray, "3 tet"], potential: Float[ndarray, "node"]
    ) -> Float[ndarray, "4 3 tet"]:
        """Add what a potential drives through the elements to dipoles in them. [A m]

        Args:
            vectors: Of the dipoles, one in each element. [A m]
            potential: At the nodes. [V]
        """
        slopes = quadratic.corner_gradients(
            np, self.gradients, self.tetrahedra, potential
        )
        moments = quadratic.moments(np, slopes)
        if self.conductivity.ndim == 1:
            driven = self.volumes * self.conductivity * moments
        else:
            driven = np.einsum("eij,kje->kie", self.conductivity, moments)
            driven *= self.volumes
        return self._at_corners(vectors) - driven

    def at_nodes(self, currents: Float[ndarray, "4 3 tet"]) -> Float[ndarray, "node 3"]:
        """Hand values at corners to the nodes: the adjoint of ∂A/∂t's projection."""
        parts = [quadratic.projection_adjoint(np, currents[:, c]) for c in range(3)]
        return np.stack([self._gathered(part) for part in parts], axis=1)

    def _at_corners(self, vectors: Float[ndarray, "3 tet"]) -> ndarray:
        return np.broadcast_to(vectors / 4, (4, *vectors.shape))

    def _gathered(self, parts: Float[ndarray, "10 tet"]) -> Float[ndarray, "node"]:
        return np.bincount(self.tetrahedra.ravel(), parts.ravel(), len(self.nodes))
