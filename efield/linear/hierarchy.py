"""A multigrid hierarchy by smoothed aggregation, set up on the host.

The strength threshold and the smoothers were chosen on the New York head (485k nodes, a
TMS load, to 1e-8): θ = 0.04 needs 17 iterations with an operator complexity of 1.35, θ =
0.02 a fifth more, θ ≥ 0.12 far more. The prolongation is smoothed with local weights,
which spares pyamg's eigenvalue estimates, a third of the set-up. Chebyshev polynomials of
the fourth kind [Lottes 2023, doi:10.1002/nla.2518] of degree 2 need as many iterations as
symmetric Gauss-Seidel, with nothing but products with the matrix, which run on every
device and in single precision; degree 1 needs half as many again.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from numpy import ndarray
from pyamg.aggregation import standard_aggregation

from .products import rows_of
from .stiffness import HostMesh, assemble_whole


STRENGTH = 0.03
DEGREE = 2
_COARSEST = 400
_MOST_LEVELS = 20
_OMEGA = 1.6
_POWER_STEPS = 15
_SAFETY = 1.1  # Over the power iteration's estimate of the largest eigenvalue.


class Level(NamedTuple):
    """One level: the matrix, and the way to the next coarser one.

    Attributes:
        matrix: Of this level.
        prolongation: From the next coarser level.
        inverse_diagonal: Of the matrix.
        largest: A bound of the eigenvalues of diagonal⁻¹ matrix.
    """

    matrix: sp.csr_matrix
    prolongation: sp.csr_matrix
    inverse_diagonal: Float[ndarray, "row"]
    largest: float


class Hierarchy(NamedTuple):
    """All levels, and the inverse of the coarsest matrix."""

    levels: tuple[Level, ...]
    coarsest: Float[ndarray, "row row"]

    @property
    def operator_complexity(self) -> float:
        """Entries of all matrices over those of the finest."""
        total = sum(level.matrix.nnz for level in self.levels) + self.coarsest.size
        return total / self.levels[0].matrix.nnz if self.levels else 1.0


def assemble_hierarchy(
    mesh: HostMesh, conductivity: ndarray, coarse: Hierarchy | None = None
) -> tuple[sp.csr_matrix, Hierarchy]:
    """Assemble the stiffness matrix and coarsen it, first in order and then in size.

    Elements of first order hold every function that is linear in each element, so their
    matrix is that of second order between prolongations, and need not be multiplied out.

    Args:
        mesh: The geometry.
        conductivity: A value or a tensor per element. [S/m]
        coarse: The hierarchy of `mesh.coarser`, where it is at hand.
    """
    matrix = assemble_whole(mesh, conductivity)
    if mesh.coarser is None:
        return matrix, build_hierarchy(matrix)
    assert mesh.prolongation is not None
    if coarse is None:
        _, coarse = assemble_hierarchy(mesh.coarser, conductivity)
    finest = _level(matrix, mesh.prolongation)
    return matrix, Hierarchy((finest, *coarse.levels), coarse.coarsest)


def build_hierarchy(matrix: sp.csr_matrix) -> Hierarchy:
    """Coarsen a symmetric positive definite matrix until it can be inverted.

    Smoothed aggregation [Vaněk, Mandel & Brezina 1996, doi:10.1007/BF02238511] for one
    unknown a node. The diagonal need not be scaled. Deterministic.
    """
    levels = []
    while len(matrix.indptr) > _COARSEST and len(levels) < _MOST_LEVELS:
        prolongation = _smoothed_aggregates(matrix)
        levels.append(_level(matrix, prolongation))
        product = sp.csr_matrix(matrix @ prolongation)
        matrix = sp.csr_matrix(prolongation.T.tocsr() @ product)
    last = matrix.toarray()
    return Hierarchy(tuple(levels), np.linalg.pinv((last + last.T) / 2, hermitian=True))


def _smoothed_aggregates(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Interpolate from aggregates of strongly connected nodes, smoothed once by Jacobi.

    The weights of the smoothing are the rows' absolute sums: local, so that rows with
    large entries outside the diagonal are not overdone.
    """
    aggregates = sp.csr_matrix(standard_aggregation(_strong(matrix))[0], dtype=float)
    weights = _OMEGA / np.asarray(abs(matrix).sum(axis=1)).ravel()
    change = sp.csr_matrix(matrix @ aggregates)
    change.data *= np.repeat(weights, np.diff(change.indptr))
    return sp.csr_matrix(aggregates - change)


def _strong(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Keep entries with |a_ij| ≥ θ √(a_ii a_jj)."""
    scale = 1 / np.sqrt(matrix.diagonal())
    size = np.abs(matrix.data) * scale[matrix.indices]
    size *= np.repeat(scale, np.diff(matrix.indptr))
    keep = size >= STRENGTH
    ends = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    kept = (size[keep], matrix.indices[keep], ends.astype(matrix.indptr.dtype))
    return sp.csr_matrix(kept, shape=matrix.shape)


def _level(matrix: sp.csr_matrix, prolongation: sp.csr_matrix) -> Level:
    inverse = 1 / matrix.diagonal()
    return Level(matrix, prolongation, inverse, _largest_eigenvalue(matrix, inverse))


def chebyshev_weights(step: int, largest: float) -> tuple[float, float]:
    """Return the two weights of the recurrence for the correction, from step 1 on.

    Lottes 2023, algorithm 3.1: z ← a z + b D⁻¹ r.
    """
    return (2 * step - 1) / (2 * step + 3), (8 * step + 4) / (2 * step + 3) / largest


def _largest_eigenvalue(matrix: sp.csr_matrix, inverse_diagonal: ndarray) -> float:
    """Estimate by power iteration in the energy norm, which never overestimates."""
    x = np.random.default_rng(0).standard_normal(len(inverse_diagonal))
    rows, estimate = rows_of(matrix), 1.0
    for _ in range(_POWER_STEPS):
        y = rows.times(x[:, None], None)[:, 0]
        z = inverse_diagonal * y
        estimate = float((z @ (y)) / (x @ y))
        x = z / np.linalg.norm(z)
    return _SAFETY * estimate
