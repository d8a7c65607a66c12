"""What makes the field in a target uncertain, input by input."""

from dataclasses import dataclass

import numpy as np

from .misplacement import PlacementSpread
from .total_uncertainty import TissueUncertainty, TotalUncertainty
from .uncertainty import Uncertainty
from .variables import UncertainTissues


@dataclass(frozen=True)
class Interval:
    """A value that is uncertain.

    Attributes:
        mean: Of it. [V/m]
        deviation: Its standard deviation. [V/m]
        low: Where the interval that holds 95% begins. [V/m]
        high: Where it ends. [V/m]
    """

    mean: float
    deviation: float
    low: float
    high: float

    @classmethod
    def of(cls, found: Uncertainty) -> "Interval":
        """Take it from what is known of a single value."""
        return cls(
            *(float(found.mean), float(found.deviation)),
            *(float(found.low), float(found.high)),
        )

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "mean": self.mean,
            "sd": self.deviation,
            "interval_95": [self.low, self.high],
        }


@dataclass(frozen=True)
class UncertainInput:
    """What one uncertain input does to the value.

    Attributes:
        name: Of the input.
        mean: Of the input.
        deviation: Its standard deviation, in its unit, as the mean.
        unit: S/m, mm or °.
        effect: Standard deviation of the value by it alone. [V/m]
        effect_first_order: The same by derivatives; None for placements. [V/m]
        share: Of the variance, that it explains alone.
        share_with_interactions: Of the variance, that it has a part in.
    """

    name: str
    mean: float
    deviation: float
    unit: str
    effect: float
    effect_first_order: float | None
    share: float
    share_with_interactions: float

    @property
    def size(self) -> str:
        """One standard deviation, in words."""
        if self.unit == "S/m":
            return f"{self.mean:.3g} ± {self.deviation:.2g} S/m"
        return f"± {self.deviation:.3g} {self.unit}"

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "input": self.name,
            "mean": self.mean,
            "sd": self.deviation,
            "unit": self.unit,
            "effect": self.effect,
            "effect_first_order": self.effect_first_order,
            "share": self.share,
            "share_with_interactions": self.share_with_interactions,
        }


@dataclass(frozen=True)
class UncertaintyTable:
    """What makes the field in a target uncertain.

    Attributes:
        deviation: Standard deviation of the value by all inputs. [V/m]
        tissues: The value with uncertain conductivities, as drawn.
        first_order: The same by derivatives.
        placement: The value with uncertain placements.
        draws: Of conductivities.
        surrogate_error: Of the fields that were drawn, relative.
        inputs: One by one.
    """

    deviation: float
    tissues: Interval
    first_order: Interval
    placement: Interval
    draws: int
    surrogate_error: float
    inputs: tuple[UncertainInput, ...]

    @property
    def ranked(self) -> list[UncertainInput]:
        """The inputs, what matters most first."""
        return sorted(self.inputs, key=lambda each: -each.share)

    def to_json(self) -> dict:
        """For a summary. [V/m]"""
        return {
            "unit": "V/m",
            "value_mean": self.tissues.mean,
            "sd": self.deviation,
            "conductivities": self.tissues.to_json(),
            "conductivities_first_order": self.first_order.to_json(),
            "placement": self.placement.to_json(),
            "draws": self.draws,
            "surrogate_error": self.surrogate_error,
            "inputs": [each.to_json() for each in self.inputs],
        }

    @classmethod
    def of(
        cls,
        found: TotalUncertainty,
        tissues: UncertainTissues,
        spread: PlacementSpread,
    ) -> "UncertaintyTable":
        """Put together what conductivities and placements do.

        Args:
            found: To the value.
            tissues: Conductivities, as they were drawn.
            spread: Of placements, likewise.
        """
        drawn, moved = found.tissues, found.placement
        return cls(
            found.deviation,
            *(Interval.of(drawn.drawn), Interval.of(drawn.first_order)),
            Interval.of(moved),
            drawn.drawn.draws,
            drawn.error,
            (
                *_tissue_inputs(tissues, drawn, found.variance),
                *_placement_inputs(moved, spread, found.variance),
            ),
        )

    def __str__(self) -> str:
        """The table, what matters most first."""
        found = self.tissues
        rows = [
            f"  {each.name:<14} {each.size:<20} ± {each.effect:.3g} V/m "
            f"({each.effect / found.mean:.1%})   {each.share:4.0%} of the variance"
            for each in self.ranked
        ]
        share = self.deviation / found.mean
        return "\n".join(
            [
                "what makes the field in the target uncertain (1 sd each):",
                *rows,
                f"  tissues        {found.mean:.4g} ± {found.deviation:.3g} V/m, 95% "
                f"within {found.low:.4g} to {found.high:.4g} V/m ({self.draws} draws; "
                f"first order ± {self.first_order.deviation:.3g} V/m; error of the "
                f"fields drawn {self.surrogate_error:.0e})",
                f"  all together   ± {self.deviation:.3g} V/m ({share:.1%})",
            ]
        )


def _tissue_inputs(
    tissues: UncertainTissues,
    found: TissueUncertainty,
    variance: float,
) -> list[UncertainInput]:
    drawn, near = found.drawn, found.first_order
    columns = (tissues.names, tissues.means, tissues.deviations)
    return [
        UncertainInput(
            *(name, float(mean), float(deviation), "S/m"),
            float(np.sqrt(alone) * drawn.deviation),
            float(np.sqrt(first) * near.deviation),
            float(alone * drawn.relative**2 / variance),
            float(total * drawn.relative**2 / variance),
        )
        for name, mean, deviation, alone, total, first in zip(
            *columns, drawn.alone, drawn.total, near.alone, strict=True
        )
    ]


def _placement_inputs(
    moved: Uncertainty, spread: PlacementSpread, variance: float
) -> list[UncertainInput]:
    sizes = {
        "position": (spread.position * 1e3, "mm"),
        "distance": (spread.distance * 1e3, "mm"),
        "angle": (np.degrees(spread.angle).item(), "°"),
        "tilt": (np.degrees(spread.tilt).item(), "°"),
    }
    rows = zip(moved.inputs, moved.alone, moved.total, strict=True)
    return [
        UncertainInput(
            name=name,
            mean=0.0,
            deviation=sizes[name][0],
            unit=sizes[name][1],
            effect=float(np.sqrt(alone) * moved.deviation),
            effect_first_order=None,
            share=float(alone * moved.relative**2 / variance),
            share_with_interactions=float(total * moved.relative**2 / variance),
        )
        for name, alone, total in rows
    ]
