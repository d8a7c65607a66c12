"""A head of five layers with its scalp, and a coil with a casing, for several tests."""

import functools
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from efield_examples import figure_of_eight

from tmsgrad import meshing
from tmsgrad.coils import Coil, Pose, write_ccd, write_stl
from tmsgrad.meshing import HeadMesh, Scalp


# White matter, gray matter, CSF, bone and scalp. [m]
RADII = [0.060, 0.068, 0.072, 0.079, 0.086]

_BOX = np.array(
    [[x, y, z] for x in (-0.08, 0.08) for y in (-0.045, 0.045) for z in (-0.015, 0.0)]
)
_BOX_SIDES = [(0, 2, 6, 4), (1, 5, 7, 3), (0, 4, 5, 1)]
_BOX_SIDES += [(2, 3, 7, 6), (0, 1, 3, 2), (4, 6, 7, 5)]
BOX_TRIANGLES = np.array(
    [half for a, b, c, d in _BOX_SIDES for half in ((a, b, c), (a, c, d))]
)


@functools.cache
def five_layers() -> HeadMesh:
    """Concentric spheres with the tags 1 to 5; 9000 tetrahedra."""
    return meshing.spheres(RADII, [1, 2, 3, 4, 5], 0.016)


@functools.cache
def scalp_of_five_layers() -> Scalp:
    return meshing.scalp(five_layers())


def boxed_coil() -> Coil:
    """A figure of eight in a flat box, whose lowest plane is z = 0."""
    dipoles = figure_of_eight()
    raised = type(dipoles)(
        dipoles.positions - jnp.array([[0.0, 0.0, 0.007]]), dipoles.moments
    )
    return Coil(
        (raised,), jnp.asarray(_BOX), "boxed", 100e6, jnp.asarray(BOX_TRIANGLES)
    )


def write_coil(folder: Path) -> Path:
    """Write `boxed_coil` as boxed.ccd, with its casing beside it."""
    coil = boxed_coil()
    write_ccd(folder / "boxed.ccd", coil)
    write_stl(folder / "boxed.stl", _BOX, BOX_TRIANGLES)
    return folder / "boxed.ccd"


def pose_over(direction, angle: float = 0.0, distance: float = 4e-3) -> Pose:
    """Place a coil tangentially on the sphere, towards a direction."""
    up = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    y = np.cross(-up, [0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [0.0, 1.0, 0.0])
    y /= np.linalg.norm(y)
    frame = np.stack([np.cross(y, -up), y, -up], axis=1)
    turn = jnp.array([0.0, 0.0, angle])
    return Pose(frame, (RADII[-1] + distance) * up).moved(jnp.zeros(3), turn)
