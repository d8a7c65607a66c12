"""`tmsgrad plan`: what the steps chose, on what evidence, and how sure they are."""

import os
from collections.abc import Sequence
from pathlib import Path

from ...disk.as_json import write_json
from ..report.page import (
    Section,
    facts,
    fill_page,
    links,
    paragraph,
    picture,
    write_page,
)
from ..runtime.naming import PICTURE, subject_name
from ..runtime.notices import warn
from ..runtime.outcome import RESEARCH
from ..runtime.versions import versions
from .plan import Plan
from .running import FinishedRun


def write_journal(plan: Plan, steps: Sequence[FinishedRun]) -> dict[str, str]:
    """Write `NAME.json` and `NAME.html` beside a plan whose runs are finished.

    Where they cannot be written, as in a folder that is read-only, a warning says so: the
    runs have left what they were asked for.

    Args:
        plan: The plan, or a part of it, whose number then stands in the files' names.
        steps: Its runs.

    Returns:
        The files that were written.
    """
    path, folder = plan.path, plan.path.parent
    ending = f".{plan.part}" if plan.part else ""
    title = f"Plan {path.stem}{f', part {plan.part}' if plan.part else ''}"
    sections = [_section(step, folder) for step in steps]
    page = fill_page(
        "plan.html",
        title=title,
        subtitle=f"{len(steps)} steps of {path.name}",
        sections=sections,
    )
    out = {
        "report": str(path.with_suffix(f"{ending}.html")),
        "plan": str(path.with_suffix(f"{ending}.json")),
    }
    content = {
        "note": RESEARCH,
        "plan": path.name,
        "versions": versions(),
        "steps": [_as_json(step, folder) for step in steps],
    }
    try:
        write_page(Path(out["report"]), page)
        write_json(Path(out["plan"]), content)
    except OSError as error:
        reason = error.strerror or error
        warn(f"{path}: what its steps chose cannot be written beside it ({reason}).")
        return {}
    print(f"report           {out['report']} ({RESEARCH})")
    return out


def _as_json(run: FinishedRun, folder: Path) -> dict:
    """A step for a machine to read; names are relative to a folder."""
    return {
        "step": run.step.title,
        "command": run.run.options.command,
        "chosen": run.step.chosen,
        "evidence": run.step.evidence,
        "uncertainty": run.step.uncertainty,
        "outputs": [os.path.relpath(each, folder) for each in run.run.writes],
    }


def _about(run: FinishedRun) -> str:
    """Of whom, with which coil, and where: what sets a step apart."""
    options, words = run.run.options, []
    head = getattr(options, "head", None)
    if head is not None:
        words.append(f"of {subject_name(head)}")
    coil = getattr(options, "coil", None)
    if isinstance(coil, str):
        words.append(f"with {subject_name(coil).partition('.')[0]}")
    if run.run.writes:
        words.append(f"({Path(run.run.writes[0]).name})")
    return " ".join(words)


def _section(run: FinishedRun, folder: Path) -> Section:
    step, outputs, about = run.step, run.run.writes, _about(run)
    rows = [("step", f"tmsgrad {run.run.options.command}")]
    for name, words in (
        ("chosen", step.chosen),
        ("evidence", step.evidence),
        ("how sure", step.uncertainty),
    ):
        if words:
            rows.append((name, words))
    names = []
    for each in outputs:
        shown = Path(each) / "report.html"
        names.append(os.path.relpath(shown if shown.is_file() else each, folder))
    drawn = Path(outputs[0]) / PICTURE if outputs else None
    content = facts(rows) + paragraph("Files: " + links(names))
    if drawn and drawn.is_file():
        content += picture(drawn, f"{step.title} {about}.".replace(" .", "."))
    return Section(f"{step.title} {about}".strip(), content)
