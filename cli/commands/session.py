"""Values in a target for many recorded pulses, by reciprocity, a row for each."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import PoseList, navigation
from ...efield import ElectricField, Reciprocal, UncertaintyTable
from ...efield.pictures.hulls import hull_of
from ...meshing.pictures.overview import write_overview
from ...optimize import Outline, Placing
from ..inputs.coils import read_driven_coil, stimulator_rates
from ..inputs.frame import Frame
from ..inputs.heads import read_head
from ..inputs.poses import current_rates, read_pose_list
from ..inputs.targets import Target, TargetRequest, places_of
from ..report.reporting import look_at, report_session, try_view, write_result
from ..results.fields import check_field
from ..results.figures import Subject, TargetError, TargetFigures
from ..results.placing import (
    PULSE_COLUMNS,
    Placer,
    ShownPose,
    describe_pulse,
    place_all,
)
from ..results.plausible import ask_of_strength
from ..results.session_result import SessionResult
from ..results.simulation import Simulation
from ..results.uncertainty import Placed, find_uncertainty
from ..runtime.notices import dispensable, heard
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import Rows, fingerprint, open_rows, read_rows
from ..runtime.versions import versions
from .simulate_request import SimulateRequest


_PULSES_AT_ONCE = 16
_MANY = 64  # Pulses that cost as much as equivalent currents do, which then serve more.
_SOURCES = 1600  # Of the fast evaluation: its error is a few 1e-4.
_CHECKED = 16  # Pulses at which that error is measured.
_COLUMNS = [
    *PULSE_COLUMNS,
    *("target_E_x", "target_E_y", "target_E_z", "target_E_norm", "target_E_component"),
]


def simulate_target(request: SimulateRequest, origin: Provenance) -> SessionResult:
    """Compute the mean field in a target for each pulse, write and print it.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    with output_folder(request.out) as folder:
        prepared = _prepare(request, origin, progress)
        computed = _compute(request, prepared)
        progress.stage("output", "verification and picture")
        verified = _verify(request, prepared)
        navigation.write_matsimnibs(folder / "pose.txt", prepared.poses)
        with dispensable("overview.png"):
            _draw(folder, prepared, verified)
        uncertainty = _uncertainty(request, prepared, computed, verified)
        view = try_view(request.report, progress, lambda: _view(prepared, verified))
        progress.close()
        result = _result(request, prepared, computed, verified, uncertainty)
        write_result(folder, result, view, report_session)
    computed.rows.finish()
    result.describe(request.out)
    return result


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What was stimulated, and where the field is wanted.

    Attributes:
        frame: Head, scalp, coil and conductor.
        poses: Of the pulses, checked against the scalp.
        rates: dI/dt of each. [A/s]
        places: Of each.
        target: Where the field is wanted.
        direction: Of which the component is wanted, of length 1, or None.
    """

    frame: Frame
    poses: PoseList
    rates: Float[ndarray, "pose"]
    places: list[Placing]
    target: Target
    direction: Float[ndarray, "3"] | None


@dataclass(frozen=True, eq=False)
class _Computed:
    """The pulses in the table.

    Attributes:
        reciprocal: The target's currents at all nodes.
        corrected: The same with its mesh error; None where it is not corrected.
        error: Of the fast evaluation, the largest of the pulses at which it was measured,
            relative; None where it was not used.
        rows: The table, all of whose rows are written.
        resumed: How many rows an interrupted run had left.
    """

    reciprocal: Reciprocal
    corrected: efield.TargetField | None
    error: float | None
    rows: Rows
    resumed: int


@dataclass(frozen=True, eq=False)
class _Verified:
    """The pulses, and the strongest by a direct solution.

    Attributes:
        norms: Of the target's mean field. [V/m]
        shown: The strongest.
        field: Its field.
    """

    norms: Float[ndarray, "pose"]
    shown: ShownPose
    field: ElectricField


def _prepare(
    request: SimulateRequest, origin: Provenance, progress: Progress
) -> _Prepared:
    coil, most = read_driven_coil(request.coil, request.rates)
    poses, source = read_pose_list(request.poses), request.poses.source
    rates = current_rates(poses, most, source)
    progress.stage("head", f"head {request.head}")
    head = read_head(
        request.head, progress, None, request.force, places_of(poses, request.target)
    )
    target = _wanted(request).find(head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    progress.stage("poses", "poses on the scalp")
    placer = Placer(scalp, Outline.of(coil), request.poses.repair, source)
    poses, places = place_all(placer, poses, progress)
    frame = Frame.assembled(
        request.conduction,
        *(request.head, head, scalp, request.coil, coil),
        *(progress, origin),
    )
    direction = None if request.direction is None else np.asarray(request.direction)
    return _Prepared(frame, poses, rates, places, target, direction)


def _wanted(request: SimulateRequest) -> TargetRequest:
    assert request.target is not None
    return request.target


def _compute(request: SimulateRequest, prepared: _Prepared) -> _Computed:
    frame, progress = prepared.frame, prepared.frame.progress
    progress.stage("adjoint", "adjoint solves")
    region, corrected, error = prepared.target.region, None, None
    if request.conduction.corrected:
        corrected = efield.target_field(frame.conductor, frame.head, region)
        reciprocal = corrected.reciprocal
    else:
        reciprocal = efield.reciprocal(frame.conductor, region)
    out, count, evaluated = Path(request.out), len(prepared.poses), reciprocal
    if _fast(request, count):
        evaluated, error = _simplified(prepared, reciprocal)
    progress.stage("pulses", "pulses")
    with open_rows(out, _COLUMNS, _key(request, prepared), count) as rows:
        left, resumed = rows.missing(), len(rows.done)
        for start in range(0, len(left), _PULSES_AT_ONCE):
            part = left[start : start + _PULSES_AT_ONCE]
            rows.write(_pulses(prepared, evaluated, part))
            progress(len(rows.done) / count, f"{len(rows.done)} pulses")
    return _Computed(reciprocal, corrected, error, rows, resumed)


def _fast(request: SimulateRequest, count: int) -> bool:
    return request.fast or (count > _MANY and not request.exact)


def _simplified(prepared: _Prepared, exact: Reciprocal) -> tuple[Reciprocal, float]:
    """Replace a target's currents by few, and measure at some pulses what that changes."""
    frame = prepared.frame
    few, _ = efield.equivalent(exact, frame.scalp, _SOURCES, everywhere=True)
    count = len(prepared.poses)
    part = np.unique(np.linspace(0, count - 1, _CHECKED).astype(int))
    chosen = jax.tree.map(lambda x: x[part], prepared.poses.poses)
    found, right = (
        efield.mean_fields(each, frame.coil, chosen, prepared.rates[part], _CHECKED)
        for each in (few, exact)
    )
    sizes = np.linalg.norm(right, axis=1)
    missed = np.linalg.norm(found - right, axis=1)
    return few, float((missed / np.where(sizes > 0, sizes, 1)).max())


