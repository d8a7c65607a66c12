"""What reports say of computed fields and of a session, from their summaries."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from ..results.uncertainty import UncertaintyResult
from ..runtime.provenance import Provenance
from .page import Card, Section, checks, facts, paragraph, table
from .parts import SAME, origin_section, point, pose_part, uncertainty_part


_TOLD = 30


def fields_cards(report: dict) -> list[Card]:
    """The figures at the head of computed fields: those of the pose that is shown."""
    shown, matrix = report["fields"][0], np.asarray(report["shown"]["matsimnibs"])
    cards = [
        Card("dI/dt", f"{report['shown']['didt'] / 1e6:.4g} A/µs"),
        Card("coil centre", point(matrix[:3, 3]), "mm, head file"),
        Card("clearance", f"{shown['scalp_clearance_mm']:.1f} mm", "casing to scalp"),
        Card(
            "error of the mesh",
            f"{shown['estimated_error']['relative_l2_head']:.1%}",
            "estimated, in the head",
        ),
    ]
    if "target_mean_magnitude" in shown:
        mean = shown["target_mean_magnitude"]
        cards.insert(0, Card("mean |E| in the target", f"{mean:.4g} V/m"))
    elif "gray_matter_percentiles" in shown:
        peak = shown["gray_matter_percentiles"]["99.9"]
        cards.insert(0, Card("|E| in gray matter", f"{peak:.4g} V/m", "99.9 % below"))
    return cards


def fields_sections(report: dict, names: Sequence[str]) -> list[Section]:
    """The tables of computed fields."""
    shown = report["fields"][0]
    matrix = np.asarray(report["shown"]["matsimnibs"])
    found = [
        Section("Pose that is shown", pose_part(matrix)),
        Section("Field of that pose", facts(_field_rows(shown))),
    ]
    if len(names) > 1:
        rows = []
        for number, (name, each) in enumerate(
            zip(names[:_TOLD], report["fields"], strict=False)
        ):
            levels = each.get("gray_matter_percentiles", {})
            rows.append(
                (
                    str(number),
                    name,
                    f"{levels['50.0']:.3g}" if levels else "",
                    f"{levels['99.9']:.3g}" if levels else "",
                    f"{each['scalp_clearance_mm']:.1f}",
                    f"{each['estimated_error']['relative_l2_head']:.1%}",
                )
            )
        head = ("pose", "name", "median V/m", "99.9 % V/m", "clearance mm", "error")
        more = len(names) - _TOLD
        tail = (
            paragraph(f"… and {more} more, in summary.json.") if more > 0 else Markup()
        )
        found.append(Section("All poses", table(head, rows) + tail))
    error = max(e["estimated_error"]["relative_l2_head"] for e in report["fields"])
    cut = sum(each["scalp_clearance_mm"] < 0 for each in report["fields"])
    rows = [
        (
            "casing",
            cut == 0,
            "clear of the scalp in all poses"
            if cut == 0
            else f"cuts the scalp in {cut} of {len(names)} poses",
        ),
        ("error of the mesh", error <= 0.3, f"at most {error:.1%} in the head"),
    ]
    return [*found, Section("Checks", checks(rows))]


def session_cards(report: dict) -> list[Card]:
    """The figures at the head of a session."""
    shares, best = report["target_E_norm_percentiles"], report["strongest"]
    return [
        Card("pulses", str(report["poses"])),
        Card("field in the target", f"{shares['50']:.4g} V/m", "median of the pulses"),
        Card(
            "5 to 95 %", f"{shares['5']:.3g} – {shares['95']:.3g} V/m", "of the pulses"
        ),
        Card("strongest pulse", f"{best['value']:.4g} V/m", best["name"]),
    ]


def session_sections(
    report: dict, uncertainty: UncertaintyResult | None
) -> list[Section]:
    """The tables of a session."""
    best, target = report["strongest"], report["target"]
    apart = abs(best["direct_solve"] - best["value"]) / best["direct_solve"]
    allowed = SAME if report["fast_error"] is None else 5e-3
    rows = [
        ("target", f"({point(target['centre_mm'])}) mm"),
        ("shape", f"{_shape(target)} in {target['tissue']}"),
        *(
            (f"{share} % of the pulses below", f"{value:.4g} V/m")
            for share, value in report["target_E_norm_percentiles"].items()
        ),
    ]
    found = [
        Section(
            "Pulses", facts(rows) + paragraph("Each pulse is a row of pulses.csv.")
        ),
        Section(
            "Pose of the strongest pulse",
            pose_part(np.asarray(report["shown"]["matsimnibs"])),
        ),
    ]
    if uncertainty is not None:
        found.append(Section("Uncertainty", uncertainty_part(uncertainty)))
    done = [
        (
            "value by a direct solution",
            apart <= allowed,
            f"that of the strongest pulse differs by {apart:.1g}, relative",
        ),
        (
            "lifted coils",
            report["lifted_poses"] == 0,
            f"{report['lifted_poses']} of {report['poses']} lifted off the scalp",
        ),
    ]
    return [*found, Section("Checks", checks(done))]


def origin_of(report: dict) -> Section:
    """Where a result comes from."""
    return origin_section(
        Provenance(**report["provenance"]),
        f"{report['head']['source']}: {report['head']['tetrahedra']} tetrahedra",
        f"{report['coil']['name']} ({report['coil']['source']})",
        "by tissue" if report["anisotropy"] == "scalar" else report["tensors"],
        report["seconds"]["total"],
    )


def _field_rows(field: dict) -> list[tuple[str, str]]:
    rows = []
    if "target_mean_vector" in field:
        vector = np.asarray(field["target_mean_vector"])
        rows += [
            ("mean vector in the target", f"({point(vector)}) V/m"),
            ("its norm", f"{np.linalg.norm(vector):.4g} V/m"),
            ("mean |E| in the target", f"{field['target_mean_magnitude']:.4g} V/m"),
        ]
    for share, value in field.get("gray_matter_percentiles", {}).items():
        rows.append((f"{share} % of gray matter below", f"{value:.4g} V/m"))
    if "gray_matter_maximum_at_mm" in field:
        rows.append(
            ("strongest place", f"({point(field['gray_matter_maximum_at_mm'])}) mm")
        )
    focality = field.get("focality")
    if focality is not None:
        for share, volume in focality["volume_mm3_above_percent"].items():
            rows.append(
                (
                    f"focality: gray matter above {share} % of its 99.9th percentile",
                    f"{volume / 1e3:.3g} cm³",
                )
            )
    return rows


def _shape(target: dict) -> str:
    if target.get("map") is None:
        return f"a ball of {target['radius_mm']:g} mm radius"
    return f"the map {target['map']['file']}"
