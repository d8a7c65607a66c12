"""Where the coil is to the head, for given poses: refused, warned of, or repaired."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...coils import Pose, PoseList
from ...meshing import Scalp
from ...optimize import Outline, Placing
from ..runtime.notices import warn


_FARTHEST = 0.15  # A coil that stimulates is not farther from the scalp. [m]
_MOST_LIFT = 0.03  # A coil deeper in the head is no error of registration. [m]


@dataclass(frozen=True, eq=False)
class ShownPose:
    """The pose that is pictured.

    Attributes:
        number: In the list, from 0.
        name: Of the pose.
        pose: Of the coil.
        didt: Of the coil. [A/s]
    """

    number: int
    name: str
    pose: Pose
    didt: float

    @classmethod
    def of(
        cls, number: int, poses: PoseList, rates: Float[ndarray, "pose"]
    ) -> "ShownPose":
        """Take one of a list."""
        pose = jax.tree.map(lambda x: x[number], poses.poses)
        return cls(number, poses.names[number], pose, float(rates[number]))

    @property
    def matrix(self) -> Float[ndarray, "4 4"]:
        """Of the pose, as SimNIBS has it. [mm]"""
        return np.asarray(self.pose.to_matsimnibs())

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "name": self.name,
            "matsimnibs": self.matrix.tolist(),
            "didt": self.didt,
        }


class Placer:
    """Checks poses against a scalp, one at a time."""

    def __init__(self, scalp: Scalp, outline: Outline, repair: bool, path: str):
        self._scalp, self._outline = scalp, outline
        self._repair, self._path = repair, path

    def place(self, pose: Pose, number: int, name: str) -> tuple[Pose, Placing]:
        """Measure where a coil is, and lift it off the scalp where that is asked for.

        Raises:
            ValueError: The coil is inside the head, or too far away to stimulate it.
        """
        depth, what = self._outline.depth(pose, self._scalp)
        lift = 0.0
        if self._repair and 0 < depth <= _MOST_LIFT:
            try:
                pose, lift = self._outline.lifted(pose, self._scalp)
            except ValueError as error:
                raise ValueError(
                    f"{self._path}: pose {number} ({name!r}): {error}"
                ) from None
        elif depth > 0:
            raise ValueError(
                f"{self._path}: pose {number} puts the coil inside the head: its {what} "
                f"lies {depth * 1e3:.1f} mm beneath the scalp. Is the pose ({name!r}) of "
                "this head, in mm, with z pointing into the head? --repair lifts a coil "
                f"by up to {_MOST_LIFT * 1e3:.0f} mm."
            )
        found = self._outline.placing(pose, self._scalp, lift)
        if found.clearance > _FARTHEST:
            raise ValueError(
                f"{self._path}: pose {number} ({name!r}) is {found.clearance * 1e3:.0f} mm "
                "away from the head. Is the pose of this head, in mm?"
            )
        return pose, found


PULSE_COLUMNS = (
    *("pose", "name", "group", "time_s", "didt_A_per_s", "x_mm", "y_mm", "z_mm"),
    *("scalp_distance_mm", "clearance_mm", "lifted_mm"),
)


def describe_pulse(
    index: int, poses: PoseList, rates: Float[ndarray, "pose"], place: Placing
) -> dict:
    """Give what a row says of a pulse itself, by column."""
    x, y, z = np.asarray(poses.poses.translation[index]) * 1e3
    found = (
        *(index, poses.names[index], poses.groups[index], poses.times[index]),
        *(rates[index], x, y, z),
        place.distance * 1e3 if np.isfinite(place.distance) else "",
        *(place.clearance * 1e3, place.lifted * 1e3),
    )
    return dict(zip(PULSE_COLUMNS, found, strict=True))


def place_all(
    placer: Placer, poses: PoseList, progress: Callable[[float, str], None]
) -> tuple[PoseList, list[Placing]]:
    """Check all poses, and warn where a casing cuts the scalp.

    Raises:
        ValueError: A coil is inside the head, or too far away to stimulate it.
    """
    placed, places = [], []
    for number, name in enumerate(poses.names):
        one = jax.tree.map(lambda x, i=number: x[i], poses.poses)
        pose, place = placer.place(one, number, name)
        warn_of_cut(number, place)
        placed.append(pose)
        places.append(place)
        progress(len(places) / len(poses), f"{len(places)} poses on the scalp")
    together = jax.tree.map(lambda *x: np.stack(x), *placed)
    found = {"rotations": together.rotation, "translations": together.translation}
    return replace(poses, **found), places


def face_name(casing: bool) -> str:
    """What a coil's clearance is measured from."""
    return "casing" if casing else "windings (no casing is known)"


def warn_of_cut(number: int, place: Placing) -> None:
    """Warn of a casing that cuts the scalp."""
    if place.clearance < 0:
        warn(
            f"in pose {number} the casing cuts the scalp by "
            f"{-place.clearance * 1e3:.1f} mm."
        )
