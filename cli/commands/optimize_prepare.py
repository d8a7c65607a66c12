"""What `tmsgrad optimize` reads and makes before the adjoint solves."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Coil, Stimulator
from ...efield import Conductor
from ...efield.output.forms import Exports
from ...meshing import HeadMesh, Scalp, Surface
from ...optimize.targeting.naming import GyrusNames, Way, find_gyri
from ..inputs.coils import machine_of, read_coil
from ..inputs.exports import placed_exports, read_exports
from ..inputs.files import way_to_mni
from ..inputs.frame import Frame
from ..inputs.goals import position_named, search_place
from ..inputs.heads import read_head
from ..inputs.poses import one_pose
from ..inputs.refining import Refinement, refine
from ..inputs.targets import Target
from ..results.shaping import check_shape
from ..runtime.notices import warn
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from .optimize_request import OptimizeRequest, RulesRequest
from .optimize_search import SearchPlan, plan_search


_DEEPEST = 0.03  # That targets usually lie below the scalp. [m]


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that is known before the adjoint solves.

    Attributes:
        frame: Head, scalp, coil and conductor.
        target: Where the field is wanted.
        exports: The forms that the field is wanted in.
        hotspot: Of the motor cortex, on the scalp, or None. [m]
        search: How to search.
        second: Waits for the head with elements of second order, or None.
        refinement: Of the head, or None.
        to_mni: From the head to MNI space, where that is known. [m]
        gyri: What names places of the head, or None.
        machine: That outputs are per cent of.
    """

    frame: Frame
    target: Target
    exports: Exports
    hotspot: Float[ndarray, "3"] | None
    search: SearchPlan
    second: Callable[[], Conductor] | None
    refinement: Refinement | None
    to_mni: Way | None
    gyri: GyrusNames | None
    machine: Stimulator


def prepare(
    request: OptimizeRequest, origin: Provenance, progress: Progress
) -> Prepared:
    """Read what is asked for, and make the head a conductor.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    coil, forms = read_coil(request.coil), request.forms
    if request.shape:
        check_shape(coil, request.coil)
    machine = _machine(request, coil)
    to_mni = way_to_mni(request.head)
    gyri = find_gyri(request.atlas, request.head, to_mni)
    wanted = read_exports(forms.nifti, forms.vtu, forms.gifti, forms.resample)
    progress.stage("head", f"head {request.head}")
    head = _head(request, progress)
    target = request.target.find(head)
    wanted = placed_exports(wanted, head, forms.frame)
    check_target(head.outer_surface, target)  # Before anything takes long.
    progress.stage("assembly", "finite elements")
    conductor, tensors = request.conduction.assemble(head, request.head)
    second = None
    if request.conduction.corrected and request.accuracy is None:
        second = efield.enriched_meanwhile(conductor, head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    around = search_place(request.around, request.head, request.electrodes, scalp)
    hotspot = find_hotspot(request.rules, request.head, request.electrodes, scalp)
    domain = replace(request.domain, handle=request.handle.of(coil))
    # Nodes of a corrected field are not known yet.
    nodes = 0 if request.conduction.corrected else len(head.nodes)
    nodes = nodes if request.reduced is None else None
    search = plan_search(
        *(request.wishes, domain, coil, scalp, target.region, around, nodes)
    )
    frame = Frame(
        *(request.head, head, scalp, request.coil, coil, conductor, tensors),
        *(progress, origin),
    )
    refinement = None
    if request.accuracy is not None:
        frame, target, refinement = refine(
            *(frame, target, domain, request.accuracy),
            *(request.wishes.direction, around),
        )
    return Prepared(
        *(frame, target, wanted, hotspot, search, second, refinement),
        *(to_mni, gyri, machine),
    )


def _machine(request: OptimizeRequest, coil: Coil) -> Stimulator:
    """Find the stimulator; a threshold must have an output to be compared with.

    Raises:
        ValueError: Neither coil nor options say what full output is.
    """
    machine = machine_of(
        coil, request.coil, request.stimulator, request.wishes.stimulator
    )
    if request.threshold is not None and machine.max_current_rate is None:
        raise ValueError(
            f"--threshold {100 * request.threshold:g}: the largest dI/dt of {coil.name} is "
            "not known; give --max-didt."
        )
    return machine


def _head(request: OptimizeRequest, progress: Progress) -> HeadMesh:
    """Read the head; its scalp is checked near a target whose place is known."""
    near = None
    if request.target.choice is None:
        reach = _DEEPEST + request.domain.radius
        near = (np.asarray(request.target.centre), reach)
    return read_head(request.head, progress, near, request.force, request.target.places)


def find_hotspot(
    rules: RulesRequest | None, source: str, electrodes: str | None, scalp: Scalp
) -> Float[ndarray, "3"] | None:
    """Find the motor hotspot that rules start from, where one is given. [m]

    Raises:
        ValueError: The coil's axis misses the scalp, or no such position is known.
    """
    if rules is None:
        return None
    if rules.motor_pose is not None:
        pose = one_pose(rules.motor_pose, source)
        centre, axis = np.asarray(pose.translation), np.asarray(pose.rotation)[:, 2]
        distance = scalp.distance_along(centre, axis)
        if not np.isfinite(distance):
            raise ValueError(
                f"--hotspot-pose {rules.motor_pose}: the coil's axis misses the scalp."
            )
        return centre + distance * axis
    if isinstance(rules.motor, str):
        return position_named(rules.motor, "hotspot", source, electrodes, scalp)
    return None if rules.motor is None else np.asarray(rules.motor)


def check_target(scalp: Surface, target: Target) -> None:
    """Refuse a target outside of the head, and warn of one that reaches out of it.

    Raises:
        ValueError: The target's centre is outside.
    """
    place = np.asarray(target.centre)
    depth = -scalp.signed_distance(place[None])[0]
    if depth < 0:
        at = ", ".join(f"{x * 1e3:g}" for x in target.centre)
        raise ValueError(
            f"--target: ({at}) mm lies {-depth * 1e3:.1f} mm outside the head. Coordinates "
            "are the head file's mm; MNI coordinates go to --target-mni."
        )
    if target.map is None and depth < target.radius:
        share = scalp.share_outside(place, target.radius)
        tissue = meshing.TISSUE_NAMES[meshing.tissue_tag(target.tissue)]
        warn(
            f"{share:.0%} of the ball of {target.radius * 1e3:g} mm around the target lies "
            f"outside the head; the target is the {tissue} in the rest of it."
        )
