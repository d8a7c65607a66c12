"""What the field is at a pose, and what it is worth: all that a display shows of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ...coils import Pose
from ...efield import ReducedField
from ...meshing import Scalp
from .advice import Advice, advise


OFF_HEAD = 30e-3  # A coil farther than this from the scalp is not at the head. [m]
_UNIT = 1e6  # [A/s]


@dataclass(frozen=True, eq=False)
class LiveAnswer:
    """The field of one pose.

    Attributes:
        pose: Coil to head, lengths in m.
        current_rate: dI/dt. [A/s]
        values: |E| at the places of the cortex. [V/m]
        target: |E| of the mean field in the target. [V/m]
        share: Of what the best placement gives there.
        peak: The largest |E|. [V/m]
        peak_at: Where. [m]
        distance: From the scalp to the coil's centre along its axis; infinite where that
            misses. [m]
        clearance: From the coil's casing, or windings, to the scalp. [m]
        error: Estimated, of E, relative.
        outside: Whether the reduced field does not know the pose.
        advice: To the best placement.
    """

    pose: Float[ndarray, "4 4"]
    current_rate: float
    values: Float[ndarray, "place"]
    target: float
    share: float
    peak: float
    peak_at: Float[ndarray, "3"]
    distance: float
    clearance: float
    error: float
    outside: bool
    advice: Advice

    @property
    def off_head(self) -> bool:
        """Whether the coil is not at the head."""
        return not self.clearance <= OFF_HEAD


@dataclass(frozen=True, eq=False)
class LiveField:
    """A coil on a head whose field is known for any placement.

    Attributes:
        cortex: E at the places that are shown.
        in_target: The mean of E in the target, by the same points: one place.
        scalp: Of the head.
        samples: Of the coil's casing, in its frame. [m]
        best: The best placement, coil to head, lengths in m.
        coil: Which of the field's coils it is.
    """

    cortex: ReducedField
    in_target: ReducedField
    scalp: Scalp
    samples: Float[ndarray, "sample 3"]
    best: Float[ndarray, "4 4"]
    coil: int = 0

    def __call__(
        self, pose: Float[ndarray, "4 4"], current_rate: float = 1e6
    ) -> LiveAnswer:
        """Answer for a pose.

        Args:
            pose: Coil to head, lengths in m.
            current_rate: dI/dt. [A/s]
        """
        scale = current_rate / _UNIT
        pending = _beside().submit(self._evaluate, pose)
        clearance = self._clearance(pose)
        axis, centre = pose[:3, 2], pose[:3, 3]
        distance = self.scalp.distance_along(centre, axis)
        below = centre + axis * (distance if np.isfinite(distance) else 0.0)
        normal = self.scalp.normal(below[None])[0]
        values, target, misfit, outside = pending.result()
        highest = int(np.argmax(values))
        return LiveAnswer(
            pose,
            current_rate,
            values * scale,
            target * scale,
            target / self._at_best[0],
            float(values[highest]) * scale,
            self.cortex.positions[highest],
            distance,
            clearance,
            self.cortex.accuracy.ratio * misfit,
            outside,
            advise(pose, self.best, normal, clearance - self._at_best[1]),
        )

    @cached_property
    def _at_best(self) -> tuple[float, float]:
        """The field in the target [V/m] and the clearance [m] at the best placement."""
        return self._evaluate(self.best)[1], self._clearance(self.best)

    def _clearance(self, pose: Float[ndarray, "4 4"]) -> float:
        return self.scalp.clearance(self.samples @ pose[:3, :3].T + pose[:3, 3])

    def _evaluate(
        self, pose: Float[ndarray, "4 4"]
    ) -> tuple[Float[ndarray, "place"], float, float, bool]:
        placed = Pose(pose[:3, :3], pose[:3, 3])
        values, figures = _evaluate(self.cortex, self.in_target, placed, self.coil)
        target, misfit, outside = np.asarray(figures).tolist()
        return np.asarray(values), target, misfit, outside > 0


@cache
def _beside() -> ThreadPoolExecutor:
    """A thread for the field, which takes as long as all else that is asked of a pose."""
    return ThreadPoolExecutor(1, "field")


@eqx.filter_jit
def _evaluate(
    cortex: ReducedField, in_target: ReducedField, pose: Pose, coil: int
) -> tuple[Float[Array, "place"], Float[Array, "3"]]:
    coefficients = cortex.coefficients(pose, _UNIT, coil=coil)
    size = lambda vectors: jnp.sqrt(jnp.sum(vectors**2, axis=-1))
    target = size(in_target.modes(coefficients))[0]
    misfit = cortex.misfit(pose, _UNIT, coil=coil)
    outside = cortex.outside(pose, coil=coil)
    figures = [target.astype(float), misfit.astype(float), outside.astype(float)]
    return size(cortex.modes(coefficients)), jnp.stack(figures)
