"""The formulas of second-order elements, for JAX and for NumPy alike.

Each takes the module that its arrays are of, `jax.numpy` or `numpy`. With barycentric
coordinates λ the shape functions are λᵢ (2 λᵢ - 1) at the corners and 4 λᵢ λⱼ at the edges.
The gradient of a function with the values φᵢ and φᵢⱼ is linear in each element, and at the
corner i it is

    ∇φ = Σₖ cᵢₖ ∇λₖ,    cᵢₖ = 4 (φᵢₖ - φᵢ) - (φₖ - φᵢ),    cᵢᵢ = 0.
"""

from itertools import combinations, product
from types import ModuleType
from typing import TypeVar

import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..meshing import HeadMesh
from .elements import ELEMENT_EDGES


_Of = TypeVar("_Of", Array, ndarray)

# The local numbers of the edges that meet at each corner.
AROUND = [
    [4 + e for e, pair in enumerate(ELEMENT_EDGES) if k in pair] for k in range(4)
]


def corner_gradients(
    xp: ModuleType,
    gradients: Float[_Of, "3 3 tet"],
    tetrahedra: Int[_Of, "10 tet"],
    values: Float[_Of, "node"],
) -> Float[_Of, "4 3 tet"]:
    """Take the gradient of a nodal function at the corners of each element."""
    at = [values[tetrahedra[i]] for i in range(10)]
    middle = {pair: at[4 + e] for e, pair in enumerate(ELEMENT_EDGES)}

    def slope(i: int, k: int):
        if i == k:
            return xp.zeros_like(at[0])
        return 4 * (middle[min(i, k), max(i, k)] - at[i]) - (at[k] - at[i])

    # The gradient of λ₀ is minus the sum of the others.
    return xp.stack(
        [
            sum((slope(i, k) - slope(i, 0))[None] * gradients[k - 1] for k in (1, 2, 3))
            for i in range(4)
        ]
    )


def node_products(
    xp: ModuleType,
    gradients: Float[_Of, "3 3 tet"],
    vectors: Float[_Of, "4 3 tet"],
) -> Float[_Of, "10 tet"]:
    """Products v·∇Nₐ, from those with the gradients of the barycentric coordinates."""
    others = [xp.sum(vectors * g[None], axis=1) for g in gradients]
    along = [-(others[0] + others[1] + others[2]), *others]  # along[k][i] = ∇λₖ·vᵢ
    corners = [4 * along[k][k] - xp.sum(along[k], axis=0) for k in range(4)]
    edges = [4 * (along[k][i] + along[i][k]) for i, k in ELEMENT_EDGES]
    return xp.stack(corners + edges)


def projection_adjoint(
    xp: ModuleType, corners: Float[_Of, "4 tet"]
) -> Float[_Of, "10 tet"]:
    """Hand values at corners to nodes, as the projection on linear functions is built."""
    total = (2 / 15) * xp.sum(corners, axis=0)
    nodes = [corners[k] / 3 - total for k in range(4)]
    edges = [2 * (corners[i] + corners[k]) / 3 - total for i, k in ELEMENT_EDGES]
    return xp.stack(nodes + edges)


def moments(xp: ModuleType, vectors: Float[_Of, "4 3 tet"]) -> Float[_Of, "4 3 tet"]:
    """Multiply by ∫ λᵢ λⱼ = V (1 + δᵢⱼ) / 20, per volume."""
    return (vectors + xp.sum(vectors, axis=0, keepdims=True)) / 20


def with_middles(
    head: HeadMesh,
) -> tuple[Float[ndarray, "node 3"], Int[ndarray, "10 tet"], Int[ndarray, "2 edge"]]:
    """Number the middles of edges after the nodes of a mesh.

    Returns:
        All positions [m]; the nodes of each element; the two ends of each edge.
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
    nodes = np.concatenate([head.nodes, middles])
    return nodes, np.concatenate([corners, numbers]), edges


def gradient_products() -> Float[ndarray, "45 6"]:
    """The stiffness of an element as sums of products of barycentric gradients."""
    # ∂Nₐ/∂λₖ at the corner i; linear between corners.
    slopes = np.zeros((4, 10, 4))
    for i, k in product(range(4), repeat=2):
        slopes[i, k, k] = 3.0 if i == k else -1.0
    for e, (k, m) in enumerate(ELEMENT_EDGES):
        slopes[k, 4 + e, m] = slopes[m, 4 + e, k] = 4.0
    weights = (1 + np.eye(4)) / 20
    full = np.einsum("ij,iak,jbl->abkl", weights, slopes, slopes)
    full = full + np.swapaxes(full, 2, 3)
    own = np.einsum("abkk->abk", full) / 2
    # ∇λₖ·σ∇λₖ is minus the sum of the products with the three others.
    return np.array(
        [
            [full[a, b, k, m] - own[a, b, k] - own[a, b, m] for k, m in ELEMENT_EDGES]
            for a, b in combinations(range(10), 2)
        ]
    )
