"""What `optimize` tells of the current, of limits and rules, and of the sensitivity."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import optimize
from ...coils import Coil, Stimulator
from ...efield import ElectricField
from ...meshing import Fiducials, Region, Scalp
from ..inputs.files import from_mni
from ..inputs.goals import Goal, Wishes
from ..runtime.notices import warn


_FORWARD = (5.0, 5.5, 6.0)  # [cm]
# The usual MNI target in left dorsolateral prefrontal cortex: the middle of area 46, one of
# the sites compared by Fox et al. 2012 (doi:10.1016/j.biopsych.2012.04.028), and not their
# place of strongest anticorrelation; as quoted, not checked.
_AREA_46 = (-44.0, 40.0, 29.0)
_NEAR = 40e-3  # That a target is when the rule is one for it. [m]


def choose_dose(
    wishes: Wishes,
    wanted: float | None,
    goal: Goal,
    field: ElectricField,
    value: float,
) -> optimize.Dose | None:
    """Choose the current, if it is asked for: else there is none to choose."""
    most = wishes.stimulator
    if wanted is None and most is None and not goal.avoided:
        return None
    limits = goal.limits(field)
    if wanted is None and most is None and not limits:
        return None
    machine = None if most is None else Stimulator(max_current_rate=most)
    return optimize.dose(value, 1e6, wanted, stimulator=machine, limits=limits)


def dose_report(
    dose: optimize.Dose | None, goal: Goal, scaled: ElectricField
) -> dict | None:
    """Put a dose in the summary's words."""
    if dose is None:
        return None
    return {
        "reached": dose.reached,
        "reachable": dose.reachable,
        "statement": dose.statement,
        "stimulator_output": dose.output,
        "bound_by": dose.bound_by,
        "avoided": [
            {
                "region": name,
                "mean": float(scaled.mean_magnitude(region)),
                "limit": limit,
            }
            for name, region, limit in goal.avoided
        ],
    }


def compare_rules(
    objective: optimize.AbstractObjective,
    coil: Coil,
    scalp: Scalp,
    target: Region,
    search: optimize.Search,
    known: tuple[dict[str, Float[ndarray, "3"]] | None, Fiducials | None],
    domain: optimize.Domain,
    others: dict[str, Float[ndarray, "3"]],
) -> list[dict]:
    """Rate the placements of clinical rules, as shares of the best one found."""
    named, fiducials = known
    rules = optimize.clinical_rules(
        objective,
        coil,
        scalp,
        target.centre,
        search.value,
        fiducials,
        domain,
        named=named,
        others=others,
    )
    return [
        {
            "rule": rule.name,
            "value": rule.value,
            "share_of_optimum": rule.share,
            "matsimnibs": rule.pose.to_matsimnibs().tolist(),
        }
        for rule in rules
    ]


def forward_rules(
    scalp: Scalp, hotspot: Float[ndarray, "3"] | None
) -> dict[str, Float[ndarray, "3"]]:
    """The places 5, 5.5 and 6 cm before the motor hotspot, where that is known."""
    if hotspot is None:
        return {}
    return {
        f"{length:g} cm rule": optimize.ahead_of(scalp, hotspot, length * 1e-2)
        for length in _FORWARD
    }


def projected_rule(
    source: str, scalp: Scalp, target: Float[ndarray, "3"]
) -> dict[str, Float[ndarray, "3"]]:
    """The scalp over Brodmann area 46 by MNI coordinates, for targets that are near it."""
    place = from_mni(source, np.array(_AREA_46) * 1e-3)
    if place is None or np.linalg.norm(place - target) > _NEAR:
        return {}
    centre = ", ".join(f"{x:g}" for x in _AREA_46)
    return {f"MNI ({centre}), projected": scalp.nearest(place)}


def warn_of_dose(dose: optimize.Dose | None) -> None:
    """Warn where what is wanted cannot be had."""
    if dose is not None and not dose.reachable:
        warn(f"{dose.statement}.")


def tell_dose(report: dict, dose: optimize.Dose | None) -> None:
    """Print the dose, what rules would reach, and how far the coil may be off."""
    if dose is not None and (report["dose"]["avoided"] or dose.output is not None):
        print(f"dose             {dose.statement}")
    for rule in report.get("rules", ()):
        print(
            f"{rule['rule']:<32} {rule['value']:.4f}, {rule['share_of_optimum']:.1%} of "
            "the best"
        )
    found = report["search"]["sensitivity"]
    if found is not None:
        print(
            f"5 % are lost by  {found['position_mm']:.1f} mm along the scalp, or by "
            f"{found['angle_degrees']:.0f}° in the plane"
        )


def sensitivity_report(found: optimize.Sensitivity | None) -> dict | None:
    """Put a sensitivity in the summary's units."""
    if found is None:
        return None
    tilt = None if found.tilt is None else np.degrees(found.tilt).item()
    return {
        "lost_share": optimize.sensitivity.LOSS,
        "position_mm": found.position * 1e3,
        "angle_degrees": np.degrees(found.angle).item(),
        "tilt_degrees": tilt,
        "lost_there": list(found.loss),
    }
