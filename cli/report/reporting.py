"""`--report`: put what a command found on one page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ... import optimize
from ...coils import Coil, Pose
from ...meshing import HeadMesh
from ..results.best_placement import PlacementResult
from ..results.fields import in_metres
from ..results.uncertainty import UncertaintyResult
from ..runtime.notices import heard
from .page import (
    Card,
    Page,
    Section,
    write_report,
)
from .plan_words import plan_cards, plan_sections, plan_words
from .view import view_data
from .words import (
    fields_cards,
    fields_sections,
    origin_of,
    session_cards,
    session_sections,
)


REPORT = "report.html"
_OVERVIEW = (
    "Left: the cortex as the coil sees it, coloured by |E|, with the outline of the coil. "
    "Middle: the coil on the scalp. Right: two standard views."
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
    samples = optimize.casing_samples(coil)
    return view_data(head, magnitude, in_metres(pose), samples, target)


def report_plan(folder: Path, found: PlacementResult, view: dict) -> None:
    """Write the page of a placement."""
    coil, head = found.subject.coil_name, Path(found.subject.head).name
    _write(
        folder,
        view,
        title=f"Best placement of {coil} on {head}",
        subtitle=f"{found.placement.objective} in the target · {_SUBTITLE}",
        cards=plan_cards(found),
        words=plan_words(found),
        sections=plan_sections(found),
    )


def report_fields(folder: Path, summary: dict, view: dict) -> None:
    """Write the page of computed fields."""
    name, poses = _head(summary), summary["poses"]
    shown = summary["shown"]
    words = (
        f"The field of {summary['coil']['name']} on {name} was computed for {poses} "
        f"pose{'s' * (poses > 1)}. Shown is {shown['name']!r} at "
        f"{shown['didt'] / 1e6:.4g} A/µs."
    )
    _write(
        folder,
        view,
        title=f"Field of {summary['coil']['name']} on {name}",
        cards=fields_cards(summary),
        words=[words],
        sections=[
            *fields_sections(summary, summary["names"]),
            origin_of(summary),
        ],
    )


def report_session(
    folder: Path, summary: dict, view: dict, uncertainty: UncertaintyResult | None
) -> None:
    """Write the page of a session."""
    best, shares = summary["strongest"], summary["target_E_norm_percentiles"]
    words = (
        f"{summary['poses']} pulses of {summary['coil']['name']} gave the target a mean "
        f"field of {shares['50']:.4g} V/m in the median. Shown is the strongest pulse, "
        f"{best['name']!r}, at {summary['shown']['didt'] / 1e6:.4g} A/µs."
    )
    _write(
        folder,
        view,
        title=f"{summary['poses']} pulses of {summary['coil']['name']} on "
        f"{_head(summary)}",
        cards=session_cards(summary),
        words=[words],
        sections=[*session_sections(summary, uncertainty), origin_of(summary)],
    )


def _write(
    folder: Path,
    view: dict,
    *,
    title: str,
    cards: Sequence[Card],
    words: Sequence[str],
    sections: Sequence[Section],
    subtitle: str = _SUBTITLE,
) -> None:
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
    )
    write_report(folder / REPORT, page)


def _head(summary: dict) -> str:
    return Path(summary["head"]["source"]).name


def shown_pose(name: str, pose: Pose, rate: float) -> dict:
    """What a summary tells of the pose that is pictured."""
    return {
        "name": name,
        "matsimnibs": np.asarray(pose.to_matsimnibs()).tolist(),
        "didt": float(rate),
    }
