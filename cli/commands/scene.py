"""What `tmsgrad page` and `tmsgrad live` show: head, coils, field and target."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ... import efield, meshing, optimize
from ...coils import Coil, Pose
from ...efield import TargetField
from ...efield.verdict import verdict
from ...optimize.page.brain import field_in_target
from ...optimize.page.scene import Scene, Spot
from ...optimize.page.surveying import Survey, image_of, placed_coil, usual_rate
from ...optimize.targeting.naming import find_gyri
from ..inputs.bases import Basis
from ..inputs.coils import read_coil
from ..inputs.files import way_to_mni
from ..inputs.frame import Frame
from ..inputs.goals import named_positions
from ..inputs.heads import read_head
from ..inputs.targets import Target
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from .page_basis import make_basis
from .page_request import SceneRequest
from .solving import Solved


@dataclass(frozen=True, eq=False)
class MadeScene:
    """A scene, and how well its field stands for solves.

    Attributes:
        scene: It.
        direct: |E| in the target by a direct solve of the first coil's best placement, at
            1e6 A/s. [V/m]
        tensors: What became of diffusion tensors, in words, or None.
    """

    scene: Scene
    direct: float
    tensors: str | None


def make_scene(
    request: SceneRequest, origin: Provenance, progress: Progress, label: str
) -> MadeScene:
    """Find the best placement of each coil, and reduce the field.

    Args:
        request: What is shown.
        origin: Of the command.
        progress: Of its stages.
        label: What a basis that is made is called in messages.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    prepared = _prepare(request, origin, progress)
    progress.stage("search", "best placements")
    finer = _finer(prepared)
    survey = _survey(request, prepared, finer)
    found = [survey.place(coil) for coil in prepared.coils]
    progress.stage("modes", "modes of solved placements")
    basis = _basis(request, prepared, [search for *_, search in found], label)
    progress.stage("verification", "verification by a direct solve")
    error, direct = _verify(prepared, found[0][0], finer)
    scene = _scene(request, prepared, survey, basis, found, error)
    return MadeScene(scene, direct, prepared.frame.tensors)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What is known before anything is searched.

    Attributes:
        frame: Head, scalp, first coil and conductor.
        coils: All of them.
        target: Where the field is wanted.
        basis: That was given, or None.
    """

    frame: Frame
    coils: tuple[Coil, ...]
    target: Target
    basis: Basis | None


def _prepare(
    request: SceneRequest, origin: Provenance, progress: Progress
) -> _Prepared:
    coils = tuple(read_coil(each) for each in request.coils)
    asked = request.basis
    basis = None if asked.file is None else Basis.read(asked.file, asked.order)
    conduction = request.conduction_of(basis)
    progress.stage("head", f"head {request.head}")
    around = (np.asarray(request.target.centre), request.domain.radius)
    head = read_head(
        request.head, progress, around, request.force, request.target.places
    )
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    target = request.target.find(head)
    frame = Frame.assembled(
        conduction,
        *(request.head, head, scalp, request.coils[0], coils[0]),
        *(progress, origin),
    )
    if basis is not None:
        for coil in coils:
            basis.coil_number(frame.conductor, coil)
        basis.elements(head)
    return _Prepared(frame, coils, target, basis)


def _finer(prepared: _Prepared) -> TargetField | None:
    """Correct the target's field for the mesh, as a search states it; not first order."""
    frame = prepared.frame
    if frame.conductor.elements.order == 1:
        return None
    first = efield.assemble(frame.head, frame.conductor.conductivity)
    region = prepared.target.region
    return efield.target_field(first, frame.head, region, second=frame.conductor)


def _survey(
    request: SceneRequest, prepared: _Prepared, finer: TargetField | None
) -> Survey:
    frame, region = prepared.frame, prepared.target.region
    named, fiducials = named_positions(request.head, request.electrodes, frame.scalp)
    plain = finer is None
    return Survey(
        efield.reciprocal(frame.conductor, region) if plain else finer.reciprocal,
        *(frame.scalp, region.centre, request.domain, named, fiducials),
    )


def _basis(
    request: SceneRequest,
    prepared: _Prepared,
    searches: Sequence[optimize.Search],
    label: str,
) -> Basis:
    if prepared.basis is not None:
        return prepared.basis
    asked = request.basis
    return make_basis(
        *(label, prepared.frame, prepared.coils, prepared.target, searches),
        *(asked.reach, asked.tolerance),
    )


def _verify(
    prepared: _Prepared, best: Spot, finer: TargetField | None
) -> tuple[float | None, float]:
    """Estimate the error of the mesh in the target, and solve for the field there."""
    frame, region = prepared.frame, prepared.target.region
    pose = Pose(best.pose[:3, :3], best.pose[:3, 3])
    solved = Solved.at(frame.conductor, frame.coil, pose)
    direct = float(np.linalg.norm(solved.field.mean(region)))
    if finer is None:
        return solved.error(frame.head, region).target, direct
    stated = finer.mesh_error(jnp.linalg.norm, frame.coil, pose)
    return stated.of_uncorrected(direct), direct


def _scene(
    request: SceneRequest,
    prepared: _Prepared,
    survey: Survey,
    basis: Basis,
    found: Sequence[tuple[Spot, tuple[Spot, ...], optimize.Search]],
    error: float | None,
) -> Scene:
    frame, asked = prepared.frame, request.domain.distance
    assert isinstance(asked, optimize.Face)
    field, elements = basis.field, basis.elements(frame.head)
    numbers = [basis.coil_number(frame.conductor, x) for x in prepared.coils]
    bare = () if frame.coil.has_casing else ("the coil's casing is not known",)
    return Scene(
        *(request.head, frame.head, frame.scalp, field, elements),
        field_in_target(frame.head, field, elements, prepared.target.region),
        *(prepared.target.region, prepared.target.radius),
        tuple(map(placed_coil, request.coils, prepared.coils, numbers, found)),
        survey.named or {},
        *(error, verdict(error, bare), asked.cover),
        usual_rate(frame.coil) if request.didt is None else request.didt,
        image_of(request.head),
        find_gyri(request.atlas, request.head, way_to_mni(request.head)),
        request.conduction_of(prepared.basis).words,
    )
