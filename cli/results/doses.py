"""What `optimize` says of the current, of limits and rules, and of the sensitivity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ... import optimize
from ...coils import Stimulator
from ...efield import ElectricField
from ..inputs.goals import Wishes
from ..runtime.notices import warn


def choose_dose(
    wishes: Wishes,
    wanted: float | None,
    goal: optimize.Goal,
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
        cls, dose: optimize.Dose | None, goal: optimize.Goal, scaled: ElectricField
    ) -> "DoseChoice | None":
        """Look at a field that was scaled to a dose; None without a dose."""
        if dose is None:
            return None
        spared = (
            Spared(each.name, float(scaled.mean_magnitude(each.region)), each.limit)
            for each in goal.avoided
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
