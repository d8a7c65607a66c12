"""The first screen of a placement's page: five questions of a clinic, and their answers."""

import numpy as np

from ... import optimize
from ...efield.verdict import Verdict, verdict
from ..results.best_placement import PlacementResult
from .page import Answer


_USUAL = (40, 150)  # That cortex usually gets, by published simulations. [V/m]


def answers(found: PlacementResult) -> list[Answer]:
    """Where, how turned, how strong, how sure, and how much better than today's rule."""
    return [_where(found), _turned(found), _strong(found), _sure(found), _better(found)]


def distrust(found: PlacementResult) -> str:
    """When not to trust the plan."""
    of_others = found.subject.head.partition(":")[0] == "template"
    own = "the head is not this person's own"
    shared = "head and navigation do not share one T1"
    against = "; ".join(judged(found).reasons)
    return (
        f"{f'Against it speaks: {against}. ' if against else ''}Do not trust it where "
        f"{own if of_others else shared}, or a lesion, an implant or a hole in the skull "
        "is not among the head's tissues."
    )


def judged(found: PlacementResult) -> Verdict:
    """How far the field in the target can be relied on."""
    others = []
    if found.placement.cover is not None:
        others.append("the coil's casing is not known")
    if found.search.best.at_edge:
        others.append("a better place may lie beyond what was searched")
    return verdict(found.mesh_error, tuple(others))


def _where(found: PlacementResult) -> Answer:
    place = found.place
    if place is None:
        x, y, z = found.placement.matrix[:3, 3]
        return Answer(
            "Where",
            f"coil centre at ({x:.0f}, {y:.0f}, {z:.0f}) mm",
            "in the head file; no EEG positions are known near to it; " + _aim(found),
        )
    nearest, *others = [each.words for each in place.steps]
    tapes = ", ".join(f"{x * 1e2:.1f} cm from {n}" for n, x in place.tapes.items())
    by_tape = [f"by tape {tapes}"] if tapes else []
    return Answer("Where", nearest, "; ".join([*others, *by_tape, _aim(found)]))


def _aim(found: PlacementResult) -> str:
    """The target as a place of the brain."""
    x, y, z = (1e3 * each for each in found.target.centre)
    gyri, mni = found.gyri, found.target.mni
    at = f"({x:.0f}, {y:.0f}, {z:.0f}) mm"
    if mni is not None:
        at = "MNI ({:.0f}, {:.0f}, {:.0f})".format(*(1e3 * each for each in mni.centre))
    if gyri is None or gyri.target is None:
        return f"target {at}"
    return f"target {at}, {gyri.target}"


def _strongest(found: PlacementResult) -> str:
    """Where the field is strongest, where that is not the target."""
    peak, gyri = found.strongest, found.gyri
    if peak is None or peak.inside:
        return ""
    where = "" if gyri is None or gyri.strongest is None else f", {gyri.strongest}"
    return (
        f"; strongest in cortex {peak.value:.3g} V/m, {peak.apart * 1e3:.0f} mm from the "
        f"target's centre{where}"
    )


def _turned(found: PlacementResult) -> Answer:
    note = found.handle.price
    face = found.placement.face * 1e3
    touching = "touching the scalp" if face < 0.05 else f"{face:.1f} mm off the scalp"
    return Answer(
        "How turned",
        f"handle {found.handle.direction}",
        f"{note + '; ' if note else ''}coil {touching}",
    )


def _strong(found: PlacementResult) -> Answer:
    placement, dose, output = found.placement, found.dose, found.output
    rate = f"{placement.didt / 1e6:.3g} A/µs"
    low, high = _USUAL
    field = f"{placement.strength:.0f} V/m in the target (usual are {low} to {high})"
    if placement.wanted is None and dose is None:
        field = f"{placement.strength:.2f} V/m; --efield asks for a strength"
    field += _strongest(found)
    if output is None:
        return Answer(
            "How strong", rate, f"{field}; the stimulator's maximum is unknown"
        )
    of_threshold, machine = found.of_threshold, placement.machine or "the stimulator"
    by_threshold = (
        "" if of_threshold is None else f", {of_threshold:.0%} of motor threshold"
    )
    return Answer(
        "How strong", f"{output:.0%} of {machine}{by_threshold} ({rate})", field
    )


def _sure(found: PlacementResult) -> Answer:
    parts = []
    if found.mesh_error is not None:
        parts.append(f"mesh ± {found.mesh_error:.1%}")
    if found.uncertainty is not None:
        share = found.uncertainty.deviation / found.uncertainty.tissues.mean
        parts.append(f"tissues and placement ± {share:.0%} (1 sd)")
    else:
        parts.append("tissues and placement not asked for (--uncertainty)")
    lost = found.search.sensitivity
    if lost is not None:
        degrees = np.degrees(lost.angle)
        parts.append(f"5% are lost at {lost.position * 1e3:.0f} mm or {degrees:.0f}°")
    return Answer("How sure", judged(found).word, "; ".join(parts))


def _better(found: PlacementResult) -> Answer:
    if not found.rules:
        return Answer("Against today's rules", "not compared", "ask with --rules")
    usual = optimize.usual_rule(found.rules)
    gain = 1 / usual.share - 1 if usual.share > 0 else np.inf
    note = ", ".join(f"{rule.name} {rule.share:.0%}" for rule in found.rules)
    more = f"{gain:.0%} more field than {usual.name}"
    if gain < 0.005:
        more = f"no more field than {usual.name}"
    return Answer("Against today's rules", more, f"share of this plan's: {note}")
