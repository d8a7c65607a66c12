"""Which way a coil's handle should point, among placements that are nearly as good."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import Coil, Pose, is_figure_of_eight


_BESIDE = 20e-3  # Nearer to the midline a handle may point to either side. [m]
_STEEP = 0.9  # Of a normal's component to the front or back: there back is up or down.


@dataclass(frozen=True)
class Handle:
    """A rule for a coil's handle, and what may be given up for it.

    Angles are in the plane of the coil, from straight back along the scalp and outwards:
    45° is the usual handle over the motor cortex, at either side. The default, ± 80°,
    is a handle that lies behind and to the side, and never over the face.

    Attributes:
        angle: Of the handle, outwards from straight back. [rad]
        within: To either side of that a handle is as good as at it. [rad]
        cost: Share of the best value that may be given up.

    Raises:
        ValueError: A number is out of range.
    """

    angle: float = np.radians(45.0).item()
    within: float = np.radians(80.0).item()
    cost: float = 0.01

    def __post_init__(self) -> None:
        """Check every number."""
        for name, low, high in (
            *(("angle", -np.pi, np.pi), ("within", 0.0, np.pi)),
            ("cost", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not (np.isfinite(value) and low <= value <= high):
                raise ValueError(
                    f"`{name}` of a `Handle` must lie between {low:.4g} and {high:.4g}, "
                    f"got {value!r}."
                )

    def deviation(self, pose: Pose) -> float:
        """How far the handle of one pose is beyond what the rule asks for. [rad]"""
        centre, rotation = np.asarray(pose.translation), np.asarray(pose.rotation)
        found = handle_angle(rotation)
        off = [abs(wrapped(side * found - self.angle)) for side in sides(centre)]
        return max(min(off) - self.within, 0.0)


def sides(centre: Float[ndarray, "3"]) -> tuple[float, ...]:
    """The sides of the head that count as outwards at a place [m]: 1 is the right one."""
    if abs(centre[0]) < _BESIDE:
        return (1.0, -1.0)
    return (float(np.sign(centre[0])),)


def handle_angle(rotation: Float[ndarray, "3 3"]) -> float:
    """The angle of a coil's handle from straight back, positive to the right. [rad]

    Straight back is along the scalp: at the forehead it is up, at the back of the head
    down.

    Args:
        rotation: Of the coil's axes to the head's: x right, y front, z up.
    """
    handle, axis = -rotation[:, 1], rotation[:, 2]
    back = straight_back(-axis)
    # Seen from outside, a turn to the right of somebody who looks ahead is clockwise
    # about the outward normal for the front, and counter-clockwise for the back.
    rightwards = np.cross(back, axis)
    return float(np.arctan2(handle @ rightwards, handle @ back))


def straight_back(normal: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    """The direction along the scalp that leads straight back, at an outward normal."""
    toward = np.array([0.0, -1.0, 0.0])
    if abs(normal[1]) > _STEEP:
        toward = np.array([0.0, 0.0, np.sign(normal[1])])
    along = toward - (toward @ normal) * normal
    return along / np.linalg.norm(along)


def wrapped(angle: float) -> float:
    """Bring an angle to -π…π. [rad]"""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def usual_handle(coil: Coil, cost: float = 0.01) -> Handle | None:
    """The rule that is usual with a coil: back and to the side, of figure-of-eight coils.

    Args:
        coil: The coil. Of other coils, and of those whose parts move, any handle will do.
        cost: Share of the best value that may be given up.
    """
    flat = not coil.ranges and is_figure_of_eight(coil)
    return Handle(cost=cost) if flat else None
