"""Magnetic dipoles, the elements most coil models are made of.

A static dipole of moment m has, at the displacement r from it, the vector potential

    A(r) = (μ₀ / 4π) m × r / |r|³

[Jackson, *Classical Electrodynamics*, 3rd ed., eq. 5.55]. TMS is quasi-static, so a coil
has this potential at every instant of its current, and its primary electric field is
-∂A/∂t. All quantities are SI.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, ArrayLike, Float

from .coil import AbstractSourceList
from .pose import Pose
from .sources import Sources


MU0_OVER_4PI = 1e-7  # [T m / A]. CODATA 2022 differs by 1.3e-10 of this.

# Of the interactions of all points with all dipoles so many are held at a time: they fit
# a CPU's second-level cache, and keep a GPU busy.
_PAIRS_AT_ONCE = {"cpu": 2**20}
_PAIRS_AT_ONCE_ELSEWHERE = 2**25


class MagneticDipoles(AbstractSourceList):
    """A coil given by its dipoles, at a current of 1 A.

    The potential is not regularised: at a dipole it is not finite rather than arbitrary.
    No point of the head meets that case, as the coil lies outside.

    Attributes:
        positions: Where the dipoles are, in the frame of the coil. [m]
        moments: Their magnetic moments at 1 A. [A m² / A]
    """

    positions: Float[Array, "dipole 3"]
    moments: Float[Array, "dipole 3"]

    def __init__(self, positions: ArrayLike, moments: ArrayLike):
        """Check and keep the dipoles.

        Args:
            positions: (dipoles, 3). [m]
            moments: One for each position, (dipoles, 3). [A m² / A]

        Raises:
            ValueError: The shapes do not fit, or there is no dipole.
        """
        if jnp.ndim(positions) != 2 or jnp.shape(positions)[1] != 3:
            raise ValueError(
                "`positions` must have the shape (dipoles, 3), got "
                f"{jnp.shape(positions)}."
            )
        if jnp.shape(moments) != jnp.shape(positions):
            raise ValueError(
                "`moments` must give one moment for each position, got the shape "
                f"{jnp.shape(moments)} for positions of the shape "
                f"{jnp.shape(positions)}."
            )
        if jnp.shape(positions)[0] == 0:
            raise ValueError("`positions` is empty: a coil needs at least one dipole.")
        self.positions = jnp.asarray(positions)
        self.moments = jnp.asarray(moments)

    @eqx.filter_jit
    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential at 1 A by direct summation.

        With w = |r - p|⁻³ the sum over dipoles Σ m × (r - p) w is (Σ w m) × r - Σ w m × p:
        one matrix product per block of points. The origin is put amid the dipoles, which
        keeps the cancellation between the two terms to one or two digits. Memory does not
        grow as points times dipoles, in the reverse mode neither.

        Args:
            points: Where, in the frame of the coil. [m]

        Returns:
            A at each point. [T m / A]
        """
        origin = jnp.mean(self.positions, axis=0, keepdims=True)
        positions = self.positions - origin
        table = jnp.concatenate(
            [self.moments, jnp.cross(self.moments, positions)], axis=1
        )

        @jax.checkpoint
        def block(chunk: Float[Array, "chunk 3"]) -> Float[Array, "chunk 3"]:
            sums = _inverse_cubes(chunk, positions) @ table
            return jnp.cross(sums[:, :3], chunk) - sums[:, 3:]

        shifted = points - origin
        # Reverse mode holds some four values per pair at once.
        return MU0_OVER_4PI * in_blocks(block, shifted, 4 * len(positions))

    def placed(self, pose: Pose) -> "MagneticDipoles":
        """Move the dipoles rigidly, from the coil's frame to that of `pose`."""
        return MagneticDipoles(
            pose.to_head(self.positions), self.moments @ pose.rotation.T
        )

    def scaled(self, factor: Float[Array, ""]) -> "MagneticDipoles":
        """Multiply the moments by a factor."""
        return MagneticDipoles(self.positions, self.moments * factor)

    @classmethod
    def joined(cls, parts: list) -> "MagneticDipoles":
        """Put several sets of dipoles into one."""
        return cls(
            jnp.concatenate([each.positions for each in parts]),
            jnp.concatenate([each.moments for each in parts]),
        )

    def sources(self) -> Sources:
        """The dipoles themselves."""
        return Sources.of_dipoles(self.positions, self.moments)

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """The dipoles themselves. [m]"""
        return self.positions


def in_blocks(function, points: Float[Array, "point 3"], sources: int) -> Array:
    """Apply a function of a block of points to all points, a cache-full at a time.

    Args:
        function: From (chunk, 3) to (chunk, ...), row by row.
        points: All points, (points, 3).
        sources: How many sources each point meets, which sets the size of a block.

    Returns:
        The rows of the results, (points, ...).
    """
    size = max(16, _pairs_at_once() // max(sources, 1))
    count = points.shape[0]
    if count <= size:
        return function(points)
    blocks = -(-count // size)
    size = -(-count // blocks)
    # The last block is filled up with points that exist, where every function is defined.
    filled = jnp.concatenate([points, points[: blocks * size - count]])
    rows = jax.lax.map(function, filled.reshape(blocks, size, 3))
    return rows.reshape(blocks * size, *rows.shape[2:])[:count]


@functools.cache
def _pairs_at_once() -> int:
    return _PAIRS_AT_ONCE.get(jax.default_backend(), _PAIRS_AT_ONCE_ELSEWHERE)


@jax.custom_jvp
def _inverse_cubes(
    points: Float[Array, "point 3"], positions: Float[Array, "dipole 3"]
) -> Float[Array, "point dipole"]:
    squares = _squares(points, positions)
    return 1 / (squares * jnp.sqrt(squares))


def _inverse_cubes_jvp(primals, tangents):
    """Differentiate by matrix products, forward and reverse.

    d|r - p|² / 2 = r·dr - p·dr - r·dp + p·dp. Reverse mode would else sum over the dipoles
    of each point axis by axis, which takes XLA ten times as long as the sums of A.
    """
    points, positions = primals
    squares = _squares(points, positions)
    cubes = 1 / (squares * jnp.sqrt(squares))
    moved, shifted = tangents
    half = jnp.zeros((), cubes.dtype)
    if not isinstance(moved, SymbolicZero):
        along = jnp.sum(points * moved, axis=1, keepdims=True)
        ones = jnp.ones_like(positions[:, :1])
        half += jnp.concatenate([along, -moved], axis=1) @ (
            jnp.concatenate([ones, positions], axis=1).T
        )
    if not isinstance(shifted, SymbolicZero):
        along = jnp.sum(positions * shifted, axis=1, keepdims=True)
        ones = jnp.ones_like(points[:, :1])
        half += jnp.concatenate([ones, points], axis=1) @ (
            jnp.concatenate([along, -shifted], axis=1).T
        )
    return cubes, -3 * cubes / squares * half


_inverse_cubes.defjvp(_inverse_cubes_jvp, symbolic_zeros=True)


def _squares(
    points: Float[Array, "point 3"], positions: Float[Array, "dipole 3"]
) -> Float[Array, "point dipole"]:
    return sum(
        (points[:, None, axis] - positions[None, :, axis]) ** 2 for axis in range(3)
    )  # pyright: ignore[reportReturnType]
