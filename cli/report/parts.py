"""Parts of pages that several commands share."""

import json
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from numpy import ndarray
from numpy.typing import ArrayLike

from ...efield import UncertaintyTable
from ..results.directions import in_words
from ..results.figures import FieldFigures, TargetFigures
from ..runtime.provenance import Provenance
from .page import Section, code, details, facts, paragraph, table


SAME = 1e-6  # Between reciprocity and the direct solution, relative.


def point(values: ArrayLike) -> str:
    """Write a place or a vector."""
    return ", ".join(f"{x:.1f}" for x in np.asarray(values))


def pose_part(
    matrix: Float[ndarray, "4 4"], more: Sequence[tuple[str, str]] = ()
) -> Markup:
    """Describe a pose [mm], with more rows for its table."""
    rows = [
        ("coil centre", f"({point(matrix[:3, 3])}) mm"),
        ("coil axis, into the head", f"({_direction(matrix[:3, 2])})"),
        (
            "handle",
            f"({_direction(-matrix[:3, 1])}), {in_words(-matrix[:3, 1])}",
        ),
        *more,
    ]
    lines = "\n".join(" ".join(f"{x:12.6f}" for x in row) for row in matrix)
    return facts(rows) + paragraph("matsimnibs, mm (also in pose.txt):") + code(lines)


def uncertainty_part(found: UncertaintyTable) -> Markup:
    """Describe what makes a field uncertain."""
    mean = found.tissues.mean
    rows = [
        (
            each.name,
            each.size,
            f"± {each.effect:.3g} V/m ({each.effect / mean:.1%})",
            f"{each.share:.0%}",
        )
        for each in found.ranked
    ]
    head = ("input", "1 sd", "effect on the field in the target", "of the variance")
    words = (
        f"All together ± {found.deviation:.3g} V/m (1 sd, {found.deviation / mean:.1%}); "
        f"with the tissues alone 95% lie within {found.tissues.low:.4g} to "
        f"{found.tissues.high:.4g} V/m."
    )
    return paragraph(words) + table(head, rows)


def casing_check(known: bool, clear: bool, words: str) -> tuple[str, bool | None, str]:
    """A row of checks: whether the casing is clear of the scalp, where it is known."""
    if known:
        return "casing", clear, words
    return "casing", None, "the coil's file has none: keep its windings' cover in mind"


def field_rows(field: FieldFigures) -> list[tuple[str, str]]:
    """Describe a field, row by row."""
    rows, aimed, gray = [], field.target, field.gray_matter
    if aimed is not None:
        rows += [
            ("mean vector in the target", f"({point(aimed.vector)}) V/m"),
            ("its norm", f"{np.linalg.norm(aimed.vector):.4g} V/m"),
            ("mean |E| in the target", f"{aimed.magnitude:.4g} V/m"),
        ]
    if gray is not None:
        rows += [
            (f"{share}% of gray matter below", f"{value:.4g} V/m")
            for share, value in gray.percentiles.items()
        ]
        rows.append(("strongest place", f"({point(gray.strongest * 1e3)}) mm"))
        rows += [
            (
                f"focality: gray matter above {share}% of its 99.9th percentile",
                f"{volume * 1e6:.3g} cm³",
            )
            for share, volume in gray.volumes_above.items()
        ]
    return rows


def target_shape(target: TargetFigures) -> str:
    """Describe the extent of a target."""
    if target.map is None:
        return f"a ball of {target.radius * 1e3:g} mm radius"
    return f"the map {target.map.choice.file}"


def origin_section(
    origin: Provenance, head: str, coil: str, conductivity: str, seconds: float
) -> Section:
    """Say where a result comes from.

    Args:
        origin: The run.
        head: In words.
        coil: In words.
        conductivity: In words.
        seconds: In all. [s]
    """
    rows = [
        ("started", origin.started),
        ("head", head),
        ("coil", coil),
        ("conductivity", conductivity),
        ("versions", ", ".join(f"{k} {v}" for k, v in origin.versions.items())),
        ("time", f"{seconds:.1f} s"),
    ]
    inputs = [
        (name, str(each["file"]), f"{each['bytes']} bytes", str(each["sha256"]))
        for name, each in origin.inputs.items()
    ]
    settings = json.dumps(origin.settings, ensure_ascii=False)
    return Section(
        "Provenance",
        facts(rows)
        + code(origin.command)
        + (table(("input", "file", "size", "SHA-256"), inputs) if inputs else Markup())
        + details("All settings", code(settings)),
    )


def _direction(values: ArrayLike) -> str:
    return ", ".join(f"{x:.3f}" for x in np.asarray(values))
