"""Which products of sparse matrices are fastest here, by measuring them once."""

import functools
import logging
import math
import time

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from .binned import BinnedRows
from .conductor import Conductor
from .fused import FusedRows
from .linear import Multigrid
from .linear.stiffness import assemble_upper, whole


_STARTS = (100_000, 6_000_000)  # Many bins with little padding, or few. [byte]
_TIMES = 3  # The least of so many counts.

_log = logging.getLogger("tmsgrad")


def tuned(conductor: Conductor, *, together: int = 1) -> Multigrid:
    """Choose `Multigrid`'s products by measuring them on the device at hand.

    Sums are taken in another order by another choice: keep the solver that this returns,
    or write its attributes down, for results that are to be the same bit by bit. A process
    measures once for each device, size of head within a factor of two, and `together`.

    Args:
        conductor: A head; only its matrix is used.
        together: How many right-hand sides are solved at once.

    Returns:
        The solver, with default tolerances.

    Raises:
        ValueError: `together` is no positive number.
    """
    if together < 1:
        raise ValueError(f"`together` must be at least 1, got {together!r}.")
    size = round(math.log2(conductor.host.mesh.nodes))
    found = _kept.get(key := (jax.devices()[0].device_kind, size, together))
    if found is None:
        found = _kept[key] = _fastest(conductor, together)
    return found


_kept: dict[tuple[str, int, int], Multigrid] = {}


def variants() -> list[Multigrid]:
    """All that `tuned` chooses among on this kind of device."""
    kinds = [BinnedRows] if jax.default_backend() == "cpu" else [BinnedRows, FusedRows]
    return [Multigrid(rows=kind, start=start) for kind in kinds for start in _STARTS]


def _fastest(conductor: Conductor, together: int) -> Multigrid:
    host = conductor.host
    matrix = sp.csr_matrix(whole(assemble_upper(host.mesh, host.reference)))
    x = jnp.ones((host.mesh.nodes, together), jnp.float32)
    seconds = {each: _seconds(each, matrix, x) for each in variants()}
    for each, taken in seconds.items():
        _log.info("%s: %.3g ms a product", each, 1e3 * taken)
    return min(seconds, key=lambda each: seconds[each])


def _seconds(solver: Multigrid, matrix: sp.csr_matrix, x: jax.Array) -> float:
    """The least time of a product; infinite where it cannot be compiled here."""
    rows = solver.rows.from_scipy(matrix, np.float32, start=solver.start)
    multiply = functools.partial(jax.jit(type(rows).times), rows)
    try:
        jax.block_until_ready(multiply(x))
    except Exception as error:  # Of a compiler that is not ours.
        _log.info("%s: %s", solver, error)
        return math.inf
    taken = []
    for _ in range(_TIMES):
        begin = time.perf_counter()
        jax.block_until_ready(multiply(x))
        taken.append(time.perf_counter() - begin)
    return min(taken)
