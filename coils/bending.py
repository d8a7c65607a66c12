"""Bending a winding: flat coils laid on a curved surface.

The plane z = 0 of the coil is rolled onto a cylinder of curvature κ about an axis parallel
to y, without stretching it: x becomes an arc, and what lies at a height z stays at that
distance from the surface,

    x' = x sinc(κ x) - z sin(κ x),   z' = (1 - cos κ x) / κ + z cos κ x,

with sinc t = sin t / t. A positive curvature bends the outer parts towards the head. A
second curvature, about an axis parallel to x, is applied afterwards. Curvatures are arrays
that JAX differentiates, at zero too.

On any other surface, given as a function S of x and y, a point at the height z goes to
S(x, y) + z n(x, y), with n the unit normal.
"""

import dataclasses
from collections.abc import Callable

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


def lay_points(
    points: Float[Array, "point 3"],
    surface: Callable[[Float[Array, "2"]], Float[Array, "3"]],
) -> Float[Array, "point 3"]:
    """Lay points on a surface, each at its height z above it.

    Args:
        points: In the frame of the coil. [m]
        surface: Where it puts a point of the plane z = 0, given x and y; differentiable.
            Its normal is ∂S/∂x × ∂S/∂y, which is z where the surface is that plane. [m]
    """

    def at(point: Float[Array, "3"]) -> Float[Array, "3"]:
        slopes = jax.jacfwd(surface)(point[:2])
        normal = jnp.cross(slopes[:, 0], slopes[:, 1])
        return surface(point[:2]) + point[2] * normal / jnp.linalg.norm(normal)

    return jax.vmap(at)(points)


def bend(coil: AbstractCoil, curvature: Float[Array, "2"]) -> AbstractCoil:
    """Roll a winding onto cylinders, with its casing.

    Args:
        coil: A coil, a part or an element.
        curvature: Along x and along y. [1/m]

    Returns:
        The same kind of coil; of circular turns, straight segments.

    Raises:
        ValueError: The coil is known by its field alone, or its parts already move.
    """
    return deform(coil, lambda points: bend_points(points, curvature))


def lay(
    coil: AbstractCoil,
    surface: Callable[[Float[Array, "2"]], Float[Array, "3"]],
) -> AbstractCoil:
    """Lay a winding on a surface, with its casing.

    Differentiable in what `surface` closes over, such as radii or heights.

    Args:
        coil: A coil, a part or an element.
        surface: As in `lay_points`. [m]

    Returns:
        The same kind of coil; of circular turns, straight segments.

    Raises:
        ValueError: The coil is known by its field alone, or its parts already move.
    """
    return deform(coil, lambda points: lay_points(points, surface))


def deform(
    coil: AbstractCoil,
    move: Callable[[Float[Array, "point 3"]], Float[Array, "point 3"]],
) -> AbstractCoil:
    """Move every point of a winding and its casing as a function says.

    Wires follow with their ends, so closed paths stay closed. Dipoles move and turn along;
    their moments keep their sizes. Circular turns become polygons first.

    Args:
        coil: A coil, a part or an element.
        move: Of points in the frame of the coil, one by one; differentiable. [m]

    Returns:
        The same kind of coil; of circular turns, straight segments.

    Raises:
        ValueError: The coil is known by its field alone, or its parts already move.
    """
    if isinstance(coil, Coil):
        casing, near = coil.casing, coil.casing_distance_points
        return dataclasses.replace(
            coil,
            elements=tuple(deform(each, move) for each in coil.elements),
            casing=None if casing is None else move(casing),
            casing_distance_points=None if near is None else move(near),
        )
    if isinstance(coil, Part):
        if coil.motions:
            raise ValueError(
                f"the part {coil.name!r} moves on axes of its own, which bending would "
                "displace. Bend a coil whose parts are at rest."
            )
        casing = coil.casing
        if casing is not None:
            near = casing.distance_points
            near = None if near is None else move(near)
            casing = Casing(move(casing.points), casing.triangles, near)
        return dataclasses.replace(
            coil, element=deform(coil.element, move), casing=casing
        )
    if isinstance(coil, MagneticDipoles):
        return _deformed_dipoles(coil, move)
    if isinstance(coil, CircularTurns):
        coil = as_segments(coil)
    if not isinstance(coil, StraightSegments):
        raise ValueError(
            f"a {type(coil).__name__} cannot be bent: it needs a winding of wires, turns "
            "or dipoles."
        )
    starts = move(coil.midpoints - coil.vectors / 2)
    ends = move(coil.midpoints + coil.vectors / 2)
    return StraightSegments(
        (starts + ends) / 2, ends - starts, coil.currents, coil.points_per_segment
    )


def _deformed_dipoles(coil: MagneticDipoles, move) -> MagneticDipoles:
    places, turned = jax.jvp(move, (coil.positions,), (coil.moments,))
    # Lengths along a surface change; a moment keeps its size.
    size = jnp.linalg.norm(coil.moments, axis=1, keepdims=True)
    now = jnp.linalg.norm(turned, axis=1, keepdims=True)
    turned = turned * jnp.where(now > 0, size / jnp.where(now > 0, now, 1), 0)
    return MagneticDipoles(places, turned)


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
