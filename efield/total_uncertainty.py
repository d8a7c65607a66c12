"""What makes a value of a target's field uncertain: conductivities and the placement."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..meshing import Region
from .conductor import Conductor
from .field import ElectricField
from .surrogate import field_surrogate
from .uncertainty import DRAWS, Uncertainty, first_order, sample
from .variables import UncertainTissues


@dataclass(frozen=True, eq=False)
class TissueUncertainty:
    """A value of a target's mean field with uncertain conductivities.

    Attributes:
        drawn: By drawing them. [V/m]
        first_order: By derivatives. [V/m]
        error: Of the fields that were drawn, relative.
    """

    drawn: Uncertainty
    first_order: Uncertainty
    error: float


def tissue_uncertainty(
    conductor: Conductor,
    rate: Float[Array, "node 3"],
    target: Region,
    value: Callable,
    tissues: UncertainTissues,
    *,
    draws: int = DRAWS,
    progress: Callable[[float, str], None] | None = None,
) -> TissueUncertainty:
    """Propagate uncertain conductivities to a value of a target's mean field.

    Args:
        conductor: The head, with the conductivity that `tissues` was made with.
        rate: ∂A/∂t at the nodes, of `rates`. [V/m]
        target: Where the field is wanted.
        value: Of the target's mean field. [V/m]
        tissues: Their uncertain conductivities.
        draws: Of conductivities.
        progress: Called with the share done and what is being done.
    """
    near = first_order(conductor, tissues, rate, _Summary(target, value))
    surrogate = field_surrogate(conductor, tissues, rate, progress=progress)
    few, local = surrogate.within(target)
    drawn = sample(few, _Summary(local, value), draws)
    return TissueUncertainty(drawn, near, surrogate.error)


@dataclass(frozen=True, eq=False)
class TotalUncertainty:
    """A value that tissues and placement make uncertain.

    They are independent, and both act on the value as factors.

    Attributes:
        tissues: The value with uncertain conductivities.
        placement: The value with uncertain placements. [V/m]
    """

    tissues: TissueUncertainty
    placement: Uncertainty

    @property
    def variance(self) -> float:
        """Of the value, relative."""
        drawn, moved = self.tissues.drawn, self.placement
        return float(drawn.relative) ** 2 + float(moved.relative) ** 2

    @property
    def deviation(self) -> float:
        """Standard deviation of the value. [V/m]"""
        return float(np.sqrt(self.variance) * float(self.tissues.drawn.mean))


class _Summary:
    """A value of a field's mean in a region; equal to another of the same region."""

    def __init__(self, region: Region, value: Callable):
        self._region, self._value = region, value

    def __call__(self, field: ElectricField) -> jax.Array:
        return jnp.asarray(self._value(field.mean(self._region)))
