"""Meshes refined for a target's field, at the placement that is best by first order."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import AbstractCoil
from ..efield import Conductor, RefinedHead, reciprocal, refined_to
from ..meshing import HeadMesh, Region, Scalp
from .domain import Domain
from .objectives import MeanComponent, MeanMagnitude
from .search import UpperHead, find_pose


def refined_at_best(
    conductor: Conductor,
    head: HeadMesh,
    target: Region,
    coil: AbstractCoil,
    scalp: Scalp,
    to: float,
    domain: Domain | None = None,
    *,
    direction: tuple[float, float, float] | None = None,
    around: Float[ndarray, "3"] | UpperHead | None = None,
    done: Callable[[int, RefinedHead], None] = lambda number, step: None,
) -> list[RefinedHead]:
    """Refine a head for a target's field, where the coil is best by first order.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.
        target: Where the field is wanted.
        coil: The coil.
        scalp: Of the head.
        to: The bar over the value, at most.
        domain: Where the coil may be.
        direction: Of the component that counts; None for the norm.
        around: Where to search; None for near the target.
        done: Called with each mesh and how many refinements led to it.

    Returns:
        The meshes, from the one as it is to the finest.

    Raises:
        ValueError: The accuracy is out of reach.
    """
    first = reciprocal(conductor, target)
    objective = (
        MeanMagnitude(first)
        if direction is None
        else MeanComponent(first, np.asarray(direction))
    )
    found = find_pose(objective, coil, scalp, domain, around=around)
    steps: list[RefinedHead] = []

    def note(number: int, step: RefinedHead) -> None:
        steps.append(step)
        done(number, step)

    place = (coil, found.pose, to, objective.value)
    refined_to(conductor, head, target, *place, done=note)
    return steps
