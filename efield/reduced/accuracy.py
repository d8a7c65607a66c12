"""How accurate a reduced field is, and what it is of."""

import dataclasses

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ...coils import Pose


class Accuracy(eqx.Module):
    """How far a reduced field is from direct solves, for placements that it has not seen.

    Attributes:
        poses: The placements.
        coils: Which coil each is of.
        relative: |E - Ê| / |E| over all places, by their weights.
        at_hot_spots: The largest error of |E|, relative to it, where it exceeds half of
            its peak.
        misfit: What the basis does not know of their dA/dt.
        coefficients: Of the modes, at 1 A/s.
        tolerance: What was asked for, of `relative`.
        limit: Of the misfit: placements of a larger one are outside of what the basis
            has seen.
        storage: By how much the storage of the modes changes the fields at worst,
            relatively; it is part of the errors above.
        solves: How many fields were solved for the basis.
    """

    poses: Pose
    coils: Int[ndarray, "unseen"]
    relative: Float[ndarray, "unseen"]
    at_hot_spots: Float[ndarray, "unseen"]
    misfit: Float[ndarray, "unseen"]
    coefficients: Float[Array, "unseen mode"]
    tolerance: float = eqx.field(static=True)
    limit: float = eqx.field(static=True)
    storage: float = eqx.field(static=True)
    solves: int = eqx.field(static=True)

    @property
    def worst(self) -> float:
        """The largest relative error."""
        return float(self.relative.max())

    @property
    def median(self) -> float:
        """The median of the relative errors."""
        return float(np.median(self.relative))

    @property
    def ratio(self) -> float:
        """The largest error of an unseen placement, in units of its misfit."""
        return float(np.max(self.relative / self.misfit))

    @property
    def reached(self) -> bool:
        """Whether all errors are within the tolerance."""
        return self.worst <= self.tolerance

    def __str__(self) -> str:
        hot = self.at_hot_spots
        return (
            f"{len(self.relative)} unseen placements: E within {self.worst:.2%} "
            f"(median {self.median:.2%}), |E| above half of its peak within "
            f"{hot.max():.2%} (median {np.median(hot):.2%})"
        )


@dataclasses.dataclass(frozen=True)
class Origin:
    """What a reduced field is of.

    Attributes:
        head: A digest of nodes, tetrahedra, conductivity and order.
        order: Of the elements.
        about: Words of who made it, such as file names and versions, as pairs.
    """

    head: str
    order: int
    about: tuple[tuple[str, str], ...] = ()

    @property
    def head_name(self) -> str:
        """How the head is called, or the beginning of its digest."""
        return dict(self.about).get("head", self.head[:12])
