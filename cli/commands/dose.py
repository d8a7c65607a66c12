"""`tmsgrad dose`: the stimulator's output for a target, from a motor threshold."""

import argparse
import functools
from dataclasses import dataclass, replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ... import efield, meshing
from ...coils import Coil, PoseList, Stimulator, navigation
from ...disk.as_json import write_json
from ...efield import Conductor, ElectricField
from ...meshing import HeadMesh, Region
from ...optimize import dosing
from ..inputs.bases import Basis
from ..inputs.coils import machine_of, read_coil
from ..inputs.conduction import Conduction
from ..inputs.heads import read_head
from ..inputs.poses import one_pose
from ..inputs.sites import SiteRequest, motor_place, pose_of
from ..inputs.targets import TargetRequest
from ..inputs.trains import Trains
from ..inputs.uncertainties import Uncertainties
from ..results.basis_check import FoundByBasis
from ..results.dose_extras import matched_interval, write_activation
from ..results.dose_result import Activated, DoseResult, TrainResult, draw_dose
from ..results.fields import check_field
from ..results.figures import TargetError
from ..results.steps import dose_step
from ..runtime.naming import target_name
from ..runtime.notices import dispensable, listening
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up


_RADIUS = 5e-3  # Of balls, where none is given. [m]
_METRICS = {
    "mean": dosing.MeanStrength(),
    "p99": dosing.Percentile(99.0),
    "normal": dosing.MeanNormal(),
}


@dataclass(frozen=True)
class DoseRequest:
    """What `tmsgrad dose` is asked for.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        threshold: Resting motor threshold, a share of the maximum.
        motor: The place of the threshold.
        target: The place to be treated.
        region: What is to be treated there.
        conduction: Of the head.
        other_coil: Whether the target has a coil of its own.
        radius: Of M1's ball. [m]
        tissue: Of both.
        metric: By which the fields are compared.
        activated: Share of the field of M1 that activates.
        nifti: In whose grid images are wanted, or None.
        corrected: Whether values are corrected for the mesh.
        trains: To compare with tables, or None.
        uncertainties: Or None.
        stimulator: By name, or None.
        reduced: A file of a reduced field to find placements by, or None.
        out: Folder.
    """

    head: str
    force: tuple[str, ...]
    threshold: float
    motor: SiteRequest
    target: SiteRequest
    region: TargetRequest
    conduction: Conduction
    other_coil: bool
    radius: float
    tissue: str
    metric: dosing.AbstractMetric
    activated: float
    nifti: str | None
    corrected: bool
    trains: Trains | None
    uncertainties: Uncertainties | None
    stimulator: str | None
    reduced: str | None
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "DoseRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or the threshold is above 100%.
        """
        if options.reduced and options.motor_pose and options.target_pose:
            raise ValueError(
                "--reduced finds placements, but --motor-pose and --target-pose give both."
            )
        threshold = options.threshold / 100
        dosing.fixed(threshold)
        other = options.target_coil is not None
        coil = options.target_coil if other else options.coil
        maximum = options.target_max_didt
        region = TargetRequest.of(options, other_ball=True)
        return cls(
            head=options.head,
            force=tuple(options.force),
            threshold=threshold,
            motor=SiteRequest(
                motor_place(options.motor, options.head),
                options.motor_pose,
                options.coil,
                options.max_didt,
            ),
            target=SiteRequest(region.centre, options.target_pose, coil, maximum),
            region=region,
            conduction=Conduction.of(options),
            other_coil=other,
            radius=_RADIUS if options.radius is None else options.radius * 1e-3,
            tissue=options.tissue,
            metric=_METRICS[options.metric],
            activated=options.activated / 100,
            nifti=options.nifti,
            corrected=options.order is None,
            trains=Trains.of(options),
            uncertainties=Uncertainties.of(options),
            stimulator=options.stimulator,
            reduced=options.reduced,
            out=options.out,
        )


def dose(options: argparse.Namespace) -> Outcome:
    """Compare rules for the output."""
    set_up()
    with listening():
        request = DoseRequest.of(options)
        motor = [1e3 * x for x in request.motor.centre]
        settled = {"motor": motor, **request.region.settled}
        found = find_dose(request, Provenance.of(options, settled))
    return Outcome(found.answer(), dose_step(found))


def find_dose(request: DoseRequest, origin: Provenance) -> DoseResult:
    """Compare rules for the output, write the files and print the outputs.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    grid = None if request.nifti is None else meshing.read_grid(request.nifti)
    progress = Progress()
    with output_folder(request.out) as folder:
        frame = _prepare(request, progress)
        progress.stage("solve", "two fields")
        fields = _Fields.of(request, frame)
        outputs = _outputs(request.threshold, frame, fields, request.metric.words)
        interval = None
        if request.uncertainties is not None:
            interval = matched_interval(
                *(frame.head, frame.conductor, frame.sites, request.metric),
                *(outputs[-1], request.uncertainties, progress),
            )
        progress.stage("activation", "activated tissue")
        # As in the field: what the mesh does to both changes their ratio little.
        (motor, target), limit = fields.first, request.activated * fields.first[0]
        matched, region = fields.target.scaled(motor / target), frame.sites[1].region
        active = dosing.activated(frame.head, matched, limit, region, request.tissue)
        write_activation(folder, frame.head, matched, motor, active, grid)
        several = dosing.activated_range(
            frame.head, matched, motor, region, request.tissue
        )
        most = frame.maxima[1]
        result = DoseResult(
            request.threshold,
            request.metric.words,
            *(fields.values, fields.mesh, fields.depths, outputs),
            TrainResult.of(request.trains, outputs),
            interval,
            Activated.of(request.activated, active, several),
            origin,
            None if most is None else outputs[-1].output * most,
            frame.machine.name,
            frame.found,
        )
        write_json(folder / "dose.json", result.to_json())
        _write_poses(folder, request, frame)
        with dispensable("dose.png"):
            draw_dose(folder, result)
        progress.close()
    result.describe(request.out)
    return result


