"""The search: from a target to the best pose on the scalp, by exact gradients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from ..coils import AbstractCoil
from ..meshing import Scalp
from .objectives import AbstractObjective
from .positions import spread
from .prepared import Progress, prepare_search
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
    *,
    distance: float = 4e-3,
    radius: float = 30e-3,
    clearance: float = 0.0,
    tilt: float = 0.0,
    starts: int = 5,
    around: ArrayLike | UpperHead | None = None,
    forbidden: Sequence[tuple[ArrayLike, float]] = (),
    obstacles: Sequence[tuple[ArrayLike, float]] = (),
    uncertainty: AbstractUncertainty | None = None,
    current_rate: float = 1e6,
    progress: Progress | None = None,
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
        distance: From the scalp to the coil's centre, along the coil's axis: hair and
            casing. [m]
        radius: How far around the scalp's point nearest to the target to search. [m]
        clearance: What must remain between casing and scalp, such as hair or a pad; a
            coil that would come nearer is moved back along its axis. [m]
        tilt: How far the coil's axis may depart from the scalp's normal; by default the
            coil stays tangential. [rad]
        starts: From how many places to climb.
        around: Where to search, if not around the target: a point (3,) [m], such as a
            position of the 10-20 system, or `UpperHead()`.
        forbidden: Balls in which the coil may not be placed, such as ears, as pairs of
            centre and radius: there, the scalp's point beneath it may not lie. [m]
        obstacles: Balls that the casing must clear, such as electrodes, as pairs of centre
            and radius: the coil is lifted over them. [m]
        uncertainty: Errors of placement: `Expected()` or `WorstCase()` then is what the
            best pose is best in.
        current_rate: dI/dt of the values. [A/s]
        progress: Called with the share done and what is being done.

    Returns:
        The best pose, all optima, and how they were found.

    Raises:
        ValueError: An argument is out of range, the coil cannot be placed there, or its
            field below it is that of no currents above.
    """
    options = {
        "distance": distance,
        "radius": radius,
        "clearance": clearance,
        "tilt": tilt,
        "starts": starts,
        "forbidden": forbidden,
        "obstacles": obstacles,
    }
    if progress is not None:
        progress(0.0, "charting the scalp")
    centres: list[ArrayLike]
    if isinstance(around, UpperHead):
        swept = sweep(
            objective,
            coil,
            scalp,
            spread(scalp, around.spacing, forbidden=forbidden),
            angles=_ANGLES,
            distance=distance,
            clearance=clearance,
        )
        centres = list(_hills(swept, radius, around.hills))
    else:
        centres = [objective.centre if around is None else around]
    found = []
    for centre in centres:
        prepared = prepare_search(coil, scalp, centre, **options)
        found.append(
            prepared.run(
                objective,
                current_rate=current_rate,
                uncertainty=uncertainty,
                progress=progress,
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
