"""Balls in which a coil may not be placed."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .objectives import norm
from .placement import Chart


_ZONE_STEPS = 12


def out_of_zones(
    chart: Chart, zones: Float[Array, "zone 4"], position: Float[Array, "2"]
) -> Float[Array, "2"]:
    """Move a position on a chart out of forbidden balls, the shortest way about. [m]"""

    def step(_, place: Float[Array, "2"]) -> Float[Array, "2"]:
        offset = chart.scalp_point(place)[0][None] - zones[:, :3]
        inside = zones[:, 3] - norm(offset)
        deepest = jnp.argmax(inside)
        along = chart.tangents @ offset[deepest]
        length = norm(along)
        way = jnp.where(length > 0, along / jnp.where(length > 0, length, 1), 1.0)
        return place + jnp.maximum(inside[deepest] * (1 + 1e-6), 0) * way

    return jax.lax.fori_loop(0, _ZONE_STEPS, step, position)


@eqx.filter_jit
def in_zones(
    chart: Chart, zones: Float[Array, "zone 4"], positions: Float[Array, "position 2"]
) -> Bool[Array, "position"]:
    """Find which positions [m] on a chart lie in forbidden balls."""
    points = jax.vmap(lambda place: chart.scalp_point(place)[0])(positions)
    gap = jnp.linalg.norm(points[:, None] - zones[None, :, :3], axis=2)
    gap = gap - zones[None, :, 3]
    return jnp.any(gap < -1e-5, axis=1)
