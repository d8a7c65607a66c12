"""A direct solution at one placement, for commands that found it in another way."""

from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from ... import efield
from ...coils import AbstractCoil, Pose
from ...efield import Conductor, ElectricField
from ...meshing import HeadMesh, Region
from ..results.fields import check_field
from ..results.figures import ErrorFigures


@dataclass(frozen=True, eq=False)
class Solved:
    """A field that was solved for, at 1e6 A/s.

    Attributes:
        conductor: That it was solved on.
        field: Of one placement.
        rates: ∂A/∂t that drives it. [V/m]
    """

    conductor: Conductor
    field: ElectricField
    rates: Float[Array, "node 3"]

    @classmethod
    def at(cls, conductor: Conductor, coil: AbstractCoil, pose: Pose) -> "Solved":
        """Solve for the field of a coil.

        Raises:
            ValueError: The field is not finite, or zero.
        """
        rates = efield.rates(conductor, coil, pose)
        solved = efield.solve_rate(conductor, rates[None])
        field = jax.block_until_ready(jax.tree.map(lambda x: x[0], solved))
        check_field(field.magnitude, "the head")
        return cls(conductor, field, rates)

    def error(self, head: HeadMesh, region: Region) -> ErrorFigures:
        """Estimate what the mesh leaves in it."""
        estimate = efield.estimate_error(self.conductor, head, self.field, self.rates)
        (error,) = ErrorFigures.of_each(estimate, head, region)
        return error
