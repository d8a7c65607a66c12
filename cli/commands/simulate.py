"""`tmsgrad simulate`: the fields of given poses, or their values in a target."""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Coil, Pose, PoseList, navigation
from ...efield import ElectricField, ErrorEstimate
from ...meshing import HeadMesh, Tractogram
from ..inputs.coils import read_driven_coil, stimulator_rates
from ..inputs.files import way_to_mni
from ..inputs.frame import Frame
from ..inputs.heads import read_head
from ..inputs.poses import current_rates, read_pose_list
from ..inputs.targets import Target
from ..pictures.overview import write_overview
from ..report.reporting import look_at, report_fields, try_view, write_result
from ..results.exports import Exports, export_fields, read_exports, write_coil_geo
from ..results.fibres import (
    FibreFigures,
    Fibres,
    fitted_fibres,
    read_fibres,
    write_fibres,
)
from ..results.fields import check_field, in_metres, write_field_msh
from ..results.fields_result import FieldsResult, PoseFigures
from ..results.figures import ErrorFigures, FieldFigures, Subject
from ..results.placing import (
    PULSE_COLUMNS,
    Outline,
    Placer,
    Placing,
    ShownPose,
    describe_pulse,
    place_all,
)
from ..results.plausible import ask_of_strength
from ..results.regions import RegionTable
from ..results.simulation import Simulation
from ..runtime.beside import Beside, working_beside
from ..runtime.notices import dispensable, heard, listening
from ..runtime.outputs import FieldFile
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import ROWS, write_table
from ..runtime.setup import set_up
from .session import simulate_target
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
        prepared = _prepare(request, poses, origin, progress, beside)
        solved = _solve(folder, prepared)
        progress.stage("output", "files and picture")
        _write(folder, request, prepared, solved, beside)
        fibres = _fibres(folder, prepared, solved)
        write_coil_geo(folder / "coil.geo", prepared.frame.coil, prepared.shown.pose)
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
class _Read:
    """What is read before the head.

    Attributes:
        coil: Driven.
        outline: Waits for its outline.
        poses: As given.
        rates: dI/dt of each. [A/s]
        exports: The forms that the field is wanted in.
        tracts: Along which it is wanted, or None.
    """

    coil: Coil
    outline: Callable[[], Outline]
    poses: PoseList
    rates: Float[ndarray, "pose"]
    exports: Exports
    tracts: Tractogram | None


@dataclass(frozen=True, eq=False)
class _Prepared:
    """All that is known before the solves.

    Attributes:
        frame: Head, scalp, coil and conductor.
        poses: Checked against the scalp.
        rates: dI/dt of each. [A/s]
        places: Of each.
        outline: Of the coil.
        exports: In the head's frame.
        fibres: In the head, or None.
        target: Or None.
        estimator: Waits for what estimates errors.
        table: Waits for the table of regions.
    """

    frame: Frame
    poses: PoseList
    rates: Float[ndarray, "pose"]
    places: list[Placing]
    outline: Outline
    exports: Exports
    fibres: Fibres | None
    target: Target | None
    estimator: Callable[[], Callable[..., ErrorEstimate]]
    table: Callable[[], RegionTable]

    @property
    def shown(self) -> ShownPose:
        """The first pose, which is pictured."""
        return ShownPose.of(0, self.poses, self.rates)


@dataclass(frozen=True, eq=False)
class _Solved:
    """What the solves gave.

    Attributes:
        first: The field of the first pose.
        figures: Of each pose.
    """

    first: ElectricField
    figures: tuple[PoseFigures, ...]


def _read(request: SimulateRequest, poses: PoseList, beside: Beside) -> _Read:
    coil, most = read_driven_coil(request.coil, request.rates)
    outline = beside(Outline.of, coil)
    rates = current_rates(poses, most, request.poses.source)
    forms = request.forms
    exports = read_exports(forms.nifti, forms.vtu, forms.gifti, forms.resample)
    return _Read(coil, outline, poses, rates, exports, read_fibres(request.tracts))


