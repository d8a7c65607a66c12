"""Weights of the two recoveries: gradients of nodal values, and means of elements.

Gradients: around each node a polynomial of degree 2 is fitted to the values at the nodes
that share an element with it, within one tissue, and its gradient is taken at the node
[polynomial-preserving recovery, Zhang & Naga 2005, doi:10.1137/S1064827503402837]. Where
the function is harmonic, only harmonic polynomials are fitted: 8 unknowns in place of 9.
On one-sided patches this matters most: there the square of the distance is hardly separate
from a slope.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .recovery_stencils import Stencils, stencils
from .recovery_tissues import TissueMesh


_FOCUS = 3.0  # The weight of the farthest neighbour is exp(-3).

# What is added to the diagonal of the normal equations, where distances are at most 1:
# without effect on slopes, and little where a patch gives the curvature.
_CURVATURE_PENALTY = 1e-4
_LAPLACIAN_PENALTY = 1e-3


def gradient_stencils(
    mesh: TissueMesh, rows: Int[ndarray, "row"], *, harmonic: bool
) -> Stencils:
    """Make the operator from values at the head's nodes to gradients. [1/m]

    Exact for linear functions. The columns are nodes of the head.

    Args:
        mesh: The tissues.
        rows: The nodes of it to take gradients at.
        harmonic: Whether the function is harmonic in each tissue.
    """
    incidence = mesh.incidence()
    pattern = (incidence[rows] @ incidence.T).tocsr()

    def weigh(chunk: ndarray, columns: ndarray, valid: ndarray) -> ndarray:
        at = mesh.positions[rows[chunk]]
        return _gradient_weights(mesh.positions[columns] - at[:, None], valid, harmonic)

    return stencils(pattern, mesh.nodes, weigh)


def _gradient_weights(
    offsets: Float[ndarray, "row width 3"], valid: ndarray, harmonic: bool
) -> Float[ndarray, "row 3 width"]:
    squares = np.where(valid, np.einsum("rwc,rwc->rw", offsets, offsets), 0.0)
    size = np.sqrt(squares.max(axis=1))
    basis = _polynomials(offsets / size[:, None, None], harmonic)
    weights = np.where(valid, np.exp(-_FOCUS * squares / size[:, None] ** 2), 0.0)
    weighted = basis * weights[:, :, None]
    normal = np.swapaxes(weighted, 1, 2) @ basis
    penalty = np.full(basis.shape[2], _CURVATURE_PENALTY)
    penalty[:3] = 0.0
    penalty[8:] = _LAPLACIAN_PENALTY
    normal += valid.sum(axis=1)[:, None, None] * np.diag(penalty)[None]
    slopes = np.zeros((basis.shape[2], 3))
    slopes[:3] = np.eye(3)
    unit = np.linalg.solve(normal, np.broadcast_to(slopes, (len(size), *slopes.shape)))
    found = np.swapaxes(unit, 1, 2) @ np.swapaxes(weighted, 1, 2)
    found /= size[:, None, None]
    # The polynomial takes the node's own value: only differences from it count.
    own = np.argmin(np.where(valid, squares, np.inf), axis=1)
    found[np.arange(len(own)), :, own] = -found.sum(axis=2)
    return found


def _polynomials(
    offsets: Float[ndarray, "row width 3"], harmonic: bool
) -> Float[ndarray, "row width term"]:
    """Terms of degree 1 and 2: all the harmonic ones first."""
    x, y, z = np.moveaxis(offsets, 2, 0)
    terms = np.empty((*x.shape, 8 if harmonic else 9))
    terms[..., :3] = offsets
    terms[..., 3] = x * y
    terms[..., 4] = y * z
    terms[..., 5] = z * x
    terms[..., 6] = x * x - z * z
    terms[..., 7] = y * y - z * z
    if not harmonic:
        terms[..., 8] = x * x + y * y + z * z
    return terms


def patch_stencils(mesh: TissueMesh, rows: Int[ndarray, "row"]) -> Stencils:
    """Make SimNIBS' operator from element values to nodes (SPR, within one tissue).

    Inside the tissue the value at the node of the linear function that fits the values
    at the centroids of its elements best; at its boundary their mean by volume. The
    columns are elements of the head.

    Args:
        mesh: One tissue.
        rows: The nodes of it to find values at.
    """
    boundary = mesh.on_boundary()[rows]
    pattern = mesh.incidence()[rows]

    def weigh(chunk: ndarray, columns: ndarray, valid: ndarray) -> ndarray:
        volumes = np.where(valid, mesh.volumes[columns], 0.0)
        at = mesh.positions[rows[chunk]]
        offsets = mesh.centroids[columns] - at[:, None]
        return np.where(
            boundary[chunk, None],
            volumes / volumes.sum(axis=1, keepdims=True),
            _linear_fit_weights(offsets, valid, ~boundary[chunk]),
        )[:, None]

    return stencils(pattern, mesh.elements, weigh)


def _linear_fit_weights(
    offsets: Float[ndarray, "row width 3"], valid: ndarray, wanted: ndarray
) -> Float[ndarray, "row width"]:
    """Weigh data at these offsets, such that the sum is their linear fit at zero."""
    found = np.zeros(valid.shape)
    kept = valid[wanted][:, :, None]
    offsets = np.where(kept, offsets[wanted], 0.0)
    count = kept.sum(axis=1)
    middle = offsets.sum(axis=1) / count
    spread = np.where(kept, offsets - middle[:, None], 0.0)
    covariance = np.swapaxes(spread, 1, 2) @ spread
    slope = np.linalg.solve(covariance, -middle[:, :, None])
    found[wanted] = 1 / count + (spread @ slope)[:, :, 0]
    return found
