"""`tmsgrad optimize` and `tmsgrad demo`: prepare, compute, verify, write."""

import argparse

import numpy as np

from ... import optimize
from ...efield import UncertaintyTable
from ..inputs.files import from_mni
from ..inputs.goals import (
    named_positions,
)
from ..report.reporting import look_at, report_plan, try_view, write_result
from ..results.best_placement import PlacementResult, mesh_error_of
from ..results.doses import (
    DoseChoice,
    warn_of_dose,
)
from ..results.figures import (
    Subject,
)
from ..results.gyri import GyrusFigures
from ..results.handle_result import HandleResult
from ..results.placement import warn_of_placement
from ..results.pose_shift import PoseShift, best_pose_shift
from ..results.steps import placement_step
from ..results.uncertainty import (
    Placed,
    find_uncertainty,
)
from ..runtime.notices import heard, listening
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .optimize_found import Found, Verified, compute, verify
from .optimize_page import PAGE, check_basis, read_basis, write_placement_page
from .optimize_picture import draw_target
from .optimize_prepare import Prepared, prepare
from .optimize_reduced import take_basis
from .optimize_request import OptimizeRequest
from .optimize_search import simple_objective
from .optimize_write import write_placement


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
        check_basis(request, prepared, shown)
        found = compute(request, prepared, basis)
        verified = verify(request, prepared, found)
        progress.stage("output", "files and picture")
        write_placement(folder, request, prepared, found, verified)
        uncertainty, shift = _uncertainty(request, prepared, found, verified)
        view = try_view(
            request.report, progress, lambda: _view(prepared, found, verified)
        )
        rules = _rules(request, prepared, found)
        if request.report:
            drawn = verified.placement, verified.field, verified.figures
            draw_target(folder, prepared, found.coil, drawn, rules)
        if request.interactive is not None:
            progress.stage("page", "interactive page")
            write_placement_page(
                *(folder / PAGE, request, prepared, shown, found, verified),
                rules or (),
            )
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


def _uncertainty(
    request: OptimizeRequest, prepared: Prepared, found: Found, verified: Verified
) -> tuple[UncertaintyTable | None, PoseShift | None]:
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


def _view(prepared: Prepared, found: Found, verified: Verified) -> dict:
    aim = (np.asarray(prepared.target.centre), prepared.target.radius)
    magnitude = verified.field.magnitude
    return look_at(prepared.frame.head, magnitude, found.pose, found.coil, aim)


def _rules(
    request: OptimizeRequest, prepared: Prepared, found: Found
) -> tuple[optimize.Rule, ...] | None:
    """Rate the placements of clinical rules, as shares of the best one found."""
    if request.rules is None:
        return None
    scalp, centre = prepared.frame.scalp, prepared.target.region.centre
    named, fiducials = named_positions(request.head, request.electrodes, scalp)
    others, area = {}, from_mni(request.head, np.array(optimize.AREA_46))
    if prepared.hotspot is not None:
        others |= optimize.forward_rules(scalp, prepared.hotspot)
    if area is not None:
        others |= optimize.projected_rule(scalp, area, centre)
    rules = optimize.clinical_rules(
        *(found.goal.objective, found.coil, scalp, centre, found.search.value),
        *(fiducials, request.domain),
        named=named,
        others=others,
    )
    return tuple(rules if found.basis is None else found.basis.known(rules))


def _place(
    request: OptimizeRequest, prepared: Prepared, found: Found
) -> optimize.ScalpPlace | None:
    scalp = prepared.frame.scalp
    positions = named_positions(request.head, request.electrodes, scalp)
    return optimize.ScalpPlace.of(scalp, found.pose, *positions)


def _gyri(prepared: Prepared, verified: Verified) -> GyrusFigures | None:
    gray, centre = verified.figures.gray_matter, np.asarray(prepared.target.centre)
    peak = None if gray is None else gray.strongest
    return GyrusFigures.of(prepared.gyri, centre, peak)


def _result(
    request: OptimizeRequest,
    prepared: Prepared,
    found: Found,
    verified: Verified,
    rules: tuple[optimize.Rule, ...] | None,
    uncertainty: UncertaintyTable | None,
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
        gyri=_gyri(prepared, verified),
        threshold=request.threshold,
        refinement=prepared.refinement,
        by_basis=verified.by_basis,
        subject=Subject.of(frame),
        order=request.conduction.order if found.goal.second is None else 2,
        anisotropy=request.conduction.anisotropy,
        tensors=frame.tensors,
        origin=frame.origin,
        seconds=frame.progress.to_json(),
        warnings=tuple(heard()),
    )
