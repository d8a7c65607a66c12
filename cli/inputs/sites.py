"""Places for a dose, and where the coil is over them: as given, or found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ... import efield, optimize
from ...coils import Coil, Pose
from ...efield import Conductor, Reciprocal
from ...meshing import Region, Scalp
from .files import from_mni
from .handles import HandleRequest
from .poses import one_pose
from .targets import Point


# The hand knob of the left primary motor cortex, MNI; as quoted, not checked. [mm]
HAND_KNOB = (-37.0, -21.0, 58.0)


@dataclass(frozen=True)
class SiteRequest:
    """A place that is stimulated.

    Attributes:
        centre: Of the ball, or about that of a map. [m]
        pose: The file of the coil's pose; None to find the best one.
        coil: As the command line names it.
        maximum: dI/dt at full output; None for what the coil's file says. [A/s]
    """

    centre: Point
    pose: str | None
    coil: str
    maximum: float | None


def motor_place(given: Point | None, head: str) -> Point:
    """Take M1 as given [mm], or the hand knob by MNI coordinates. [m]

    Raises:
        ValueError: It is not given, and nothing shows where MNI coordinates are.
    """
    if given is not None:
        return in_metres(given)
    place = from_mni(head, np.array(HAND_KNOB) * 1e-3)
    if place is None:
        raise ValueError(
            f"{head}: nothing shows where the hand knob, MNI {HAND_KNOB}, is in this head: "
            "give --motor X,Y,Z."
        )
    x, y, z = np.asarray(place).tolist()
    return x, y, z


def in_metres(place: Point) -> Point:
    """Take millimetres as metres."""
    x, y, z = place
    return x * 1e-3, y * 1e-3, z * 1e-3


def pose_of(
    request: SiteRequest,
    head: str,
    coil: Coil,
    scalp: Scalp,
    conductor: Conductor,
    region: Region,
    by_basis: Callable[[Region], Reciprocal] | None = None,
) -> Pose:
    """Read the pose of a site, or find the best one, in contact and with a usual handle.

    By adjoint solves, or by a basis.
    """
    if request.pose is not None:
        return one_pose(request.pose, head)
    mean = (
        efield.reciprocal(conductor, region) if by_basis is None else by_basis(region)
    )
    objective = optimize.MeanMagnitude(mean)
    domain = optimize.Domain(distance=optimize.Face(), handle=HandleRequest().of(coil))
    return optimize.find_pose(objective, coil, scalp, domain).pose
