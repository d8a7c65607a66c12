"""`tmsgrad plan`: what the steps chose, on what evidence, and how sure they are."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..report.page import (
    Section,
    facts,
    fill_page,
    links,
    paragraph,
    picture,
    write_page,
)
from ..runtime.outputs import write_json
from ..runtime.versions import versions
from .file import Plan, Run


_NOTE = "for research use only; no medical device"
_Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Step:
    """One run of a plan, in words.

    Attributes:
        title: What is decided: target, placement, dose, timing or files.
        command: That decided.
        chosen: What was.
        evidence: What that rests on.
        uncertainty: How sure it is.
        outputs: Files and folders.
    """

    title: str
    command: str
    chosen: str
    evidence: str
    uncertainty: str
    outputs: tuple[str, ...]

    def as_json(self, folder: Path) -> dict:
        """For a machine to read; names are relative to a folder."""
        return {
            "step": self.title,
            "command": self.command,
            "chosen": self.chosen,
            "evidence": self.evidence,
            "uncertainty": self.uncertainty,
            "outputs": [os.path.relpath(each, folder) for each in self.outputs],
        }


def write_journal(plan: Plan) -> dict[str, str]:
    """Write `NAME.json` and `NAME.html` beside a plan whose runs are finished.

    Raises:
        OSError: A file cannot be read or written.
    """
    folder = plan.path.parent
    steps = [_step(run) for run in plan.runs]
    title = f"Plan {plan.path.stem}"
    sections = [_section(step, folder) for step in steps]
    page = fill_page(
        "plan.html",
        title=title,
        subtitle=f"{len(steps)} steps of {plan.path.name}",
        sections=sections,
    )
    out = {
        "report": str(plan.path.with_suffix(".html")),
        "plan": str(plan.path.with_suffix(".json")),
    }
    write_page(Path(out["report"]), page)
    write_json(
        Path(out["plan"]),
        {
            "note": _NOTE,
            "plan": plan.path.name,
            "versions": versions(),
            "steps": [step.as_json(folder) for step in steps],
        },
    )
    print(f"report           {out['report']} ({_NOTE})")
    return out


def _step(run: Run) -> Step:
    command = run.options.command
    title, file, tell = _TOLD.get(command, ("Files", "", None))
    words = ("", "", "")
    if tell is not None:
        path = Path(run.writes[0]) / file
        words = tell(json.loads(path.read_text(encoding="utf-8")))
    return Step(title, command, *words, run.writes)


def _section(step: Step, folder: Path) -> Section:
    rows: _Rows = [("step", f"tmsgrad {step.command}")]
    for name, words in (
        ("chosen", step.chosen),
        ("evidence", step.evidence),
        ("how sure", step.uncertainty),
    ):
        if words:
            rows.append((name, words))
    names = []
    for each in step.outputs:
        shown = Path(each) / "report.html"
        names.append(os.path.relpath(shown if shown.is_file() else each, folder))
    drawn = Path(step.outputs[0]) / "overview.png" if step.outputs else None
    content = facts(rows) + paragraph("Files: " + links(names))
    if drawn and drawn.is_file():
        content += picture(drawn, "The placement.")
    return Section(step.title, content)


def _point(values: list[float]) -> str:
    return "(" + ", ".join(f"{x:.1f}" for x in values) + ") mm"


def _target(report: dict) -> tuple[str, str, str]:
    motion = report["motion"]
    return (
        f"{_point(report['centre_mm'])} in {report['space']} space, the centre of "
        f"{report['cluster_mm3']:.0f} mm³",
        f"mean Fisher z {report['mean_fisher_z']:.2f} with the seed {report['seed']}; "
        f"{motion['minutes']:.1f} min of data, {motion['kept']} of "
        f"{motion['volumes']} volumes, mean displacement "
        f"{motion['mean_framewise_displacement_mm']:.2f} mm",
        f"95 % of bootstrapped targets lie within {report['interval_95_radius_mm']:.1f} "
        f"mm; both halves of the data are {report['split_half_mm']:.1f} mm apart",
    )


def _connected(report: dict) -> tuple[str, str, str]:
    return (
        f"{_point(report['centre_mm'])} in {report['space']} space, the centre of "
        f"{report['cluster_mm3']:.0f} mm³",
        f"{report['reaching']} of {report['streamlines']} streamlines reach "
        f"{report['indirect']}, {report['ending_in_gray_matter']} of them end in gray "
        "matter",
        f"{report['inside_brain_share']:.0%} of the points lie in the brain; a number of "
        "streamlines is no strength of a connection",
    )


def _placement(report: dict) -> tuple[str, str, str]:
    centre = [row[3] for row in report["matsimnibs"][:3]]
    strength = report["value"] * report["didt"] / 1e6
    rules = [
        f"{each['rule']} {each['share_of_optimum']:.0%}"
        for each in report.get("rules") or []
    ]
    best = f"; by today's rules: {', '.join(rules)} of it" if rules else ""
    error = report["field"]["estimated_error"]["relative_l2_target"]
    sure = [f"error of the mesh {error:.1%} in the target"]
    lost = report["search"]["sensitivity"]
    if lost is not None:
        sure.append(
            f"{lost['lost_share']:.0%} are lost {lost['position_mm']:.1f} mm or "
            f"{lost['angle_degrees']:.0f}° off"
        )
    if report.get("uncertainty"):
        sure.insert(0, f"± {report['uncertainty']['sd']:.2g} V/m (1 sd)")
    sure += [f"warning: {each}" for each in report["warnings"]]
    return (
        f"{report['coil']['name']} at {_point(centre)}, dI/dt "
        f"{report['didt'] / 1e6:.4g} A/µs",
        f"{strength:.4g} V/m in the target ({report['objective']}), the best of "
        f"{report['search']['starts']} climbs, confirmed by a direct solve{best}",
        "; ".join(sure),
    )


def _dose(report: dict) -> tuple[str, str, str]:
    outputs = [
        f"{each['rule']}: {each['output']:.0%}"
        + ("" if each["reachable"] else " (not reachable)")
        for each in report["outputs"]
    ]
    active, sure = report["activation"], report["interval"]
    interval = ""
    if sure is not None:
        low, high = sure["interval_95"]
        interval = f"95 % of matched outputs within {low:.0%} to {high:.0%}; "
    return (
        "; ".join(outputs),
        f"motor threshold {report['threshold']:.0%} of the output; field by "
        f"{report['metric']}",
        f"{interval}{active['volume_mm3']:.0f} mm³ reach "
        f"{active['share_of_motor_field']:.0%} of M1's field at threshold, "
        f"{active['share_inside_target']:.0%} of it in the target",
    )


def _alpha(report: dict) -> tuple[str, str, str]:
    found = [each for each in report["channels"] if not each["reason"]]
    halves = " and ".join(
        "none" if each is None else f"{each:.2f}" for each in report["halves_hz"]
    )
    spread = report["spread_hz"]
    spread = "no spread" if spread is None else f"± {spread:.2f} Hz"
    return (
        f"{report['rate_hz']:g} Hz ({report['rate_from_10_hz']:+.1f} Hz from 10 Hz)",
        f"alpha peak {report['peak_hz']:.2f} Hz in {len(found)} of "
        f"{len(report['channels'])} channels",
        f"{spread} between channels; halves {halves} Hz",
    )


def _burst(report: dict) -> tuple[str, str, str]:
    (a, b), (c, d) = report["halves_hz"]
    return (
        f"bursts at {report['burst_rate_hz']:g} Hz, pulses at "
        f"{report['pulse_rate_hz']:g} Hz",
        f"modulation index {report['modulation_index']:.2g}, by chance p = "
        f"{report['chance']:.2g}",
        f"halves of the recording: {a:g} and {c:g} Hz, {b:g} and {d:g} Hz",
    )


def _pulses(report: dict) -> tuple[str, str, str]:
    return (
        f"pulses at {report['phase_degrees']:g}° of the rhythm, by {report['method']}",
        f"{report['pulses']} pulses in the recording played again",
        f"{report['mean_error_degrees']:+.1f}° ± {report['spread_degrees']:.1f}° off; "
        f"{report['hit_rate']:.0%} within 45°",
    )


_TOLD: dict[str, tuple[str, str, Callable[[dict], tuple[str, str, str]]]] = {
    "target functional": ("Target", "target.json", _target),
    "target structural": ("Target", "target.json", _connected),
    "optimize": ("Placement", "summary.json", _placement),
    "dose": ("Dose", "dose.json", _dose),
    "eeg alpha": ("Timing", "alpha.json", _alpha),
    "eeg burst": ("Timing", "burst.json", _burst),
    "eeg pulses": ("Timing", "pulses.json", _pulses),
}
