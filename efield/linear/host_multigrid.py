"""Conjugate gradients with a multigrid cycle, on the cores of the host."""

from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from numpy import ndarray

from .contrast import ITERATED, refuse_floating_regions
from .direct import raise_unless_converged
from .hierarchy import DEGREE, Hierarchy, assemble_hierarchy, chebyshev_weights
from .products import Rows, core_count, one_thread, rows_of
from .setups import setup
from .solver import AbstractHostSolver, HostSolution
from .stiffness import HostMesh


_CYCLE_PRECISION = np.float32  # Residuals and updates stay in float64.
_BLOCK = 8  # Right-hand sides that share products with the matrix.
_ROW = 4096  # Numbers that are handled as one row.


class HostMultigrid(AbstractHostSolver):
    """Conjugate gradients, preconditioned by algebraic multigrid, on a CPU.

    The set-up costs about as much as three solves, and memory is a few times the matrix.
    Right-hand sides are solved in blocks side by side, one on each core.

    Attributes:
        rtol: Of the true residual.
        max_steps: After so many iterations a solve has failed.
        throw: Raise where it failed; otherwise the report says so.
    """

    rtol: float = eqx.field(static=True, default=1e-8)
    max_steps: int = eqx.field(static=True, default=200)
    throw: bool = eqx.field(static=True, default=True)

    @property
    def key(self):
        """The set-up does not depend on the tolerance."""
        return HostMultigrid

    def prepare(self, mesh: HostMesh, conductivity: np.ndarray) -> "_Prepared":
        """Assemble the matrix and coarsen it."""
        refuse_floating_regions(mesh, conductivity, ITERATED)
        coarse = None
        if mesh.coarser is not None:
            # Fields of first order on the same mesh are wanted as often as not.
            coarse = setup(self, mesh.coarser, conductivity).hierarchy
        return _Prepared(*assemble_hierarchy(mesh, conductivity, coarse))

    def apply(
        self,
        prepared: "_Prepared",
        rhs: Float[ndarray, "rhs node"],
        start: Float[ndarray, "rhs node"] | None = None,
    ) -> HostSolution:
        """Solve blocks of right-hand sides side by side; a lone block gets all cores."""
        cores = core_count()
        width = min(-(-len(rhs) // cores), _BLOCK)
        first = np.zeros_like(rhs) if start is None else start
        parts = [slice(i, i + width) for i in range(0, len(rhs), width)]
        limits = self.rtol, self.max_steps
        with ThreadPoolExecutor(cores) as pool:
            if len(parts) == 1:
                found = [prepared.solve(rhs, first, *limits, pool)]
            else:

                def solve(part: slice) -> HostSolution:
                    with one_thread():
                        return prepared.solve(rhs[part], first[part], *limits, None)

                found = list(pool.map(solve, parts))
        residual = np.concatenate([f[2] for f in found])
        if self.throw:
            raise_unless_converged(
                residual,
                self.rtol,
                f"multigrid with at most {self.max_steps} iterations",
            )
        x = np.concatenate([f[0] for f in found])
        return x, np.concatenate([f[1] for f in found]), residual


class _Prepared:
    """The matrix and its cycle."""

    def __init__(self, matrix: sp.csr_matrix, hierarchy: Hierarchy):
        self.hierarchy = hierarchy
        self._matrix = rows_of(matrix)
        self._cycle = _Cycle(hierarchy)

    def solve(
        self,
        rhs: Float[ndarray, "rhs node"],
        start: Float[ndarray, "rhs node"],
        rtol: float,
        max_steps: int,
        pool: ThreadPoolExecutor | None,
    ) -> HostSolution:
        """Run flexible conjugate gradients [Notay 2000], as the cycle rounds.

        Each right-hand side by itself; products with the matrix serve all of them.
        """
        times = lambda v: self._matrix.times(v, pool)
        size = np.linalg.norm(rhs, axis=1)
        scale = np.where(size > 0, size, 1.0)
        b = np.ascontiguousarray((rhs / scale[:, None]).T)
        x, r = np.ascontiguousarray((start / scale[:, None]).T), b.copy()
        if start.any():
            r = self._matrix.residual(b, x, pool)
        steps = np.zeros(len(size), dtype=np.int32)
        active = (size > 0) & (_norms(r) > rtol)
        while active.any():
            # From the true residual: the recurrence drifts from it by rounding.
            z = self._cycle(r, pool)
            p, rz = z.copy(), _dots(r, z)
            while active.any():
                q = times(p)
                step = np.where(active, rz / _nonzero(_dots(p, q)), 0.0)
                _add(x, step, p)
                _add(r, -step, q)
                steps += active
                active &= (_norms(r) > rtol) & (steps < max_steps)
                if not active.any():
                    break
                z = self._cycle(r, pool)
                turn = -step * _dots(q, z) / _nonzero(rz)
                rz = _dots(r, z)
                _scale(p, turn)
                p += z
            r = self._matrix.residual(b, x, pool)
            active = (size > 0) & (_norms(r) > rtol) & (steps < max_steps)
        return x.T * scale[:, None], steps, _norms(r) * (size > 0)


class _Cycle:
    """One V-cycle in single precision, for matrices whose diagonal is scaled to one.

    The smoother [Lottes 2023] of degree two is a polynomial in the matrix then, S = α -
    βA, so a cycle is products and few sums of vectors.
    """

    def __init__(self, hierarchy: Hierarchy):
        kind = _CYCLE_PRECISION
        scales = [np.sqrt(level.inverse_diagonal) for level in hierarchy.levels]
        scales.append(np.ones(len(hierarchy.coarsest)))
        self._scale = scales[0].astype(kind)[:, None]
        self._levels = []
        for level, fine, coarse in zip(
            hierarchy.levels, scales[:-1], scales[1:], strict=True
        ):
            down = _scaled(level.prolongation, 1 / fine, coarse)
            self._levels.append(
                (
                    rows_of(_scaled(level.matrix, fine, fine)),
                    rows_of(down),
                    rows_of(sp.csr_matrix(down.T)),
                    *_smoother_weights(level.largest),
                )
            )
        self._coarsest = hierarchy.coarsest.astype(kind)

    def __call__(
        self, residual: Float[ndarray, "node rhs"], pool
    ) -> Float[ndarray, "node rhs"]:
        scale = np.repeat(self._scale, residual.shape[1], axis=1)
        low = residual.astype(_CYCLE_PRECISION)
        low *= scale
        result = self._run(0, low, pool)
        result *= scale
        return result.astype(np.float64)

    def _run(self, depth: int, b: ndarray, pool) -> ndarray:
        if depth == len(self._levels):
            return np.einsum("ij,jk->ik", self._coarsest, b)
        matrix, prolongation, restriction, alpha, beta = self._levels[depth]
        x = _smoothed(matrix, alpha, beta, b, pool)
        r = matrix.residual(b, x, pool)
        coarse = self._run(depth + 1, restriction.times(r, pool), pool)
        x += prolongation.times(coarse, pool)
        x += _smoothed(matrix, alpha, beta, matrix.residual(b, x, pool), pool)
        return x


def _smoothed(matrix: Rows, alpha, beta, r: ndarray, pool) -> ndarray:
    change = matrix.times(r, pool)
    change *= -beta
    change += alpha * r
    return change


def _smoother_weights(largest: float) -> tuple[np.float32, np.float32]:
    """Return α and β of S = α - βA, from the recurrence of two steps."""
    assert DEGREE == 2
    first = 4 / (3 * largest)
    keep, add = chebyshev_weights(1, largest)
    return _CYCLE_PRECISION(first * (1 + keep) + add), _CYCLE_PRECISION(add * first)


def _scaled(matrix: sp.csr_matrix, rows: ndarray, columns: ndarray) -> sp.csr_matrix:
    """Scale rows and columns, in single precision; the pattern is shared."""
    data = matrix.data.astype(_CYCLE_PRECISION)
    data *= columns.astype(_CYCLE_PRECISION)[matrix.indices]
    data *= np.repeat(rows.astype(_CYCLE_PRECISION), np.diff(matrix.indptr))
    parts = data, matrix.indices, matrix.indptr
    return sp.csr_matrix(parts, shape=matrix.shape)


def _dots(
    a: Float[ndarray, "node rhs"], b: Float[ndarray, "node rhs"]
) -> Float[ndarray, "rhs"]:
    """Multiply without BLAS, whose own threads would fight with ours for the cores."""
    sums = [
        np.einsum("ij,ij->j", *pair) for pair in zip(_wide(a), _wide(b), strict=True)
    ]
    return np.concatenate(sums).reshape(-1, a.shape[1]).sum(axis=0)


def _add(
    x: Float[ndarray, "node rhs"],
    factors: Float[ndarray, "rhs"],
    y: Float[ndarray, "node rhs"],
) -> None:
    """Let x += factors y."""
    for part, other in zip(_wide(x), _wide(y), strict=True):
        part += _spread(factors, part) * other


def _scale(x: Float[ndarray, "node rhs"], factors: Float[ndarray, "rhs"]) -> None:
    """Let x *= factors."""
    for part in _wide(x):
        part *= _spread(factors, part)


def _wide(a: Float[ndarray, "node rhs"]) -> tuple[ndarray, ndarray]:
    """View a block as long rows, and what is left: NumPy is slow at short ones."""
    count, width = a.shape
    together = max(1, _ROW // width)
    cut = count - count % together
    return a[:cut].reshape(-1, together * width), a[cut:]


def _spread(factors: Float[ndarray, "rhs"], part: ndarray) -> Float[ndarray, "all"]:
    return np.tile(factors, part.shape[1] // len(factors))


def _norms(a: Float[ndarray, "node rhs"]) -> Float[ndarray, "rhs"]:
    return np.sqrt(_dots(a, a))


def _nonzero(a: ndarray) -> ndarray:
    return np.where(a == 0, 1.0, a)
