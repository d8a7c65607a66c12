"""How `tmsgrad optimize` searches: prepared and compiled while the solver works."""

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, optimize
from ...coils import Coil
from ...meshing import Region, Scalp
from ..inputs.goals import Wishes
from ..runtime.progress import Progress


_DIRECTIONS = 3  # Of the adjoint solves of a mean vector.


@dataclass(frozen=True, eq=False)
class SearchPlan:
    """How to search, once there is an objective.

    Attributes:
        run: Search with an objective.
        prepared: Made already, or None for the whole upper head.
        handle: The rule for the coil's handle, or None.
    """

    run: Callable[[optimize.AbstractObjective, Progress], optimize.Search]
    prepared: optimize.PreparedSearch | None
    handle: optimize.Handle | None


def plan_search(
    wishes: Wishes,
    domain: optimize.Domain,
    coil: Coil,
    scalp: Scalp,
    target: Region,
    around: Float[ndarray, "3"] | optimize.UpperHead | None,
    nodes: int | None,
) -> SearchPlan:
    """Prepare the search, and compile it while the solver leaves Python idle.

    Args:
        wishes: What is wanted.
        domain: Where the coil may be.
        coil: As it comes.
        scalp: Of the head.
        target: Where the field is wanted.
        around: Where to search; None for near the target.
        nodes: That the field of the target will come from; 0 where it is not known;
            None where nothing is to be compiled beforehand.
    """
    errors = wishes.uncertainty
    if isinstance(around, optimize.UpperHead):
        everywhere = functools.partial(
            _everywhere,
            **{"domain": domain, "errors": errors, "coil": coil},
            **{"scalp": scalp, "around": around},
        )
        return SearchPlan(everywhere, None, domain.handle)
    centre = target.centre if around is None else around
    prepared = optimize.prepare_search(coil, scalp, centre, domain)
    compiling = None
    if wishes.simple and nodes is not None:
        arguments = (
            prepared.compile,
            simple_objective(wishes),
            _DIRECTIONS,
            nodes,
        )
        # No daemon: a process that ends amid a compilation is aborted by XLA.
        compiling = Thread(target=_quietly, args=arguments)
        compiling.start()

    def search(
        objective: optimize.AbstractObjective, progress: Progress
    ) -> optimize.Search:
        if compiling is not None:
            compiling.join()
        return prepared.run(objective, uncertainty=errors, progress=progress)

    return SearchPlan(search, prepared, domain.handle)


def simple_objective(
    wishes: Wishes,
) -> Callable[[efield.Reciprocal], optimize.AbstractObjective]:
    """What makes the objective of a target's mean vector."""
    if wishes.direction is None:
        return optimize.MeanMagnitude
    return functools.partial(
        optimize.MeanComponent, direction=np.asarray(wishes.direction)
    )


def _everywhere(
    objective: optimize.AbstractObjective,
    progress: Progress,
    *,
    domain: optimize.Domain,
    errors: optimize.AbstractUncertainty | None,
    coil: Coil,
    scalp: Scalp,
    around: optimize.UpperHead,
) -> optimize.Search:
    return optimize.find_pose(
        objective,
        coil,
        scalp,
        domain,
        around=around,
        uncertainty=errors,
        progress=progress,
    )


def _quietly(function: Callable[..., None], *arguments: object) -> None:
    """Call what only saves time: what is wrong will show again, where it matters."""
    with contextlib.suppress(Exception):
        function(*arguments)
