"""Where the coil is to the head, for given poses: refused, warned of, or repaired."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import optimize
from ...coils import AbstractCoil, Pose, PoseList, casing_samples
from ...meshing import Scalp
from ..pictures.hull import CoilHull
from ..runtime.notices import warn


_FARTHEST = 0.15  # A coil that stimulates is not farther from the scalp. [m]
_MOST_LIFT = 0.03  # A coil deeper in the head is no error of registration. [m]


@dataclass(frozen=True)
class Placing:
    """A coil's place to the scalp.

    Attributes:
        distance: From the coil's centre to the scalp along the coil's axis; infinite
            where the axis misses the head. [m]
        clearance: The smallest distance from its casing to the scalp, or from its windings
            where no casing is known. [m]
        lifted: How far it was moved back along its axis. [m]
        casing: Whether the coil has one; else the clearance is that of its windings.
    """

    distance: float
    clearance: float
    lifted: float = 0.0
    casing: bool = True

    @property
    def words(self) -> str:
        """The clearance, and of what it is."""
        return f"{self.clearance * 1e3:.1f} mm from its {face_name(self.casing)}"


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


@dataclass(frozen=True, eq=False)
class Outline:
    """Points of a coil that must not be in a head, in the coil's frame.

    Attributes:
        casing: Samples of its casing. [m]
        windings: Its point sources; a coil of samples on a grid has none. [m]
        has_casing: Whether there is one: else its samples are those of the windings.
    """

    casing: Float[ndarray, "sample 3"]
    windings: Float[ndarray, "source 3"]
    has_casing: bool = True

    @property
    def hull(self) -> CoilHull:
        """What is drawn of it."""
        return CoilHull(self.casing, self.has_casing)

    @staticmethod
    def of(coil: AbstractCoil) -> "Outline":
        """Take the points of a coil."""
        try:
            sources = coil.sources()
        except ValueError:
            windings = np.zeros((0, 3))
        else:
            parts = [sources.dipole_positions, sources.current_positions]
            windings = np.concatenate(parts)
        return Outline(casing_samples(coil), windings, coil.has_casing)


class Placer:
    """Checks poses against a scalp, one at a time."""

    def __init__(self, scalp: Scalp, outline: Outline, repair: bool, path: str):
        self._scalp, self._repair, self._path = scalp, repair, path
        self._casing, self._windings = outline.casing, outline.windings
        self._has_casing = outline.has_casing

    def place(self, pose: Pose, number: int, name: str) -> tuple[Pose, Placing]:
        """Measure where a coil is, and lift it off the scalp where that is asked for.

        Raises:
            ValueError: The coil is inside the head, or too far away to stimulate it.
        """
        depth, what = self._depth(pose)
        centre = np.asarray(pose.translation)
        lift = 0.0
        if self._repair and 0 < depth <= _MOST_LIFT:
            samples = np.concatenate([self._casing, self._windings, np.zeros((1, 3))])
            try:
                pose, _ = optimize.lifted(pose, samples, self._scalp, 0.0)
            except ValueError as error:
                raise ValueError(
                    f"{self._path}: pose {number} ({name!r}): {error}"
                ) from None
            lift = float(np.linalg.norm(np.asarray(pose.translation) - centre))
        elif depth > 0:
            raise ValueError(
                f"{self._path}: pose {number} puts the coil inside the head: its {what} "
                f"lies {depth * 1e3:.1f} mm beneath the scalp. Is the pose ({name!r}) of "
                "this head, in mm, with z pointing into the head? --repair lifts a coil "
                f"by up to {_MOST_LIFT * 1e3:.0f} mm."
            )
        clearance = self._scalp.clearance(self._placed(pose, self._casing))
        if clearance > _FARTHEST:
            raise ValueError(
                f"{self._path}: pose {number} ({name!r}) is {clearance * 1e3:.0f} mm away "
                "from the head. Is the pose of this head, in mm?"
            )
        axis = np.asarray(pose.rotation)[:, 2]
        distance = self._scalp.distance_along(np.asarray(pose.translation), axis)
        return pose, Placing(distance, clearance, lift, self._has_casing)

    def _depth(self, pose: Pose) -> tuple[float, str]:
        """How deep the coil's windings, or its centre, lie beneath the scalp. [m]"""
        inside = lambda points: -self._scalp.clearance(self._placed(pose, points))
        centre = inside(np.zeros((1, 3)))
        if centre > 0:
            # The origin of some coils lies before their face, where no part of them is.
            centre = min(centre, inside(self._casing))
        winding = inside(self._windings) if len(self._windings) else -np.inf
        return max(centre, winding), "centre" if centre > 0 else "winding"

    @staticmethod
    def _placed(
        pose: Pose, points: Float[ndarray, "point 3"]
    ) -> Float[ndarray, "point 3"]:
        return points @ np.asarray(pose.rotation).T + np.asarray(pose.translation)


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
