"""`tmsgrad map motor --report`: the page of a motor map.

By itself, so that other commands need not load what maps are made with.
"""

from pathlib import Path

from ..results.motor_result import MotorResult
from .motor_words import motor_cards, motor_sections
from .reporting import write_viewed


def report_motor(folder: Path, found: MotorResult, view: dict) -> None:
    """Write the page of a motor map."""
    head, names = Path(found.head).name, " and ".join(x.name for x in found.muscles)
    shown = next(each for each in found.muscles if each.placed is not None)
    words = (
        f"{found.matched}. Shown is the field of the pose that stimulates the place of "
        f"{shown.name} best, at its threshold."
    )
    write_viewed(
        folder,
        view,
        title=f"Motor map of {names} on {head}",
        cards=motor_cards(found),
        words=[words],
        sections=motor_sections(found, folder),
    )
