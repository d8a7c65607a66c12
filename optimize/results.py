"""What a search found."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from ..coils.pose import in_millimetres
from ..efield import AbstractSolver, Conductor, ElectricField, solve
from ..meshing import HeadMesh, Region
from .notebook import climbs
from .reports import SearchReport
from .sensitivity import Sensitivity
from .sweep import Sweep


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

    def __repr__(self) -> str:
        """Say where the optimum is, and what it is worth."""
        edge = ", at the border of what is searched" if self.at_edge else ""
        return (
            f"Optimum({self.value:.5g} V/m, {self.distance * 1e3:.1f} mm from the scalp, "
            f"casing {self.clearance * 1e3:.1f} mm{edge},\n  {self.pose!r})"
        )


class Search(eqx.Module):
    """What `find_pose` found.

    Attributes:
        best: The best optimum.
        optima: The best of all different optima, the best first.
        starts: How many starts there were.
        evaluations: Of value and gradient, over all starts.
        converged: How many starts ended by the tolerance.
        reasons: Why each climb ended, in words.
        current_rate: dI/dt of the values. [A/s]
        simplification_error: What the coil's rings and the target's few sources changed
            of the best value, relative to it.
        sensitivity: How far the coil may be off to lose 5%; None at a value of zero.
        robust_value: The expected or worst value of the best pose, where errors of
            placement were reckoned with; `value` is that of the planned pose. [V/m]
        history: The best value so far of each start, after each round of evaluations,
            as the simplified coil and target give it. [V/m]
        seconds: By stage.
        free: The best one without a rule for the handle, where there is one.
    """

    best: Optimum
    optima: tuple[Optimum, ...]
    starts: int
    evaluations: int
    converged: int
    reasons: tuple[str, ...]
    current_rate: float
    simplification_error: float
    sensitivity: Sensitivity | None
    robust_value: float | None
    history: Float[ndarray, "round start"]
    seconds: dict[str, float]
    free: Optimum | None = None

    def __repr__(self) -> str:
        """Say what was found, and at what price."""
        lines = [
            f"Search: {self.value:.5g} V/m at {self.current_rate * 1e-6:g} A/µs, "
            f"{len(self.optima)} optima, {self.stopped}",
            f"  {self.pose!r}",
            f"  {self.evaluations} evaluations, simplification error "
            f"{self.simplification_error:.1e}, {sum(self.seconds.values()):.1f} s",
        ]
        if self.sensitivity is not None:
            lines.append(
                f"  5% are lost at {self.sensitivity.position * 1e3:.1f} mm or "
                f"{np.degrees(self.sensitivity.angle):.0f}°"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return climbs(repr(self), self.history)

    def report(
        self,
        head: HeadMesh,
        coil: AbstractCoil,
        conductor: Conductor,
        *,
        target: Region | None = None,
        solver: AbstractSolver | None = None,
    ) -> SearchReport:
        """Solve for the field of the best pose, and put it on a page with the optima.

        Args:
            head: That was searched on.
            coil: That was searched for, in its best shape.
            conductor: Of the head.
            target: Of the search, to be marked, and to have its field stated.
            solver: As for `efield.solve`.

        Returns:
            A page that notebooks show, and that `write` writes; `field` is the field.

        Raises:
            ValueError: The head is another, or has no gray matter.
            RuntimeError: The solver did not reach its tolerance.
        """
        field = solve(conductor, coil, self.pose, self.current_rate, solver=solver)
        facts = [
            ("value", f"{self.value:.5g} V/m at {self.current_rate * 1e-6:g} A/µs"),
            *_facts(self, field, target),
        ]
        name = getattr(coil, "name", "") or "coil"
        title = f"Best placement of {name}"
        picture = field.plot(head, coil, self.pose, target=target, title=title)
        rows = tuple(_row(each, self.value) for each in self.optima)
        return SearchReport(title, tuple(facts), rows, field, picture)

    @property
    def pose(self) -> Pose:
        """The best pose."""
        return self.best.pose

    @property
    def value(self) -> float:
        """The objective at the best pose. [V/m]"""
        return self.best.value

    @property
    def handle_cost(self) -> float:
        """What the rule for the handle costs, as a share of the best value without it."""
        if self.free is None or self.free.value == 0:
            return 0.0
        return max((self.free.value - self.value) / abs(self.free.value), 0.0)

    @property
    def stopped(self) -> str:
        """Why the search stopped, in words."""
        if "interrupted" in self.reasons:
            return "interrupted: the best so far"
        if self.best.at_edge:
            return "the border of what is searched holds the best pose"
        joined = sum("another climb" in reason for reason in self.reasons)
        shown = f"{self.converged} of {self.starts} climbs converged"
        return f"{shown}, {joined} joined another" if joined else shown

    def share_of(self, sweep: Sweep) -> float:
        """Return the best value as a share of the largest one of an exhaustive map."""
        ratio = self.current_rate / sweep.current_rate
        return self.value / (ratio * float(np.max(sweep.values)))

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


def _facts(
    found: Search, field: ElectricField, target: Region | None
) -> list[tuple[str, str]]:
    """List what a reader asks of a placement."""
    rows = []
    if target is not None:
        mean = float(np.linalg.norm(np.asarray(field.mean(target))))
        rows.append(("norm of the mean field in the target", f"{mean:.5g} V/m, solved"))
    handle = ", ".join(f"{-x:.3f}" for x in np.asarray(found.pose.rotation)[:, 1])
    rows += [
        ("coil centre", in_millimetres(found.pose.translation)),
        ("handle towards", f"({handle})"),
        ("scalp to coil centre", f"{found.best.distance * 1e3:.1f} mm"),
        ("scalp to casing", f"{found.best.clearance * 1e3:.1f} mm"),
    ]
    if found.sensitivity is not None:
        lost = found.sensitivity
        degrees = np.degrees(lost.angle)
        off = f"{lost.position * 1e3:.1f} mm or {degrees:.0f}°"
        rows.append(("5% are lost at", off))
    return [*rows, ("search", f"{found.stopped}; {found.evaluations} evaluations")]


def _row(optimum: Optimum, best: float) -> tuple[str, ...]:
    return (
        f"{optimum.value:.5g}",
        f"{optimum.value / best:.1%}" if best else "",
        in_millimetres(optimum.pose.translation),
        f"{optimum.clearance * 1e3:.1f}",
    )


def merged(searches: Sequence[Search]) -> Search:
    """Make one search of several, of different parts of the scalp."""
    if len(searches) == 1:
        return searches[0]
    rank = lambda each: each.value if each.robust_value is None else each.robust_value
    best = max(searches, key=rank)
    every = [optimum for each in searches for optimum in each.optima]
    return dataclasses.replace(
        best,
        optima=tuple(sorted(every, key=lambda optimum: -optimum.value)),
        starts=sum(each.starts for each in searches),
        evaluations=sum(each.evaluations for each in searches),
        converged=sum(each.converged for each in searches),
        reasons=tuple(reason for each in searches for reason in each.reasons),
        seconds={
            stage: sum(each.seconds.get(stage, 0.0) for each in searches)
            for stage in best.seconds
        },
    )
