"""All of a search that can be done before the field of the target is known."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ..coils import AbstractCoil, Rings, casing_samples, rings
from ..coils.pose import in_millimetres
from ..efield import EQUIVALENT_SOURCES, Arrangement, Reciprocal, arrange
from ..meshing import Progress, Scalp
from ..meshing.progress import silent
from .batches import (
    batched_derivatives,
    derivatives,
    near_poses,
    projected,
    rate_turns,
    value_of,
)
from .checks import check_point, check_rate
from .climb import Maxima, climb
from .constraints import Clearance, balls, clearance as smooth_clearance
from .domain import Domain, domain_of
from .first_look import (
    COARSE_ANGLES,
    COARSE_STEP,
    choose_starts,
    finer,
    triangular_lattice,
)
from .handle import Handle
from .objectives import AbstractObjective, MeanMagnitude
from .placement import Chart, chart as chart_of
from .preferring import preferred
from .problem import Problem
from .results import Optimum, Search
from .sensitivity import Sensitivity, sensitivity_at
from .true_scalp import TrueScalp, exact_mean
from .uncertainty import AbstractUncertainty
from .unknowns import ANGLE, LENGTH, Unknowns, unknowns
from .zones import in_zones


_KEPT = 3  # Optima, of those that differ.
_SAME_POSITION, _SAME_ANGLE = 3e-3, 0.2  # Optima nearer than this are one. [m], [rad]


@dataclass(frozen=True)
class PreparedSearch:
    """A search that waits for its objective: what `prepare_search` made.

    Attributes:
        rest: The coil and the true scalp, on which it comes to rest.
        rings: The coil as currents on rings.
        chart: The scalp around the target.
        constraint: How far the coil must be lifted.
        unknowns: Of the problem.
        arrangement: Of the target's equivalent sources.
        starts: From how many places to climb.
        forbidden: Balls in which the coil may not be placed: centres and radii. [m]
        handle: Which way it should point, or None.
        seconds: What it took, by stage.
    """

    rest: TrueScalp
    rings: Rings
    chart: Chart
    constraint: Clearance
    unknowns: Unknowns
    arrangement: Arrangement
    starts: int
    forbidden: Float[ndarray, "zone 4"]
    handle: Handle | None
    seconds: dict[str, float] = field(repr=False)

    def __repr__(self) -> str:
        """Say where is searched."""
        return (
            f"PreparedSearch(within {self.chart.radius * 1e3:g} mm over "
            f"{in_millimetres(self.arrangement.centre)}, {self.starts} starts, "
            f"{len(self.unknowns)} unknowns)"
        )

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
        problem = self.problem(objective(nothing), nothing)
        points = jnp.ones((self.starts, len(problem)))
        rate_turns(problem, jnp.asarray(self._lattice()), COARSE_ANGLES)
        derivatives(problem, points, jnp.ones(self.starts, bool))
        projected(problem, points)
        pose = jax.tree.map(lambda x: x[0], near_poses(problem, points))
        value_of(problem, pose)
        if nodes:
            rate = problem.unknowns.held.current_rate
            exact_mean(_nothing(nodes, directions), self.rest.coil, pose, rate)

    def run(
        self,
        objective: AbstractObjective,
        *,
        current_rate: float = 1e6,
        uncertainty: AbstractUncertainty | None = None,
        progress: Progress | None = None,
    ) -> Search:
        """Find the best pose for an objective.

        An interruption by the keyboard while climbing ends the climbs: what is found so
        far is returned, and `Search.reasons` says so.

        Args:
            objective: Its target lies where the search was prepared for.
            current_rate: dI/dt of the values. [A/s]
            uncertainty: Errors of placement to reckon with.
            progress: Called with the share done and what is being done.

        Returns:
            The best pose, all optima, and how they were found.

        Raises:
            ValueError: The rate is not positive, or the coil cannot be placed there.
        """
        check_rate(current_rate)
        report = progress or silent
        clock = Clock(self.seconds)
        report(0.2, "simplifying the target")
        few = self.simplified(objective.reciprocal)
        problem = self.problem(objective, few, current_rate)
        clock.lap("target")
        report(0.4, "looking at all positions and angles")
        first, scale = self._first_look(problem)
        clock.lap("first look")
        report(0.6, "climbing")
        maxima = self._climbed(problem, first, scale)
        evaluations = int(maxima.evaluations.sum())
        if uncertainty is not None:
            report(0.7, "climbing, with errors of placement")
            problem = self.problem(objective, few, current_rate, uncertainty)
            again = _different(maxima)
            # As many as before, always: the compiled code depends on it.
            points = maxima.points[np.resize(again, self.starts)]
            maxima = self._climbed(problem, points, scale)
            evaluations += int(maxima.evaluations.sum())
        clock.lap("climb")
        report(0.8, "checking on the true scalp")
        optima, planned = self.rest.optima(
            objective, problem, maxima, _different(maxima), self.starts
        )
        clock.lap("check")
        best, free = int(np.argmax(maxima.values)), None
        if self.handle is not None and self.handle.deviation(optima[0].pose) > 0:
            report(0.85, "turning the handle to the rule")
            held, index, kept, aim = self._turned(objective, problem, maxima, scale)
            evaluations += int(held.evaluations.sum())
            if self.handle.deviation(kept.pose) < self.handle.deviation(optima[0].pose):
                free, maxima, best, planned = optima[0], held, index, aim
                optima = [kept, *optima]
            clock.lap("handle")
        report(0.9, "measuring the sensitivity")
        sensitivity = self._sensitivity(problem, maxima, best)
        clock.lap("sensitivity")
        report(1.0, "done")
        return Search(
            best=optima[0],
            optima=tuple(optima),
            starts=len(first),
            evaluations=evaluations,
            converged=int(maxima.converged.sum()),
            reasons=maxima.reasons,
            current_rate=float(current_rate),
            simplification_error=abs(planned - optima[0].value)
            / max(abs(optima[0].value), 1e-300),
            sensitivity=sensitivity,
            robust_value=None if uncertainty is None else float(maxima.values[best]),
            history=maxima.history,
            seconds=clock.seconds,
            free=free,
        )

    def _turned(
        self,
        objective: AbstractObjective,
        problem: Problem,
        maxima: Maxima,
        scale: float,
    ) -> tuple[Maxima, int, Optimum, float]:
        """Bring the handle to its rule: climbs, the best of them, it, and its plan."""
        assert self.handle is not None
        again = lambda first, kept: self._climbed(problem, first, scale, kept)
        held, index = preferred(problem, maxima, self.handle, again, self.starts)
        (kept,), planned = self.rest.optima(
            objective, problem, held, [index], self.starts, turning=False
        )
        return held, index, kept, planned

    def simplified(self, reciprocal: Reciprocal) -> Reciprocal:
        """Replace a target's currents at all nodes by fewer beneath the scalp."""
        centre = np.asarray(reciprocal.centre)
        arranged = self.arrangement
        if not np.allclose(centre, arranged.centre, rtol=0, atol=1e-9):
            arranged = arrange(self.rest.scalp, centre)
        return arranged.fitted(reciprocal)

    def _climbed(
        self,
        problem: Problem,
        first: Float[ndarray, "start n"],
        scale: float,
        held: Callable[[ndarray], ndarray] = lambda points: points,
    ) -> Maxima:
        return climb(
            lambda points, active: derivatives(
                problem, jnp.asarray(points), jnp.asarray(active)
            ),
            first,
            self.unknowns.curvature,
            lambda points: held(np.array(projected(problem, jnp.asarray(points)))),
            scale=scale,
            same=_same,
        )

    def _sensitivity(
        self, problem: Problem, maxima: Maxima, index: int
    ) -> Sensitivity | None:
        if abs(maxima.values[index]) < 1e-12:
            return None

        point, value = maxima.points[index], float(maxima.values[index])
        return sensitivity_at(
            partial(batched_derivatives, problem, size=self.starts), point, value
        )

    def problem(
        self,
        objective: AbstractObjective,
        few: Reciprocal,
        current_rate: float = 1e6,
        uncertainty: AbstractUncertainty | None = None,
    ) -> Problem:
        """Make the objective a function of the coil's place.

        Args:
            objective: What is maximised.
            few: What stands for its target, of few sources.
            current_rate: dI/dt. [A/s]
            uncertainty: Errors of placement to reckon with, or None.
        """
        rate = jnp.asarray(current_rate, dtype=float)
        return Problem(
            eqx.tree_at(lambda whole: whole.reciprocal, objective, few),
            self.rings,
            self.chart,
            self.constraint,
            eqx.tree_at(lambda each: each.held.current_rate, self.unknowns, rate),
            jnp.zeros(len(self.unknowns)),
            jnp.asarray(self.forbidden),
            uncertainty,
            None,
            jnp.full((), jnp.nan),
        )

    def _lattice(self) -> Float[ndarray, "position 2"]:
        return triangular_lattice(self.chart.radius, COARSE_STEP)

    def _first_look(self, problem: Problem) -> tuple[Float[ndarray, "start n"], float]:
        """Rate a lattice of positions at all angles, and choose where to start.

        Returns:
            The starts, and how much the values differ.
        """
        lattice = self._lattice()
        rough = replace(problem, objective=problem.objective.coarse)
        values = np.array(rate_turns(rough, jnp.asarray(lattice), COARSE_ANGLES))
        if len(self.forbidden):
            inside = in_zones(self.chart, problem.forbidden, jnp.asarray(lattice))
            values[np.asarray(inside)] = -np.inf
            if not np.isfinite(values).any():
                raise ValueError(
                    "the forbidden zones cover all of the scalp that is searched: take a "
                    "larger search radius, or fewer zones."
                )
        known = values[np.isfinite(values)]
        position, angle = choose_starts(lattice, values, self.starts)
        first = np.zeros((self.starts, len(problem)))
        first[:, :3] = finer(lattice, values, position, angle)
        first[:, :3] /= [LENGTH, LENGTH, ANGLE]
        return first, float(max(np.ptp(known), 1e-9 * np.abs(known).max(), 1e-300))