def _pulses(prepared: _Prepared, reciprocal: Reciprocal, part: ndarray) -> list[dict]:
    """Compute some pulses, as rows of the table."""
    poses, rates, direction = prepared.poses, prepared.rates, prepared.direction
    chosen = jax.tree.map(lambda x: x[part], poses.poses)
    means = efield.mean_fields(
        reciprocal, prepared.frame.coil, chosen, rates[part], _PULSES_AT_ONCE
    )
    if not np.isfinite(means).all():
        check_field(means, f"the target, in pulses from {part[0]} on")
    return [
        describe_pulse(index, poses, rates, prepared.places[index])
        | {
            "target_E_x": mean[0],
            "target_E_y": mean[1],
            "target_E_z": mean[2],
            "target_E_norm": np.linalg.norm(mean),
            "target_E_component": np.nan if direction is None else mean @ direction,
        }
        for index, mean in zip(part.tolist(), means, strict=True)
    ]


def _key(request: SimulateRequest, prepared: _Prepared) -> str:
    """Digest all that the rows depend on."""
    frame, region = prepared.frame, prepared.target.region
    head, sources = frame.head, jax.tree.leaves(frame.coil)
    return fingerprint(
        *(head.nodes, head.tetrahedra, head.tags),
        *(np.asarray(x) for x in sources if isinstance(x, jax.Array | ndarray)),
        *(np.asarray(frame.conductor.conductivity), prepared.poses.matrices()),
        *(prepared.rates, region.tetrahedra, region.weights),
        *(prepared.direction, prepared.poses.names),
        *(_fast(request, len(prepared.poses)), request.conduction.order),
        *(request.conduction.corrected, versions()),
    )


