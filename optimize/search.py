"""The search: from a target to the best pose on the scalp, by exact gradients."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from ..coils import AbstractCoil
from ..meshing import Progress, Scalp
from ..meshing.progress import part_of, silent
from .checks import check_inputs, check_point
from .domain import Domain, domain_of
from .objectives import AbstractObjective
from .positions import spread
from .prepared import prepare_search
from .results import Search, merged
from .sweep import Sweep, sweep
from .uncertainty import AbstractUncertainty


_ANGLES = 96


@dataclass(frozen=True)
class UpperHead:
    """The domain of a search that knows no place: all within 100 mm of the top.

    A map of it chooses the best places; around each is searched as around a target.

    Attributes:
        spacing: Between positions of the map. [m]
        hills: How many places to search around, at most.
    """

    spacing: float = 10e-3
    hills: int = 2


def find_pose(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    domain: Domain | None = None,
    *,
    starts: int = 5,
    around: ArrayLike | UpperHead | None = None,
    uncertainty: AbstractUncertainty | None = None,
    current_rate: float = 1e6,
    progress: Progress | None = None,
    **old: Any,
) -> Search:
    """Find the pose on the scalp that maximises an objective.

    A first look at all positions and angles chooses the starts; from each a quasi-Newton
    method climbs to the next optimum, with exact gradients. Until then the coil is
    currents on rings and the target a few hundred currents; optima are then set on the
    true scalp and rated by exact reciprocity.

    Args:
        objective: Such as `MeanMagnitude(efield.reciprocal(conductor, target))`.
        coil: The coil.
        scalp: Of the same head.
        domain: Where the coil may be; by default `Domain()`.
        starts: From how many places to climb.
        around: Where to search, if not around the target: a point (3,) [m], such as a
            position of the 10-20 system, or `UpperHead()`.
        uncertainty: Errors of placement: `Expected()` or `WorstCase()` then is what the
            best pose is best in.
        current_rate: dI/dt of the values. [A/s]
        progress: Called with the share done and what is being done.
        old: Attributes of `Domain`, as they were given until version 0.1.

    Returns:
        The best pose, all optima, and how they were found.

    Raises:
        TypeError: An argument is of another type.
        ValueError: An argument is out of range, the coil cannot be placed there, or its
            field below it is that of no currents above.
    """
    check_inputs(objective, coil, scalp, domain)
    if around is not None and not isinstance(around, UpperHead):
        check_point("around", around)
    domain = domain_of("find_pose", domain, old)
    report, begin = progress or silent, 0.0
    report(0.0, "charting the scalp")
    centres: list[ArrayLike]
    if isinstance(around, UpperHead):
        begin = 0.4
        swept = sweep(
            objective,
            coil,
            scalp,
            spread(scalp, around.spacing, forbidden=domain.forbidden),
            replace(domain, tilt=0.0, handle=None),
            angles=_ANGLES,
            progress=part_of(report, 0.0, begin),
        )
        centres = list(_hills(swept, domain.radius, around.hills))
    else:
        centres = [objective.centre if around is None else around]
    found = []
    ends = np.linspace(begin, 1.0, len(centres) + 1)
    for centre, *share in zip(centres, ends[:-1], ends[1:], strict=True):
        prepared = prepare_search(coil, scalp, centre, domain, starts=starts)
        found.append(
            prepared.run(
                objective,
                current_rate=current_rate,
                uncertainty=uncertainty,
                progress=part_of(report, *map(float, share)),
            )
        )
    return merged(found)


def _hills(swept: Sweep, radius: float, count: int) -> list[Float[np.ndarray, "3"]]:
    """Choose the best places of a map, each farther from all others than a radius."""
    places = np.asarray(swept.poses.translation)
    best = swept.values.max(axis=1)
    chosen: list[int] = []
    for index in np.argsort(-best, kind="stable").tolist():
        apart = np.linalg.norm(places[chosen] - places[index], axis=1)
        if len(chosen) < count and (apart > radius).all():
            chosen.append(index)
    return [places[index] for index in chosen]
