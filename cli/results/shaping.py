"""The best shape of a coil whose parts move, for `tmsgrad optimize --shape`."""

from dataclasses import dataclass

import numpy as np

from ... import optimize
from ...coils import Coil, Part, Rotation


def check_shape(coil: Coil, source: str) -> None:
    """Refuse a coil that has no shape to search for.

    Raises:
        ValueError: No part of the coil moves.
    """
    if not coil.ranges:
        raise ValueError(
            f"--shape: {source} has no parts that move. Coils that have are .tcd files "
            "with deformations, such as that of the MagVenture MST-Twin."
        )


@dataclass(frozen=True)
class Setting:
    """Where a part of a coil was moved to.

    Attributes:
        value: Of the setting. [m] or [rad]
        turns: Whether it is an angle.
    """

    value: float
    turns: bool

    @property
    def shown(self) -> tuple[float, str]:
        """The value in degrees or millimetres, and that unit."""
        if self.turns:
            return float(np.degrees(self.value)), "°"
        return 1e3 * self.value, "mm"


@dataclass(frozen=True)
class ShapeResult:
    """The shape that is best, and what it gains.

    Attributes:
        settings: Of the coil's parts.
        value_as_it_comes: The best value of the coil as it comes. [V/m]
        gain: Of the value, relative.
        self_clearance: Between its parts; None where they cannot meet. [m]
        evaluations: Of the objective.
    """

    settings: tuple[Setting, ...]
    value_as_it_comes: float
    gain: float
    self_clearance: float | None
    evaluations: int

    @classmethod
    def of(cls, found: optimize.ShapedOptimum, before: float) -> "ShapeResult":
        """Compare a shape with the value of the coil as it comes [V/m]."""
        apart = float(found.self_clearance)
        return cls(
            *(_settings(found.coil), before, found.value / before - 1),
            *(apart if np.isfinite(apart) else None, found.evaluations),
        )

    def to_json(self) -> dict:
        """For a summary."""
        apart = self.self_clearance
        return {
            "settings": [
                dict(zip(("value", "unit"), each.shown, strict=True))
                for each in self.settings
            ],
            "value_as_it_comes": self.value_as_it_comes,
            "gain": self.gain,
            "self_clearance_mm": None if apart is None else apart * 1e3,
            "evaluations": self.evaluations,
        }

    def describe(self) -> None:
        """Print the shape."""
        shown = [each.shown for each in self.settings]
        settings = ", ".join(f"{value:.3g} {unit}" for value, unit in shown)
        apart = self.self_clearance
        between = (
            "" if apart is None else f"; its parts stay {apart * 1e3:.1f} mm apart"
        )
        print(f"shape            {settings}{between}")
        print(
            f"without it       {self.value_as_it_comes:.4f} V/m at 1 A/µs: the shape "
            f"and its pose gain {self.gain:.1%}"
        )


def _settings(coil: Coil) -> tuple[Setting, ...]:
    """Each setting with whether it is that of a rotation."""
    turns = {
        motion.setting
        for part in coil.elements
        if isinstance(part, Part)
        for motion in part.motions
        if isinstance(motion, Rotation)
    }
    return tuple(
        Setting(float(value), number in turns)
        for number, value in enumerate(np.asarray(coil.settings))
    )