def _write_poses(folder: Path, request: DoseRequest, frame: "_Frame") -> None:
    """Write the placements, found or given, for the navigation."""
    names = [f"{target_name(request.head, request.out)} {x}" for x in ("M1", "target")]
    matrices = [site.pose.to_matsimnibs() for site in frame.sites]
    poses = PoseList.of_matrices(np.stack(matrices), names)
    navigation.write_matsimnibs(folder / "pose.txt", poses)


@dataclass(frozen=True, eq=False)
class _Frame:
    """The head as a conductor, and the two places with their coils.

    Attributes:
        head: The head.
        conductor: Of it, by tissue.
        sites: M1 and the target.
        maxima: dI/dt of each coil at full output, where it is known. [A/s]
        machine: That outputs over M1 are per cent of.
        found: The basis by which placements were found, or None.
    """

    head: HeadMesh
    conductor: Conductor
    sites: tuple[dosing.Site, dosing.Site]
    maxima: tuple[float | None, float | None]
    machine: Stimulator
    found: FoundByBasis | None


def _prepare(request: DoseRequest, progress: Progress) -> _Frame:
    places = (request.motor, request.target)
    coil = read_coil(request.motor.coil)
    other = read_coil(request.target.coil) if request.other_coil else coil
    machine = machine_of(
        *(coil, request.motor.coil, request.stimulator, request.motor.maximum)
    )
    most = (
        machine.max_current_rate,
        _maximum(request.target.maximum, other),
    )
    if request.other_coil and None in most:
        raise ValueError(
            "--target-coil: the dI/dt at full output of both coils must be known: give "
            "--max-didt and --target-max-didt."
        )
    basis, conduction, corrected = None, request.conduction, request.corrected
    if request.reduced is not None:
        basis = Basis.read(request.reduced, None if corrected else conduction.order)
        conduction = replace(conduction, order=basis.field.origin.order)
    for place in places:  # Before the head, which takes longer to read.
        if place.pose is not None:
            one_pose(place.pose, request.head)
    progress.stage("head", f"head {request.head}")
    head = read_head(
        *(request.head, progress, None, request.force),
        {**request.region.places, "M1": np.asarray(request.motor.centre)[None]},
    )
    treated = request.region.find(head).region
    conductor, tensors = conduction.assemble(head, request.head)
    if tensors is not None:
        print(tensors)
    scalp = meshing.scalp(head)

    numbers = basis and [basis.coil_number(conductor, each) for each in (coil, other)]
    known = None
    if basis is not None:
        known = functools.partial(basis.mean, head, option="M1 or the target")

    def site(each: Coil, place: SiteRequest, region: Region) -> dosing.Site:
        where = (request.head, each, scalp, conductor, region, known)
        return dosing.Site(each, pose_of(place, *where), region)

    progress.stage("placements", "placements over M1 and the target")
    centre = np.asarray(request.motor.centre)
    at_motor = meshing.ball(head, centre, request.radius, request.tissue)
    motor = site(coil, request.motor, at_motor)
    target = site(other, request.target, treated)
    found = None
    if basis is not None and numbers is not None:
        poses = [
            None if place.pose is not None else each.pose
            for place, each in zip(places, (motor, target), strict=True)
        ]
        found = FoundByBasis.of(basis, poses, numbers)
    return _Frame(head, conductor, (motor, target), most, machine, found)


