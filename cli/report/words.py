"""What reports say of a plan, of computed fields and of a session, from their summaries."""

import json
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from ..results.best_placement import share_of_best
from ..results.directions import in_words
from .page import (
    Card,
    Section,
    checks,
    code,
    details,
    facts,
    paragraph,
    table,
)


_GOOD_RESIDUAL = 1e-6  # Of the linear system, relative.
_SAME = 1e-6  # Between reciprocity and the direct solution, relative.
_LARGE_ERROR = 0.15  # Of the mesh, in the target.
_TOLD = 30


def plan_cards(report: dict) -> list[Card]:
    """The figures at the head of a plan."""
    output, note = _output(report)
    spread = report.get("uncertainty")
    return [
        Card(
            "field in the target",
            f"{_strength(report):.4g} V/m",
            report["objective"]
            + ("" if spread is None else f"; ± {spread['sd']:.2g} V/m (1 sd)"),
        ),
        Card("dI/dt", f"{report['didt'] / 1e6:.4g} A/µs"),
        *([] if output is None else [Card("output", f"{output:.0%}", note)]),
        Card("coil centre", _point(_centre(report["matsimnibs"])), "mm, head file"),
        Card(
            "clearance",
            f"{report['scalp_clearance_mm']:.1f} mm",
            "casing to scalp",
        ),
        Card(
            "error of the mesh",
            f"{report['field']['estimated_error']['relative_l2_target']:.1%}",
            "estimated, in the target",
        ),
    ]


def plan_words(report: dict) -> list[str]:
    """A plan in sentences."""
    matrix, target = np.asarray(report["matsimnibs"]), report["target"]
    output, note = _output(report)
    of_output = "" if output is None else f" ({output:.0%} {note})"
    mni = target["mni"]
    asked = "" if mni is None else f", MNI ({_point(mni['centre_mni_mm'])}) mm"
    words = [
        f"Place the centre of {report['coil']['name']} at ({_point(matrix[:3, 3])}) mm, "
        f"{report['distance_mm']:.1f} mm from the scalp along the coil's axis, with the "
        f"handle pointing {in_words(-matrix[:3, 1])}. Driven with "
        f"{report['didt'] / 1e6:.4g} A/µs{of_output}, it gives the target, "
        f"{_shape(target)} in {target['tissue']} around "
        f"({_point(target['centre_mm'])}) mm{asked}, a field of "
        f"{_strength(report):.4g} V/m ({report['objective']})."
    ]
    dose = report.get("dose")
    bound = ("avoided", "bound_by", "stimulator_output")
    if dose is not None and any(dose[name] for name in bound):
        words.append(f"{dose['statement'].rstrip('.')}.")
    lost = report["search"]["sensitivity"]
    if lost is not None:
        words.append(
            f"{lost['lost_share']:.0%} of the field in the target are lost by moving the "
            f"coil {lost['position_mm']:.1f} mm along the scalp, or by turning it "
            f"{lost['angle_degrees']:.0f}° in its plane."
        )
    return words


def plan_sections(report: dict) -> list[Section]:
    """The tables of a plan."""
    matrix = np.asarray(report["matsimnibs"])
    found = [
        Section("Pose", _pose(matrix, report)),
        Section("Field", facts(_field_rows(report["field"]))),
    ]
    if report.get("uncertainty") is not None:
        found.append(Section("Uncertainty", _uncertainty(report["uncertainty"])))
    dose = report.get("dose")
    if dose is not None and dose["avoided"]:
        rows = [
            (each["region"], f"{each['mean']:.4g} V/m", _limit(each["limit"]))
            for each in dose["avoided"]
        ]
        found.append(
            Section("Regions to spare", table(("region", "mean |E|", "limit"), rows))
        )
    if report.get("rules"):
        rows = [
            (
                each["rule"],
                f"{each['value']:.4g} V/m",
                f"{each['share_of_optimum']:.1%}",
                f"({_point(_centre(each['matsimnibs']))}) mm",
            )
            for each in report["rules"]
        ]
        head = ("rule", "at 1e6 A/s", "share of the best", "coil centre")
        found.append(Section("Clinical rules", table(head, rows)))
    others = report["optima"][1:6]
    if others:
        rows = [
            (
                share_of_best(each),
                f"({_point(_centre(each['matsimnibs']))}) mm",
                in_words(-np.asarray(each["matsimnibs"])[:3, 1]),
            )
            for each in others
        ]
        head = ("value", "coil centre", "handle towards")
        found.append(Section("Other optima", table(head, rows)))
    return [*found, Section("Checks", checks(_plan_checks(report)))]


