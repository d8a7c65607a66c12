"""Products of a sparse matrix with vectors on the host, for the loops of multigrid.

MKL's sparse routines, where PARDISO brings them along, read the matrix once for a block of
vectors and are two to four times as fast as SciPy's. SciPy's run everywhere; threads share
the rows of a lone product. Either way each row is summed by one thread in a fixed order.
"""

import ctypes
import itertools
import os
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from numpy import ndarray

from .mkl import mkl, pardiso_is_available


_FEW_ROWS = 20_000  # Not worth more than one thread.


class Rows:
    """A sparse matrix, to be multiplied with blocks of vectors, (column, vector)."""

    def __init__(self, matrix: sp.csr_matrix):
        self._matrix = matrix
        self._rows = len(matrix.indptr) - 1
        edges = np.linspace(0, self._rows, core_count() + 1).astype(int)
        self._parts = [matrix[a:b] for a, b in itertools.pairwise(edges)]

    def times(
        self, x: Float[ndarray, "column vector"], pool: ThreadPoolExecutor | None
    ) -> Float[ndarray, "row vector"]:
        """Multiply, with the threads of a pool where there is one."""
        if pool is None or self._rows < _FEW_ROWS:
            return self._matrix @ x
        # SciPy's products let other threads run.
        return np.concatenate(list(pool.map(lambda part: part @ x, self._parts)))

    def residual(
        self,
        b: Float[ndarray, "row vector"],
        x: Float[ndarray, "column vector"],
        pool: ThreadPoolExecutor | None,
    ) -> Float[ndarray, "row vector"]:
        """Return b - Ax."""
        product = self.times(x, pool)
        return np.subtract(b, product, out=product)


class MklRows(Rows):
    """The same by MKL, whose own threads do what those of a pool would."""

    def __init__(self, matrix: sp.csr_matrix):
        rows, columns = matrix.shape or (0, 0)
        self._rows = rows
        # MKL reads these arrays where they are.
        self._held = [
            np.ascontiguousarray(matrix.indptr, np.int32),
            np.ascontiguousarray(matrix.indices, np.int32),
            np.ascontiguousarray(matrix.data),
        ]
        kind = matrix.dtype.type
        self._letter = {np.float32: "s", np.float64: "d"}[kind]
        self._number = {np.float32: ctypes.c_float, np.float64: ctypes.c_double}[kind]
        starts, places, values = (array.ctypes.data for array in self._held)
        self._handle = ctypes.c_void_p()
        self._call(
            "create_csr", ctypes.byref(self._handle), 0, rows, columns,
            *map(ctypes.c_void_p, (starts, starts + 4, places, values)),
        )  # fmt: skip
        destroy = _mkl().mkl_sparse_destroy
        weakref.finalize(self, destroy, self._handle).atexit = False

    def times(self, x, pool):
        """Multiply."""
        return self._into(np.empty((self._rows, x.shape[1]), x.dtype), x, 1.0, 0.0)

    def residual(self, b, x, pool):
        """Return b - Ax."""
        return self._into(b.copy(), x, -1.0, 1.0)

    def _into(self, y: ndarray, x: ndarray, factor: float, keep: float) -> ndarray:
        """Let y = factor A x + keep y."""
        x = np.ascontiguousarray(x)
        factor, keep = self._number(factor), self._number(keep)
        at = lambda array: ctypes.c_void_p(array.ctypes.data)
        head = (10, factor, self._handle, _GENERAL)
        if x.shape[1] == 1:
            self._call("mv", *head, at(x), keep, at(y))
        else:
            width = ctypes.c_int(x.shape[1])
            self._call(
                "mm", *head, 101, at(x), width, width, keep, at(y), width
            )  # 101: C order
        return y

    def _call(self, name: str, *arguments) -> None:
        status = getattr(_mkl(), f"mkl_sparse_{self._letter}_{name}")(*arguments)
        assert status == 0, f"mkl_sparse_{self._letter}_{name}: status {status}"


class _Description(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("mode", ctypes.c_int),
        ("diag", ctypes.c_int),
    )


_GENERAL = _Description(20, 0, 0)


def _mkl() -> ctypes.CDLL:
    library = mkl()
    assert library is not None
    return library


def rows_of(matrix: sp.csr_matrix) -> Rows:
    """Hold a matrix for many products, by the best library at hand."""
    return (MklRows if pardiso_is_available() else Rows)(matrix)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep MKL to the thread that calls, as others do the same with other vectors."""
    if not pardiso_is_available():
        yield
        return
    before = _mkl().MKL_Set_Num_Threads_Local(1)
    try:
        yield
    finally:
        _mkl().MKL_Set_Num_Threads_Local(before)


def core_count() -> int:
    """Return how many cores this process may use; OMP_NUM_THREADS bounds them."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    most = os.environ.get("OMP_NUM_THREADS", "")
    return min(count, int(most)) if most.isdigit() and int(most) > 0 else count
