"""What a placement and a dose are in words, as steps of a plan."""

from collections.abc import Iterable

import numpy as np

from ... import optimize
from ..runtime.naming import place
from ..runtime.outcome import StepWords
from .best_placement import PlacementResult
from .dose_result import DoseResult


def placement_step(found: PlacementResult) -> StepWords:
    """A placement in words."""
    placement = found.placement
    rules = [f"{each.name} {each.share:.0%}" for each in found.rules or ()]
    best = f"; by today's rules: {', '.join(rules)} of it" if rules else ""
    return StepWords(
        "Placement",
        f"{found.subject.coil_name} at {place(placement.matrix[:3, 3])}, dI/dt "
        f"{placement.didt / 1e6:.4g} A/µs",
        f"{placement.strength:.4g} V/m in the target ({placement.objective}), the best of "
        f"{found.search.starts} climbs, {_checked(found)}{best}",
        "; ".join(_doubts(found)),
    )


def _checked(found: PlacementResult) -> str:
    if found.placement.mesh is None:
        return "confirmed by a direct solve"
    return "corrected for the mesh"


def _doubts(found: PlacementResult) -> Iterable[str]:
    if found.uncertainty is not None:
        yield f"± {found.uncertainty.deviation:.2g} V/m (1 sd)"
    placement = found.placement
    if placement.mesh is None:
        yield f"error of the mesh {found.error.target:.1%} in the target"
    else:
        yield f"± {placement.mesh.bar * placement.didt / 1e6:.2g} V/m by the mesh"
    lost = found.search.sensitivity
    if lost is not None:
        yield (
            f"{optimize.sensitivity.LOSS:.0%} are lost {lost.position * 1e3:.1f} mm or "
            f"{np.degrees(lost.angle):.0f}° off"
        )
    for each in found.warnings:
        yield f"warning: {each}"


def dose_step(found: DoseResult) -> StepWords:
    """A dose in words."""
    outputs = [
        f"{each.rule}: {each.output:.0%}"
        + ("" if each.reachable else " (not reachable)")
        for each in found.outputs
    ]
    active, interval = found.activation, ""
    if found.interval is not None:
        low, high = found.interval.ends
        interval = f"95% of matched outputs within {low:.0%} to {high:.0%}; "
    return StepWords(
        "Dose",
        "; ".join(outputs),
        f"motor threshold {found.threshold:.0%} of the output; field by {found.metric}",
        f"{interval}{active.volume * 1e9:.0f} mm³ reach {active.share:.0%} of M1's field "
        f"at threshold, {active.inside:.0%} of it in the target",
    )
