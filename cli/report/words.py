"""What the pages of computed fields and of a session say, from the results themselves."""

from markupsafe import Markup

from ..results.fields_result import FieldsResult
from ..results.placing import face_name
from ..results.session_result import SessionResult
from ..results.simulation import Simulation
from .page import Card, Section, checks, facts, paragraph, table
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


_LISTED = 30  # Poses; the others are in the summary.
_LARGE_ERROR = 0.3  # Of the mesh, in the head.
_LARGE_CORRECTION = 0.15  # Of a value for its mesh, relative.
_FAST = 5e-3  # Between the fast evaluation and the direct solution, relative.


def fields_cards(found: FieldsResult) -> list[Card]:
    """The figures at the head of computed fields: those of the pose that is shown."""
    shown, pose = found.shown, found.simulation.shown
    cards = [
        Card("dI/dt", f"{pose.didt / 1e6:.4g} A/µs"),
        Card("coil centre", point(pose.matrix[:3, 3]), "mm, head file"),
        Card(
            "clearance",
            f"{shown.place.clearance * 1e3:.1f} mm",
            f"{face_name(shown.place.casing)} to scalp",
        ),
        Card("error of the mesh", f"{shown.error.head:.1%}", "estimated, in the head"),
    ]
    if shown.field.target is not None:
        mean = shown.field.target.magnitude
        cards.insert(0, Card("mean |E| in the target", f"{mean:.4g} V/m"))
    elif shown.field.gray_matter is not None:
        peak = f"{shown.level(99.9):.4g} V/m"
        cards.insert(0, Card("|E| in gray matter", peak, "99.9% below"))
    return cards


def fields_sections(found: FieldsResult) -> list[Section]:
    """The tables of computed fields."""
    sections = [
        Section("Pose that is shown", pose_part(found.simulation.shown.matrix)),
        Section("Field of that pose", facts(field_rows(found.shown.field))),
    ]
    if len(found.names) > 1:
        sections.append(Section("All poses", _poses(found)))
    error = max(each.error.head for each in found.poses)
    cut = sum(each.place.clearance < 0 for each in found.poses)
    rows = [
        casing_check(
            found.poses[0].place.casing,
            cut == 0,
            "clear of the scalp in all poses"
            if cut == 0
            else f"cuts the scalp in {cut} of {len(found.names)} poses",
        ),
        (
            "error of the mesh",
            error <= _LARGE_ERROR,
            f"at most {error:.1%} in the head",
        ),
    ]
    return [*sections, Section("Checks", checks(rows))]


def _poses(found: FieldsResult) -> Markup:
    rows = []
    for number, (name, each) in enumerate(
        zip(found.names[:_LISTED], found.poses, strict=False)
    ):
        known = each.field.gray_matter is not None
        rows.append(
            (
                str(number),
                name,
                f"{each.level(50.0):.3g}" if known else "",
                f"{each.level(99.9):.3g}" if known else "",
                f"{each.place.clearance * 1e3:.1f}",
                f"{each.error.head:.1%}",
            )
        )
    head = ("pose", "name", "median V/m", "99.9% V/m", "clearance mm", "error")
    more = len(found.names) - _LISTED
    tail = paragraph(f"… and {more} more, in summary.json.") if more > 0 else Markup()
    return table(head, rows) + tail


def session_cards(found: SessionResult) -> list[Card]:
    """The figures at the head of a session."""
    shares, name = found.percentiles, found.simulation.shown.name
    return [
        Card("pulses", str(len(found.norms))),
        Card("field in the target", f"{shares[50]:.4g} V/m", "median of the pulses"),
        Card("5 to 95%", f"{shares[5]:.3g} – {shares[95]:.3g} V/m", "of the pulses"),
        Card(
            "strongest pulse",
            f"{found.strongest:.4g} V/m",
            name
            if found.mesh is None
            else f"{name}; ± {found.mesh.bar:.2g} V/m (mesh)",
        ),
    ]


def session_sections(found: SessionResult) -> list[Section]:
    """The tables of a session."""
    target, count = found.target, len(found.norms)
    rows = [
        ("target", f"({point([x * 1e3 for x in target.centre])}) mm"),
        ("shape", f"{target_shape(target)} in {target.tissue}"),
        *(
            (f"{share}% of the pulses below", f"{value:.4g} V/m")
            for share, value in found.percentiles.items()
        ),
    ]
    pulses = facts(rows) + paragraph("Each pulse is a row of pulses.csv.")
    matrix = found.simulation.shown.matrix
    sections = [
        Section("Pulses", pulses),
        Section("Pose of the strongest pulse", pose_part(matrix)),
    ]
    if found.uncertainty is not None:
        sections.append(Section("Uncertainty", uncertainty_part(found.uncertainty)))
    apart = abs(found.direct - found.strongest) / found.direct
    same = SAME if found.fast_error is None else _FAST
    done = [
        (
            "value by a direct solution",
            apart <= (same if found.mesh is None else _LARGE_CORRECTION),
            f"that of the strongest pulse differs by {apart:.1g}, relative"
            + (
                ""
                if found.mesh is None
                else ", as the others are corrected for the mesh"
            ),
        ),
        (
            "lifted coils",
            found.lifted == 0,
            f"{found.lifted} of {count} lifted off the scalp",
        ),
    ]
    return [*sections, Section("Checks", checks(done))]


def simulation_origin(found: Simulation) -> Section:
    """Where fields or a session come from."""
    subject = found.subject
    return origin_section(
        found.origin,
        f"{subject.head}: {subject.tetrahedra} tetrahedra",
        f"{subject.coil_name} ({subject.coil})",
        "by tissue" if found.anisotropy == "scalar" else str(found.tensors),
        found.seconds["total"],
    )
