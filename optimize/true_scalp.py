"""The end of a search: its optima set on the true scalp, and rated exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from ..efield import Reciprocal
from ..meshing import Scalp
from .batches import batched_poses, near_poses, value_of
from .climb import Maxima
from .constraints import lifted
from .facets import promising
from .objectives import AbstractObjective
from .problem import Problem
from .results import Optimum
from .unknowns import ANGLE, LENGTH


# What simplification changes differs by less between optima of like value.
_NEAR_TIE = 2e-4
_TRIED = 2  # Places around the best optimum, on the true scalp.


@dataclass(frozen=True)
class TrueScalp:
    """Where a coil comes to rest.

    Attributes:
        coil: The coil.
        samples: Of its casing, in its frame. [m]
        scalp: The scalp.
        distance: From the scalp to the coil's centre, along the coil's axis. [m]
        clearance: What must remain between casing and scalp. [m]
        obstacles: Balls that the casing must clear: centres and radii. [m]
    """

    coil: AbstractCoil
    samples: Float[ndarray, "point 3"]
    scalp: Scalp
    distance: float
    clearance: float
    obstacles: Float[ndarray, "ball 4"]

    def optima(
        self,
        objective: AbstractObjective,
        problem: Problem,
        maxima: Maxima,
        chosen: Sequence[int],
        size: int,
        turning: bool = True,
    ) -> tuple[list[Optimum], float]:
        """Set optima on the true scalp and rate them.

        Only the best, and what nearly equals it, is rated by exact reciprocity; of others
        the simplified value is corrected as the best one's is. With errors of placement
        the optima keep their order, that of their robust values.

        Args:
            objective: Of the target's currents at all nodes.
            problem: The same, simplified.
            maxima: Where the climbs ended.
            chosen: Which of them count, the best first.
            size: Of the batches for which the problem is compiled.
            turning: Whether the best may be turned a little on the true triangles.

        Returns:
            The optima, the best first, and what simplification gives for that one.
        """
        near = near_poses(problem, jnp.asarray(maxima.points))
        points = [maxima.points[index] for index in chosen]
        settled = [self.settled(_one(near, index)) for index in chosen]
        simple = [float(value_of(problem, pose)) for pose, _ in settled]
        exact: dict[int, float] = {}
        if problem.uncertainty is None:
            top = max(simple)
            ties = [
                i
                for i, value in enumerate(simple)
                if value >= top - _NEAR_TIE * abs(top)
            ]
            if len(ties) > 1:
                exact = {i: self.rated(objective, problem, settled[i][0]) for i in ties}
            first = max(ties, key=lambda i: exact.get(i, simple[i]))
            place = self.on_facets(problem, points[first], simple[first], size, turning)
            if place is not None:
                point, pose, gap, value = place
                found = self.rated(objective, problem, pose)
                if first not in exact or found > exact[first]:
                    points[first], settled[first] = point, (pose, gap)
                    simple[first], exact[first] = value, found
        else:
            first = 0
        if first not in exact:
            exact[first] = self.rated(objective, problem, settled[first][0])
        change = exact[first] - simple[first]
        optima = [
            Optimum(
                pose,
                exact.get(i, simple[i] + change),
                self.scalp.distance_along(pose.translation, pose.rotation[:, 2]),
                gap,
                gradient_norms(
                    maxima.gradients[index][:2], maxima.gradients[index][2:]
                ),
                problem.at_edge(points[i]),
            )
            for i, (index, (pose, gap)) in enumerate(zip(chosen, settled, strict=True))
        ]
        if problem.uncertainty is None:
            optima.sort(key=lambda optimum: -optimum.value)
        return optima, simple[first]

    def settled(self, near: Pose) -> tuple[Pose, float]:
        """Put the coil at the wanted distance from the true scalp, and clear of it.

        Returns:
            The pose, and its clearance. [m]
        """
        zones = [(ball[:3], float(ball[3])) for ball in self.obstacles]
        return lifted(
            self._along(near), self.samples, self.scalp, self.clearance, zones
        )

    def rated(
        self, objective: AbstractObjective, problem: Problem, pose: Pose
    ) -> float:
        """Rate a pose by exact reciprocity. [V/m]"""
        mean = exact_mean(
            objective.reciprocal, self.coil, pose, problem.unknowns.held.current_rate
        )
        return float(objective.value(mean))

    def _along(self, near: Pose) -> Pose:
        axis = near.rotation[:, 2]
        now = self.scalp.distance_along(near.translation, axis)
        if not np.isfinite(now):
            return near
        return Pose(near.rotation, near.translation + (now - self.distance) * axis)

    def on_facets(
        self,
        problem: Problem,
        point: Float[ndarray, "n"],
        planned: float,
        size: int,
        turning: bool = True,
    ) -> tuple[Float[ndarray, "n"], Pose, float, float] | None:
        """Try the most promising places around an optimum on the true triangles.

        Args:
            problem: Simplified, for the value of each place.
            point: The optimum.
            planned: Its simplified value.
            size: Of the batches for which the problem is compiled.
            turning: Whether angles may be corrected.

        Returns:
            The best place, its pose, clearance and simplified value, if that is better
            than what was planned.
        """
        places = promising(problem, self.scalp, point, size, turning)[:_TRIED]
        near = batched_poses(problem, places, size)
        tried = [self._along(_one(near, i)) for i in range(len(places))]
        values = [float(value_of(problem, pose)) for pose in tried]
        # A lift costs value: what is no better without it need not be tried with it.
        for i in np.argsort([-value for value in values]).tolist():
            if values[i] <= planned:
                return None
            pose, gap = self.settled(_one(near, i))
            value = float(value_of(problem, pose))
            if value > planned:
                return places[i], pose, gap, value
        return None


@eqx.filter_jit
def exact_mean(
    reciprocal: Reciprocal,
    coil: AbstractCoil,
    pose: Pose,
    current_rate: Float[Array, ""],
) -> Float[Array, "direction"]:
    """The mean field along the directions of a target, from its currents at all nodes.

    [V/m]
    """
    return reciprocal.mean_field(coil, pose, current_rate)


def gradient_norms(
    places: Float[ndarray, "place"], turns: Float[ndarray, "turn"]
) -> tuple[float, float]:
    """Turn scaled derivatives into those per millimetre and per degree."""
    return (
        float(np.linalg.norm(places)) / (LENGTH * 1e3),
        float(np.linalg.norm(turns) / np.degrees(ANGLE)),
    )


def _one(poses: Pose, index: int) -> Pose:
    return Pose(np.asarray(poses.rotation)[index], np.asarray(poses.translation)[index])
