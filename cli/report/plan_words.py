"""What the page of a placement says, from the result itself."""

import numpy as np

from ... import optimize
from ...coils import Pose
from ...efield.verdict import LIMITS, UNSURE, of_error, words_of_limits
from ..results.best_placement import PlacementResult
from ..results.directions import in_words
from ..results.placement import Placement
from .page import Card, Section, checks, facts, table
from .parts import (
    SAME,
    casing_check,
    field_rows,
    origin_section,
    point,
    pose_part,
    target_shape,
    uncertainty_part,
)


_GOOD_RESIDUAL = 1e-6  # Of the linear system, relative.
_OF_BASIS = 0.05  # Between a search by a basis and the direct solution, relative.
_Check = tuple[str, bool | None, str]


def plan_cards(found: PlacementResult) -> list[Card]:
    """The figures at the head of the page."""
    placement, spread = found.placement, found.uncertainty
    output, note = _output(found)
    return [
        Card(
            "field in the target",
            f"{placement.strength:.4g} V/m",
            placement.objective
            + _by_mesh(placement)
            + ("" if spread is None else f"; ± {spread.deviation:.2g} V/m (1 sd)"),
        ),
        Card("dI/dt", f"{placement.didt / 1e6:.4g} A/µs"),
        *([] if output is None else [Card("output", f"{output:.0%}", note)]),
        Card("coil centre", point(placement.matrix[:3, 3]), "mm, head file"),
        Card("scalp to coil", f"{placement.face * 1e3:.1f} mm", placement.face_words),
        Card(
            "error of the mesh",
            "unknown" if found.mesh_error is None else f"{found.mesh_error:.1%}",
            "estimated, in the target",
        ),
    ]


def _by_mesh(placement: Placement) -> str:
    if placement.mesh is None:
        return ""
    return f"; ± {placement.mesh.bar * placement.didt / 1e6:.2g} V/m (mesh)"


def plan_words(found: PlacementResult) -> list[str]:
    """The placement in sentences."""
    placement, target, mni = found.placement, found.target, found.target.mni
    output, note = _output(found)
    of_output = "" if output is None else f" ({output:.0%} {note})"
    asked = ""
    if mni is not None:
        asked = f", MNI ({point(1e3 * np.asarray(mni.centre))}) mm"
    words = [
        f"Place the centre of {found.subject.coil_name} at "
        f"({point(placement.matrix[:3, 3])}) mm, "
        f"its face {placement.face * 1e3:.1f} mm from the scalp, with the "
        f"handle pointing {in_words(-placement.matrix[:3, 1])}. Driven with "
        f"{placement.didt / 1e6:.4g} A/µs{of_output}, it gives the target, "
        f"{target_shape(target)} in {target.tissue} around "
        f"({point(1e3 * np.asarray(target.centre))}) mm{asked}, a field of "
        f"{placement.strength:.4g} V/m ({placement.objective})."
    ]
    dose = found.dose
    if dose is not None and (dose.spared or dose.dose.bound_by or dose.dose.output):
        words.append(f"{dose.dose.statement.rstrip('.')}.")
    lost = found.search.sensitivity
    if lost is not None:
        words.append(
            f"{optimize.sensitivity.LOSS:.0%} of the field in the target are lost by "
            f"moving the coil {lost.position * 1e3:.1f} mm along the scalp, or by turning "
            f"it {np.degrees(lost.angle):.0f}° in its plane."
        )
    return words


def plan_sections(found: PlacementResult) -> list[Section]:
    """The tables of the page."""
    placement = found.placement
    more = [
        (
            "scalp to coil centre, along the axis",
            f"{placement.distance * 1e3:.2f} mm",
        ),
        ("scalp to the coil's face", f"{placement.face * 1e3:.2f} mm"),
        ("face", placement.face_words),
    ]
    listed = [
        Section("Pose", pose_part(placement.matrix, more)),
        Section("Field", facts(field_rows(found.field))),
    ]
    if found.uncertainty is not None:
        listed.append(Section("Uncertainty", uncertainty_part(found.uncertainty)))
    return [
        *listed,
        *_spared(found),
        *_rules(found),
        *_others(found),
        Section("Checks", checks(_plan_checks(found))),
        _origin(found),
    ]


def _spared(found: PlacementResult) -> list[Section]:
    if found.dose is None or not found.dose.spared:
        return []
    rows = [
        (
            each.region,
            f"{each.mean:.4g} V/m",
            "" if each.limit is None else f"{each.limit:g} V/m",
        )
        for each in found.dose.spared
    ]
    return [Section("Regions to spare", table(("region", "mean |E|", "limit"), rows))]


def _rules(found: PlacementResult) -> list[Section]:
    if not found.rules:
        return []
    rows = [
        (
            each.name,
            f"{each.value:.4g} V/m",
            f"{each.share:.1%}",
            f"({_centre(each.pose)}) mm",
        )
        for each in found.rules
    ]
    head = ("rule", "at 1 A/µs", "share of the best", "coil centre")
    return [Section("Clinical rules", table(head, rows))]


