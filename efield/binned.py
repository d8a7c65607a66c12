"""Sparse matrices for XLA: rows sorted into bins of like length, each padded.

A row's entries lie along the first axis, so neighbouring threads of a GPU read
neighbouring memory; sums run in a fixed order, so results are the same every time.

A bin more means less padding to read, and one more piece of program to start. Bins are
those for which both together cost least.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int


# What could be read while a piece of program starts: on a GPU some 2 µs at 3 TB/s. [byte]
_START = {"cpu": 100_000, "gpu": 6_000_000}
_INDEX = 4  # Of a column. [byte]


class BinnedRows(eqx.Module):
    """A sparse matrix.

    Attributes:
        columns: For each bin, the columns of its rows' entries, (width, rows).
        values: For each bin, the entries, zero where padded.
        place: Where each row of the matrix is among the bins' rows.
    """

    columns: tuple[Int[Array, "..."], ...]
    values: tuple[Float[Array, "..."], ...]
    place: Int[Array, "row"]

    @classmethod
    def from_scipy(
        cls, matrix: sp.csr_matrix, dtype: Any, *, start: int | None = None
    ) -> "BinnedRows":
        """Sort the rows of a matrix into bins.

        Args:
            matrix: The matrix.
            dtype: Of its values.
            start: What could be read while a product of one bin more is started; by
                default what is usual of the device. [byte]
        """
        lengths = np.diff(matrix.indptr)
        entry = _INDEX + np.dtype(dtype).itemsize
        if start is None:
            start = _START.get(jax.default_backend(), _START["gpu"])
        place = np.empty(len(lengths), dtype=np.int32)
        columns, values, done, low = [], [], 0, -1
        for width in bin_widths(lengths, start / entry):
            rows = np.flatnonzero((lengths > low) & (lengths <= width))
            low = width
            step = np.arange(width)[:, None]
            real = step < lengths[rows]
            at = np.where(real, matrix.indptr[rows] + step, 0)
            columns.append(
                jnp.asarray(np.where(real, matrix.indices[at], 0), jnp.int32)
            )
            values.append(jnp.asarray(np.where(real, matrix.data[at], 0), dtype))
            place[rows] = done + np.arange(len(rows), dtype=np.int32)
            done += len(rows)
        return cls(tuple(columns), tuple(values), jnp.asarray(place))

    def times(self, x: Float[Array, "column rhs"]) -> Float[Array, "row rhs"]:
        """Multiply with some vectors at once."""
        parts = [
            jnp.sum(value[:, :, None] * x[column], axis=0)
            for column, value in zip(self.columns, self.values, strict=True)
        ]
        return jnp.concatenate(parts)[self.place]

    @property
    def bytes_moved(self) -> int:
        """Memory that a product with one vector must read and write. [byte]"""
        size, rows = self.values[0].dtype.itemsize, len(self.place)
        stored = sum((_INDEX + size) * each.size for each in self.values)
        # Sums of the bins are written, and read again in the order of the rows.
        return stored + self.place.nbytes + size * (3 * rows + self._columns)

    @property
    def bytes_needed(self) -> int:
        """What it would be without padding and without order. [byte]"""
        size, rows = self.values[0].dtype.itemsize, len(self.place)
        entries = sum(int(jnp.count_nonzero(each)) for each in self.values)
        return (_INDEX + size) * entries + size * (rows + self._columns)

    @property
    def _columns(self) -> int:
        return 1 + max(int(each.max()) for each in self.columns)


def bin_widths(lengths: Int[np.ndarray, "row"], start: float) -> list[int]:
    """Choose bins so that entries with padding, and starts, cost least.

    Args:
        lengths: Of the rows.
        start: As many entries could be read while one more bin is started.

    Returns:
        The longest row of each bin, ascending.
    """
    # A row without entries is padded to one.
    widths, counts = np.unique(np.maximum(lengths, 1), return_counts=True)
    before = np.concatenate([[0], np.cumsum(counts)])
    # Least cost of rows up to each width, and where their last bin begins.
    least, begin = np.zeros(len(widths) + 1), np.zeros(len(widths) + 1, dtype=int)
    for end, width in enumerate(widths, start=1):
        cost = least[:end] + start + float(width) * (before[end] - before[:end])
        begin[end] = int(np.argmin(cost))
        least[end] = cost[begin[end]]
    chosen, end = [], len(widths)
    while end > 0:
        chosen.append(int(widths[end - 1]))
        end = begin[end]
    return chosen[::-1]
