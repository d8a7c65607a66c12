"""Conjugate gradients with a multigrid cycle, on the cores of the host."""

import itertools
import math
import os
from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from numpy import ndarray

from .direct import raise_unless_converged
from .hierarchy import DEGREE, Hierarchy, assemble_hierarchy, chebyshev_weights
from .solver import AbstractHostSolver, HostSolution
from .stiffness import HostMesh


_CYCLE_PRECISION = np.float32  # Residuals and updates stay in float64.


class HostMultigrid(AbstractHostSolver):
    """Conjugate gradients, preconditioned by algebraic multigrid, on a CPU.

    The set-up costs about as much as four solves, and memory is a few times the matrix.
    Right-hand sides are solved side by side, one on each core.

    Attributes:
        rtol: Of the true residual.
        max_steps: After so many iterations a solve has failed.
        throw: Raise where it failed; otherwise the report tells.
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
        return _Prepared(*assemble_hierarchy(mesh, conductivity))

    def apply(
        self, prepared: "_Prepared", rhs: Float[ndarray, "rhs node"]
    ) -> HostSolution:
        """Solve the right-hand sides side by side; one alone gets all cores."""
        cores = core_count()
        with ThreadPoolExecutor(cores) as pool:
            if len(rhs) == 1:
                found = [prepared.solve(rhs[0], self.rtol, self.max_steps, pool)]
            else:
                solve = lambda b: prepared.solve(b, self.rtol, self.max_steps, None)
                found = list(pool.map(solve, rhs))
        residual = np.array([f[2] for f in found])
        if self.throw:
            raise_unless_converged(
                residual,
                self.rtol,
                f"multigrid with at most {self.max_steps} iterations",
            )
        x = np.stack([f[0] for f in found])
        return x, np.array([f[1] for f in found], dtype=np.int32), residual


class _Prepared:
    """The matrix and its cycle."""

    def __init__(self, matrix: sp.csr_matrix, hierarchy: Hierarchy):
        self._matrix = RowShared(matrix)
        self._cycle = _Cycle(hierarchy)

    def solve(self, b, rtol: float, max_steps: int, pool: ThreadPoolExecutor | None):
        """Run flexible conjugate gradients [Notay 2000], as the cycle rounds."""
        size = _norm(b)
        x, r = np.zeros_like(b), b.copy()
        if size == 0:
            return x, 0, 0.0
        z = self._cycle(r, pool)
        p, rz = z.copy(), _dot(r, z)
        steps, limit = 0, rtol * size
        while steps < max_steps:
            steps += 1
            q = self._matrix.times(p, pool)
            step = rz / _dot(p, q)
            x += step * p
            r -= step * q
            if _norm(r) <= limit:
                # The recurrence drifts from the true residual by rounding.
                r = b - self._matrix.times(x, pool)
                if _norm(r) <= limit:
                    break
                z = self._cycle(r, pool)
                p, rz = z.copy(), _dot(r, z)
                continue
            z = self._cycle(r, pool)
            turn = -step * _dot(q, z) / rz
            rz = _dot(r, z)
            p *= turn
            p += z
        true = _norm(b - self._matrix.times(x, pool))
        return x, steps, float(true / size)


class _Cycle:
    """One V-cycle, in single precision."""

    def __init__(self, hierarchy: Hierarchy):
        kind = _CYCLE_PRECISION
        self._levels = [
            (
                RowShared(sp.csr_matrix(level.matrix.astype(kind))),
                level.prolongation.astype(kind),
                sp.csr_matrix(level.prolongation.T).astype(kind),
                level.inverse_diagonal.astype(kind),
                level.largest,
            )
            for level in hierarchy.levels
        ]
        self._coarsest = hierarchy.coarsest.astype(kind)

    def __call__(
        self, residual: Float[ndarray, "node"], pool
    ) -> Float[ndarray, "node"]:
        # Scaled, so that single precision neither overflows nor underflows.
        size = _norm(residual)
        if size == 0:
            return np.zeros_like(residual)
        scaled = (residual / size).astype(_CYCLE_PRECISION)
        return size * self._run(0, scaled, pool).astype(np.float64)

    def _run(self, depth: int, b: ndarray, pool) -> ndarray:
        if depth == len(self._levels):
            return np.einsum("ij,j->i", self._coarsest, b)
        matrix, prolongation, restriction, inverse, largest = self._levels[depth]
        pool = pool if len(b) > 20_000 else None
        x, r = _smoothed(matrix, inverse, largest, b, pool)
        x += prolongation @ self._run(depth + 1, restriction @ r, pool)
        r = b - matrix.times(x, pool)
        return x + _smoothed(matrix, inverse, largest, r, pool, residual=False)[0]


def _smoothed(matrix, inverse, largest, r, pool, residual: bool = True):
    """Return the smoother's correction for a residual, and what residual it leaves."""
    kind = r.dtype.type
    z = kind(4 / (3 * largest)) * (inverse * r)
    x = z.copy()
    for step in range(1, DEGREE):
        r = r - matrix.times(z, pool)
        a, b = chebyshev_weights(step, largest)
        z = kind(a) * z + kind(b) * (inverse * r)
        x += z
    return x, (r - matrix.times(z, pool) if residual else r)


class RowShared:
    """A sparse matrix whose rows several threads can share."""

    def __init__(self, matrix: sp.csr_matrix):
        self._matrix = matrix
        edges = np.linspace(0, len(matrix.indptr) - 1, core_count() + 1).astype(int)
        self._blocks = [matrix[a:b] for a, b in itertools.pairwise(edges)]

    def times(self, x: ndarray, pool: ThreadPoolExecutor | None) -> ndarray:
        """Multiply with a vector, with the threads of a pool where there is one.

        SciPy's products let other threads run. Each row is summed by one thread, so the
        result does not depend on how many there are.
        """
        if pool is None:
            return self._matrix @ x
        return np.concatenate(list(pool.map(lambda block: block @ x, self._blocks)))


def _dot(a: ndarray, b: ndarray) -> float:
    """Multiply without BLAS, whose own threads would fight with ours for the cores."""
    return float(np.einsum("i,i->", a, b))


def _norm(a: ndarray) -> float:
    return math.sqrt(_dot(a, a))


def core_count() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
