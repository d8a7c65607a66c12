"""All of a search that can be done before the field of the target is known."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ..coils import AbstractCoil, Pose, Rings, rings
from ..efield import EQUIVALENT_SOURCES, Reciprocal, equivalent
from ..meshing import Scalp
from .climb import Maxima, climb
from .constraints import (
    Clearance,
    casing_samples,
    clearance as smooth_clearance,
    lifted,
)
from .landscape import (
    ANGLE,
    LENGTH,
    Landscape,
    derivatives,
    near_poses,
    rate_turns,
    simplified_value,
)
from .objectives import AbstractObjective, MeanMagnitude
from .placement import Chart, chart as chart_of
from .results import Optimum, Search


_COARSE_STEP = 6e-3  # Between positions of the first look. [m]
_COARSE_ANGLES = 96
_WORTH = 0.5  # Of the best value of the first look, that a start must have.
_FILL_APART = 9e-3  # Between starts that are no local maxima and all others. [m]
_KEPT = 3  # Optima, of those that differ.
_SAME_POSITION, _SAME_ANGLE = 3e-3, 0.2  # Optima nearer than this are one. [m], [rad]

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class PreparedSearch:
    """A search that waits for its objective: what `prepare_search` made.

    Attributes:
        coil: The coil.
        scalp: The scalp.
        rings: The coil as currents on rings.
        chart: The scalp around the target.
        constraint: How far the coil must be lifted.
        distance: From the scalp to the coil's centre, along the coil's axis. [m]
        clearance: What must remain between casing and scalp. [m]
        tilt: The largest angle between the coil's axis and the scalp's normal. [rad]
        starts: From how many places to climb.
        seconds: What it took, by stage.
    """

    coil: AbstractCoil
    scalp: Scalp
    rings: Rings
    chart: Chart
    constraint: Clearance
    distance: float
    clearance: float
    tilt: float
    starts: int
    seconds: dict[str, float] = field(repr=False)

    def compile(
        self,
        objective: Callable[[Reciprocal], AbstractObjective] = MeanMagnitude,
        directions: int = 3,
        nodes: int = 0,
    ) -> None:
        """Compile now what `run` will need.

        A direct solver leaves Python idle: call this in a thread during the adjoint
        solves, and the search will take no time to start.

        Args:
            objective: Makes the objective of a target.
            directions: Components that the target will have.
            nodes: Of the head.
        """
        nothing = _nothing(EQUIVALENT_SOURCES, directions)
        landscape = self._landscape(objective(nothing), nothing, 1e6)
        points = jnp.ones((self.starts, landscape.unknowns))
        rate_turns(landscape, jnp.asarray(self._lattice()), _COARSE_ANGLES)
        derivatives(landscape, points)
        pose = _one(near_poses(landscape, points), 0)
        simplified_value(landscape, pose)
        if nodes:
            rate = landscape.current_rate
            _exact(_nothing(nodes, directions), self.coil, pose, rate)

    def run(
        self,
        objective: AbstractObjective,
        *,
        current_rate: float = 1e6,
        progress: Progress | None = None,
    ) -> Search:
        """Find the best pose for an objective.

        Args:
            objective: Its target lies where the search was prepared for.
            current_rate: dI/dt of the values. [A/s]
            progress: Called with the share done and what is being done.

        Returns:
            The best pose, all optima, and how they were found.

        Raises:
            ValueError: The rate is not positive, or the coil cannot be placed there.
        """
        if not (np.isfinite(current_rate) and current_rate > 0):
            raise ValueError(
                f"`current_rate` must be a positive number in A/s, got {current_rate!r}."
            )
        tell = progress or (lambda share, what: None)
        clock = Clock(self.seconds)
        tell(0.2, "simplifying the target")
        few, _ = equivalent(objective.reciprocal, self.scalp)
        landscape = self._landscape(objective, few, current_rate)
        clock.lap("target")
        tell(0.4, "looking at all positions and angles")
        first = self._first_look(landscape)
        clock.lap("first look")
        tell(0.6, "climbing")
        maxima = climb(
            lambda points: derivatives(landscape, jnp.asarray(points)),
            first,
            landscape.curvature,
            landscape.project,
        )
        clock.lap("climb")
        tell(0.8, "checking on the true scalp")
        optima = self._on_true_scalp(objective, landscape, maxima)
        best = optima[0]
        simplified = float(simplified_value(landscape, best.pose))
        clock.lap("check")
        tell(1.0, "done")
        return Search(
            best=best,
            optima=tuple(optima),
            starts=len(first),
            evaluations=int(maxima.evaluations.sum()),
            converged=int(maxima.converged.sum()),
            current_rate=float(current_rate),
            simplification_error=abs(simplified - best.value) / abs(best.value),
            history=maxima.history,
            seconds=clock.seconds,
        )

    def _landscape(
        self, objective: AbstractObjective, few: Reciprocal, current_rate: float
    ) -> Landscape:
        return Landscape(
            eqx.tree_at(lambda whole: whole.reciprocal, objective, few),
            self.rings,
            self.chart,
            self.constraint,
            jnp.asarray(self.distance, dtype=float),
            jnp.asarray(current_rate, dtype=float),
            self.tilt,
        )

    def _lattice(self) -> Float[ndarray, "position 2"]:
        return triangular_lattice(self.chart.radius, _COARSE_STEP)

    def _first_look(self, landscape: Landscape) -> Float[ndarray, "start n"]:
        """Rate a lattice of positions at all angles, and choose where to start."""
        lattice = self._lattice()
        values = np.asarray(rate_turns(landscape, jnp.asarray(lattice), _COARSE_ANGLES))
        position, angle = _starts(lattice, values, self.starts)
        first = np.zeros((self.starts, landscape.unknowns))
        first[:, :2] = lattice[position] / LENGTH
        first[:, 2] = 2 * np.pi * angle / _COARSE_ANGLES / ANGLE
        return first

    def _on_true_scalp(
        self, objective: AbstractObjective, landscape: Landscape, maxima: Maxima
    ) -> list[Optimum]:
        """Set the different optima on the true scalp and rate them exactly."""
        poses = near_poses(landscape, jnp.asarray(maxima.points))
        samples = casing_samples(self.coil)
        optima = []
        for index in _different(maxima):
            pose, gap = self._settled(_one(poses, index), samples)
            rate = landscape.current_rate
            mean = _exact(objective.reciprocal, self.coil, pose, rate)
            gradient = maxima.gradients[index]
            optima.append(
                Optimum(
                    pose,
                    float(objective.value(mean)),
                    self.scalp.distance_along(pose.translation, pose.rotation[:, 2]),
                    gap,
                    (
                        float(np.linalg.norm(gradient[:2])) / (LENGTH * 1e3),
                        float(np.linalg.norm(gradient[2:])) / np.degrees(ANGLE),
                    ),
                    landscape.at_edge(maxima.points[index]),
                )
            )
        return sorted(optima, key=lambda optimum: -optimum.value)

    def _settled(
        self, near: Pose, samples: Float[ndarray, "point 3"]
    ) -> tuple[Pose, float]:
        """Put the coil at the wanted distance from the true scalp, and clear of it."""
        axis = near.rotation[:, 2]
        now = self.scalp.distance_along(near.translation, axis)
        if np.isfinite(now):
            moved = near.translation + (now - self.distance) * axis
            near = Pose(near.rotation, moved)
        return lifted(near, samples, self.scalp, self.clearance)


def prepare_search(
    coil: AbstractCoil,
    scalp: Scalp,
    centre: ArrayLike,
    *,
    distance: float = 4e-3,
    radius: float = 30e-3,
    clearance: float = 0.0,
    tilt: float = 0.0,
    starts: int = 6,
) -> PreparedSearch:
    """Do what a search can do before the field of its target is known.

    Args:
        coil: The coil.
        scalp: The scalp.
        centre: Of the target, (3,). [m]
        distance: As for `find_pose`.
        radius: As for `find_pose`.
        clearance: As for `find_pose`.
        tilt: As for `find_pose`.
        starts: As for `find_pose`.

    Raises:
        ValueError: An argument is out of range, the scalp cannot be charted there, or
            the coil's field below it is that of no currents above.
    """
    for name, value, high, unit in (
        ("distance", distance, 0.1, "m"),
        ("clearance", clearance, 0.1, "m"),
        ("tilt", tilt, 1.0, "rad"),
    ):
        if not (np.isfinite(value) and 0 <= value <= high):
            raise ValueError(
                f"`{name}` must lie between 0 and {high:g} {unit}, got {value!r}."
            )
    if starts < 1:
        raise ValueError(f"`starts` must be at least 1, got {starts!r}.")
    clock = Clock({})
    chart = chart_of(scalp, centre, radius)
    constraint = smooth_clearance(coil, scalp, clearance)
    clock.lap("scalp")
    wheel = rings(coil)
    clock.lap("coil")
    return PreparedSearch(
        coil,
        scalp,
        wheel,
        chart,
        constraint,
        float(distance),
        float(clearance),
        float(tilt),
        int(starts),
        clock.seconds,
    )


def triangular_lattice(radius: float, step: float) -> Float[ndarray, "position 2"]:
    """Positions in a disc. [m]"""
    n = int(radius / step) + 1
    i, j = np.meshgrid(np.arange(-2 * n, 2 * n + 1), np.arange(-2 * n, 2 * n + 1))
    u, v = step * (i + j / 2).ravel(), step * np.sqrt(3) / 2 * j.ravel()
    inside = np.hypot(u, v) <= radius * (1 + 1e-9)
    return np.stack([u[inside], v[inside]], axis=1)


class Clock:
    """Seconds by stage."""

    def __init__(self, before: dict[str, float]):
        self.seconds = dict(before)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage."""
        now = time.perf_counter()
        self.seconds[stage] = now - self._last
        self._last = now


