"""Where a coil is: a rotation and a translation from the coil's frame to the head's.

The frame is that of SimNIBS: the coil's z axis points into the head, y is the
prolongation of the handle (which lies towards -y) and x = y × z.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from .rigid import rigid_matrices, rigid_parts


class Pose(eqx.Module):
    """A rigid placement of a coil, or a batch of them with leading axes.

    Attributes:
        rotation: Columns are the coil's axes in the head's frame.
        translation: The coil's centre in the head's frame. [m]
    """

    rotation: Float[Array, "*batch 3 3"]
    translation: Float[Array, "*batch 3"]

    def __init__(self, rotation: ArrayLike, translation: ArrayLike):
        """Keep a rotation and a translation.

        Args:
            rotation: Orthonormal and right-handed, (..., 3, 3). This is not checked, so
                that it may be traced; `from_matsimnibs` checks.
            translation: (..., 3). [m]

        Raises:
            ValueError: The shapes do not fit.
        """
        if jnp.shape(rotation)[-2:] != (3, 3):
            raise ValueError(
                "`rotation` must have the shape (..., 3, 3), got "
                f"{jnp.shape(rotation)}."
            )
        if jnp.shape(translation) != jnp.shape(rotation)[:-1]:
            raise ValueError(
                f"`translation` must have the shape {jnp.shape(rotation)[:-1]} for such a "
                f"rotation, got {jnp.shape(translation)}."
            )
        self.rotation = jnp.asarray(rotation)
        self.translation = jnp.asarray(translation)

    @classmethod
    def from_matsimnibs(cls, matrix: npt.ArrayLike) -> "Pose":
        """Take a pose as SimNIBS writes it.

        Rounding of the numbers is repaired, to the nearest rotation.

        Args:
            matrix: Coil to head, lengths in mm, (..., 4, 4).

        Raises:
            ValueError: The matrix has another shape, holds NaN, or is no rigid placement:
                it shears, scales or reflects.
        """
        return cls(*rigid_parts(np.asarray(matrix, dtype=np.float64)))

    def to_matsimnibs(self) -> Float[np.ndarray, "*batch 4 4"]:
        """Write the pose as SimNIBS does: coil to head, lengths in mm."""
        return rigid_matrices(np.asarray(self.rotation), np.asarray(self.translation))

    @property
    def matrix(self) -> Float[np.ndarray, "*batch 4 4"]:
        """The pose as a matrix: coil to head. [m]"""
        found = self.to_matsimnibs()
        found[..., :3, 3] = np.asarray(self.translation)
        return found

    def __repr__(self) -> str:
        """Say where the coil is and where it points, or how many poses there are."""
        shape = np.shape(self.translation)
        if len(shape) > 1:
            return f"Pose({' × '.join(map(str, shape[:-1]))} placements)"
        place = in_millimetres(self.translation)
        if not known(self.rotation):
            return f"Pose(centre {place})"
        axes = np.asarray(self.rotation).T
        y, z = (", ".join(f"{x:.3f}" for x in axes[axis]) for axis in (1, 2))
        return f"Pose(centre {place}, y axis ({y}), z axis ({z}))"

    def moved(self, shift: Float[Array, "3"], turn: Float[Array, "3"]) -> "Pose":
        """Shift and turn the coil in its own frame.

        At zero this has well-defined derivatives of every order, so its six arguments
        serve as local coordinates of the rigid motions.

        Args:
            shift: Along the coil's axes. [m]
            turn: Rotation vector in the coil's frame: axis times angle. [rad]
        """
        return Pose(
            self.rotation @ rotation_from_vector(turn),
            self.translation + self.rotation @ shift,
        )

    def to_head(self, points: Float[Array, "point 3"]) -> Float[Array, "point 3"]:
        """Map points from the coil's frame to the head's. [m]"""
        return points @ self.rotation.T + self.translation[None, :]

    def to_coil(self, points: Float[Array, "point 3"]) -> Float[Array, "point 3"]:
        """Map points from the head's frame to the coil's. [m]"""
        return (points - self.translation[None, :]) @ self.rotation


def rotation_from_vector(turn: Float[Array, "3"]) -> Float[Array, "3 3"]:
    """Turn a rotation vector [rad] into a matrix, by Rodrigues' formula.

    Smooth at zero: the coefficients sin t / t and (1 - cos t) / t² are taken from their
    series in t² there.
    """
    square = jnp.sum(turn**2)
    small = square < 1e-4
    safe = jnp.where(small, 1.0, square)
    angle = jnp.sqrt(safe)
    sine = jnp.where(
        small,
        1 - square / 6 + square**2 / 120 - square**3 / 5040,
        jnp.sin(angle) / angle,
    )
    cosine = jnp.where(
        small,
        0.5 - square / 24 + square**2 / 720 - square**3 / 40320,
        (1 - jnp.cos(angle)) / safe,
    )
    x, y, z = turn
    zero = jnp.zeros_like(x)
    cross = jnp.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return jnp.eye(3, dtype=turn.dtype) + sine * cross + cosine * (cross @ cross)


def known(value: object) -> bool:
    """Check whether a value is an array of numbers, not traced."""
    array = isinstance(value, np.ndarray | jax.Array)
    return array and not isinstance(value, Tracer)


def in_millimetres(point: object) -> str:
    """Write a point [m] for people, or say that it is traced."""
    if not known(point) or np.shape(point) != (3,):
        return "(traced)" if isinstance(point, Tracer) else "(…)"
    return f"({', '.join(f'{x * 1e3:.1f}' for x in np.asarray(point))}) mm"


def require_pose(pose: object) -> Pose:
    """Return a pose as it is.

    Raises:
        TypeError: It is none, such as a matrix.
    """
    if isinstance(pose, Pose):
        return pose
    shape = getattr(pose, "shape", None)
    what = type(pose).__name__
    what = f"a {what}" if shape is None else f"a {what} of the shape {tuple(shape)}"
    raise TypeError(
        f"`pose` must be a `coils.Pose`, got {what}: write "
        "`coils.Pose.from_matsimnibs(matrix)` with a 4×4 matrix whose lengths are in mm."
    )


def stack_poses(poses: "list[Pose]") -> Pose:
    """Join single poses to a batch, for `jax.vmap`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *poses)
