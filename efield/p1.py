"""Linear tetrahedra: gradients of nodal functions, and their adjoints.

On an element with the nodes r₀…r₃ the shape functions N₁…N₃ have the gradients that are
dual to the edges rᵢ - r₀, and ∇N₀ is minus their sum. Arrays are stored component by
component, (component, tetrahedron), which reads memory in order on CPU and GPU.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from ..meshing import HeadMesh


class P1(eqx.Module):
    """First-order tetrahedra on a mesh.

    Attributes:
        nodes: Positions. [m]
        tetrahedra: The i-th node of every element is `tetrahedra[i]`.
        gradients: `gradients[i - 1, c]` is the component c of ∇Nᵢ, i from 1 to 3. [1/m]
        volumes: Of the elements. [m³]
    """

    nodes: Float[Array, "node 3"]
    tetrahedra: Int[Array, "4 tet"]
    gradients: Float[Array, "3 3 tet"]
    volumes: Float[Array, "tet"]

    def gradient(self, values: Float[Array, "node"]) -> Float[Array, "3 tet"]:
        """Take the gradient of a nodal function on each element. [unit/m]"""
        at = [values[self.tetrahedra[i]] for i in range(4)]
        return sum((at[i + 1] - at[0])[None, :] * self.gradients[i] for i in range(3))  # pyright: ignore[reportReturnType]

    def gradient_adjoint(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "node"]:
        """Sum v·∇Nₙ over the elements at each node n: the adjoint of `gradient`."""
        return self._gathered(_corner_products(self.gradients, vectors))

    def mean(self, values: Float[Array, "node 3"]) -> Float[Array, "3 tet"]:
        """Average a nodal vector over the four nodes of each element."""
        return jnp.stack(
            [sum(values[self.tetrahedra[i], c] for i in range(4)) / 4 for c in range(3)]
        )

    def mean_adjoint(self, vectors: Float[Array, "3 tet"]) -> Float[Array, "node 3"]:
        """Hand a quarter of each element's vector to its nodes: the adjoint of `mean`."""
        quarters = vectors / 4
        return jnp.stack(
            [self._gathered(jnp.broadcast_to(v, (4, len(v)))) for v in quarters], axis=1
        )

    def _gathered(self, parts: Float[Array, "4 tet"]) -> Float[Array, "node"]:
        """Add up at each node what the elements' corners bring."""
        count = len(self.nodes)
        if not isinstance(parts, Tracer) and jax.default_backend() == "cpu":
            # Ten times as fast as XLA's scatter on a CPU, for ten million corners.
            at, values = np.asarray(self.tetrahedra), np.asarray(parts)
            total = np.bincount(at.ravel(), values.ravel(), count)
            return jnp.asarray(total, dtype=parts.dtype)
        zero = jnp.zeros(count, dtype=parts.dtype)
        return zero.at[self.tetrahedra.ravel()].add(parts.ravel())


@jax.jit
def _corner_products(
    gradients: Float[Array, "3 3 tet"], vectors: Float[Array, "3 tet"]
) -> Float[Array, "4 tet"]:
    others = jnp.sum(vectors[None] * gradients, axis=1)
    return jnp.concatenate([-jnp.sum(others, axis=0, keepdims=True), others])


def first_order(head: HeadMesh) -> P1:
    """Set up linear elements on a head, once; they do not depend on conductivity."""
    return _geometry(jnp.asarray(head.nodes), jnp.asarray(head.tetrahedra.T))


@jax.jit
def _geometry(nodes: Float[Array, "node 3"], tetrahedra: Int[Array, "4 tet"]) -> P1:
    corner = [[nodes[tetrahedra[i], c] for c in range(3)] for i in range(4)]
    b, c, d = ([corner[i][k] - corner[0][k] for k in range(3)] for i in (1, 2, 3))
    duals = jnp.stack([_cross(c, d), _cross(d, b), _cross(b, c)])
    six_volumes = jnp.sum(jnp.stack(b) * duals[0], axis=0)
    return P1(nodes, tetrahedra, duals / six_volumes[None, None], six_volumes / 6)


def _cross(a: list[Array], b: list[Array]) -> Float[Array, "3 tet"]:
    return jnp.stack([a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))])
