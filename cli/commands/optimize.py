"""`tmsgrad optimize` and `tmsgrad demo`: prepare, compute, verify, write."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from ... import efield, optimize
from ...coils import Coil, Pose, PoseList, navigation
from ...efield import ElectricField
from ..inputs.bases import Basis
from ..inputs.files import way_to_mni
from ..inputs.frame import Frame
from ..inputs.goals import (
    Goal,
    make_goal,
    named_positions,
)
from ..report.reporting import look_at, report_plan, try_view, write_result
from ..results.basis_check import BasisCheck
from ..results.best_placement import PlacementResult, mesh_error_of
from ..results.doses import (
    DoseChoice,
    choose_dose,
    forward_rules,
    projected_rule,
    warn_of_dose,
)
from ..results.exports import export_fields, write_coil_geo
from ..results.fields import check_field, write_field_msh
from ..results.figures import (
    ErrorFigures,
    FieldFigures,
    Subject,
    TargetError,
    TargetFigures,
)
from ..results.handle_result import HandleResult
from ..results.locating import ScalpPlace
from ..results.placement import Placement, draw_placement, warn_of_placement
from ..results.regions import RegionTable
from ..results.shaping import ShapeResult, best_shape
from ..results.steps import placement_step
from ..results.uncertainty import (
    Placed,
    PoseShift,
    UncertaintyResult,
    best_pose_shift,
    find_uncertainty,
)
from ..runtime.naming import target_name
from ..runtime.notices import dispensable, heard, listening
from ..runtime.outcome import Outcome
from ..runtime.outputs import FieldFile
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .optimize_page import PAGE, read_basis, write_placement_page
from .optimize_prepare import Prepared, prepare
from .optimize_reduced import SearchBasis, take_basis
from .optimize_request import OptimizeRequest
from .optimize_search import simple_objective


def demo(options: argparse.Namespace) -> dict:
    """Run the main job on the template head."""
    set_up()
    request = OptimizeRequest.demo(options)
    with listening():
        return find_placement(request, Provenance.of(options)).answer()


def optimize_pose(options: argparse.Namespace) -> Outcome:
    """Find the best pose for a target."""
    set_up()
    request = OptimizeRequest.of(options)
    with listening():
        origin = Provenance.of(options, request.target.settled)
        found = find_placement(request, origin)
    return Outcome(found.answer(), placement_step(found))


def find_placement(request: OptimizeRequest, origin: Provenance) -> PlacementResult:
    """Find the best pose, write the files and print the placement.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    request, basis = take_basis(request)
    shown = read_basis(request, basis)
    with output_folder(request.out) as folder:
        prepared = prepare(request, origin, progress)
        found = _compute(request, prepared, basis)
        verified = _verify(request, prepared, found)
        progress.stage("output", "files and picture")
        _write(folder, request, prepared, found, verified)
        uncertainty, shift = _uncertainty(request, prepared, found, verified)
        view = try_view(
            request.report, progress, lambda: _view(prepared, found, verified)
        )
        rules = _rules(request, prepared, found)
        if request.interactive is not None:
            _write_page(folder, request, prepared, shown, found, verified, rules)
        progress.close()
        # Before the page is written, which has them too.
        at_edge = found.search.best.at_edge
        handle = HandleResult.of(
            found.search, prepared.search.handle, request.handle.words
        )
        warn_of_placement(verified.placement, handle, found.coil, at_edge)
        warn_of_dose(verified.dose)
        if verified.by_basis is not None:
            verified.by_basis.warn()
        if prepared.refinement is not None:
            reached = mesh_error_of(verified.placement, verified.error)
            prepared.refinement.check(reached)
        result = _result(
            *(request, prepared, found, verified, rules, uncertainty, shift, handle)
        )
        write_result(folder, result, view, report_plan)
    result.describe(request.out)
    return result


@dataclass(frozen=True, eq=False)
class _Found:
    """What the search found.

    Attributes:
        goal: What it was for.
        search: What it found.
        coil: In its best shape.
        shape: That, or None.
        basis: That it was searched by, or None.
    """

    goal: Goal
    search: optimize.Search
    coil: Coil
    shape: ShapeResult | None
    basis: SearchBasis | None

    @property
    def pose(self) -> Pose:
        """The best one."""
        return self.search.pose


