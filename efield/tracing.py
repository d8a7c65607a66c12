"""Which arrays have values now, and which stand for values to come.

Only how something is computed may depend on this, never what: `gathered` sums by NumPy or
by XLA, a device solver multiplies by an assembled matrix or element by element.
"""

import jax
import numpy as np
from jax.core import Tracer
from numpy import ndarray


def known_values(x) -> ndarray | None:
    """Return the values of an array, or None where they are not known yet.

    They are known outside `jax.jit` and `jax.vmap`. A derivative that is taken without
    `jax.jit` does not hide them.
    """
    if isinstance(x, Tracer):
        x = jax.lax.stop_gradient(x)
    return None if isinstance(x, Tracer) else np.asarray(x)


def is_plain(*arrays) -> bool:
    """Return whether no array of some structures is followed by a transformation."""
    return not any(isinstance(x, Tracer) for x in jax.tree.leaves(arrays))
