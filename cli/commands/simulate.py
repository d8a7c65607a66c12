"""`tmsgrad simulate`: the fields of given poses, or their values in a target."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from ... import coils, efield
from ...coils import Pose, PoseList, navigation
from ...disk.tables import write_table
from ...efield import ElectricField
from ...efield.output.fibre_files import FibreFigures, write_fibres
from ...efield.output.field_files import write_block, write_field_msh
from ...efield.output.forms import export_fields
from ...meshing import FieldFile
from ...meshing.pictures.hull import CoilHull
from ...meshing.pictures.overview import write_overview
from ..inputs.coils import stimulator_rates
from ..inputs.poses import read_pose_list
from ..report.reporting import look_at, report_fields, try_view, write_result
from ..results.fields import check_field
from ..results.fields_result import FieldsResult, PoseFigures
from ..results.figures import ErrorFigures, FieldFigures, Subject
from ..results.placing import PULSE_COLUMNS, describe_pulse
from ..results.plausible import ask_of_strength
from ..results.simulation import Simulation
from ..runtime.beside import Beside, working_beside
from ..runtime.notices import dispensable, heard, listening
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import ROWS
from ..runtime.setup import set_up
from .session import simulate_target
from .simulate_prepare import Prepared, prepare
from .simulate_reduced import simulate_reduced, wants_basis
from .simulate_request import SimulateRequest


_POSES_AT_ONCE = 8
_LEVELS = {  # Percentiles of |E|, by column.
    "E_gray_matter_median": 50.0,
    "E_gray_matter_99": 99.0,
    "E_gray_matter_99.9": 99.9,
}


def simulate(options: argparse.Namespace) -> dict:
    """Compute the fields of given poses."""
    set_up()
    request = SimulateRequest.of(options)
    with listening():
        origin = Provenance.of(options, request.settled)
        if not request.whole:
            return simulate_target(request, origin).answer()
        poses = read_pose_list(request.poses)
        by_basis = request.reduced is not None or wants_basis(request, poses)
        compute = simulate_reduced if by_basis else simulate_fields
        return compute(request, poses, origin).answer()


def simulate_fields(
    request: SimulateRequest, poses: PoseList, origin: Provenance
) -> FieldsResult:
    """Compute whole fields of given poses, write the files and print the figures.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    with output_folder(request.out) as folder, working_beside() as beside:
        prepared = prepare(request, poses, origin, progress, beside)
        solved = _solve(folder, prepared)
        progress.stage("output", "files and picture")
        _write(folder, request, prepared, solved, beside)
        fibres = _fibres(folder, prepared, solved)
        coils.write_geo(folder / "coil.geo", prepared.frame.coil, prepared.shown.pose)
        view = try_view(request.report, progress, lambda: _view(prepared, solved))
        progress.close()
        result = FieldsResult(
            *(prepared.poses.names, prepared.rates, solved.figures, fibres),
            _simulation(request, prepared),
        )
        write_result(folder, result, view, report_fields)
    result.describe(request.out)
    return result


@dataclass(frozen=True, eq=False)
class _Solved:
    """What the solves gave.

    Attributes:
        first: The field of the first pose.
        figures: Of each pose.
    """

    first: ElectricField
    figures: tuple[PoseFigures, ...]


def _solve(folder: Path, prepared: Prepared) -> _Solved:
    """Solve for all poses, block by block, into `field.h5`."""
    frame, count = prepared.frame, len(prepared.poses)
    head, first, figures = frame.head, None, []
    with FieldFile(
        *(folder / "field.h5", count, len(head.tags), len(head.nodes)),
        *(prepared.rates, frame.origin.as_json()),
    ) as file:
        for start in range(0, count, _POSES_AT_ONCE):
            block, fields, errors = _solve_block(prepared, start)
            write_block(file, start, fields, block)
            for i, error in enumerate(errors):
                pose, field = jax.tree.map(lambda x, i=i: x[i], (block, fields))
                figures.append(_figures(prepared, start + i, pose, field, error))
                first = field if first is None else first
            frame.progress(len(figures) / count, f"solved {len(figures)} poses")
    assert first is not None
    return _Solved(first, tuple(figures))


