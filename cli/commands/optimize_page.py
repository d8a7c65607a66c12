"""`tmsgrad optimize --interactive`: the page on which the placement is moved."""

from collections.abc import Sequence
from pathlib import Path

from ... import optimize
from ...coils import Coil
from ...efield.verdict import verdict
from ...optimize.page.brain import field_in_target
from ...optimize.page.building import build_page
from ...optimize.page.scene import PlacedCoil, Scene
from ...optimize.page.surveying import (
    best_spot,
    image_of,
    lost_of,
    spots_of,
    usual_rate,
)
from ..inputs.bases import Basis
from ..inputs.goals import named_positions
from ..report.reporting import INTERACTIVE
from .optimize_prepare import Prepared
from .optimize_request import OptimizeRequest
from .page_basis import make_basis


PAGE = INTERACTIVE
_REACH = 45e-3  # Around the target's nearest point of the scalp. [m]
_TOLERANCE = 3e-3


def read_basis(request: OptimizeRequest, of_search: Basis | None) -> Basis | None:
    """Read the basis that is given for the page, or take that of the search, if any.

    Raises:
        ValueError: It is no basis, or has other elements than the search.
        FileNotFoundError: There is no such file.
    """
    if not request.interactive:
        return of_search
    return Basis.read(request.interactive, request.conduction.order)


def write_placement_page(
    path: Path,
    request: OptimizeRequest,
    prepared: Prepared,
    basis: Basis | None,
    coil: Coil,
    search: optimize.Search,
    rules: Sequence[optimize.Rule],
    error: float | None,
    didt: float | None,
) -> None:
    """Write the page of a placement.

    Args:
        path: Of the page.
        request: Of the search.
        prepared: For it.
        basis: That was given, or None to make one.
        coil: In its best shape.
        search: What was found.
        rules: To compare with.
        error: Of the mesh in the target, relative, or None.
        didt: At first; None for what is usual. [A/s]

    Raises:
        ValueError: The basis is of another head or coil, or the page would be too large.
        OSError: The file cannot be written.
    """
    frame, target = prepared.frame, prepared.target
    if basis is None:
        basis = make_basis(PAGE, frame, [coil], target, [search], _REACH, _TOLERANCE)
    number = basis.coil_number(frame.conductor, coil)
    elements = basis.elements(frame.head)
    named, _ = named_positions(request.head, request.electrodes, frame.scalp)
    placed = PlacedCoil(
        *(request.coil, coil, number, best_spot(search.pose)),
        *(spots_of(rules), lost_of(search)),
    )
    bare = () if coil.has_casing else ("the coil's casing is not known",)
    scene = Scene(
        *(request.head, frame.head, frame.scalp, basis.field, elements),
        field_in_target(frame.head, basis.field, elements, target.region),
        *(target.region, target.radius),
        (placed,),
        named or {},
        *(error, verdict(error, bare), request.cover),
        usual_rate(coil) if didt is None else didt,
        image_of(request.head),
        prepared.gyri,
        request.conduction.words,
    )
    build_page(path, scene)
