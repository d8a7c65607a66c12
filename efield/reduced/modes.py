"""The modes of a field as they are stored: whole, or in fewer bits.

Values are kept in chunks of points. A chunk is brought to the precision of the sum while
it is in the processor's cache, so that a table in half precision or in bytes is read in
half or a quarter of the time. Bytes have a scale for each mode and chunk: what a mode is
far from its peak keeps its digits.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped
from numpy import ndarray
from numpy.typing import DTypeLike
from scipy import sparse


_POINTS = (
    352  # Of a chunk; three components of them fill whole vectors of any processor.
)
_WIDTH = 3 * _POINTS
_LARGEST_BYTE = 127


class Table(eqx.Module):
    """Some modes at all points.

    Attributes:
        values: As stored.
        scale: What bytes are multiplied with, or None.
    """

    values: Shaped[Array, "chunk mode width"]
    scale: Float[Array, "chunk mode"] | None

    def sum(
        self, coefficients: Float[Array, "*batch mode"]
    ) -> Float[Array, "chunk *batch width"]:
        """Add up the modes, in the precision of the coefficients or in single."""

        # Without `checkpoint` a derivative would store the table again, unpacked.
        @jax.checkpoint
        def chunk(stored: tuple) -> Float[Array, "*batch width"]:
            values, scale = stored
            scaled = coefficients
            if scale is not None:
                scaled = scaled * jnp.broadcast_to(scale, scaled.shape)
            return scaled @ values.astype(scaled.dtype)

        return jax.lax.map(chunk, (self.values, self.scale))


class Modes(eqx.Module):
    """The modes of a field at points, as one table or several.

    Attributes:
        tables: Of consecutive modes, the most important first.
        points: How many there are.
    """

    tables: tuple[Table, ...]
    points: int = eqx.field(static=True)

    @property
    def count(self) -> int:
        """How many modes there are."""
        return sum(each.values.shape[1] for each in self.tables)

    @property
    def bytes(self) -> int:
        """What the tables take in memory."""
        return sum(leaf.nbytes for leaf in jax.tree.leaves(self.tables))

    @property
    def precision(self) -> np.dtype:
        """In which sums are taken: double where a table is, else single."""
        kinds = [each.values.dtype for each in self.tables]
        return np.dtype(np.float64 if np.dtype(np.float64) in kinds else np.float32)

    def __call__(
        self, coefficients: Float[Array, "*batch mode"]
    ) -> Float[Array, "*batch point 3"]:
        """Add up the modes."""
        given = coefficients.astype(self.precision)
        total, first = None, 0
        for table in self.tables:
            count = table.values.shape[1]
            part = table.sum(given[..., first : first + count])
            total = part if total is None else total + part
            first += count
        assert total is not None
        whole = jnp.moveaxis(total, 0, -2).reshape(*given.shape[:-1], -1, 3)
        return whole[..., : self.points, :]

    def dense(self, points: ndarray | None = None) -> Float[ndarray, "mode some 3"]:
        """Write the modes out, at all points or at some, by their numbers."""
        chosen = slice(0, self.points) if points is None else points
        return np.concatenate([_unpacked(table)[:, chosen] for table in self.tables])

    def stored(self, kind: DTypeLike, leading: int = 0) -> "Modes":
        """Store the modes in other numbers.

        Args:
            kind: float64, float32, float16 or int8.
            leading: So many of the most important modes are kept in float16, where `kind`
                is int8.

        Raises:
            ValueError: There is no storage of this kind.
        """
        wanted = np.dtype(kind)
        if wanted not in (np.float64, np.float32, np.float16, np.int8):
            raise ValueError(
                f"modes are stored as float64, float32, float16 or int8, not {wanted}."
            )
        first = leading if wanted == np.int8 else 0
        parts = [(0, first, np.dtype(np.float16)), (first, self.count, wanted)]
        tables = [
            _packed(self._chunks(low, high), part)
            for low, high, part in parts
            if high > low
        ]
        return Modes(tuple(tables), self.points)

    def at(self, points: ndarray) -> "Modes":
        """Keep some points, by their numbers."""
        tables = []
        for table in self.tables:
            kept = chunked(_unpacked(table)[:, points])
            kind = np.dtype(table.values.dtype)
            tables.append(_packed(kept, kind))
        return Modes(tuple(tables), len(points))

    def means(self, shares: sparse.csr_array) -> "Modes":
        """Take means over points, (means, points), in the precision of the sums."""
        rows = (row for table in self.tables for row in _unpacked(table))
        kind = self.precision
        means = [shares.dot(row[: self.points]).astype(kind) for row in rows]
        return modes_of(chunked(np.stack(means)), len(means[0]))

    def _chunks(self, low: int, high: int) -> Float[ndarray, "chunk mode width"]:
        parts, first = [], 0
        for table in self.tables:
            count = table.values.shape[1]
            inside = slice(max(low - first, 0), max(min(high - first, count), 0))
            values = np.asarray(table.values[:, inside])
            if table.scale is not None:
                values = values * np.asarray(table.scale)[:, inside, None]
            parts.append(values)
            first += count
        return np.concatenate(parts, axis=1)


def modes_of(chunks: Shaped[ndarray, "chunk mode width"], points: int) -> Modes:
    """Take modes that are in chunks already."""
    return Modes((Table(jnp.asarray(chunks), None),), points)


def room_for(
    modes: int, points: int, kind: DTypeLike
) -> Shaped[ndarray, "chunk mode width"]:
    """Make room for modes in chunks, whose columns follow each other."""
    return np.zeros((-(-points // _POINTS), modes, _WIDTH), kind)


def chunked(
    dense: Shaped[ndarray, "mode point 3"],
) -> Shaped[ndarray, "chunk mode width"]:
    """Cut modes into chunks of points."""
    room = room_for(len(dense), dense.shape[1], dense.dtype)
    for number, chunk in enumerate(room):
        part = dense[:, number * _POINTS : (number + 1) * _POINTS].reshape(
            len(dense), -1
        )
        chunk[:, : part.shape[1]] = part
    return room


def _unpacked(table: Table) -> Float[ndarray, "mode point 3"]:
    values = np.asarray(table.values)
    if table.scale is not None:
        values = values * np.asarray(table.scale)[:, :, None]
    modes = values.shape[1]
    return np.moveaxis(values, 0, 1).reshape(modes, -1, 3)


def _packed(chunks: Float[ndarray, "chunk mode width"], kind: np.dtype) -> Table:
    if kind == np.float16:
        # Halves have few exponents: a mode of tiny or huge values is brought among them.
        scale = np.abs(chunks).max(axis=2)
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        values = (chunks / scale[:, :, None]).astype(np.float16)
        return Table(jnp.asarray(values), jnp.asarray(scale))
    if kind != np.int8:
        return Table(jnp.asarray(chunks.astype(kind)), None)
    scale = np.abs(chunks).max(axis=2) / _LARGEST_BYTE
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    values = np.rint(chunks / scale[:, :, None]).astype(np.int8)
    return Table(jnp.asarray(values), jnp.asarray(scale))
