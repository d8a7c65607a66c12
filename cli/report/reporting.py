"""`--report`: put what a command found on one page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float
from markupsafe import Markup
from numpy import ndarray
from numpy.typing import ArrayLike

from ...coils import Coil, Pose
from ...disk.as_json import write_json
from ...efield.pictures.hulls import hull_of
from ...meshing import HeadMesh
from ...meshing.pictures.view import view_data
from ..results.best_placement import PlacementResult
from ..results.fields_result import FieldsResult
from ..results.session_result import SessionResult
from ..runtime.notices import dispensable, heard
from ..runtime.progress import Progress
from .answers import answers, distrust
from .page import (
    NOTHING,
    Answer,
    Card,
    Page,
    Section,
    picture,
    write_report,
)
from .plan_words import plan_cards, plan_sections, plan_words
from .words import (
    fields_cards,
    fields_sections,
    session_cards,
    session_sections,
    simulation_origin,
)


REPORT = "report.html"
INTERACTIVE = "page.html"  # Beside it.
TARGET_PICTURE = "target.png"
_OVERVIEW = (
    "Left: the cortex as the coil sees it, coloured by |E|, with the outline of the coil. "
    "Middle: the coil on the scalp. Right: two standard views."
)
_TARGET = (
    "Slices through the target and where the field is strongest, on the person's T1 where "
    "there is one; this plan's coil and that of today's rule."
)
_SUBTITLE = "tmsgrad · for research use only"


def look_at(
    head: HeadMesh,
    magnitude: ArrayLike,
    pose: Pose,
    coil: Coil,
    target: tuple[Float[ndarray, "3"], float] | None,
) -> dict:
    """Make the surfaces of the page's view, as `view_data`."""
    return view_data(head, magnitude, pose.matrix, hull_of(coil), target)


def try_view(wanted: bool, progress: Progress, make: Callable[[], dict]) -> dict | None:
    """Make the view of a page where one is wanted; a warning where that fails."""
    if not wanted:
        return None
    progress.stage("report", "report")
    with dispensable("report.html"):
        return make()


def write_result(
    folder: Path,
    result: PlacementResult | FieldsResult | SessionResult,
    view: dict | None,
    report: Callable[[Path, Any, dict], None],
) -> None:
    """Write `summary.json`, and the page where there is a view for it."""
    write_json(folder / "summary.json", result.to_json())
    if view is not None:
        with dispensable("report.html"):
            report(folder, result, view)


def report_plan(folder: Path, found: PlacementResult, view: dict) -> None:
    """Write the page of a placement, which links an interactive one beside it."""
    coil, head = found.subject.coil_name, Path(found.subject.head).name
    write_viewed(
        folder,
        view,
        title=f"Best placement of {coil} on {head}",
        subtitle=f"{found.placement.objective} in the target · {_SUBTITLE}",
        cards=plan_cards(found),
        words=plan_words(found),
        sections=plan_sections(found),
        answered=answers(found),
        warned=distrust(found),
        beside=INTERACTIVE if (folder / INTERACTIVE).is_file() else "",
        first=_picture(folder / TARGET_PICTURE, _TARGET),
    )


def _picture(path: Path, caption: str) -> Markup:
    return picture(path, caption) if path.is_file() else NOTHING


def report_fields(folder: Path, found: FieldsResult, view: dict) -> None:
    """Write the page of computed fields."""
    subject, shown = found.simulation.subject, found.simulation.shown
    coil, head, count = subject.coil_name, Path(subject.head).name, len(found.poses)
    words = (
        f"The field of {coil} on {head} was computed for {count} "
        f"pose{'s' * (count > 1)}. Shown is {shown.name!r} at "
        f"{shown.didt / 1e6:.4g} A/µs."
    )
    write_viewed(
        folder,
        view,
        title=f"Field of {coil} on {head}",
        cards=fields_cards(found),
        words=[words],
        sections=[*fields_sections(found), simulation_origin(found.simulation)],
    )


def report_session(folder: Path, found: SessionResult, view: dict) -> None:
    """Write the page of a session."""
    subject, shown = found.simulation.subject, found.simulation.shown
    coil, head, count = subject.coil_name, Path(subject.head).name, len(found.norms)
    words = (
        f"{count} pulses of {coil} gave the target a mean field of "
        f"{found.percentiles[50]:.4g} V/m in the median. Shown is the strongest pulse, "
        f"{shown.name!r}, at {shown.didt / 1e6:.4g} A/µs."
    )
    write_viewed(
        folder,
        view,
        title=f"{count} pulses of {coil} on {head}",
        cards=session_cards(found),
        words=[words],
        sections=[*session_sections(found), simulation_origin(found.simulation)],
    )


def write_viewed(
    folder: Path,
    view: dict,
    *,
    title: str,
    cards: Sequence[Card],
    words: Sequence[str],
    sections: Sequence[Section],
    subtitle: str = _SUBTITLE,
    answered: Sequence[Answer] = (),
    warned: str = "",
    beside: str = "",
    first: Markup = NOTHING,
) -> None:
    """Write a page with the view of a field, and the overview where there is one."""
    overview = folder / "overview.png"
    page = Page(
        title=title,
        subtitle=subtitle,
        cards=cards,
        words=words,
        warnings=heard(),
        pictures={overview: _OVERVIEW} if overview.is_file() else {},
        view=view,
        sections=sections,
        answers=answered,
        distrust=warned,
        beside=beside,
        first=first,
    )
    write_report(folder / REPORT, page)
