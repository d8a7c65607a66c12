"""`tmsgrad simulate` by a basis that is given, or made of many poses themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Coil, PoseList, navigation
from ...disk.as_json import write_json
from ...disk.tables import write_table
from ...efield import Conductor, ReducedField
from ...efield.reduced.places import AbstractPlaces, TissuePlaces
from ...meshing import HeadMesh
from ...meshing.pictures.hull import CoilHull
from ...meshing.pictures.overview import write_overview
from ...optimize import Outline, Placing
from ..inputs.bases import Basis
from ..inputs.coils import read_driven_coil
from ..inputs.heads import read_head
from ..inputs.poses import current_rates
from ..inputs.targets import places_of
from ..results.fields import check_field
from ..results.placing import Placer, place_all
from ..results.reduced_fields import PoseFigures, ReducedFields
from ..runtime.notices import dispensable, heard, note
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import ROWS
from .simulate_request import SimulateRequest


_AT_ONCE = 16  # Poses that the basis evaluates together.
_MANY = 500  # Different poses: a basis of a whole upper head costs some 400 solves.
_TOLERANCE = 4e-3
_WITHIN = 5e-3  # Poses whose error may be larger are solved.
_FILE = "basis.h5"  # In the output, where the basis is made.


@dataclass(frozen=True, eq=False)
class _Session:
    """What is computed: poses of a coil on a head, and the basis that knows them."""

    head: HeadMesh
    conductor: Conductor
    coil: Coil
    outline: Outline
    poses: PoseList
    rates: Float[ndarray, "pose"]
    rows: list[Placing]
    basis: ReducedField
    number: int  # Of the coil in the basis.
    places: AbstractPlaces  # Of the basis.
    made: bool  # Whether the basis was made of the poses.


def wants_basis(request: SimulateRequest, poses: PoseList) -> bool:
    """Whether a basis of poses costs less than their solves, and gives what is wanted."""
    return request.reducible and len(_different(poses)) > _MANY


def simulate_reduced(
    request: SimulateRequest, poses: PoseList, origin: Provenance
) -> ReducedFields:
    """Compute the fields of given poses by a basis, and solve those it does not know.

    Args:
        request: Of the fields, with the file of a basis; without one it is made.
        poses: That are given.
        origin: Where the results come from.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    with output_folder(request.out) as folder:
        session = _prepare(request, poses, progress, folder)
        progress.stage("fields", "fields by the basis")
        figures, first = _compute(session, progress)
        progress.stage("output", "files and picture")
        with dispensable("overview.png"):
            _draw(folder, session, first, request.head)
        navigation.write_matsimnibs(folder / "pose.txt", session.poses)
        progress.close()
        result = ReducedFields(
            *(request.reduced or _FILE, session.made),
            *(session.basis.accuracy, session.places, tuple(figures)),
            *(request.head, request.coil, origin, progress.to_json(), tuple(heard())),
        )
        rows = result.rows(session.poses, session.rates, session.rows)
        write_table(folder / ROWS, list(result.columns), rows)
        write_json(folder / "summary.json", result.to_json())
    result.show(request.out)
    return result


def _prepare(
    request: SimulateRequest, poses: PoseList, progress: Progress, folder: Path
) -> _Session:
    coil, most = read_driven_coil(request.coil, request.rates)
    source = request.poses.source
    rates = current_rates(poses, most, source)
    given = None
    if request.reduced is not None:
        given = Basis.read(request.reduced, request.order)
    progress.stage("head", f"head {request.head}")
    head = read_head(
        request.head, progress, None, request.force, places_of(poses, request.target)
    )
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head, exact=False)
    outline = Outline.of(coil)
    placer = Placer(scalp, outline, request.poses.repair, source)
    poses, rows = place_all(placer, poses, progress)
    progress.stage("assembly", "finite elements")
    conduction = request.conduction
    if given is not None:
        conduction = replace(conduction, order=given.field.origin.order)
    conductor, tensors = conduction.assemble(head, request.head)
    if tensors is not None:
        print(tensors)
    if given is None:
        progress.stage("modes", "modes of solved placements")
        given = _made(request, head, conductor, coil, poses, progress)
        efield.write_reduced(folder / _FILE, given.field)
    number = given.coil_number(conductor, coil)
    return _Session(
        *(head, conductor, coil, outline, poses, rates, rows, given.field, number),
        *(given.places(head), request.reduced is None),
    )