def _verify(request: SimulateRequest, prepared: _Prepared) -> _Verified:
    """Read the table back, and solve directly for its strongest pulse."""
    frame = prepared.frame
    table = read_rows(Path(request.out))
    norms = np.array([float(row["target_E_norm"]) for row in table])
    check_field(norms, "the target", prepared.rates)
    shown = ShownPose.of(int(np.argmax(norms)), prepared.poses, prepared.rates)
    strongest = [(shown.didt, float(norms[shown.number]))]
    ask_of_strength(strongest, "in the target, of the strongest pulse,")
    field = efield.solve(frame.conductor, frame.coil, shown.pose, shown.didt)
    return _Verified(norms, shown, field)


def _draw(folder: Path, prepared: _Prepared, verified: _Verified) -> None:
    frame, target, shown = prepared.frame, prepared.target, verified.shown
    coil = frame.coil.name
    write_overview(
        folder / "overview.png",
        frame.head,
        np.asarray(verified.field.magnitude),
        shown.pose.matrix,
        hull_of(frame.coil),
        target_centre=target.region.centre,
        target_radius=target.radius,
        title=f"{coil} on {Path(frame.source).name}: the strongest of "
        f"{len(prepared.poses)} pulses",
        subtitle=f"{shown.name} · tmsgrad · for research use only",
        facts=[("dI/dt", f"{shown.didt / 1e6:g} A/µs"), ("coil", coil)],
    )


def _uncertainty(
    request: SimulateRequest,
    prepared: _Prepared,
    computed: _Computed,
    verified: _Verified,
) -> UncertaintyTable | None:
    if request.uncertainties is None:
        return None
    frame, shown = prepared.frame, verified.shown
    placed = Placed(
        *(frame.head, frame.scalp, frame.conductor, frame.coil, shown.pose),
        *(shown.didt, prepared.target.region, _value(prepared)),
    )
    return find_uncertainty(
        placed, computed.reciprocal, request.uncertainties, frame.progress
    )


def _value(prepared: _Prepared) -> Callable:
    if prepared.direction is None:
        return jnp.linalg.norm
    return functools.partial(jnp.dot, jnp.asarray(prepared.direction))


def _view(prepared: _Prepared, verified: _Verified) -> dict:
    frame, target = prepared.frame, prepared.target
    aim = (np.asarray(target.centre), target.radius)
    magnitude, pose = verified.field.magnitude, verified.shown.pose
    return look_at(frame.head, magnitude, pose, frame.coil, aim)


def _mesh_error(
    prepared: _Prepared, computed: _Computed, verified: _Verified, direct: float
) -> TargetError | None:
    """What the mesh leaves in the norm of the strongest pulse."""
    if computed.corrected is None:
        return None
    shown = verified.shown
    _, bar = computed.corrected.mesh_error(
        jnp.linalg.norm, prepared.frame.coil, shown.pose, shown.didt
    )
    return TargetError(bar, direct, order=1)


def _result(
    request: SimulateRequest,
    prepared: _Prepared,
    computed: _Computed,
    verified: _Verified,
    uncertainty: UncertaintyTable | None,
) -> SessionResult:
    frame, rates, conduction = prepared.frame, prepared.rates, request.conduction
    mean = verified.field.mean(prepared.target.region)
    direct = float(np.linalg.norm(mean))
    return SessionResult(
        norms=verified.norms,
        didt=float(rates[0]) if (rates == rates[0]).all() else None,
        direct=direct,
        mesh=_mesh_error(prepared, computed, verified, direct),
        target=TargetFigures.of(frame.head, prepared.target),
        lifted=sum(place.lifted > 0 for place in prepared.places),
        resumed=computed.resumed,
        fast_error=computed.error,
        uncertainty=uncertainty,
        simulation=Simulation(
            *(Subject.of(frame), stimulator_rates(frame.coil, float(rates[0]))),
            *(verified.shown, conduction.order, conduction.anisotropy, frame.tensors),
            *(frame.origin, frame.progress.to_json(), tuple(heard())),
        ),
    )
