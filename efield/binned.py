"""Sparse matrices for XLA: rows sorted into bins of like length, each padded.

A row's entries lie along the first axis, so neighbouring threads of a GPU read
neighbouring memory; sums run in a fixed order, so results are the same every time.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int


_GROWTH = 1.4  # From the width of one bin to that of the next.


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
    def from_scipy(cls, matrix: sp.csr_matrix, dtype: Any) -> "BinnedRows":
        """Sort the rows of a matrix into bins."""
        lengths = np.diff(matrix.indptr)
        place = np.empty(len(lengths), dtype=np.int32)
        columns, values, done, low = [], [], 0, -1
        for width in _widths(int(lengths.max(initial=1))):
            rows = np.flatnonzero((lengths > low) & (lengths <= width))
            low = width
            if len(rows) == 0:
                continue
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
        """Memory that a product with one vector must read and write at the least."""
        stored = sum(
            c.nbytes + v.nbytes for c, v in zip(self.columns, self.values, strict=True)
        )
        size = self.values[0].dtype.itemsize
        columns = 1 + max(int(c.max()) for c in self.columns)
        return stored + self.place.nbytes + size * (2 * len(self.place) + columns)


def _widths(longest: int) -> list[int]:
    widths, width = [], 4
    while width < longest:
        widths.append(width)
        width = max(width + 1, int(width * _GROWTH))
    return [*widths, longest]