def _solve_block(
    prepared: Prepared, start: int
) -> tuple[Pose, ElectricField, list[ErrorFigures]]:
    """Solve for some poses: these, their fields, and estimated errors."""
    frame, table = prepared.frame, prepared.table
    rows = slice(start, start + _POSES_AT_ONCE)
    block = jax.tree.map(lambda x: x[rows], prepared.poses.poses)
    driven = efield.rates(frame.conductor, frame.coil, block)
    fields = efield.solve_rate(frame.conductor, driven)
    estimate = prepared.estimator()(fields, driven)
    errors = ErrorFigures.of_each(estimate, frame.head, table().target)
    check_field(fields.magnitude, f"poses from {start} on")
    # They are solved at 1e6 A/s.
    return block, fields.scaled(prepared.rates[rows] * 1e-6), errors


def _figures(
    prepared: Prepared,
    number: int,
    pose: Pose,
    field: ElectricField,
    error: ErrorFigures,
) -> PoseFigures:
    """Summarise the field of a pose, and add it to the table of regions."""
    table = prepared.table()
    found = FieldFigures.of(prepared.frame.head, field, table.target)
    table.add(number, prepared.poses.names[number], field, pose)
    return PoseFigures(prepared.places[number], found, error)


def _write(
    folder: Path,
    request: SimulateRequest,
    prepared: Prepared,
    solved: _Solved,
    beside: Beside,
) -> None:
    head, poses = prepared.frame.head, prepared.poses
    mesh_written = beside(write_field_msh, folder, head, solved.first)
    export_fields(folder, head, solved.first, prepared.exports)
    prepared.table().write(folder)
    navigation.write_matsimnibs(folder / "pose.txt", poses)
    known = [
        (rate, each.level(99.9))
        for rate, each in zip(prepared.rates, solved.figures, strict=True)
        if each.field.gray_matter is not None
    ]
    ask_of_strength(known, "below which 99.9% of gray matter lie")
    rows = [
        describe_pulse(number, poses, prepared.rates, each.place)
        | {name: each.level(share) for name, share in _LEVELS.items()}
        for number, each in enumerate(solved.figures)
    ]
    write_table(folder / ROWS, [*PULSE_COLUMNS, *_LEVELS], rows)
    with dispensable("overview.png"):
        _draw(folder, request, prepared, solved.first)
    mesh_written()


def _draw(
    folder: Path, request: SimulateRequest, prepared: Prepared, field: ElectricField
) -> None:
    frame, count, shown = prepared.frame, len(prepared.poses), prepared.shown
    coil = frame.coil.name
    write_overview(
        folder / "overview.png",
        frame.head,
        np.asarray(field.magnitude),
        shown.pose.matrix,
        CoilHull(prepared.outline.casing, prepared.outline.has_casing),
        title=f"{coil} on {Path(request.head).name}"
        + (f", the first of {count} poses" if count > 1 else ""),
        subtitle="tmsgrad · for research use only",
        facts=[("dI/dt", f"{shown.didt / 1e6:g} A/µs"), ("coil", coil)],
    )


def _fibres(folder: Path, prepared: Prepared, solved: _Solved) -> FibreFigures | None:
    if prepared.fibres is None:
        return None
    frame, shown = prepared.frame, prepared.shown
    driven = efield.rates(frame.conductor, frame.coil, shown.pose, shown.didt)
    return write_fibres(
        *(folder, frame.head, frame.conductor, solved.first, driven, prepared.fibres)
    )


def _view(prepared: Prepared, solved: _Solved) -> dict:
    frame, target, aim = prepared.frame, prepared.target, None
    if target is not None:
        aim = (np.asarray(target.centre), target.radius)
    pose = prepared.shown.pose
    return look_at(frame.head, solved.first.magnitude, pose, frame.coil, aim)


def _simulation(request: SimulateRequest, prepared: Prepared) -> Simulation:
    frame, rates = prepared.frame, prepared.rates
    return Simulation(
        *(Subject.of(frame), stimulator_rates(frame.coil, float(rates[0]))),
        *(prepared.shown, request.conduction.order, request.conduction.anisotropy),
        *(frame.tensors, frame.origin, frame.progress.to_json(), tuple(heard())),
    )
