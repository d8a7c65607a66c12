"""A coil whose parts move: a figure of eight hinged in the middle."""

import jax.numpy as jnp
import numpy as np
from heads import BOX_TRIANGLES

from tmsgrad.coils import Casing, Coil, Details, MagneticDipoles, Part, Range, Rotation


LIMIT = np.radians(20)
HINGE = 2e-3  # Of each wing, off the middle. [m]
THICKNESS = 12e-3
# As some files have them: inside out, with a triangle that has no area.
HULL = np.append(BOX_TRIANGLES[:, ::-1], [[0, 1, 1]], axis=0)


def wing(side, setting, height):
    """A half of the coil, in a box of its own."""
    angle = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    positions = np.stack(
        [side * 0.036 + 0.02 * np.cos(angle), 0.02 * np.sin(angle), 0 * angle - 7e-3], 1
    )
    moments = np.tile([0.0, 0.0, side * 5.0], (6, 1))
    x = np.sort(side * np.array([HINGE, 0.072]))
    corners = [[a, y, z] for a in x for y in (-0.035, 0.035) for z in (-THICKNESS, 0.0)]
    hull = Casing(jnp.array(corners), jnp.asarray(HULL))
    first, second = (np.array([side * HINGE, y, height]) for y in (0.0, 1.0))
    hinge = Rotation.through(first, second, setting)
    return Part(MagneticDipoles(positions, moments), hull, (hinge,))


def hinged(height=0.0):
    return Coil(
        (wing(-1, 0, height), wing(1, 1, height)),
        name="hinged",
        settings=jnp.zeros(2),
        ranges=(Range(0.0, -LIMIT, LIMIT),) * 2,
        details=Details(apart=((1, 2),)),
    )
