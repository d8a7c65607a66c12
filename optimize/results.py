"""What a search found."""

import equinox as eqx
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import Pose


class Optimum(eqx.Module):
    """A local optimum, with numbers of the true scalp and of exact reciprocity.

    Attributes:
        pose: Of the coil.
        value: Of the objective, at the current rate of the search. [V/m]
        distance: From coil centre to scalp along the coil's axis. [m]
        clearance: The smallest distance from the coil's casing to the scalp. [m]
        gradient: Norm of the derivative by position [V/m per mm] and by angle and tilt
            [V/m per °].
        at_edge: Whether the border of the searched disc holds it: a better pose may lie
            beyond.
    """

    pose: Pose
    value: float
    distance: float
    clearance: float
    gradient: tuple[float, float]
    at_edge: bool


class Search(eqx.Module):
    """What `find_pose` found.

    Attributes:
        best: The best optimum.
        optima: The best of all different optima, the best first.
        starts: How many starts there were.
        evaluations: Of value and gradient, over all starts.
        converged: How many starts ended by the tolerance.
        current_rate: dI/dt of the values. [A/s]
        simplification_error: What the coil's rings and the target's few sources changed
            of the best value, relative to it.
        history: The best value so far of each start, after each round of evaluations,
            as the simplified coil and target give it. [V/m]
        seconds: By stage.
    """

    best: Optimum
    optima: tuple[Optimum, ...]
    starts: int
    evaluations: int
    converged: int
    current_rate: float
    simplification_error: float
    history: Float[ndarray, "round start"]
    seconds: dict[str, float]

    @property
    def pose(self) -> Pose:
        """The best pose."""
        return self.best.pose

    @property
    def value(self) -> float:
        """The objective at the best pose. [V/m]"""
        return self.best.value

    def current_rate_for(self, wanted: float) -> float:
        """Return the dI/dt at which the best pose reaches a wanted value. [A/s]

        Args:
            wanted: In the target. [V/m]

        Raises:
            ValueError: It is no positive number.
        """
        if not (np.isfinite(wanted) and wanted > 0):
            raise ValueError(
                f"`wanted` must be a positive number in V/m, got {wanted!r}."
            )
        return self.current_rate * wanted / self.value
