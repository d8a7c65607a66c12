"""The product of padded rows as one kernel, written for GPUs in Pallas.

XLA makes of a bin's product a gather and a sum over its first axis. Here a program takes
some rows, keeps their sums in registers and reads each entry once. Triton compiles it; on a
processor it is interpreted, which shows that it is right and is slow. It has not run on a
GPU yet.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jaxtyping import Array, Float, Int

from .binned import BinnedRows


class FusedRows(BinnedRows):
    """A sparse matrix whose bins are multiplied by a kernel of our own."""

    together: ClassVar[int] = 128

    def times(self, x: Float[Array, "column rhs"]) -> Float[Array, "row rhs"]:
        """Multiply with some vectors at once."""
        count = x.shape[1]
        # Triton's arrays have powers of two as lengths.
        wide = jnp.pad(x, ((0, 0), (0, (1 << (count - 1).bit_length()) - count)))
        parts = [
            _padded_product(column, value, wide, self.together)
            for column, value in zip(self.columns, self.values, strict=True)
        ]
        return jnp.concatenate(parts)[self.place, :count]


def _padded_product(
    columns: Int[Array, "width row"],
    values: Float[Array, "width row"],
    x: Float[Array, "column rhs"],
    together: int,
) -> Float[Array, "row rhs"]:
    """Sum values × x over the width of each row, some rows in each program."""
    width, rows = columns.shape
    some = pl.BlockSpec((width, together), lambda i: (0, i))
    kind = jnp.result_type(values, x)

    def call(*arrays: Array, interpret: bool) -> Array:
        return pl.pallas_call(
            _sum_rows,
            grid=(rows // together,),
            in_specs=[some, some, pl.BlockSpec(x.shape, lambda i: (0, 0))],
            out_specs=pl.BlockSpec((together, x.shape[1]), lambda i: (i, 0)),
            out_shape=jax.ShapeDtypeStruct((rows, x.shape[1]), kind),
            interpret=interpret,
        )(*arrays)

    return jax.lax.platform_dependent(
        *(columns, values, x),
        cpu=lambda *arrays: call(*arrays, interpret=True),
        default=lambda *arrays: call(*arrays, interpret=False),
    )


def _sum_rows(columns, values, x, out) -> None:
    """The kernel: references to a block of rows, to all of x, and to the block's sums."""

    def add(step, total):
        return total + values[step, :][:, None] * x[columns[step, :], :]

    zero = jnp.zeros(out.shape, out.dtype)
    out[...] = jax.lax.fori_loop(0, columns.shape[0], add, zero)
