"""The search: from a target to the best pose on the scalp, by exact gradients."""

from ..coils import AbstractCoil
from ..meshing import Scalp
from .objectives import AbstractObjective
from .prepared import Progress, prepare_search
from .results import Search


def find_pose(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    *,
    distance: float = 4e-3,
    radius: float = 30e-3,
    clearance: float = 0.0,
    tilt: float = 0.0,
    starts: int = 6,
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
        clearance: What must remain between casing and scalp; a coil that would come
            nearer is moved back along its axis. [m]
        tilt: How far the coil's axis may depart from the scalp's normal; by default the
            coil stays tangential. [rad]
        starts: From how many places to climb.
        current_rate: dI/dt of the values. [A/s]
        progress: Called with the share done and what is being done.

    Returns:
        The best pose, all optima, and how they were found.

    Raises:
        ValueError: An argument is out of range, the coil cannot be placed there, or its
            field below it is that of no currents above.
    """
    if progress is not None:
        progress(0.0, "charting the scalp")
    prepared = prepare_search(
        coil,
        scalp,
        objective.reciprocal.centre,
        distance=distance,
        radius=radius,
        clearance=clearance,
        tilt=tilt,
        starts=starts,
    )
    return prepared.run(objective, current_rate=current_rate, progress=progress)
