"""`tmsgrad simulate --reduced`: fields of given poses by a basis, in milliseconds each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Coil, PoseList, navigation
from ...efield import Conductor, ReducedField
from ...meshing import HeadMesh
from ...optimize import Outline, Placing
from ..inputs.bases import Basis
from ..inputs.coils import read_driven_coil
from ..inputs.heads import read_head
from ..inputs.poses import current_rates, read_pose_list
from ..pictures.hull import CoilHull
from ..pictures.overview import write_overview
from ..results.fields import check_field, in_metres
from ..results.placing import Placer, place_all
from ..results.reduced_fields import PoseFigures, ReducedFields
from ..runtime.notices import dispensable, heard, note
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import ROWS, write_table
from .simulate_request import SimulateRequest


_AT_ONCE = 16  # Poses that the basis evaluates together.


@dataclass(frozen=True, eq=False)
class _Session:
    """What is computed: poses of a coil on a head, and the basis that knows them."""

    head: HeadMesh
    conductor: Conductor
    coil: Coil
    outline: Outline
    poses: PoseList
    places: list[Placing]
    rates: Float[ndarray, "pose"]
    basis: ReducedField
    number: int  # Of the coil in the basis.
    inside: ndarray  # Tetrahedra of the basis.


def simulate_reduced(
    request: SimulateRequest, basis: str, origin: Provenance
) -> ReducedFields:
    """Compute the fields of given poses by a basis, and solve those it does not know.

    Args:
        request: Of the poses.
        basis: Its file.
        origin: Where the results come from.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    with output_folder(request.out) as folder:
        session = _prepare(request, basis, progress)
        progress.stage("fields", "fields by the basis")
        figures, first = _compute(session, progress)
        progress.stage("output", "files and picture")
        with dispensable("overview.png"):
            _draw(folder, session, first, request.head)
        navigation.write_matsimnibs(folder / "pose.txt", session.poses)
        progress.close()
        result = ReducedFields(
            *(basis, session.basis.accuracy, tuple(figures)),
            *(request.head, request.coil, origin, progress.to_json(), tuple(heard())),
        )
        rows = result.rows(session.poses, session.rates, session.places)
        write_table(folder / ROWS, list(result.columns), rows)
        write_json(folder / "summary.json", result.to_json())
    result.show(request.out)
    return result


def _prepare(request: SimulateRequest, path: str, progress: Progress) -> _Session:
    coil, most = read_driven_coil(request.coil, request.rates)
    poses, source = read_pose_list(request.poses), request.poses.source
    rates = current_rates(poses, most, source)
    basis = Basis.read(path, request.order)
    progress.stage("head", f"head {request.head}")
    head = read_head(request.head, progress, forced=request.force)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head, exact=False)
    outline = Outline.of(coil)
    placer = Placer(scalp, outline, request.poses.repair, source)
    poses, places = place_all(placer, poses, progress)
    progress.stage("assembly", "finite elements")
    conduction = replace(request.conduction, order=basis.field.origin.order)
    conductor, tensors = conduction.assemble(head, request.head)
    if tensors is not None:
        print(tensors)
    number = basis.coil_number(conductor, coil)
    return _Session(
        *(head, conductor, coil, outline, poses, places, rates, basis.field, number),
        basis.elements(head),
    )


def _compute(
    session: _Session, progress: Progress
) -> tuple[list[PoseFigures], Float[ndarray, "tet"]]:
    """Evaluate every pose, and solve for those that the basis does not know."""
    poses, basis, number = session.poses.poses, session.basis, session.number
    unknown = np.atleast_1d(np.asarray(basis.outside(poses, coil=number)))
    if unknown.any():
        which = ", ".join(str(i) for i in np.flatnonzero(unknown)[:10])
        note(
            f"{unknown.sum()} of {len(unknown)} poses are outside of what the basis has "
            f"seen and are solved: {which}{', …' if unknown.sum() > 10 else ''}."
        )
    errors = np.asarray(basis.estimated_error(poses, coil=number))
    volumes = session.head.volumes[session.inside]
    places = session.head.centroids[session.inside]
    found, first = [], np.zeros(0)
    for start in range(0, len(unknown), _AT_ONCE):
        part = range(start, min(start + _AT_ONCE, len(unknown)))
        for i, values in zip(part, _magnitudes(session, part, unknown), strict=True):
            check_field(values, f"pose {i}")
            first = values if i == 0 else first
            solved = bool(unknown[i])
            error = None if solved else float(errors[i])
            found.append(PoseFigures.of(values, volumes, places, solved, error))
            progress((i + 1) / len(unknown), f"{i + 1} poses")
    return found, first


def _magnitudes(
    session: _Session, part: range, unknown: Bool[ndarray, "pose"]
) -> Iterator[Float[ndarray, "tet"]]:
    """Give |E| of some poses, one after the other. [V/m]"""
    poses, rates = session.poses.poses, session.rates
    known = jax.tree.map(lambda x: x[part.start : part.stop], poses)
    # All are evaluated at 1e6 A/s together, as a field is in proportion to it.
    table = np.asarray(session.basis.magnitude(known, 1e6, coil=session.number))
    for row, i in enumerate(part):
        if unknown[i]:
            pose = jax.tree.map(lambda x, i=i: x[i], poses)
            solved = efield.solve(session.conductor, session.coil, pose, rates[i])
            yield np.asarray(solved.magnitude)[session.inside]
        else:
            yield np.abs(rates[i]) * 1e-6 * table[row].astype(np.float64)


def _draw(
    folder: Path, session: _Session, first: Float[ndarray, "tet"], source: str
) -> None:
    whole = np.zeros(len(session.head.tags))
    whole[session.inside] = first
    count, rate = len(session.poses), session.rates[0]
    write_overview(
        folder / "overview.png",
        session.head,
        whole,
        in_metres(jax.tree.map(lambda x: x[0], session.poses.poses)),
        CoilHull(session.outline.casing, session.outline.has_casing),
        title=f"{session.coil.name} on {Path(source).name}"
        + (f", the first of {count} poses" if count > 1 else ""),
        subtitle="tmsgrad · for research use only",
        facts=[("dI/dt", f"{rate / 1e6:g} A/µs"), ("coil", session.coil.name)],
    )
