"""`tmsgrad optimize --interactive`: the page on which the placement is moved."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ... import efield, optimize
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
from .optimize_found import Found, Verified
from .optimize_prepare import Prepared
from .optimize_request import OptimizeRequest
from .page_basis import make_basis


PAGE = INTERACTIVE
_REACH = 45e-3  # Around the target's nearest point of the scalp. [m]
_TOLERANCE = 3e-3


def read_basis(request: OptimizeRequest, of_search: Basis | None) -> Basis | None:
    """Read the basis that is given for the page, or take that of the search, if any.

    Raises:
        ValueError: It is no basis, or has other elements than what is stated.
        FileNotFoundError: There is no such file.
    """
    if not request.interactive:
        return of_search
    field = efield.read_reduced(request.interactive)
    wanted, order = request.conduction.best.order, field.origin.order
    if order != wanted:
        raise ValueError(
            f"--interactive {request.interactive}: the basis was made with elements of "
            f"order {order}, but the field in the target is stated with order {wanted}. "
            f"Give --order {order}, or make a basis by `tmsgrad reduce --order {wanted}`."
        )
    return Basis(request.interactive, field, "--interactive")


def check_basis(
    request: OptimizeRequest, prepared: Prepared, basis: Basis | None
) -> None:
    """Refuse a basis that is given for the page and does not serve it, before the search.

    Raises:
        ValueError: It is of another head, coil or tissue.
    """
    if basis is None or not request.interactive:
        return
    frame = prepared.frame
    conductor = frame.conductor if prepared.second is None else prepared.second()
    basis.coil_number(conductor, frame.coil)
    basis.columns(frame.head, prepared.target.region, "the target")


def write_placement_page(
    path: Path,
    request: OptimizeRequest,
    prepared: Prepared,
    basis: Basis | None,
    found: Found,
    verified: Verified,
    rules: Sequence[optimize.Rule],
) -> None:
    """Write the page of a placement.

    Args:
        path: Of the page.
        request: Of the search.
        prepared: For it.
        basis: That was given, or None to make one.
        found: By the search.
        verified: What it is worth.
        rules: To compare with.

    Raises:
        ValueError: The basis is of another head or coil, or the page would be too large.
        OSError: The file cannot be written.
    """
    target, coil, search = prepared.target, found.coil, found.search
    # Second order, where the search set it up: the page is to show what is stated.
    conductor = found.goal.second or prepared.frame.conductor
    frame = replace(prepared.frame, conductor=conductor)
    if basis is None:
        basis = make_basis(PAGE, frame, [coil], target, [search], _REACH, _TOLERANCE)
    number = basis.coil_number(conductor, coil)
    elements = basis.elements(frame.head)
    named, _ = named_positions(request.head, request.electrodes, frame.scalp)
    placed = PlacedCoil(
        *(request.coil, coil, number, best_spot(search.pose)),
        *(spots_of(rules), lost_of(search)),
    )
    error = verified.error_of_direct
    bare = () if coil.has_casing else ("the coil's casing is not known",)
    scene = Scene(
        *(request.head, frame.head, frame.scalp, basis.field, elements),
        field_in_target(frame.head, basis.field, elements, target.region),
        *(target.region, target.radius),
        (placed,),
        named or {},
        *(error, verdict(error, bare), request.cover),
        usual_rate(coil) if verified.dose is None else verified.placement.didt,
        image_of(request.head),
        prepared.gyri,
        request.conduction.best.words,
    )
    build_page(path, scene)
