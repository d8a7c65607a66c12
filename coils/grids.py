"""Coils known by samples of their vector potential on a grid."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from .coil import AbstractCoil
from .sources import Sources
from .splines import cubic, linear, spline_coefficients


class SampledPotential(AbstractCoil):
    """A vector potential on a grid, at a current of 1 A; zero outside the grid.

    Linear interpolation is what SimNIBS does; the cubic has smooth gradients, which a
    search by gradients needs.

    Attributes:
        samples: At the grid's points. [T m / A]
        coefficients: Of the cubic spline through them, or None for linear interpolation.
        affine: From indices on the grid to the frame of the coil. [m]
    """

    samples: Float[Array, "x y z 3"]
    affine: Float[Array, "4 4"]
    coefficients: Float[Array, "cx cy cz 3"] | None

    def __init__(self, samples: ArrayLike, affine: ArrayLike, *, smooth: bool = False):
        """Check and keep the samples.

        Args:
            samples: Vectors in the frame of the coil, (x, y, z, 3). [T m / A]
            affine: From indices on the grid to places, (4, 4). [m]
            smooth: Whether to interpolate by cubic splines rather than linearly.

        Raises:
            ValueError: The shapes do not fit, the grid is a plane, or the affine cannot
                be inverted.
        """
        shape = jnp.shape(samples)
        if len(shape) != 4 or shape[3] != 3 or min(shape[:3]) < 2:
            raise ValueError(
                "`samples` must have the shape (x, y, z, 3) with two points or more along "
                f"each axis, got {shape}."
            )
        if jnp.shape(affine) != (4, 4):
            raise ValueError(
                f"`affine` must have the shape (4, 4), got {jnp.shape(affine)}."
            )
        matrix = np.asarray(affine, dtype=np.float64)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-30:
            raise ValueError("`affine` cannot be inverted: the grid has no volume.")
        self.samples = jnp.asarray(samples, float)
        self.affine = jnp.asarray(matrix)
        self.coefficients = (
            jnp.asarray(spline_coefficients(np.asarray(samples))) if smooth else None
        )

    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Interpolate the vector potential at 1 A; zero outside the grid. [T m / A]"""
        inverse = jnp.linalg.inv(self.affine[:3, :3])
        places = (points - self.affine[None, :3, 3]) @ inverse.T
        last = jnp.asarray(self.samples.shape[:3]) - 1
        last = last.astype(places.dtype)[None]
        # Rounding must not put a point on the grid's face outside.
        inside = ((places > -1e-9) & (places < last + 1e-9)).all(axis=1, keepdims=True)
        places = jnp.clip(places, 0, last)
        if self.coefficients is None:
            values = linear(self.samples, places)
        else:
            values = cubic(self.coefficients, places)
        return jnp.where(inside, values, 0)

    def sources(self) -> Sources:
        """There are none.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "a coil given by samples of its field has no point sources. Use the coil's "
            ".ccd or .tcd file where there is one; otherwise evaluate its "
            "`vector_potential`, which every solve accepts."
        )

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """The coil's centre, which is all that is known of its shape. [m]"""
        return jnp.zeros((1, 3), self.samples.dtype)

    def corners(self) -> Float[np.ndarray, "8 3"]:
        """Corners of the grid, in the frame of the coil. [m]"""
        counts = np.array(self.samples.shape[:3]) - 1
        unit = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
        affine = np.asarray(self.affine)
        return (unit * counts) @ affine[:3, :3].T + affine[:3, 3]
