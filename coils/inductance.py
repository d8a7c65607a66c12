"""Inductance of windings, by Neumann's formula.

The mutual inductance of two thin closed wires is

    M = (μ₀ / 4π) ∮∮ dl₁ · dl₂ / |r₁ - r₂| = ∮ A₁ · dl₂

[Jackson, *Classical Electrodynamics*, 3rd ed., § 5.17], with A₁ the potential of 1 A in the
first. A wire's own term diverges for a thin wire. It is that of a round wire of the same
cross-section, whose geometric mean distance from itself is r exp(-1/4) at low frequency
[Maxwell, *A Treatise on Electricity and Magnetism*, § 692].
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .coil import AbstractCoil, Coil, Part
from .loops import CircularTurns, potential_over_rho


_CORNERS = 96


def self_inductance(coil: AbstractCoil, width: float, height: float) -> float:
    """Inductance of the circular turns of a coil in series.

    A turn of radius a has, for the geometric mean distance g of its cross-section from
    itself, the inductance μ₀ a (ln(8 a / g) - 2) [Grover, *Inductance Calculations*, 1946,
    ch. 16]; for a rectangle g = 0.2235 (width + height) [ibid., ch. 3]. Elements that are
    filaments of one thick wire count as that wire.

    Args:
        coil: Its elements are `CircularTurns`.
        width: Of the conductor, along the radius. [m]
        height: Of the conductor, along the axis. [m]

    Returns:
        The inductance. [H]

    Raises:
        ValueError: An element is no circular turn: of dipoles no inductance is known.
    """
    turns = _turns(coil)
    distance = 0.2235 * (width + height)
    if not distance > 0:
        raise ValueError(
            f"a wire of {width} m by {height} m has no cross-section; the inductance of "
            "an infinitely thin wire is infinite."
        )
    total = 0.0
    for number, (element, radius) in enumerate(turns):
        share = float(element.current)
        own = 4e-7 * np.pi * radius * (np.log(8 * radius / distance) - 2)
        total += share**2 * own
        for other, its_radius in turns[:number]:
            # Filaments of one turn are nearer to each other than its cross-section.
            mutual = _mutual(element, radius, other, its_radius, distance)
            total += 2 * share * float(other.current) * mutual
    return float(total)


def mutual_inductance(
    coil: AbstractCoil,
    path: Float[Array, "corner 3"],
) -> Float[Array, ""]:
    """Flux through a closed path, per current in a coil, as ∮ A · dl. [H]

    Differentiable in coil and path.

    Args:
        coil: Which carries 1 A.
        path: Corners of a closed polygon, off the windings. [m]
    """
    nodes, weights = np.polynomial.legendre.leggauss(6)
    sides = jnp.roll(path, -1, axis=0) - path
    places = path[:, None] + ((nodes + 1) / 2)[None, :, None] * sides[:, None]
    potential = coil.vector_potential(places.reshape(-1, 3)).reshape(places.shape)
    along = jnp.sum(potential * sides[:, None], axis=-1)
    return jnp.sum(along * jnp.asarray(weights / 2)[None])


def _turns(coil: AbstractCoil) -> list[tuple[CircularTurns, float]]:
    elements = coil.elements if isinstance(coil, Coil) else (coil,)
    found = []
    for given in elements:
        element = given.element if isinstance(given, Part) else given
        if not isinstance(element, CircularTurns):
            raise ValueError(
                f"the inductance of a {type(element).__name__} is not known: it needs the "
                "winding, as circular turns."
            )
        found += [(element, float(radius)) for radius in element.radii]
    return found


def _mutual(
    one: CircularTurns, radius: float, other: CircularTurns, its: float, least: float
) -> float:
    angle = 2 * np.pi * (np.arange(_CORNERS) + 0.5) / _CORNERS
    axis = np.asarray(other.axis)
    across = np.cross(axis, [1.0, 0, 0] if abs(axis[0]) < 0.9 else [0, 1.0, 0])
    across /= np.linalg.norm(across)
    beside = np.cross(axis, across)
    points = np.asarray(other.centre) + its * (
        np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * beside
    )
    along = -np.sin(angle)[:, None] * across + np.cos(angle)[:, None] * beside
    r = points - np.asarray(one.centre)
    normal = np.asarray(one.axis)
    turned = np.cross(normal, r)
    height = r @ normal
    rho = np.linalg.norm(turned, axis=1)
    near = np.hypot(rho - radius, height)
    # Nearer than the conductor's mean distance from itself, that distance counts.
    raised = np.sqrt(np.maximum(least**2 - (rho - radius) ** 2, 0))
    height = np.where(near < least, raised, height)
    size = potential_over_rho(
        jnp.full(_CORNERS, radius), jnp.asarray(rho**2), jnp.asarray(height**2)
    )
    flux = np.sum(turned * along, axis=1) * np.asarray(size)
    return float(flux.sum() * 2 * np.pi * its / _CORNERS)
