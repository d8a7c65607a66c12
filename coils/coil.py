"""What every coil can do, and the coil that users hold: elements with a casing."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .pose import Pose
from .sources import Sources


class AbstractCoil(eqx.Module):
    """A current distribution in the coil's own frame, at a current of 1 A.

    The frame is that of `Pose`: z points into the head, the handle lies towards -y.
    """

    @abc.abstractmethod
    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential of a current of 1 A.

        Differentiable in `points` and in the coil.

        Args:
            points: Where, in the frame of the coil. [m]

        Returns:
            A at each point. [T m / A]
        """

    @property
    @abc.abstractmethod
    def surface_points(self) -> Float[Array, "point 3"]:
        """Points that must stay outside the head: of the casing, else the sources. [m]"""

    def sources(self) -> Sources:
        """Write the coil as dipoles and short currents, for reciprocity.

        Raises:
            ValueError: The coil is known by its field alone.
        """
        raise ValueError(
            f"a {type(self).__name__} has no point sources. Use `vector_potential`, or "
            "read the coil from a file that holds its dipoles or wires (.ccd or .tcd)."
        )

    def potential_at(
        self, points: Float[Array, "point 3"], pose: Pose
    ) -> Float[Array, "point 3"]:
        """Evaluate the vector potential of 1 A with the coil placed on a head.

        Args:
            points: Where, in the frame of the head. [m]
            pose: One placement of the coil.

        Returns:
            A at each point, in the frame of the head. [T m / A]
        """
        return self.vector_potential(pose.to_coil(points)) @ pose.rotation.T


class Coil(AbstractCoil):
    """A coil as a laboratory knows it: its elements, its casing, its name and limits.

    Attributes:
        elements: Sources of the field, which add up.
        casing: Points on the casing, in the frame of the coil, or None. [m]
        name: How the coil is called.
        max_current_rate: The largest dI/dt of coil and stimulator, or None. [A/s]
        casing_triangles: Rows of `casing` that form the casing's surface, or None.
    """

    elements: tuple[AbstractCoil, ...]
    casing: Float[Array, "point 3"] | None = None
    name: str = eqx.field(static=True, default="coil")
    max_current_rate: float | None = eqx.field(static=True, default=None)
    casing_triangles: Int[Array, "triangle 3"] | None = None

    def __check_init__(self):
        if not self.elements:
            raise ValueError(f"the coil {self.name!r} has no elements.")
        if self.casing is not None and not bool(np.isfinite(self.casing).all()):
            raise ValueError(f"the casing of {self.name!r} is not finite.")

    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Add up the vector potentials of the elements, at 1 A. [T m / A]"""
        total = self.elements[0].vector_potential(points)
        for element in self.elements[1:]:
            total = total + element.vector_potential(points)
        return total

    def sources(self) -> Sources:
        """Join the point sources of all elements."""
        return Sources.joined([each.sources() for each in self.elements])

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """Points of the casing, or of the elements where there is none. [m]"""
        if self.casing is not None:
            return self.casing
        return jnp.concatenate([each.surface_points for each in self.elements])
