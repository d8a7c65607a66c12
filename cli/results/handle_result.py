"""Which way a coil's handle points, by what rule, and what that costs."""

from dataclasses import dataclass

import numpy as np

from ... import optimize
from ...optimize.handle import handle_angle, sides


_FACE = 125.0  # From straight back; beyond it a handle lies over the face. [°]


@dataclass(frozen=True)
class HandleResult:
    """The handle of a placement.

    Attributes:
        angle: From straight back, positive outwards. [°]
        rule: In words; None where any handle would do.
        beyond: How far it is beyond the rule. [°]
        cost: What the rule costs, as a share of the best value without it.
    """

    angle: float
    rule: str | None
    beyond: float
    cost: float

    @classmethod
    def of(
        cls, search: optimize.Search, rule: optimize.Handle | None, words: str
    ) -> "HandleResult":
        """Measure it."""
        pose = search.pose
        found = handle_angle(np.asarray(pose.rotation))
        each = [np.degrees(s * found) for s in sides(np.asarray(pose.translation))]
        aim = 45.0 if rule is None else np.degrees(rule.angle)
        angle = min(each, key=lambda value: abs((value - aim + 180) % 360 - 180))
        beyond = 0.0 if rule is None else np.degrees(rule.deviation(pose)).item()
        named = None if rule is None else words
        return cls(float(angle), named, beyond, search.handle_cost)

    @property
    def direction(self) -> str:
        """Where it points, in a clinic's words."""
        turn = f"{abs(self.angle):.0f}° "
        if abs(self.angle) < 5:
            return "straight back"
        side = "outwards" if self.angle > 0 else "inwards"
        return f"{turn}{side} from straight back"

    @property
    def price(self) -> str:
        """What the rule costs, in words; nothing without a rule."""
        if self.rule is None:
            return ""
        cost = f"{self.cost:.1%} less than the free optimum"
        if self.cost < 5e-4:
            cost = "as good as the free optimum"
        if self.beyond > 0.5:
            cost += (
                f"; {self.beyond:.0f}° beyond the rule, {self.rule}, which costs more"
            )
        return cost

    @property
    def over_face(self) -> bool:
        """Whether it lies over the face."""
        return abs(self.angle) > _FACE

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "degrees_from_straight_back": self.angle,
            "rule": self.rule,
            "degrees_beyond_rule": self.beyond,
            "cost_share": self.cost,
        }
