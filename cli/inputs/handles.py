"""The rule for a coil's handle, from the words of the command line."""

from dataclasses import dataclass

import numpy as np

from ...coils import Coil, is_figure_of_eight
from ...optimize import Handle


@dataclass(frozen=True)
class HandleRequest:
    """Which way the handle is to point.

    Attributes:
        rule: `back`, `free`, an angle and how far off it a handle may be [°], or None for
            what is usual with the coil.
        cost: Share of the best value that may be given up.
    """

    rule: str | tuple[float, float] | None = None
    cost: float = 0.01

    def of(self, coil: Coil) -> Handle | None:
        """The rule for a coil; None where any handle will do."""
        rule = self.rule
        if rule is None:
            rule = "back" if not coil.ranges and is_figure_of_eight(coil) else "free"
        if rule == "free":
            return None
        if isinstance(rule, str):
            return Handle(cost=self.cost)
        angle, within = np.radians(rule).tolist()
        return Handle(angle, within, self.cost)

    @property
    def words(self) -> str:
        """The rule as a sentence has it."""
        if self.rule is None or isinstance(self.rule, str):
            return "back and to the side"
        return f"{self.rule[0]:g} ± {self.rule[1]:g}° outwards from straight back"