def _others(found: PlacementResult) -> list[Section]:
    others = found.search.optima[1:6]
    if not others:
        return []
    rows = [
        (
            found.rating(each),
            f"({_centre(each.pose)}) mm",
            in_words(-np.asarray(each.pose.to_matsimnibs())[:3, 1]),
        )
        for each in others
    ]
    head = ("value", "coil centre", "handle towards")
    return [Section("Other optima", table(head, rows))]


def _corrected(placement: Placement) -> list[_Check]:
    if placement.mesh is None:
        return []
    largest = LIMITS[1]
    direct, value = placement.mesh.direct, placement.value
    return [
        (
            "correction for the mesh",
            abs(direct - value) <= largest * abs(value),
            f"{direct:.4g} V/m by a direct solution of order {placement.mesh.order}, "
            f"{value:.4g} ± "
            f"{placement.mesh.bar:.2g} V/m at 1 A/µs with finer elements near the target; "
            "a finer mesh of the same surfaces would give a value within ±",
        )
    ]


def _plan_checks(found: PlacementResult) -> list[_Check]:
    placement, search = found.placement, found.search
    edge = search.best.at_edge
    clear = placement.clearance * 1e3
    return [
        *_mesh_checks(found),
        casing_check(
            placement.cover is None,
            clear >= -1e-6,
            f"{clear:.2f} mm clear of the scalp",
        ),
        (
            "search",
            search.converged > 0,
            f"{search.converged} of {search.starts} starts converged, "
            f"{search.evaluations} evaluations",
        ),
        (
            "domain",
            not edge,
            "the best pose lies at the border of what was searched: a better one may lie "
            "beyond"
            if edge
            else "the best pose lies inside what was searched",
        ),
        *_checks_on_request(found),
    ]


def _of_search(found: PlacementResult) -> _Check:
    """Compare what the search says of the best placement with the direct solution."""
    placement, basis = found.placement, found.by_basis
    if basis is not None:
        apart = abs(basis.by_basis - basis.by_solve) / abs(basis.by_solve)
        return (
            "value of the search by a direct solution",
            apart <= _OF_BASIS and not basis.outside,
            f"the search's {basis.objective} by the basis {basis.source} differs by "
            f"{apart:.1g}, relative; the basis "
            f"{'does not know' if basis.outside else 'knows'} the placement",
        )
    if placement.mesh is not None and placement.mesh.of_search is not None:
        return (
            "value of the search",
            placement.mesh.of_search <= LIMITS[1],
            "the search is of first order; what it maximises differs by "
            f"{placement.mesh.of_search:.1%} from that of a direct solution of second",
        )
    apart = abs(placement.reciprocal_value - placement.value) / abs(placement.value)
    return (
        "value by a direct solution"
        if placement.mesh is None
        else "value of the search",
        apart <= SAME,
        f"the search's value by reciprocity differs by {apart:.1g}, relative",
    )


def _mesh_checks(found: PlacementResult) -> list[_Check]:
    placement = found.placement
    return [
        _of_search(found),
        *_corrected(placement),
        (
            "solver",
            found.residual <= _GOOD_RESIDUAL,
            f"relative residual {found.residual:.1g}",
        ),
        (
            "error of the mesh",
            of_error(found.mesh_error) != UNSURE,
            f"{of_error(found.mesh_error)}: {found.mesh_error or 0:.1%} in the target's "
            f"value, {found.error.head:.1%} in the head's field ({words_of_limits()})",
        ),
    ]


def _checks_on_request(found: PlacementResult) -> list[_Check]:
    """Checks of what only some placements have."""
    rows: list[_Check] = []
    share, mni = found.placement.share_of_max, found.target.mni
    if share is not None:
        words = f"{share:.0%} of the largest dI/dt of the coil"
        rows.append(("coil's limit", share <= 1, words))
    if found.dose is not None:
        dose = found.dose.dose
        rows.append(("dose", bool(dose.reachable), dose.statement))
    if mni is not None:
        words = f"{mni.transform}; there and back: {mni.return_error * 1e3:.2f} mm"
        rows.append(("MNI space", True, words))
    return rows


def _origin(found: PlacementResult) -> Section:
    subject = found.subject
    return origin_section(
        found.origin,
        f"{subject.head}: {subject.tetrahedra} tetrahedra",
        f"{subject.coil_name} ({subject.coil})",
        "by tissue" if found.anisotropy == "scalar" else str(found.tensors),
        found.seconds["total"],
    )


def _output(found: PlacementResult) -> tuple[float | None, str]:
    machine = found.placement.machine
    if found.dose is not None and found.dose.dose.output is not None:
        return found.dose.dose.output, f"of {machine or 'the stimulator'}'s output"
    whose = f"the largest dI/dt of {machine}" if machine else "the coil's largest dI/dt"
    return found.placement.share_of_max, f"of {whose}"


def _centre(pose: Pose) -> str:
    return point(np.asarray(pose.to_matsimnibs())[:3, 3])