@dataclass(frozen=True, eq=False)
class _Fields:
    """What the two coils do.

    Attributes:
        target: The field of the target's coil, at 1e6 A/s.
        first: Of M1 and of the target, at 1e6 A/s, as in the fields. [V/m]
        values: The same, corrected for the mesh where that is asked for. [V/m]
        mesh: What the mesh leaves in these; None where they are not corrected.
        depths: From scalp to cortex, there and there. [m]
    """

    target: ElectricField
    first: tuple[float, float]
    values: tuple[float, float]
    mesh: tuple[TargetError, TargetError] | None
    depths: tuple[float, float]

    @classmethod
    def of(cls, request: DoseRequest, frame: _Frame) -> "_Fields":
        """Solve for both.

        Raises:
            ValueError: A field is none.
        """
        head, metric = frame.head, request.metric
        fields = [
            efield.solve(frame.conductor, site.coil, site.pose, 1e6)
            for site in frame.sites
        ]
        depth = efield.CortexDistance(head, meshing.scalp(head, exact=False))
        above_motor, above_target = (depth(site.pose)[1] for site in frame.sites)
        motor, target = (
            metric(head, field, site.region)
            for field, site in zip(fields, frame.sites, strict=True)
        )
        for name, value in (("M1", motor), ("the target", target)):
            check_field(value, f"{metric.words} in {name}")
        first, depths = (motor, target), (above_motor, above_target)
        if not request.corrected or frame.conductor.elements.order > 1:
            return cls(fields[1], first, first, None, depths)
        values, mesh = _corrected(frame, fields, first)
        return cls(fields[1], first, values, mesh, depths)


def _corrected(
    frame: _Frame, fields: list[ElectricField], first: tuple[float, float]
) -> tuple[tuple[float, float], tuple[TargetError, TargetError]]:
    """Correct both values for the mesh, by what it does to the norms of mean vectors."""
    second = efield.enriched(frame.conductor, frame.head)
    values, errors = [], []
    for site, field, value in zip(frame.sites, fields, first, strict=True):
        found = efield.target_field(
            frame.conductor, frame.head, site.region, second=second
        )
        norm, bar = found.mesh_error(jnp.linalg.norm, site.coil, site.pose)
        unit = value / float(jnp.linalg.norm(field.mean(site.region)))
        values.append(norm * unit)
        errors.append(TargetError(bar * unit, value, order=1))
    return (values[0], values[1]), (errors[0], errors[1])


def _outputs(
    threshold: float, frame: _Frame, fields: _Fields, words: str
) -> tuple[dosing.Output, ...]:
    """The rules, of which the last matches the fields."""
    found = [dosing.fixed(threshold, 1.2), dosing.fixed(threshold, 1.335)]
    if np.isfinite(fields.depths).all():
        slopes = (dosing.STOKES_2005, dosing.STOKES_2007)
        correct = dosing.distance_corrected
        found += [correct(threshold, *fields.depths, each) for each in slopes]
    known = None not in frame.maxima
    motor, target = frame.maxima if known else (1.0, 1.0)
    matched = dosing.field_matched(
        threshold,
        *fields.values,
        motor_maximum=motor or 1.0,
        target_maximum=target or 1.0,
        metric=words,
    )
    return (*found, matched)


def _maximum(given: float | None, coil: Coil) -> float | None:
    return coil.max_current_rate if given is None else given