def _made(
    request: SimulateRequest,
    head: HeadMesh,
    conductor: Conductor,
    coil: Coil,
    poses: PoseList,
    progress: Progress,
) -> Basis:
    """Make a basis of the poses themselves, some of which only measure its error."""
    which = _different(poses)
    note(
        f"{len(which)} different poses: a basis of their fields in gray matter is made of "
        f"some of them, to {_TOLERANCE:.1%}. --exact solves for each, and writes field.h5."
    )
    # The last ones measure the error, and neighbours follow each other in a session.
    mixed = np.random.default_rng(0).permutation(which)
    field = efield.reduce(
        *(conductor, coil),
        jax.tree.map(lambda x: np.asarray(x)[mixed], poses.poses),
        meshing.region(head, head.of("gray matter")),
        growth=efield.Growth(tolerance=_TOLERANCE, solves=len(which)),
        about={"head": request.head, "tissue": "gray matter"},
        progress=progress,
    )
    return Basis(_FILE, field.stored(np.float16))


def _different(poses: PoseList) -> ndarray:
    """Number the poses that differ by more than rounding."""
    matrices = np.round(poses.matrices(), 6)
    return np.sort(np.unique(matrices, axis=0, return_index=True)[1])


def _compute(
    session: _Session, progress: Progress
) -> tuple[list[PoseFigures], Float[ndarray, "tet"]]:
    """Evaluate every pose, and solve for those that the basis does not know."""
    poses, basis, number = session.poses.poses, session.basis, session.number
    unknown = np.atleast_1d(np.asarray(basis.outside(poses, coil=number)))
    errors = np.atleast_1d(np.asarray(basis.estimated_error(poses, coil=number)))
    why = "outside of what the basis has seen"
    if session.made:
        unknown = unknown | (errors > _WITHIN)
        why = f"not known to the basis within {_WITHIN:.1%}"
    if unknown.any():
        which = ", ".join(str(i) for i in np.flatnonzero(unknown)[:10])
        note(
            f"{unknown.sum()} of {len(unknown)} poses are {why} and are solved: "
            f"{which}{', …' if unknown.sum() > 10 else ''}."
        )
    measure, at = session.places.measure, basis.positions
    found, first = [], np.zeros(0)
    for start in range(0, len(unknown), _AT_ONCE):
        part = range(start, min(start + _AT_ONCE, len(unknown)))
        for i, values in zip(part, _magnitudes(session, part, unknown), strict=True):
            check_field(values, f"pose {i}")
            first = values if i == 0 else first
            solved = bool(unknown[i])
            error = None if solved else float(errors[i])
            found.append(PoseFigures.of(values, measure, at, solved, error))
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
            yield session.places.magnitude(solved)
        else:
            yield np.abs(rates[i]) * 1e-6 * table[row].astype(np.float64)


def _draw(
    folder: Path, session: _Session, first: Float[ndarray, "tet"], source: str
) -> None:
    if isinstance(session.places, TissuePlaces):
        whole = np.zeros(len(session.head.tags))
        whole[session.places.tetrahedra] = first
    else:  # The picture is of tetrahedra.
        pose = jax.tree.map(lambda x: x[0], session.poses.poses)
        solved = efield.solve(session.conductor, session.coil, pose, session.rates[0])
        whole = np.asarray(solved.magnitude)
    count, rate = len(session.poses), session.rates[0]
    write_overview(
        folder / "overview.png",
        session.head,
        whole,
        session.poses.poses.matrix[0],
        CoilHull(session.outline.casing, session.outline.has_casing),
        title=f"{session.coil.name} on {Path(source).name}"
        + (f", the first of {count} poses" if count > 1 else ""),
        subtitle="tmsgrad · for research use only",
        facts=[("dI/dt", f"{rate / 1e6:g} A/µs"), ("coil", session.coil.name)],
    )