def _plan_checks(report: dict) -> list[tuple[str, bool, str]]:
    field, search = report["field"], report["search"]
    apart = abs(report["reciprocal_value"] - report["value"]) / abs(report["value"])
    residual = report["solver"]["relative_residual"]
    share = report["share_of_max_didt"]
    rows = [
        (
            "value by a direct solution",
            apart <= _SAME,
            f"the search's value by reciprocity differs by {apart:.1g}, relative",
        ),
        ("solver", residual <= _GOOD_RESIDUAL, f"relative residual {residual:.1g}"),
        (
            "error of the mesh",
            field["estimated_error"]["relative_l2_target"] <= _LARGE_ERROR,
            f"estimated: {field['estimated_error']['relative_l2_target']:.1%} in the "
            f"target, {field['estimated_error']['relative_l2_head']:.1%} in the head",
        ),
        (
            "casing",
            report["scalp_clearance_mm"] >= -1e-6,
            f"{report['scalp_clearance_mm']:.2f} mm clear of the scalp",
        ),
        (
            "search",
            search["converged"] > 0,
            f"{search['converged']} of {search['starts']} starts converged, "
            f"{search['evaluations']} evaluations",
        ),
        (
            "domain",
            not search["at_edge"],
            "the best pose lies at the border of what was searched: a better one may lie "
            "beyond"
            if search["at_edge"]
            else "the best pose lies inside what was searched",
        ),
    ]
    if share is not None:
        rows.append(
            (
                "coil's limit",
                share <= 1,
                f"{share:.0%} of the largest dI/dt of the coil",
            )
        )
    if report.get("dose") is not None:
        dose = report["dose"]
        rows.append(("dose", bool(dose["reachable"]), dose["statement"]))
    mni = report["target"]["mni"]
    if mni is not None:
        rows.append(
            (
                "MNI space",
                True,
                f"{mni['transform']}; there and back: {mni['return_error_mm']:.2f} mm",
            )
        )
    return rows


def fields_cards(report: dict) -> list[Card]:
    """The figures at the head of computed fields: those of the pose that is shown."""
    shown, matrix = report["fields"][0], np.asarray(report["shown"]["matsimnibs"])
    cards = [
        Card("dI/dt", f"{report['shown']['didt'] / 1e6:.4g} A/µs"),
        Card("coil centre", _point(matrix[:3, 3]), "mm, head file"),
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
        Section("Pose that is shown", _pose(matrix, None)),
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


def session_sections(report: dict) -> list[Section]:
    """The tables of a session."""
    best, target = report["strongest"], report["target"]
    apart = abs(best["direct_solve"] - best["value"]) / best["direct_solve"]
    allowed = _SAME if report["fast_error"] is None else 5e-3
    rows = [
        ("target", f"({_point(target['centre_mm'])}) mm"),
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
            _pose(np.asarray(report["shown"]["matsimnibs"]), None),
        ),
    ]
    if report["uncertainty"] is not None:
        found.append(Section("Uncertainty", _uncertainty(report["uncertainty"])))
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