def _starts(
    lattice: Float[ndarray, "position 2"],
    values: Float[ndarray, "position angle"],
    count: int,
) -> tuple[ndarray, ndarray]:
    """Choose where to start: the best local maxima, and their handles turned round.

    Where these are too few, good places far from them follow.
    """
    apart = np.linalg.norm(lattice[:, None] - lattice[None], axis=-1)
    around = np.maximum(
        values, np.maximum(np.roll(values, 1, axis=1), np.roll(values, -1, axis=1))
    )
    near = apart < 1.1 * _COARSE_STEP
    highest = np.stack([around[neighbours].max(axis=0) for neighbours in near])
    peaks = (values >= highest) & (values >= _WORTH * values.max())
    position, angle = np.nonzero(peaks)
    order = np.argsort(-values[position, angle], kind="stable")
    position, angle = position[order], angle[order]
    chosen: list[tuple[int, int]] = []
    half = values.shape[1] // 2
    for place in zip(position.tolist(), angle.tolist(), strict=True):
        # Turned round, most coils have another optimum, whether the lattice shows it or
        # not.
        for start in (place, (place[0], (place[1] + half) % values.shape[1])):
            if start not in chosen and len(chosen) < count:
                chosen.append(start)
    best = np.argmax(values, axis=1)
    for index in np.argsort(-values.max(axis=1), kind="stable").tolist():
        far = all(apart[index, other] > _FILL_APART for other, _ in chosen)
        if far and len(chosen) < count:
            chosen.append((index, int(best[index])))
    # As many as were asked for, always: the compiled code depends on it.
    every = np.array(chosen)[np.arange(count) % len(chosen)]
    return every[:, 0], every[:, 1]


