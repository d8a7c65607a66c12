"""Where a coil is to a head, for given placements: how far, how deep, and lifted off."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose, casing_samples
from ..meshing import Scalp
from .constraints import lifted


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

    def depth(self, pose: Pose, scalp: Scalp) -> tuple[float, str]:
        """How deep windings or centre lie beneath the scalp [m], and which of the two."""
        inside = lambda points: -scalp.clearance(_placed(pose, points))
        centre = inside(np.zeros((1, 3)))
        if centre > 0:
            # The origin of some coils lies before their face, where no part of them is.
            centre = min(centre, inside(self.casing))
        winding = inside(self.windings) if len(self.windings) else -np.inf
        return max(centre, winding), "centre" if centre > 0 else "winding"

    def lifted(self, pose: Pose, scalp: Scalp) -> tuple[Pose, float]:
        """Move a coil back along its axis until it is out of the head.

        Returns:
            The pose, and how far it was moved. [m]

        Raises:
            ValueError: There is no such place.
        """
        samples = np.concatenate([self.casing, self.windings, np.zeros((1, 3))])
        moved, _ = lifted(pose, samples, scalp, 0.0)
        way = np.asarray(moved.translation) - np.asarray(pose.translation)
        return moved, float(np.linalg.norm(way))

    def placing(self, pose: Pose, scalp: Scalp, lift: float = 0.0) -> Placing:
        """Measure where a coil is that was lifted by a length [m]."""
        clearance = scalp.clearance(_placed(pose, self.casing))
        axis = np.asarray(pose.rotation)[:, 2]
        distance = scalp.distance_along(np.asarray(pose.translation), axis)
        return Placing(distance, clearance, lift, self.has_casing)


def _placed(pose: Pose, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
    return points @ np.asarray(pose.rotation).T + np.asarray(pose.translation)