def prepare_search(
    coil: AbstractCoil,
    scalp: Scalp,
    centre: ArrayLike,
    domain: Domain | None = None,
    *,
    starts: int = 5,
    wheel: Rings | None = None,
    **old: Any,
) -> PreparedSearch:
    """Do what a search can do before the field of its target is known.

    Args:
        coil: The coil.
        scalp: The scalp.
        centre: Of the target, or where else to search, (3,). [m]
        domain: As for `find_pose`.
        starts: As for `find_pose`.
        wheel: What `coils.rings` makes of the coil, where it is known: saves a second for
            each of many targets.
        old: As for `find_pose`.

    Raises:
        ValueError: An argument is out of range, the scalp cannot be charted there, or
            the coil's field below it is that of no currents above.
    """
    domain = domain_of("prepare_search", domain, old).on(coil)
    if starts < 1:
        raise ValueError(f"`starts` must be at least 1, got {starts!r}.")
    clock = Clock({})
    check_point("centre", centre)
    chart = chart_of(scalp, centre, domain.radius)
    samples = casing_samples(coil)
    arrangement = arrange(scalp, centre)
    constraint = smooth_clearance(
        samples, scalp, domain.clearance, obstacles=domain.obstacles
    )
    rest = TrueScalp(
        coil,
        samples,
        scalp,
        domain.centred,
        float(domain.clearance),
        balls(domain.obstacles),
    )
    clock.lap("scalp")
    wheel = rings(coil) if wheel is None else wheel
    clock.lap("coil")
    return PreparedSearch(
        rest,
        wheel,
        chart,
        constraint,
        unknowns(None, domain),
        arrangement,
        int(starts),
        balls(domain.forbidden),
        domain.handle,
        clock.seconds,
    )


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


def _nothing(sources: int, directions: int) -> Reciprocal:
    """A target without currents, at places outside any coil."""
    far = jnp.full((sources, 3), 10.0, dtype=float)
    return Reciprocal(far, jnp.zeros((directions, sources, 3)), jnp.zeros(3))


def _different(maxima: Maxima) -> list[int]:
    """The best of the optima, each of which differs from all before."""
    points = maxima.points
    different: list[int] = []
    for index in np.argsort(-maxima.values):
        if len(different) < _KEPT and not any(
            _same(points[index], points[other]) for other in different
        ):
            different.append(int(index))
    return different


def _same(a: Float[ndarray, "n"], b: Float[ndarray, "n"]) -> bool:
    """Check whether two places are so near that they climb the same hill."""
    return bool(
        np.linalg.norm(a[:2] - b[:2]) * LENGTH <= _SAME_POSITION
        and _turn(a[2], b[2]) <= _SAME_ANGLE
    )


def _turn(a: float, b: float) -> float:
    """The angle between two scaled angles. [rad]"""
    difference = (a - b) * ANGLE
    return abs((difference + np.pi) % (2 * np.pi) - np.pi)
