"""Where a coil is: a rotation and a translation from the coil's frame to the head's.

The frame is that of SimNIBS: the coil's z axis points into the head, y is the
prolongation of the handle (which lies towards -y) and x = y × z.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, ArrayLike, Float


# A file with three decimals is read; a matrix with shear or scale is not.
_RIGID_TOLERANCE = 2e-3


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
        given = np.asarray(matrix, dtype=np.float64)
        if given.ndim < 2 or given.shape[-2:] != (4, 4):
            raise ValueError(
                f"a pose must be a 4×4 matrix, got the shape {given.shape}."
            )
        if not np.isfinite(given).all():
            raise ValueError("a pose holds a value that is not finite.")
        _check_rigid(given)
        u, _, v = np.linalg.svd(given[..., :3, :3])
        return cls(jnp.asarray(u @ v), jnp.asarray(given[..., :3, 3] * 1e-3))

    def to_matsimnibs(self) -> Float[np.ndarray, "*batch 4 4"]:
        """Write the pose as SimNIBS does: coil to head, lengths in mm."""
        rotation, translation = np.asarray(self.rotation), np.asarray(self.translation)
        matrix = np.zeros((*translation.shape[:-1], 4, 4))
        matrix[..., :3, :3] = rotation
        matrix[..., :3, 3] = translation * 1e3
        matrix[..., 3, 3] = 1
        return matrix

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


def stack_poses(poses: "list[Pose]") -> Pose:
    """Join single poses to a batch, for `jax.vmap`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *poses)


def _check_rigid(matrices: np.ndarray) -> None:
    linear = matrices[..., :3, :3]
    for index in np.ndindex(matrices.shape[:-2]):
        name = f"pose {index[0]}" if index else "the pose"
        if not np.allclose(matrices[index][3], [0, 0, 0, 1], atol=1e-6):
            raise ValueError(
                f"the last row of {name} is {matrices[index][3].tolist()}; a 4×4 pose ends "
                "in 0 0 0 1. Is the matrix transposed?"
            )
        one = linear[index]
        if np.linalg.det(one) < 0:
            raise ValueError(
                f"{name} is a reflection (determinant {np.linalg.det(one):.3g}): it would "
                "mirror the coil. Flip the sign of one axis, so that x = y × z."
            )
        gram = one.T @ one
        if not np.allclose(gram, np.eye(3), atol=_RIGID_TOLERANCE):
            lengths = np.sqrt(np.diag(gram))
            kind = "scale" if np.abs(lengths - 1).max() > _RIGID_TOLERANCE else "shear"
            raise ValueError(
                f"{name} has {kind}: its axes have the lengths "
                f"{np.round(lengths, 4).tolist()} and the products "
                f"{np.round(gram[[0, 0, 1], [1, 2, 2]], 4).tolist()}, but a coil is rigid. "
                "Export the pose anew, or replace it by the nearest rotation."
            )
