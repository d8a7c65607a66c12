"""What `optimize` says of the current, of limits and rules, and of the sensitivity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import optimize
from ...coils import Stimulator
from ...efield import ElectricField
from ...meshing import Scalp
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


@dataclass(frozen=True)
class Spared:
    """A region that is to be spared, and what it gets.

    Attributes:
        region: In words.
        mean: Of |E| in it. [V/m]
        limit: Of that, or None. [V/m]
    """

    region: str
    mean: float
    limit: float | None


@dataclass(frozen=True)
class DoseChoice:
    """The current that was chosen, with what it does to regions to be spared.

    Attributes:
        dose: What was chosen.
        spared: The regions.
    """

    dose: optimize.Dose
    spared: tuple[Spared, ...]

    @classmethod
    def of(
        cls, dose: optimize.Dose | None, goal: Goal, scaled: ElectricField
    ) -> "DoseChoice | None":
        """Look at a field that was scaled to a dose; None without a dose."""
        if dose is None:
            return None
        spared = (
            Spared(name, float(scaled.mean_magnitude(region)), limit)
            for name, region, limit in goal.avoided
        )
        return cls(dose, tuple(spared))

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "reached": self.dose.reached,
            "reachable": self.dose.reachable,
            "statement": self.dose.statement,
            "stimulator_output": self.dose.output,
            "bound_by": self.dose.bound_by,
            "avoided": [
                {"region": each.region, "mean": each.mean, "limit": each.limit}
                for each in self.spared
            ],
        }

    def describe(self) -> None:
        """Print it, where it says more than the current."""
        if self.spared or self.dose.output is not None:
            print(f"dose             {self.dose.statement}")


def rule_json(rule: optimize.Rule) -> dict:
    """A clinical rule for a summary."""
    return {
        "rule": rule.name,
        "value": rule.value,
        "share_of_optimum": rule.share,
        "matsimnibs": rule.pose.to_matsimnibs().tolist(),
    }


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


def print_rules(rules: Sequence[optimize.Rule]) -> None:
    """Print what clinical rules would reach."""
    for rule in rules:
        print(f"{rule.name:<32} {rule.value:.4f}, {rule.share:.1%} of the best")


def print_sensitivity(found: optimize.Sensitivity | None) -> None:
    """Print how far the coil may be off."""
    if found is not None:
        print(
            f"5% are lost by  {found.position * 1e3:.1f} mm along the scalp, or by "
            f"{np.degrees(found.angle):.0f}° in the plane"
        )


def sensitivity_json(found: optimize.Sensitivity | None) -> dict | None:
    """A sensitivity for a summary."""
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
