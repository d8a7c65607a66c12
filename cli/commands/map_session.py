"""Pulses with their responses, and the field of each in the cortex."""

from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing, optimize
from ...coils import PoseList
from ...efield import ReducedField
from ...optimize import mapping
from ...optimize.mapping import CortexPatch, PulseFields
from ...optimize.mapping.checks import check_pulses, check_responses
from ...optimize.mapping.matching import Matched, match
from ...optimize.mapping.responses import Responses, read_responses
from ..inputs.coils import read_driven_coil
from ..inputs.cortex_regions import in_region
from ..inputs.emg import cut_responses
from ..inputs.frame import Frame
from ..inputs.heads import read_head
from ..inputs.poses import read_pose_list
from ..results.placing import Outline, Placer, place_all
from ..runtime.notices import note
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from .map_request import MotorRequest


_RADIUS = 30e-3  # Of the region, where none is given. [m]
_MARGIN = 5e-3  # Of the basis around the pulses. [m]
_TOLERANCE = 1e-2  # Of the basis; meshes of first order err by some 10 %.


@dataclass(frozen=True, eq=False)
class Session:
    """Pulses with their responses, and the field of each in the cortex.

    Attributes:
        frame: Head, scalp, coil and conductor.
        poses: Of the pulses that have a response.
        rates: dI/dt of each. [A/s]
        maximum: dI/dt at full output, or None. [A/s]
        responses: Of these pulses.
        matched: How they were found.
        patch: Of the cortex.
        domain: Placements that the basis knows.
        basis: Of the field there.
        fields: Of the pulses.
    """

    frame: Frame
    poses: PoseList
    rates: Float[ndarray, "pulse"]
    maximum: float | None
    responses: Responses
    matched: Matched
    patch: CortexPatch
    domain: optimize.Placements
    basis: ReducedField
    fields: PulseFields


def prepare(request: MotorRequest, origin: Provenance, progress: Progress) -> Session:
    """Read all input, match pulses and responses, and compute the fields.

    Raises:
        ValueError: An input is malformed, does not fit the others, or makes no map.
        FileNotFoundError: There is no such file.
    """
    coil, _ = read_driven_coil(request.coil, request.rate)
    maximum = coil.max_current_rate if request.maximum is None else request.maximum
    every, source = read_pose_list(request.pulses), request.pulses.source
    responses = _responses(request)
    matched = match(every, responses, request.way, source, request.table)
    note(f"{matched.words}.")
    poses = _some(every, matched.pulses)
    rates = _rates(poses, request, maximum, source)
    values = responses.values[matched.rows]
    check_pulses(poses, source)
    check_responses(values, responses.names, request.criterion, request.table)
    progress.stage("head", f"head {request.head}")
    head = read_head(request.head, progress, forced=request.force)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    placer = Placer(scalp, Outline.of(coil), request.pulses.repair, source)
    poses, _ = place_all(placer, poses, progress)
    progress.stage("assembly", "finite elements")
    conductor, tensors = request.conduction.assemble(head, request.head)
    frame = Frame(
        *(request.head, head, scalp, request.coil, coil, conductor, tensors),
        *(progress, origin),
    )
    progress.stage("basis", "the field of any placement near the pulses")
    patch = _patch(request, frame, poses)
    domain, basis = _basis(frame, poses, patch)
    fields = _fields(frame, patch, basis, poses, rates)
    kept = Responses(responses.names, values, {})
    return Session(
        *(frame, poses, rates, maximum, kept, matched, patch, domain, basis, fields)
    )


def _responses(request: MotorRequest) -> Responses:
    if request.window is None:
        return read_responses(
            request.table, request.muscles, request.unit, "--mep-unit"
        )
    return cut_responses(request.table, request.muscles, request.event, request.window)


def _some(poses: PoseList, chosen: ndarray) -> PoseList:
    listed = ("rotations", "translations", "current_rates", "outputs", "times")
    named = {
        each: tuple(getattr(poses, each)[i] for i in chosen)
        for each in ("names", "groups")
    }
    return replace(
        poses, **named, **{each: getattr(poses, each)[chosen] for each in listed}
    )


def _rates(
    poses: PoseList, request: MotorRequest, maximum: float | None, source: str
) -> Float[ndarray, "pulse"]:
    """Give each pulse its dI/dt: as given, as recorded, or by its share of the maximum."""
    if request.rate is not None:
        return np.full(len(poses), request.rate)
    by_output = poses.outputs * (np.nan if maximum is None else maximum)
    first, other = poses.current_rates, by_output
    if request.maximum is not None:  # Who gives it wants it used.
        first, other = other, first
    rates = np.where(np.isfinite(first), first, other)
    lacking = np.flatnonzero(~np.isfinite(rates))
    if len(lacking):
        what = "dI/dt" if np.isnan(poses.outputs).any() else "dI/dt at full output"
        raise ValueError(
            f"{source}: no {what} is known for {len(lacking)} of {len(poses)} pulses, the "
            f"first of them {poses.names[lacking[0]]!r}. Give --didt, or --max-didt where "
            "the file has outputs in per cent."
        )
    if (rates <= 0).any():
        raise ValueError(f"{source}: a pulse has a dI/dt of {rates.min():g} A/s.")
    return rates


def _patch(request: MotorRequest, frame: Frame, poses: PoseList) -> CortexPatch:
    whole, _ = meshing.gray_matter_surface(frame.head)
    middle = poses.translations.mean(axis=0)
    region = request.region
    if region is None:
        apart = np.linalg.norm(whole.vertices - middle, axis=1)
        x, y, z = whole.vertices[np.argmin(apart)].tolist()
        region = ((x, y, z), _RADIUS)
    near = in_region(region, request.head, whole.vertices, middle)
    try:
        return mapping.cortex_patch(frame.head, near)
    except ValueError as error:
        raise ValueError(f"--region: {error}") from None


def _basis(
    frame: Frame, poses: PoseList, patch: CortexPatch
) -> tuple[optimize.Placements, ReducedField]:
    middle = poses.translations.mean(axis=0)
    reach = np.linalg.norm(poses.translations - middle, axis=1).max() + _MARGIN
    domain = optimize.placements(frame.scalp, middle, max(float(reach), 20e-3))
    sampler = efield.sampler(frame.head, patch.points, "gray matter")
    growth = efield.Growth(tolerance=_TOLERANCE)
    at = efield.at_points(sampler, patch.points, patch.areas)
    basis = efield.reduce(
        frame.conductor, frame.coil, domain, at, growth=growth, progress=frame.progress
    )
    return domain, basis


def _fields(
    frame: Frame,
    patch: CortexPatch,
    basis: ReducedField,
    poses: PoseList,
    rates: Float[ndarray, "pulse"],
) -> PulseFields:
    """Evaluate the field of each pulse; poses that the basis does not know are solved."""
    unknown = np.flatnonzero(np.asarray(basis.outside(poses.poses)))
    vectors = np.array(basis.field(poses.poses, 1e6), dtype=np.float32)
    if len(unknown):
        note(
            f"{len(unknown)} of {len(poses)} pulses are unlike the others, and solved."
        )
        sampler = efield.sampler(frame.head, patch.points, "gray matter")
        for number in unknown:
            pose = jax.tree.map(lambda x, i=number: x[i], poses.poses)
            solved = efield.solve(frame.conductor, frame.coil, pose, 1e6)
            vectors[number] = np.asarray(sampler(solved))
    vectors *= np.float32(1e-6) * rates.astype(np.float32)[:, None, None]
    return PulseFields(vectors, patch.normals)
