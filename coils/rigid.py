"""Rigid placements as matrices: checked, taken apart and put together, by NumPy alone."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


# A file with three decimals is read; a matrix with shear or scale is not.
_RIGID_TOLERANCE = 3e-3

# Far beyond what is rigid; squares of larger numbers might not be finite.
_HUGE = 1e6


def rigid_parts(
    matrices: np.ndarray,
) -> tuple[Float[np.ndarray, "*batch 3 3"], Float[np.ndarray, "*batch 3"]]:
    """Take placements apart that SimNIBS writes as matrices.

    Rounding of the numbers is repaired, to the nearest rotation.

    Args:
        matrices: Coil to head, lengths in mm, (..., 4, 4).

    Returns:
        Rotations, and centres. [m]

    Raises:
        ValueError: The shape is another, or a matrix is no rigid placement.
    """
    if matrices.ndim < 2 or matrices.shape[-2:] != (4, 4):
        raise ValueError(
            f"a pose must be a 4×4 matrix, got the shape {matrices.shape}."
        )
    check_rigid(matrices)
    u, _, v = np.linalg.svd(matrices[..., :3, :3])
    return u @ v, matrices[..., :3, 3] * 1e-3


def rigid_matrices(
    rotation: Float[np.ndarray, "*batch 3 3"],
    translation: Float[np.ndarray, "*batch 3"],
) -> Float[np.ndarray, "*batch 4 4"]:
    """Put placements together as SimNIBS writes them: coil to head, lengths in mm.

    Args:
        rotation: Columns are the coil's axes in the head's frame.
        translation: The coil's centre. [m]
    """
    matrix = np.zeros((*translation.shape[:-1], 4, 4))
    matrix[..., :3, :3] = rotation
    matrix[..., :3, 3] = translation * 1e3
    matrix[..., 3, 3] = 1
    return matrix


def check_rigid(
    matrices: Float[np.ndarray, "*batch 4 4"], names: Sequence[str] = ()
) -> None:
    """Refuse 4×4 matrices that are no rigid placement.

    Args:
        matrices: Coil to head.
        names: Of the matrices of a list, for messages. By default they are numbered.

    Raises:
        ValueError: A matrix holds NaN, shears, scales or reflects, or does not end in
            0 0 0 1.
    """
    flat = matrices.reshape(-1, 4, 4)
    odd = ~np.asarray(np.isfinite(flat).all(axis=(1, 2)))
    checked = np.where(odd[:, None, None], np.eye(4), flat)
    last = np.abs(checked[:, 3] - [0, 0, 0, 1]).max(axis=1, initial=0) > 1e-6
    linear = np.clip(checked[:, :3, :3], -_HUGE, _HUGE)
    gram = np.swapaxes(linear, 1, 2) @ linear
    off = np.abs(gram - np.eye(3)).max(axis=(1, 2), initial=0) > _RIGID_TOLERANCE
    bad = np.asarray(odd | last | off | (np.linalg.det(linear) <= 0))
    if bad.any():
        first = int(np.argmax(bad))
        number = f"pose {first}" if matrices.ndim > 2 else "the pose"
        name = f"pose {first} ({names[first]!r})" if len(names) else number
        raise ValueError(_why_not_rigid(name, flat[first]))


def _why_not_rigid(name: str, matrix: np.ndarray) -> str:
    if not np.isfinite(matrix).all():
        return f"{name} holds a value that is not finite."
    if np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-6:
        return (
            f"the last row of {name} is {matrix[3].tolist()}; a 4×4 pose ends "
            "in 0 0 0 1. Is the matrix transposed?"
        )
    axes = np.clip(matrix[:3, :3], -_HUGE, _HUGE)
    determinant = float(np.linalg.det(axes))
    if determinant < 0:
        return (
            f"{name} is a reflection (determinant {determinant:.3g}): it would "
            "mirror the coil. Flip the sign of one axis, so that x = y × z."
        )
    gram = axes.T @ axes
    lengths = np.sqrt(np.diag(gram))
    kind = "scale" if np.abs(lengths - 1).max() > _RIGID_TOLERANCE else "shear"
    return (
        f"{name} has {kind}: its axes have the lengths "
        f"{np.round(lengths, 4).tolist()} and the products "
        f"{np.round(gram[[0, 0, 1], [1, 2, 2]], 4).tolist()}, but a coil is rigid. "
        "Export the pose anew, or replace it by the nearest rotation."
    )
