"""What `tmsgrad optimize` finds, and how that is verified by a direct solution."""

from dataclasses import dataclass

import numpy as np

from ... import optimize
from ...coils import Coil, Pose
from ...efield import ElectricField, MeshError
from ..inputs.bases import Basis
from ..inputs.goals import make_goal
from ..results.basis_check import BasisCheck
from ..results.doses import choose_dose
from ..results.fields import check_field
from ..results.figures import (
    ErrorFigures,
    FieldFigures,
    TargetError,
    TargetFigures,
)
from ..results.placement import Placement
from ..results.shaping import ShapeResult
from .optimize_prepare import Prepared
from .optimize_reduced import SearchBasis
from .optimize_request import OptimizeRequest
from .solving import Solved


@dataclass(frozen=True, eq=False)
class Found:
    """What the search found.

    Attributes:
        goal: What it was for.
        search: What it found.
        coil: In its best shape.
        shape: That, or None.
        basis: That it was searched by, or None.
    """

    goal: optimize.Goal
    search: optimize.Search
    coil: Coil
    shape: ShapeResult | None
    basis: SearchBasis | None

    @property
    def pose(self) -> Pose:
        """The best one."""
        return self.search.pose


@dataclass(frozen=True, eq=False)
class Verified:
    """The best placement by a direct solution.

    Attributes:
        placement: In figures.
        field: At its dI/dt.
        residual: Of the solution, relative.
        figures: Of the field.
        error: Estimated.
        dose: How the current was chosen, or None.
        target: In figures.
        by_basis: The same by the basis of the search, or None.
    """

    placement: Placement
    field: ElectricField
    residual: float
    figures: FieldFigures
    error: ErrorFigures
    dose: optimize.Dose | None
    target: TargetFigures
    by_basis: BasisCheck | None

    @property
    def error_of_direct(self) -> float | None:
        """What the mesh leaves in the target's field by a direct solution, relative.

        Where that was corrected: by how much, and the bar of what it was corrected to.
        """
        mesh, value = self.placement.mesh, self.placement.value
        if mesh is None:
            return self.error.target
        return MeshError(value, mesh.bar).of_uncorrected(mesh.direct)


def compute(request: OptimizeRequest, prepared: Prepared, basis: Basis | None) -> Found:
    """Prepare the objective, and search for its best placement."""
    frame, progress = prepared.frame, prepared.frame.progress
    known = SearchBasis.of(basis, frame)
    progress.stage("adjoint", "adjoint solves")
    goal = make_goal(
        *(request.wishes, frame.head, frame.scalp, frame.coil, frame.conductor),
        *(prepared.target.region, request.target.tissue, request.domain.radius),
        corrected=request.conduction.corrected,
        second=None if prepared.second is None else prepared.second(),
        basis=basis,
    )
    progress.stage("search", "search")
    search = prepared.search.run(goal.objective, progress)
    if not request.shape:
        return Found(goal, search, frame.coil, None, known)
    progress.stage("shape", "shape of the coil")
    best, shaped = optimize.shaped_search(
        *(goal.objective, frame.coil, frame.scalp, search, request.domain)
    )
    return Found(goal, shaped, best.coil, ShapeResult.of(best, search.value), known)


def verify(request: OptimizeRequest, prepared: Prepared, found: Found) -> Verified:
    """Solve at the best placement, and choose the current."""
    frame, region = prepared.frame, prepared.target.region
    frame.progress.stage("verification", "verification by a direct solve")
    # Second order, where the search set it up: the field is to be as good as the value.
    conductor = found.goal.second or frame.conductor
    solved = Solved.at(conductor, found.coil, found.pose)
    frame.progress.stage("error", "error estimate")
    error, field = solved.error(frame.head, region), solved.field
    check_field(field.mean_magnitude(region), "the target")
    value, mesh = _value(request, prepared, found, field)
    dose = choose_dose(request.wishes, request.efield, found.goal, field, value)
    best = found.search.best
    check = found.basis and found.basis.check(
        *(request.wishes, found.goal, found.pose, best.value, field)
    )
    placement = Placement(
        pose=found.pose,
        value=value,
        reciprocal_value=best.value,
        didt=1e6 if dose is None else dose.current_rate,
        max_didt=_most(request, prepared, found),
        wanted=request.efield,
        clearance=best.clearance,
        cover=None if found.coil.has_casing else request.cover,
        distance=best.distance,
        objective=request.wishes.words,
        mesh=mesh,
        machine=prepared.machine.name,
    )
    residual = float(np.max(field.report.residual))
    target = TargetFigures.of(frame.head, prepared.target)
    scaled = field.scaled(placement.didt / 1e6)
    figures = FieldFigures.of(frame.head, scaled, region)
    return Verified(placement, scaled, residual, figures, error, dose, target, check)


def _most(request: OptimizeRequest, prepared: Prepared, found: Found) -> float | None:
    """What the coil is made for: of the named stimulator, where that is known. [A/s]"""
    if request.stimulator is None:
        return found.coil.max_current_rate
    return prepared.machine.max_current_rate


def _value(
    request: OptimizeRequest, prepared: Prepared, found: Found, field: ElectricField
) -> tuple[float, TargetError | None]:
    """The value at 1e6 A/s: from the field, or corrected, with what the mesh leaves."""
    goal = found.goal
    direct, corrected = goal.value(field), goal.corrected
    if goal.second is None:
        return direct, None
    if corrected is not None:
        value, bar = corrected.mesh_error(goal.objective.value, found.coil, found.pose)
        return value, TargetError(bar, direct, order=2)
    frame, target = prepared.frame, prepared.target.region
    aim = optimize.Aim(
        *(frame.head, frame.scalp, frame.conductor, found.coil, target),
        request.domain.radius,
    )
    value, bar = optimize.corrected_about(goal, aim, found.pose, field)
    apart = abs(found.search.best.value / goal.rate(field) - 1)
    return value, TargetError(bar, direct, order=2, of_search=apart)
