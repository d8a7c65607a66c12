"""The mean field of a target for many placements of a coil, one after the other."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from .reciprocity import Reciprocal


def mean_fields(
    reciprocal: Reciprocal,
    coil: AbstractCoil,
    poses: Pose,
    current_rates: Float[ndarray, "pose"],
    block: int = 16,
) -> Float[ndarray, "pose direction"]:
    """Evaluate a target's mean field for a batch of placements.

    Memory does not grow with the number of placements, and all batches of up to `block`
    placements share one compiled program.

    Args:
        reciprocal: The target's currents, or an `equivalent` of them.
        coil: The coil.
        poses: A batch with one leading axis.
        current_rates: dI/dt of each. [A/s]
        block: How many placements make one call.

    Returns:
        The components of each mean vector. [V/m]
    """
    found = []
    for start in range(0, len(current_rates), block):
        rates = np.zeros(block)
        rows = np.arange(start, min(start + block, len(current_rates)))
        rates[: len(rows)] = current_rates[rows]
        # The last block is filled up with its first pose, at no current.
        index = np.concatenate([rows, np.full(block - len(rows), rows[0])])
        chosen = jax.tree.map(lambda x, i=index: x[i], poses)
        means = _mean_fields(reciprocal, coil, chosen, jnp.asarray(rates))
        found.append(np.asarray(means)[: len(rows)])
    return np.concatenate(found)


@eqx.filter_jit
def _mean_fields(
    reciprocal: Reciprocal,
    coil: AbstractCoil,
    poses: Pose,
    rates: Float[Array, "pose"],
) -> Float[Array, "pose direction"]:
    one = partial(_mean_field, reciprocal, coil)
    return jax.lax.map(lambda args: one(*args), (poses, rates))


def _mean_field(
    reciprocal: Reciprocal, coil: AbstractCoil, pose: Pose, rate: Float[Array, ""]
) -> Float[Array, "direction"]:
    return reciprocal.mean_field(coil, pose, rate)
