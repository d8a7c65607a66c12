"""The head and the two placements that `tmsgrad dose` compares."""

import functools
from dataclasses import dataclass, replace

import numpy as np

from ... import meshing
from ...coils import Coil, Stimulator
from ...efield import Conductor
from ...meshing import HeadMesh, Region, Scalp
from ...optimize import dosing
from ..inputs.bases import Basis
from ..inputs.coils import machine_of, read_coil
from ..inputs.conduction import Conduction
from ..inputs.heads import read_head
from ..inputs.poses import one_pose
from ..inputs.sites import SiteRequest, pose_of
from ..inputs.waveforms import WaveformRatio
from ..results.basis_check import FoundByBasis
from ..runtime.progress import Progress
from .dose_request import DoseRequest


@dataclass(frozen=True, eq=False)
class Frame:
    """The head as a conductor, and the two places with their coils.

    Attributes:
        head: The head.
        conductor: Of it, by tissue.
        sites: M1 and the target.
        maxima: dI/dt of each coil at full output, where it is known. [A/s]
        machine: That outputs over M1 are per cent of.
        found: The basis by which placements were found, or None.
        pulses: How their waveforms compare, or None.
    """

    head: HeadMesh
    conductor: Conductor
    sites: tuple[dosing.Site, dosing.Site]
    maxima: tuple[float | None, float | None]
    machine: Stimulator
    found: FoundByBasis | None
    pulses: WaveformRatio | None


def prepare(request: DoseRequest, progress: Progress) -> Frame:
    """Read the head and the coils, and find the placements that are not given.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    coil = read_coil(request.motor.coil)
    other = read_coil(request.target.coil) if request.other_coil else coil
    machine, most = _machine(request, coil, other)
    pulses = None
    if request.waveforms is not None:
        pulses = request.waveforms.compare(coil, other)
    basis, conduction = _conduction(request)
    for place in (request.motor, request.target):
        if place.pose is not None:  # Before the head, which takes longer to read.
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
    progress.stage("placements", "placements over M1 and the target")
    centre = np.asarray(request.motor.centre)
    at_motor = meshing.ball(head, centre, request.radius, request.tissue)
    site = functools.partial(_site, request.head, head, scalp, conductor, basis)
    sites = (
        site(coil, request.motor, at_motor),
        site(other, request.target, treated),
    )
    found = None
    if basis is not None and numbers is not None:
        poses = [
            None if place.pose is not None else each.pose
            for place, each in zip((request.motor, request.target), sites, strict=True)
        ]
        found = FoundByBasis.of(basis, poses, numbers)
    return Frame(head, conductor, sites, most, machine, found, pulses)


def _machine(
    request: DoseRequest, coil: Coil, other: Coil
) -> tuple[Stimulator, tuple[float | None, float | None]]:
    """What outputs over M1 are per cent of, and both coils' largest dI/dt. [A/s]"""
    machine = machine_of(
        *(coil, request.motor.coil, request.stimulator, request.motor.maximum)
    )
    given = request.target.maximum
    most = (
        machine.max_current_rate,
        other.max_current_rate if given is None else given,
    )
    if request.other_coil and None in most:
        raise ValueError(
            "--target-coil: the dI/dt at full output of both coils must be known: give "
            "--max-didt and --target-max-didt."
        )
    return machine, most


def _conduction(request: DoseRequest) -> tuple[Basis | None, Conduction]:
    """The basis, if one is given, and the conduction with its elements."""
    if request.reduced is None:
        return None, request.conduction
    order = None if request.corrected else request.conduction.order
    basis = Basis.read(request.reduced, order)
    return basis, replace(request.conduction, order=basis.field.origin.order)


def _site(
    source: str,
    head: HeadMesh,
    scalp: Scalp,
    conductor: Conductor,
    basis: Basis | None,
    coil: Coil,
    place: SiteRequest,
    region: Region,
) -> dosing.Site:
    known = None
    if basis is not None:
        known = functools.partial(basis.mean, head, option="M1 or the target")
    pose = pose_of(place, source, coil, scalp, conductor, region, known)
    return dosing.Site(coil, pose, region)