@dataclass(frozen=True, eq=False)
class _Verified:
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


def _compute(
    request: OptimizeRequest, prepared: Prepared, basis: Basis | None
) -> _Found:
    frame, progress = prepared.frame, prepared.frame.progress
    known = SearchBasis.of(basis, frame)
    progress.stage("adjoint", "adjoint solves")
    goal = make_goal(
        *(request.wishes, frame.head, frame.scalp, frame.coil, frame.conductor),
        *(prepared.target.region, request.target.tissue, request.domain.radius),
        corrected=request.conduction.corrected,
        basis=basis,
    )
    progress.stage("search", "search")
    search = prepared.search.run(goal.objective, progress)
    if not request.shape:
        return _Found(goal, search, frame.coil, None, known)
    progress.stage("shape", "shape of the coil")
    coil, search, shape = best_shape(
        *(goal.objective, frame.coil, frame.scalp, search, request.domain)
    )
    return _Found(goal, search, coil, shape, known)


def _verify(request: OptimizeRequest, prepared: Prepared, found: _Found) -> _Verified:
    frame, region = prepared.frame, prepared.target.region
    frame.progress.stage("verification", "verification by a direct solve")
    rates = efield.rates(frame.conductor, found.coil, found.pose)
    solved = efield.solve_rate(frame.conductor, rates[None])
    field = jax.block_until_ready(jax.tree.map(lambda x: x[0], solved))
    frame.progress.stage("error", "error estimate")
    estimate = efield.estimate_error(frame.conductor, frame.head, field, rates)
    (error,) = ErrorFigures.of_each(estimate, frame.head, region)
    check_field(field.magnitude, "the head")
    check_field(field.mean_magnitude(region), "the target")
    value, mesh = _value(found, field)
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
        max_didt=found.coil.max_current_rate,
        wanted=request.efield,
        clearance=best.clearance,
        cover=None if found.coil.has_casing else request.cover,
        distance=best.distance,
        objective=request.wishes.words,
        mesh=mesh,
    )
    residual = float(np.max(field.report.residual))
    target = TargetFigures.of(frame.head, prepared.target)
    scaled = field.scaled(placement.didt / 1e6)
    figures = FieldFigures.of(frame.head, scaled, region)
    return _Verified(placement, scaled, residual, figures, error, dose, target, check)


def _value(found: _Found, field: ElectricField) -> tuple[float, TargetError | None]:
    """The value at 1e6 A/s: from the field, or corrected, with what the mesh leaves."""
    first, corrected = found.goal.value(field), found.goal.corrected
    if corrected is None:
        return first, None
    value, bar = corrected.mesh_error(
        found.goal.objective.value, found.coil, found.pose
    )
    return value, TargetError(bar, first)


def _write(
    folder: Path,
    request: OptimizeRequest,
    prepared: Prepared,
    found: _Found,
    verified: _Verified,
) -> None:
    frame, field = prepared.frame, verified.field
    _write_fields(folder, frame, field, found.pose, verified.placement.didt)
    export_fields(folder, frame.head, field, prepared.exports)
    write_coil_geo(folder / "coil.geo", found.coil, found.pose)
    table = RegionTable(
        *(frame.head, frame.scalp, prepared.target.region, request.forms.thresholds),
        way_to_mni(frame.source),
    )
    table.add(0, "best", field, found.pose)
    table.write(folder)
    name = target_name(request.head, request.out)
    best = PoseList.of_matrices(found.pose.to_matsimnibs(), [name])
    navigation.write_matsimnibs(folder / "pose.txt", best)
    with dispensable("overview.png"):
        draw_placement(
            *(folder, frame.source, frame.head, found.coil, field),
            *(verified.placement, verified.target),
        )


