"""Which bins make products of sparse matrices fastest here, by measuring them once."""

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
from .linear import Multigrid
from .linear.stiffness import assemble_upper, whole


# From many bins with little padding to few. [byte]
_STARTS = (100_000, 1_000_000, 6_000_000)
_TIMES = 3  # The least of so many counts.

_log = logging.getLogger("tmsgrad")


def tuned(conductor: Conductor, *, together: int = 1) -> Multigrid:
    """Choose the bins of `Multigrid`'s products by measuring them on the device at hand.

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
    """All that `tuned` chooses among."""
    return [Multigrid(start=start) for start in _STARTS]


def _fastest(conductor: Conductor, together: int) -> Multigrid:
    host = conductor.host
    matrix = sp.csr_matrix(whole(assemble_upper(host.mesh, host.reference)))
    x = jnp.ones((host.mesh.nodes, together), jnp.float32)
    seconds = {each: _seconds(each, matrix, x) for each in variants()}
    for each, taken in seconds.items():
        _log.info("%s: %.3g ms a product", each, 1e3 * taken)
    return min(seconds, key=lambda each: seconds[each])


def _seconds(solver: Multigrid, matrix: sp.csr_matrix, x: jax.Array) -> float:
    """The least time of a product."""
    rows = BinnedRows.from_scipy(matrix, np.float32, start=solver.start)
    multiply = functools.partial(jax.jit(BinnedRows.times), rows)
    jax.block_until_ready(multiply(x))
    taken = []
    for _ in range(_TIMES):
        begin = time.perf_counter()
        jax.block_until_ready(multiply(x))
        taken.append(time.perf_counter() - begin)
    return min(taken)
