"""Stencils: weighted sums over the neighbours of each node, as gathers alone.

Rows of similar length share one padded table, so that nothing is scattered: the sums are
deterministic on every device.
"""

from collections.abc import Callable, Iterator
from itertools import groupby

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray


_STEP = 8  # Rows are padded to a multiple of so many entries.
_ENTRIES_AT_ONCE = 50_000  # Of a table while weights are found: they stay in cache.

# For rows, their columns and which of these are no padding: weights for each output.
Weigh = Callable[
    [Int[ndarray, "row"], Int[ndarray, "row width"], Bool[ndarray, "row width"]],
    Float[ndarray, "row output width"],
]


class _Table(eqx.Module):
    columns: Int[Array, "row width"]
    weights: Float[Array, "row output width"]

    def __call__(self, values: Float[Array, "source"]) -> Float[Array, "output row"]:
        return jnp.einsum("rw,row->or", values[self.columns], self.weights)


class Stencils(eqx.Module):
    """A sparse matrix for each output.

    Attributes:
        tables: Of the rows, those of similar length together.
        order: Where each row is found in the tables, one after the other.
    """

    tables: tuple[_Table, ...]
    order: Int[Array, "row"]

    def __call__(
        self, values: Float[Array, "component source"]
    ) -> Float[Array, "component output row"]:
        """Apply every matrix to every component."""
        return jnp.stack([self._one(component) for component in values])

    def _one(self, values: Float[Array, "source"]) -> Float[Array, "output row"]:
        parts = jnp.concatenate([table(values) for table in self.tables], axis=1)
        return jnp.stack([part[self.order] for part in parts])


def stencils(
    pattern: sp.csr_matrix, names: Int[ndarray, "column"], weigh: Weigh
) -> Stencils:
    """Make stencils for the pattern of a sparse matrix.

    Args:
        pattern: Its stored entries show which columns each row uses, at least one.
        names: Where the value of each column is among the values given.
        weigh: Finds the weights of some rows; those of padding are ignored.
    """
    counts = np.diff(pattern.indptr)
    assert counts.min(initial=1) > 0
    tables, rows = [], []
    for chunk, width in _chunks(counts):
        valid = np.arange(width) < counts[chunk, None]
        entry = np.where(valid, pattern.indptr[chunk, None] + np.arange(width), 0)
        columns = np.where(valid, pattern.indices[entry], pattern.indices[entry[:, :1]])
        weights = np.where(valid[:, None], weigh(chunk, columns, valid), 0.0)
        tables.append((names[columns].astype(np.int32), weights))
        rows.append(chunk)
    order = np.empty(len(counts), dtype=np.int32)
    order[np.concatenate(rows)] = np.arange(len(counts))
    return Stencils(tuple(_joined(tables)), jnp.asarray(order))


def _chunks(counts: Int[ndarray, "row"]) -> Iterator[tuple[ndarray, int]]:
    widths = -(-counts // _STEP) * _STEP
    for width in np.unique(widths).tolist():
        rows = np.flatnonzero(widths == width)
        pieces = -(-len(rows) * width // _ENTRIES_AT_ONCE)
        for chunk in np.array_split(rows, pieces):
            yield chunk, width


def _joined(parts: list[tuple[ndarray, ndarray]]) -> Iterator[_Table]:
    """Put the chunks of equal width, which follow each other, into one table."""
    for _, same in groupby(parts, key=lambda part: part[0].shape[1]):
        columns, weights = (
            np.concatenate(arrays) for arrays in zip(*same, strict=True)
        )
        yield _Table(jnp.asarray(columns), jnp.asarray(weights))