def _prepare(
    request: SimulateRequest,
    poses: PoseList,
    origin: Provenance,
    progress: Progress,
    beside: Beside,
) -> _Prepared:
    given = _read(request, poses, beside)
    progress.stage("head", f"head {request.head}")
    head = read_head(request.head, progress, forced=request.force)
    exports = given.exports.placed(head, request.forms.frame)
    fibres = None if given.tracts is None else fitted_fibres(head, given.tracts)
    _check_room(request.out, head, len(given.poses))
    target = None if request.target is None else request.target.find(head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head, exact=False)  # Placing measures by triangles.
    outline, source = given.outline(), request.poses.source
    placer = Placer(scalp, outline, request.poses.repair, source)
    poses, places = place_all(placer, given.poses, progress)
    progress.stage("assembly", "finite elements")
    conductor, tensors = request.conduction.assemble(head, request.head)
    frame = Frame(
        *(request.head, head, scalp, request.coil, given.coil, conductor, tensors),
        *(progress, origin),
    )
    progress.stage("solve", "solving")
    estimator = beside(efield.error_estimator, conductor, head)
    region = None if target is None else target.region
    thresholds, to_mni = request.forms.thresholds, way_to_mni(request.head)
    table = beside(RegionTable, head, scalp, region, thresholds, to_mni)
    return _Prepared(
        *(frame, poses, given.rates, places, outline, exports, fibres, target),
        *(estimator, table),
    )


def _check_room(out: str, head: HeadMesh, count: int) -> None:
    needed = 8 * count * (4 * len(head.tags) + len(head.nodes))
    free = shutil.disk_usage(out).free
    if needed > free:
        raise ValueError(
            f"--out {out}: the fields of {count} poses take {_bytes(needed)}, but "
            f"{_bytes(free)} are free. With --target X,Y,Z --radius MM only values "
            "in the target are kept."
        )


def _bytes(count: int) -> str:
    """Write a number of bytes so that small ones do not become 0."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"


def _solve(folder: Path, prepared: _Prepared) -> _Solved:
    """Solve for all poses, block by block, into `field.h5`."""
    frame, count = prepared.frame, len(prepared.poses)
    head, first, figures = frame.head, None, []
    with FieldFile(
        *(folder / "field.h5", count, len(head.tags), len(head.nodes)),
        *(prepared.rates, frame.origin.as_json()),
    ) as file:
        for start in range(0, count, _POSES_AT_ONCE):
            block, fields, errors = _solve_block(prepared, start)
            file.write(start, fields, block)
            for i, error in enumerate(errors):
                pose, field = jax.tree.map(lambda x, i=i: x[i], (block, fields))
                figures.append(_figures(prepared, start + i, pose, field, error))
                first = field if first is None else first
            frame.progress(len(figures) / count, f"solved {len(figures)} poses")
    assert first is not None
    return _Solved(first, tuple(figures))


def _solve_block(
    prepared: _Prepared, start: int
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
    prepared: _Prepared,
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
    prepared: _Prepared,
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
    folder: Path, request: SimulateRequest, prepared: _Prepared, field: ElectricField
) -> None:
    frame, count, shown = prepared.frame, len(prepared.poses), prepared.shown
    coil = frame.coil.name
    write_overview(
        folder / "overview.png",
        frame.head,
        np.asarray(field.magnitude),
        in_metres(shown.pose),
        prepared.outline.hull,
        title=f"{coil} on {Path(request.head).name}"
        + (f", the first of {count} poses" if count > 1 else ""),
        subtitle="tmsgrad · for research use only",
        facts=[("dI/dt", f"{shown.didt / 1e6:g} A/µs"), ("coil", coil)],
    )


def _fibres(folder: Path, prepared: _Prepared, solved: _Solved) -> FibreFigures | None:
    if prepared.fibres is None:
        return None
    frame, shown = prepared.frame, prepared.shown
    driven = efield.rates(frame.conductor, frame.coil, shown.pose, shown.didt)
    return write_fibres(
        *(folder, frame.head, frame.conductor, solved.first, driven, prepared.fibres)
    )


def _view(prepared: _Prepared, solved: _Solved) -> dict:
    frame, target, aim = prepared.frame, prepared.target, None
    if target is not None:
        aim = (np.asarray(target.centre), target.radius)
    pose = prepared.shown.pose
    return look_at(frame.head, solved.first.magnitude, pose, frame.coil, aim)


def _simulation(request: SimulateRequest, prepared: _Prepared) -> Simulation:
    frame, rates = prepared.frame, prepared.rates
    return Simulation(
        *(Subject.of(frame), stimulator_rates(frame.coil, float(rates[0]))),
        *(prepared.shown, request.conduction.order, request.conduction.anisotropy),
        *(frame.tensors, frame.origin, frame.progress.to_json(), tuple(heard())),
    )
