"""What the page of a motor map says, from the result itself."""

from pathlib import Path

import numpy as np

from ..results.motor_result import MotorResult
from ..results.muscle_result import MuscleResult
from .page import Card, Section, facts, picture, table
from .parts import origin_section, point, pose_part


_PICTURE = (
    "Left: R² on the cortex, and the region that holds the place (dots). Right: responses "
    "over the field at the optimum, with the curve and its threshold (dotted)."
)


def motor_cards(found: MotorResult) -> list[Card]:
    """The figures at the head: place and threshold of each muscle."""
    cards = []
    for each in found.muscles:
        if not each.found:
            cards.append(Card(each.name, "no place was found"))
            continue
        low, high = each.interval
        cards += [
            Card(
                f"{each.name}: place",
                point(np.array(each.optimum)),
                f"mm, head file; 95 % region within {1e3 * each.reach:.1f} mm",
            ),
            Card(
                f"{each.name}: threshold",
                f"{each.threshold:.3g} V/m",
                f"{low:.3g} to {high:.3g}",
            ),
        ]
    return cards


def motor_sections(found: MotorResult, folder: Path) -> list[Section]:
    """The tables and pictures of a motor map."""
    sections = []
    for each in found.muscles:
        drawn = folder / f"{each.file_name}.png"
        content = picture(drawn, _PICTURE) if drawn.is_file() else facts([])
        content += facts(_rows(each, found))
        if each.placed is not None:
            content += pose_part(each.placed.matrix)
        content += table(
            ("curve", "of the field", "R²", "best place, mm"),
            [
                (
                    one.curve,
                    one.component,
                    f"{one.explained:.3f}",
                    point(np.array(one.at)),
                )
                for one in each.others
            ],
        )
        sections.append(Section(each.name, content))
    if found.between:
        rows = [
            (" and ".join(each.muscles), "{:.1f} mm ({:.1f} to {:.1f})".format(*apart))
            for each in found.between
            for apart in [(each.distance, *each.interval)]
        ]
        sections.append(Section("Distances between muscles", facts(rows)))
    sections.append(
        origin_section(
            *(found.origin, found.head, found.coil, "as the command line gives it"),
            sum(found.seconds.values()),
        )
    )
    return sections


def _rows(muscle: MuscleResult, found: MotorResult) -> list[tuple[str, str]]:
    tail = f", Student's t with {1 / muscle.tail:g}" if muscle.tail else ""
    rows = [
        ("pulses with a response", str(muscle.pulses)),
        ("R² at its best place", f"{muscle.explained:.2f}"),
        ("R² of left-out pulses", f"{muscle.cross_validated:.2f}"),
        ("95 % region", f"{muscle.area:.0f} mm²"),
        ("curve", f"{found.curve} of the field's {found.component}"),
        ("noise of logarithms", f"{muscle.noise:.2f}{tail}"),
    ]
    if muscle.motor_threshold is not None:
        rate = muscle.motor_threshold
        share = (
            "" if muscle.maximum is None else f", {rate / muscle.maximum:.0%} output"
        )
        rows.append(
            ("motor threshold at the best pose", f"{rate / 1e6:.4g} A/µs{share}")
        )
    return rows + [("unsure", doubt) for doubt in muscle.doubts]