def _write_fields(
    folder: Path, frame: Frame, field: ElectricField, pose: Pose, didt: float
) -> None:
    every = jax.tree.map(lambda x: x[None], (field, pose))
    with FieldFile(
        folder / "field.h5",
        1,
        len(frame.head.tags),
        len(frame.head.nodes),
        np.array([didt]),
        frame.origin.as_json(),
    ) as file:
        file.write(0, *every)
    write_field_msh(folder, frame.head, field)


def _uncertainty(
    request: OptimizeRequest, prepared: Prepared, found: _Found, verified: _Verified
) -> tuple[UncertaintyResult | None, PoseShift | None]:
    frame, asked = prepared.frame, request.uncertainties
    if asked is None or prepared.search.prepared is None:
        return None, None
    objective, progress = found.goal.objective, frame.progress
    placed = Placed(
        *(frame.head, frame.scalp, frame.conductor, found.coil, found.pose),
        *(verified.placement.didt, prepared.target.region, objective.value),
    )
    uncertainty = find_uncertainty(placed, objective.reciprocal, asked, progress)
    shift = best_pose_shift(
        *(placed, prepared.search.prepared, simple_objective(request.wishes)),
        *(asked, progress),
    )
    return uncertainty, shift


def _write_page(
    folder: Path,
    request: OptimizeRequest,
    prepared: Prepared,
    basis: Basis | None,
    found: _Found,
    verified: _Verified,
    rules: tuple[optimize.Rule, ...] | None,
) -> None:
    placement = verified.placement
    prepared.frame.progress.stage("page", "interactive page")
    write_placement_page(
        folder / PAGE,
        *(request, prepared, basis, found.coil, found.search, rules or ()),
        mesh_error_of(placement, verified.error),
        None if verified.dose is None else placement.didt,
    )


def _view(prepared: Prepared, found: _Found, verified: _Verified) -> dict:
    aim = (np.asarray(prepared.target.centre), prepared.target.radius)
    magnitude = verified.field.magnitude
    return look_at(prepared.frame.head, magnitude, found.pose, found.coil, aim)


def _rules(
    request: OptimizeRequest, prepared: Prepared, found: _Found
) -> tuple[optimize.Rule, ...] | None:
    """Rate the placements of clinical rules, as shares of the best one found."""
    if request.rules is None:
        return None
    scalp, centre = prepared.frame.scalp, prepared.target.region.centre
    named, fiducials = named_positions(request.head, request.electrodes, scalp)
    forward = forward_rules(scalp, prepared.hotspot)
    rules = optimize.clinical_rules(
        *(found.goal.objective, found.coil, scalp, centre, found.search.value),
        *(fiducials, request.domain),
        named=named,
        others=forward | projected_rule(request.head, scalp, centre),
    )
    return tuple(rules if found.basis is None else found.basis.known(rules))


def _place(
    request: OptimizeRequest, prepared: Prepared, found: _Found
) -> ScalpPlace | None:
    scalp = prepared.frame.scalp
    positions = named_positions(request.head, request.electrodes, scalp)
    return ScalpPlace.of(scalp, found.pose, *positions)


def _result(
    request: OptimizeRequest,
    prepared: Prepared,
    found: _Found,
    verified: _Verified,
    rules: tuple[optimize.Rule, ...] | None,
    uncertainty: UncertaintyResult | None,
    shift: PoseShift | None,
    handle: HandleResult,
) -> PlacementResult:
    frame = prepared.frame
    return PlacementResult(
        placement=verified.placement,
        target=verified.target,
        field=verified.figures,
        error=verified.error,
        search=found.search,
        tilt=request.domain.tilt,
        residual=verified.residual,
        shape=found.shape,
        dose=DoseChoice.of(verified.dose, found.goal, verified.field),
        rules=rules,
        uncertainty=uncertainty,
        best_pose=shift,
        handle=handle,
        place=_place(request, prepared, found),
        refinement=prepared.refinement,
        by_basis=verified.by_basis,
        subject=Subject.of(frame),
        order=request.conduction.order,
        anisotropy=request.conduction.anisotropy,
        tensors=frame.tensors,
        origin=frame.origin,
        seconds=frame.progress.to_json(),
        warnings=tuple(heard()),
    )
