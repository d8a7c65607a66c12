"""The rule for a coil's handle, from the words of the command line."""

from dataclasses import dataclass

import numpy as np

from ...coils import Coil
from ...optimize import Handle, usual_handle


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
        if self.rule is None:
            return usual_handle(coil, self.cost)
        if self.rule == "free":
            return None
        if isinstance(self.rule, str):
            return Handle(cost=self.cost)
        angle, within = np.radians(self.rule).tolist()
        return Handle(angle, within, self.cost)

    @property
    def words(self) -> str:
        """The rule as a sentence has it."""
        if self.rule is None or isinstance(self.rule, str):
            return "back and to the side"
        return f"{self.rule[0]:g} ± {self.rule[1]:g}° outwards from straight back"
