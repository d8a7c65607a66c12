"""Cubic splines on regular grids, twice continuously differentiable.

The coefficients are those of local quasi-interpolation [de Boor, *A Practical Guide to
Splines*, ch. XII], (8 fᵢ - fᵢ₋₁ - fᵢ₊₁) / 6 along each axis: exact for cubics, and what a
function does in one place does not disturb another.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float


class SplineGrid(eqx.Module):
    """Functions on a box, by cubic splines on a regular grid.

    Attributes:
        origin: The first grid point whose value counts. [m]
        spacing: Along each axis. [m]
        coefficients: Of the splines; the last axis runs over functions.
        smooth: Whether to evaluate the splines, or for a quick look their coefficients by
            trilinear interpolation, with an eighth of the work.
    """

    origin: Float[Array, "3"]
    spacing: Float[Array, ""]
    coefficients: Float[Array, "i j k function"]
    smooth: bool = eqx.field(static=True, default=True)

    @classmethod
    def fitted(
        cls,
        origin: ArrayLike,
        spacing: ArrayLike,
        values: Float[Array, "i j k function"],
    ) -> "SplineGrid":
        """Make splines of values on a grid; the outermost layer is used up. [m]"""
        coefficients = values
        for axis in range(3):
            n = coefficients.shape[axis]
            take = lambda a, b, axis=axis, c=coefficients: jax.lax.slice_in_dim(
                c, a, b, axis=axis
            )
            coefficients = (8 * take(1, n - 1) - take(0, n - 2) - take(2, n)) / 6
        return cls(
            jnp.asarray(origin) + spacing,
            jnp.asarray(spacing, dtype=float),
            coefficients,
        )

    def rough(self) -> "SplineGrid":
        """Return the same functions, to be evaluated quickly and less exactly."""
        return SplineGrid(self.origin, self.spacing, self.coefficients, smooth=False)

    def __call__(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point function"]:
        """Evaluate at points, which are moved into the box where they lie outside. [m]"""
        count = self.coefficients.shape[-1]
        limits = jnp.asarray(self.coefficients.shape[:3], dtype=points.dtype) - 2.001
        weights, first = (cubic_weights, 1) if self.smooth else (_linear_weights, 0)

        def at(point: Float[Array, "3"]) -> Float[Array, "function"]:
            scaled = jnp.clip((point - self.origin) / self.spacing, 1.0, limits)
            cell = jnp.floor(jax.lax.stop_gradient(scaled))
            x, y, z = jax.vmap(weights)(scaled - cell)
            corner = cell.astype(jnp.int32) - first
            local = jax.lax.dynamic_slice(
                self.coefficients, (*corner, jnp.int32(0)), (*[len(x)] * 3, count)
            )
            return jnp.einsum("i,ijkf->jkf", x, local).transpose(2, 0, 1) @ z @ y

        return jax.vmap(at)(points)


def _linear_weights(t: Float[Array, ""]) -> Float[Array, "2"]:
    return jnp.stack([1 - t, t])


def cubic_weights(t: Float[Array, ""]) -> Float[Array, "4"]:
    """Values of the four cubic B-splines that overlap at t in [0, 1] of a cell."""
    s = 1 - t
    return (
        jnp.stack(
            [s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3],
        )
        / 6
    )
