"""The induced electric field and what is read off it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..coils import AbstractCoil, Pose
from ..coils.pose import known
from ..meshing import HeadMesh, Region
from ..meshing.drawing.shown import Drawing
from .linear import SolverReport


class ElectricField(eqx.Module):
    """E = -∂A/∂t - ∇φ on the elements of a head, for one placement of a coil.

    Attributes:
        vectors: The field in each tetrahedron, its mean where it varies. [V/m]
        potential: φ at the nodes of the elements, the head's first, zero at the ground
            node. [V]
        report: Iterations and true relative residual of the solve.
        corners: The field at the corners of each tetrahedron, between which it is linear,
            with elements of second order; None where it is constant. [V/m]
    """

    vectors: Float[Array, "*pose tet 3"]
    potential: Float[Array, "*pose node"]
    report: SolverReport
    corners: Float[Array, "*pose tet 4 3"] | None = None

    def __repr__(self) -> str:
        """Say how large the field is, and for how many placements."""
        shape = np.shape(self.vectors)
        count = f"{shape[0]} placements, " if len(shape) > 2 else ""
        most = ""
        if known(self.vectors):
            length = np.sqrt((np.asarray(self.vectors) ** 2).sum(axis=-1))
            most = f", largest |E| {float(length.max(initial=0)):.4g} V/m"
        return f"ElectricField({count}{(*shape, 0, 0)[-4]} tetrahedra{most})"

    @property
    def magnitude(self) -> Float[Array, "*pose tet"]:
        """|E| in each tetrahedron, of its mean. [V/m]"""
        square = jnp.sum(self.vectors**2, axis=-1)
        positive = square > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)

    def within(
        self, tetrahedra: Int[ArrayLike, "chosen"], shares: Float[ArrayLike, "chosen 4"]
    ) -> Float[Array, "*pose chosen 3"]:
        """Evaluate the field at points of which the tetrahedra are known. [V/m]

        Args:
            tetrahedra: That hold the points.
            shares: Barycentric coordinates in them.
        """
        if self.corners is None:
            return self.vectors[..., tetrahedra, :]
        weights = jnp.asarray(shares, dtype=self.corners.dtype)
        chosen = self.corners[..., tetrahedra, :, :]
        return jnp.einsum("pk,...pkc->...pc", weights, chosen)

    def scaled(self, factor: ArrayLike) -> "ElectricField":
        """Take the field at another current rate.

        Args:
            factor: So many times the rate solved for: one for all poses, or one for each.
        """
        times = jnp.asarray(factor, dtype=self.vectors.dtype)
        grown = lambda x: (
            x * jnp.reshape(times, times.shape + (1,) * (x.ndim - times.ndim))
        )
        corners = None if self.corners is None else grown(self.corners)
        return ElectricField(
            grown(self.vectors), grown(self.potential), self.report, corners
        )

    def mean(self, region: Region) -> Float[Array, "*pose 3"]:
        """Average the vectors over a region, weighted as the region says. [V/m]"""
        inside = self.vectors[..., region.tetrahedra, :]
        return jnp.einsum("t,...tc->...c", jnp.asarray(region.weights), inside)

    def mean_magnitude(self, region: Region) -> Float[Array, "*pose"]:
        """Average |E| over a region, weighted as the region says. [V/m]"""
        return self.magnitude[..., region.tetrahedra] @ jnp.asarray(region.weights)

    def plot(
        self,
        head: HeadMesh,
        coil: AbstractCoil | None = None,
        pose: Pose | None = None,
        *,
        target: Region | None = None,
        title: str = "Electric field",
    ) -> Drawing:
        """Draw |E| on the cortex, from 0 to the 99.9th percentile of gray matter.

        With the coil: the cortex as the coil sees it, the coil on the scalp, two standard
        views. Without: the cortex from the left, from above and from the right.

        Args:
            head: That was solved on.
            coil: That was solved for, with its pose.
            pose: Of the coil.
            target: To be marked by a ring of the same spread.
            title: One line above.

        Returns:
            The picture, 2000 × 1000 pixels: the last line of a notebook's cell shows it,
            and `save` writes it as PNG.

        Raises:
            ValueError: The field is of several placements or of another head, there is no
                gray matter, or one of `coil` and `pose` is missing.
        """
        from .pictures.plotting import drawn_field  # matplotlib starts slowly.

        if self.vectors.ndim > 2:
            raise ValueError(
                f"the field is of {len(self.vectors)} placements: choose one, such as by "
                "`jax.tree.map(lambda x: x[0], field)`."
            )
        return drawn_field(head, np.asarray(self.magnitude), coil, pose, target, title)