def _nothing(sources: int, directions: int) -> Reciprocal:
    """A target without currents, at places outside any coil."""
    far = jnp.full((sources, 3), 10.0, dtype=float)
    return Reciprocal(far, jnp.zeros((directions, sources, 3)), jnp.zeros(3))


def _different(maxima: Maxima) -> list[int]:
    """The best of the optima, each of which differs from all before."""
    points = maxima.points
    different: list[int] = []
    for index in np.argsort(-maxima.values):
        if len(different) < _KEPT and all(
            np.linalg.norm(points[index, :2] - points[other, :2]) * LENGTH
            > _SAME_POSITION
            or _turn(points[index, 2], points[other, 2]) > _SAME_ANGLE
            for other in different
        ):
            different.append(int(index))
    return different


def _turn(a: float, b: float) -> float:
    """The angle between two scaled angles. [rad]"""
    difference = (a - b) * ANGLE
    return abs((difference + np.pi) % (2 * np.pi) - np.pi)


def _one(poses: Pose, index: int) -> Pose:
    return Pose(np.asarray(poses.rotation)[index], np.asarray(poses.translation)[index])


@eqx.filter_jit
def _exact(
    reciprocal: Reciprocal,
    coil: AbstractCoil,
    pose: Pose,
    current_rate: Float[Array, ""],
) -> Float[Array, "direction"]:
    return reciprocal.mean_field(coil, pose, current_rate)
