"""The exact field in a spherically symmetric conductor, for any source outside of it.

Whatever the layers, the induced field has no radial component, and does not depend on the
conductivity [Heller & van Hulsteyn 1992, doi:10.1016/S0006-3495(92)81587-4]. By
reciprocity it follows from the magnetic field B outside of a current dipole q inside
[Sarvas 1987, doi:10.1088/0031-9155/32/1/004, eq. 25]: q·E = -m·B(p) for a magnetic dipole
that grows by m per second at p.

As the currents that flow have no radial component either, the field remains the same where
the radial conductivity is another than the tangential one, at any depth in any ratio.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose, Sources
from ..coils.dipoles import MU0_OVER_4PI, in_blocks


def coil_field(
    coil: AbstractCoil,
    pose: Pose,
    points: Float[ndarray, "point 3"],
    current_rate: ArrayLike = 1e6,
    centre: ArrayLike = 0.0,
) -> Float[Array, "point 3"]:
    """Evaluate the exact E of a coil in a spherically symmetric conductor.

    Args:
        coil: A coil with point sources, all farther from the centre than the surface of
            the conductor.
        pose: One placement of it.
        points: Within the conductor. [m]
        current_rate: dI/dt. [A/s]
        centre: Of the sphere, (3,), by default the origin. [m]

    Returns:
        E at each point. [V/m]

    Raises:
        ValueError: A point is as far from the centre as a source: no sphere separates
            them, and the field would depend on conductivities.
    """
    placed = coil.sources().placed(pose)
    return sphere_field(placed, jnp.asarray(points), centre) * current_rate


def sphere_field(
    sources: Sources, points: Float[Array, "point 3"], centre: ArrayLike = 0.0
) -> Float[Array, "point 3"]:
    """Evaluate the exact E of sources whose current grows by 1 A/s.

    Of the currents among the sources only closed loops have a meaning: the field of each
    is that of a gauge in which radial currents have none.

    Args:
        sources: In the frame of the sphere.
        points: As for `coil_field`. [m]
        centre: Of the sphere, (3,), by default the origin. [m]

    Returns:
        E at each point. [V/m per A/s]

    Raises:
        ValueError: As `coil_field`.
    """
    origin = jnp.broadcast_to(jnp.asarray(centre, dtype=points.dtype), (1, 3))
    dipoles = sources.dipole_positions - origin
    currents = sources.current_positions - origin
    inside = points - origin
    _check_apart(jnp.concatenate([dipoles, currents]), inside)
    total = jnp.zeros_like(points)
    if len(dipoles):
        total = total + _of_dipoles(dipoles, sources.dipole_moments, inside)
    if len(currents):
        total = total + _of_currents(currents, sources.current_vectors, inside)
    return total


def _check_apart(sources: Array, points: Array) -> None:
    if isinstance(sources, Tracer) or isinstance(points, Tracer):
        return
    nearest = np.linalg.norm(sources, axis=1).min()
    farthest = np.linalg.norm(points, axis=1).max(initial=0.0)
    if not nearest > farthest:
        raise ValueError(
            f"a point lies {farthest * 1e3:.4g} mm from the centre of the sphere, and a "
            f"source of the coil {nearest * 1e3:.4g} mm. The formula holds where all "
            "points are nearer to the centre than all sources."
        )


@jax.jit
def _of_dipoles(
    positions: Float[Array, "dipole 3"],
    moments: Float[Array, "dipole 3"],
    points: Float[Array, "point 3"],
) -> Float[Array, "point 3"]:
    """With the F and ∇F of Sarvas, E = μ₀/4π r × Σ [(m·∇F) p / F² - m / F].

    With a = p - r, F = |a| (|p| |a| + p·a), and ∇F has the components
    |a|²/|p| + p·a/|a| + 2|a| + 2|p| along p and -(|a| + 2|p| + p·a/|a|) along r.
    """
    p = jnp.linalg.norm(positions, axis=1)[None]
    p_dot_m = jnp.sum(positions * moments, axis=1)[None]

    def block(r: Float[Array, "chunk 3"]) -> Float[Array, "chunk 3"]:
        a = _distances(positions, r)
        p_dot_a = p**2 - r @ positions.T
        f = a * (p * a + p_dot_a)
        along_p = a**2 / p + p_dot_a / a + 2 * a + 2 * p
        along_r = a + 2 * p + p_dot_a / a
        slope = along_p * p_dot_m - along_r * (r @ moments.T)
        return jnp.cross(r, (slope / f**2) @ positions - (1 / f) @ moments)

    return MU0_OVER_4PI * in_blocks(block, points, len(positions))


@jax.jit
def _of_currents(
    positions: Float[Array, "current 3"],
    vectors: Float[Array, "current 3"],
    points: Float[Array, "point 3"],
) -> Float[Array, "point 3"]:
    """Take a vector potential of B without a radial component, so that q·E = -l·A(p).

    With u = p × l, G = |p| |a| + p·a and h = 1 / (|p| G) it gives

        E = μ₀/4π r × Σ [h u + h² |p| (1 + |p|/|a|) (r·u) p].

    It follows from B = ∇ × ∇ × (p χ), in which |p| χ is the integral of Sarvas' scalar
    potential along the ray from p to infinity, χ = -μ₀/4π (q × r)·p h.
    """
    p = jnp.linalg.norm(positions, axis=1)[None]
    turned = jnp.cross(positions, vectors)

    def block(r: Float[Array, "chunk 3"]) -> Float[Array, "chunk 3"]:
        a = _distances(positions, r)
        h = 1 / (p * (p * a + p**2 - r @ positions.T))
        slope = h**2 * p * (1 + p / a) * (r @ turned.T)
        return jnp.cross(r, h @ turned + slope @ positions)

    return MU0_OVER_4PI * in_blocks(block, points, len(positions))


def _distances(
    positions: Float[Array, "source 3"], points: Float[Array, "point 3"]
) -> Float[Array, "point source"]:
    squares = sum((points[:, None, c] - positions[None, :, c]) ** 2 for c in range(3))
    return jnp.sqrt(squares)