def origin_section(report: dict) -> Section:
    """Where a result comes from."""
    origin = report["provenance"]
    rows = [
        ("started", origin["started"]),
        (
            "head",
            f"{report['head']['source']}: {report['head']['tetrahedra']} tetrahedra",
        ),
        ("coil", f"{report['coil']['name']} ({report['coil']['source']})"),
        (
            "conductivity",
            "by tissue" if report["anisotropy"] == "scalar" else report["tensors"],
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in origin["versions"].items())),
        ("time", f"{report['seconds']['total']:.1f} s"),
    ]
    inputs = [
        (name, str(each["file"]), f"{each['bytes']} bytes", str(each["sha256"]))
        for name, each in origin["inputs"].items()
    ]
    settings = json.dumps(origin["settings"], ensure_ascii=False)
    return Section(
        "Provenance",
        facts(rows)
        + code(origin["command"])
        + (table(("input", "file", "size", "SHA-256"), inputs) if inputs else Markup())
        + details("All settings", code(settings)),
    )


def _pose(matrix: np.ndarray, report: dict | None) -> Markup:
    rows = [
        ("coil centre", f"({_point(matrix[:3, 3])}) mm"),
        ("coil axis, into the head", f"({_direction(matrix[:3, 2])})"),
        (
            "handle",
            f"({_direction(-matrix[:3, 1])}), {in_words(-matrix[:3, 1])}",
        ),
    ]
    if report is not None:
        rows += [
            ("scalp to coil centre, along the axis", f"{report['distance_mm']:.2f} mm"),
            ("casing to scalp", f"{report['scalp_clearance_mm']:.2f} mm"),
        ]
    lines = "\n".join(" ".join(f"{x:12.6f}" for x in row) for row in matrix)
    return facts(rows) + paragraph("matsimnibs, mm (also in pose.txt):") + code(lines)


def _field_rows(field: dict) -> list[tuple[str, str]]:
    rows = []
    if "target_mean_vector" in field:
        vector = np.asarray(field["target_mean_vector"])
        rows += [
            ("mean vector in the target", f"({_point(vector)}) V/m"),
            ("its norm", f"{np.linalg.norm(vector):.4g} V/m"),
            ("mean |E| in the target", f"{field['target_mean_magnitude']:.4g} V/m"),
        ]
    for share, value in field.get("gray_matter_percentiles", {}).items():
        rows.append((f"{share} % of gray matter below", f"{value:.4g} V/m"))
    if "gray_matter_maximum_at_mm" in field:
        rows.append(
            ("strongest place", f"({_point(field['gray_matter_maximum_at_mm'])}) mm")
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


def _uncertainty(found: dict) -> Markup:
    mean = found["value_mean"]
    rows = [
        (
            row["input"],
            f"{row['mean']:.3g} ± {row['sd']:.2g} S/m"
            if row["unit"] == "S/m"
            else f"± {row['sd']:.3g} {row['unit']}",
            f"± {row['effect']:.3g} V/m ({row['effect'] / mean:.1%})",
            f"{row['share']:.0%}",
        )
        for row in sorted(found["inputs"], key=lambda row: -row["share"])
    ]
    low, high = found["conductivities"]["interval_95"]
    head = ("input", "1 sd", "effect on the field in the target", "of the variance")
    words = (
        f"All together ± {found['sd']:.3g} V/m (1 sd, {found['sd'] / mean:.1%}); with the "
        f"tissues alone 95 % lie within {low:.4g} to {high:.4g} V/m."
    )
    return paragraph(words) + table(head, rows)


def _output(report: dict) -> tuple[float | None, str]:
    dose = report.get("dose")
    if dose is not None and dose["stimulator_output"] is not None:
        return dose["stimulator_output"], "of the stimulator's output"
    return report["share_of_max_didt"], "of the coil's largest dI/dt"


def _strength(report: dict) -> float:
    return report["value"] * report["didt"] / 1e6


def _limit(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g} V/m"


def _centre(matrix: list) -> np.ndarray:
    return np.asarray(matrix)[:3, 3]


def _point(values) -> str:
    return ", ".join(f"{x:.1f}" for x in values)


def _direction(values) -> str:
    return ", ".join(f"{x:.3f}" for x in values)


def _shape(target: dict) -> str:
    if target.get("map") is None:
        return f"a ball of {target['radius_mm']:g} mm radius"
    return f"the map {target['map']['file']}"
