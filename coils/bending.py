"""Bending a winding: flat coils laid on a curved surface.

The plane z = 0 of the coil is rolled onto a cylinder of curvature κ about an axis parallel
to y, without stretching it: x becomes an arc, and what lies at a height z stays at that
distance from the surface,

    x' = x sinc(κ x) - z sin(κ x),   z' = (1 - cos κ x) / κ + z cos κ x,

with sinc t = sin t / t. A positive curvature bends the outer parts towards the head. A
second curvature, about an axis parallel to x, is applied afterwards. Curvatures are arrays
that JAX differentiates, at zero too.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .coil import AbstractCoil, Casing, Coil, Part
from .dipoles import MagneticDipoles
from .loops import CircularTurns
from .wires import StraightSegments


_CORNERS = 96


def bend_points(
    points: Float[Array, "point 3"], curvature: Float[Array, "2"]
) -> Float[Array, "point 3"]:
    """Bend points with the surface z = 0.

    Args:
        points: In the frame of the coil. [m]
        curvature: Along x and along y, 0 for a plane. [1/m]
    """
    x, z = _rolled(points[:, 0], points[:, 2], curvature[0])
    y, z = _rolled(points[:, 1], z, curvature[1])
    return jnp.stack([x, y, z], axis=1)


def bend(coil: AbstractCoil, curvature: Float[Array, "2"]) -> AbstractCoil:
    """Bend a winding, with its casing.

    Wires follow the surface with their ends, so closed paths stay closed. Dipoles move and
    turn with it. Circular turns become polygons first.

    Args:
        coil: A coil, a part or an element.
        curvature: Along x and along y. [1/m]

    Returns:
        The same kind of coil; of circular turns, straight segments.

    Raises:
        ValueError: The coil is known by its field alone, or its parts already move.
    """
    if isinstance(coil, Coil):
        casing = coil.casing
        return dataclasses.replace(
            coil,
            elements=tuple(bend(each, curvature) for each in coil.elements),
            casing=None if casing is None else bend_points(casing, curvature),
            casing_distance_points=None,
        )
    if isinstance(coil, Part):
        if coil.motions:
            raise ValueError(
                f"the part {coil.name!r} moves on axes of its own, which bending would "
                "displace. Bend a coil whose parts are at rest."
            )
        casing = coil.casing
        if casing is not None:
            casing = Casing(bend_points(casing.points, curvature), casing.triangles)
        return dataclasses.replace(
            coil, element=bend(coil.element, curvature), casing=casing
        )
    if isinstance(coil, MagneticDipoles):
        move = lambda point: bend_points(point[None], curvature)[0]
        turned = jax.vmap(lambda p, m: jax.jvp(move, (p,), (m,))[1])(
            coil.positions, coil.moments
        )
        # Off the surface z = 0 lengths along it change; a moment keeps its size.
        size = jnp.linalg.norm(coil.moments, axis=1, keepdims=True)
        now = jnp.linalg.norm(turned, axis=1, keepdims=True)
        turned = turned * jnp.where(now > 0, size / jnp.where(now > 0, now, 1), 0)
        return MagneticDipoles(bend_points(coil.positions, curvature), turned)
    if isinstance(coil, CircularTurns):
        coil = as_segments(coil)
    if not isinstance(coil, StraightSegments):
        raise ValueError(
            f"a {type(coil).__name__} cannot be bent: it needs a winding of wires, turns "
            "or dipoles."
        )
    starts = bend_points(coil.midpoints - coil.vectors / 2, curvature)
    ends = bend_points(coil.midpoints + coil.vectors / 2, curvature)
    return StraightSegments(
        (starts + ends) / 2, ends - starts, coil.currents, coil.points_per_segment
    )


def as_segments(turns: CircularTurns, corners: int = _CORNERS) -> StraightSegments:
    """Write circular turns as polygons of the same area.

    Args:
        turns: Of one winding.
        corners: Of each polygon; the error of the field falls with its square.
    """
    step = 2 * np.pi / corners
    angles = step * np.arange(corners)
    x, y = turns.across()
    flat = np.cos(angles)[:, None] * x[None] + np.sin(angles)[:, None] * y[None]
    radii = turns.radii * np.sqrt(step / np.sin(step))
    places = turns.centre[None, None] + radii[:, None, None] * flat[None]
    starts, ends = places.reshape(-1, 3), jnp.roll(places, -1, axis=1).reshape(-1, 3)
    currents = jnp.broadcast_to(turns.current, (len(starts),))
    return StraightSegments((starts + ends) / 2, ends - starts, currents)


def _rolled(
    along: Float[Array, "point"], z: Float[Array, "point"], curvature: Float[Array, ""]
) -> tuple[Float[Array, "point"], Float[Array, "point"]]:
    angle = curvature * along
    sine, half = jnp.sinc(angle / jnp.pi), jnp.sinc(angle / (2 * jnp.pi))
    arc = along * sine - z * jnp.sin(angle)
    return arc, along * angle / 2 * half**2 + z * jnp.cos(angle)
