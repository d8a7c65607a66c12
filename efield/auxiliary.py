"""A target's auxiliary field on a grid: a placement becomes a gather and a contraction.

Outside the head the field of a target's currents is smooth. It is tabulated once on a box
around the places that a coil may take, and interpolated by cubic splines, so that the
target's value is twice continuously differentiable in the pose.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from numpy import ndarray

from ..coils import Pose, Sources
from .reciprocity import Reciprocal
from .splines import SplineGrid


class AuxiliaryField(eqx.Module):
    """A target's field outside the head, ready for any placement within its box.

    Attributes:
        magnetic: B of each direction, 3 components each, or None. [T]
        vector: The vector potential likewise, or None where the coil has no use for it.
        directions: How many directions there are.
    """

    magnetic: SplineGrid | None
    vector: SplineGrid | None
    directions: int = eqx.field(static=True)

    def mean_field(
        self, sources: Sources, pose: Pose, current_rate: ArrayLike = 1e6
    ) -> Float[Array, "direction"]:
        """Evaluate the mean of E over the target for one placement.

        Args:
            sources: The coil, as points, in its own frame.
            pose: One placement, with all sources within the box.
            current_rate: dI/dt. [A/s]

        Returns:
            The components of the mean vector. [V/m]
        """
        placed = sources.placed(pose)
        total = jnp.zeros(self.directions)
        for grid, points, vectors in (
            (self.magnetic, placed.dipole_positions, placed.dipole_moments),
            (self.vector, placed.current_positions, placed.current_vectors),
        ):
            if grid is not None and len(points):
                values = grid(points).reshape(len(points), self.directions, 3)
                total = total + jnp.einsum("pdc,pc->d", values, vectors)
        return -jnp.multiply(current_rate, total)


def tabulate(
    reciprocal: Reciprocal,
    sources: Sources,
    low: Float[ndarray, "3"],
    high: Float[ndarray, "3"],
    spacing: float = 4e-3,
) -> AuxiliaryField:
    """Tabulate a target's field on a box.

    Args:
        reciprocal: The target's currents; few of them, as `equivalent` makes, or it
            takes long.
        sources: Of the coil that will be placed: dipoles need B, currents the vector
            potential.
        low: The lowest corner of the box that sources of the coil may reach. [m]
        high: The highest. [m]
        spacing: Of the grid. [m]
    """
    origin = np.asarray(low) - 3 * spacing
    shape = np.ceil((np.asarray(high) - origin) / spacing).astype(int) + 4
    axes = [origin[c] + spacing * np.arange(shape[c]) for c in range(3)]
    points = jnp.asarray(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3))
    count = reciprocal.currents.shape[0]
    grids = []
    for needed, function in (
        (len(sources.dipole_positions), _magnetic_field),
        (len(sources.current_positions), _vector_potential),
    ):
        values = (
            function(reciprocal, points).reshape(*shape, 3 * count) if needed else None
        )
        grids.append(
            None if values is None else SplineGrid.fitted(origin, spacing, values)
        )
    return AuxiliaryField(grids[0], grids[1], count)


_magnetic_field = jax.jit(lambda reciprocal, points: reciprocal.magnetic_field(points))
_vector_potential = jax.jit(
    lambda reciprocal, points: reciprocal.vector_potential(points)
)
