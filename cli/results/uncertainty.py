"""What makes the field in a target uncertain: one table for tissues and placement."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ... import efield
from ...coils import Coil, Pose
from ...efield import (
    Conductor,
    PlacementSpread,
    Reciprocal,
    Uncertainty,
)
from ...meshing import HeadMesh, Region, Scalp
from ..inputs.uncertainties import Uncertainties
from ..runtime.progress import Progress


@dataclass(frozen=True, eq=False)
class Placed:
    """A coil at a head, and the value that is asked for.

    Attributes:
        head: The head.
        scalp: Its scalp.
        conductor: The head as a conductor.
        coil: The coil.
        pose: Its placement.
        rate: dI/dt. [A/s]
        target: Where the field is wanted.
        value: Of the target's mean field.
    """

    head: HeadMesh
    scalp: Scalp
    conductor: Conductor
    coil: Coil
    pose: Pose
    rate: float
    target: Region
    value: Callable


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
class UncertaintyResult:
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

    def describe(self) -> None:
        """Print the table."""
        print("what makes the field in the target uncertain (1 sd each):")
        found = self.tissues
        for each in self.ranked:
            print(
                f"  {each.name:<14} {each.size:<20} ± {each.effect:.3g} V/m "
                f"({each.effect / found.mean:.1%})   {each.share:4.0%} of the variance"
            )
        print(
            f"  tissues        {found.mean:.4g} ± {found.deviation:.3g} V/m, 95% within "
            f"{found.low:.4g} to {found.high:.4g} V/m ({self.draws} draws; first order ± "
            f"{self.first_order.deviation:.3g} V/m; error of the fields drawn "
            f"{self.surrogate_error:.0e})"
        )
        share = self.deviation / found.mean
        print(f"  all together   ± {self.deviation:.3g} V/m ({share:.1%})")


def find_uncertainty(
    placed: Placed,
    reciprocal: Reciprocal,
    asked: Uncertainties,
    progress: Progress,
) -> UncertaintyResult:
    """Find what makes the field in the target uncertain.

    Args:
        placed: The coil, the head and the target.
        reciprocal: Of the target.
        asked: What is uncertain.
        progress: For what takes time.
    """
    progress.stage("uncertainty", "uncertain conductivities")
    tissues = asked.tissues(placed.head, placed.conductor)
    rate = efield.rates(placed.conductor, placed.coil, placed.pose, placed.rate)
    drawn = efield.tissue_uncertainty(
        *(placed.conductor, rate, placed.target, placed.value, tissues),
        draws=asked.draws,
        progress=progress,
    )
    progress.stage("misplacement", "uncertain placement")
    simple, _ = efield.equivalent(reciprocal, placed.scalp)
    moved = efield.misplacement(
        simple, placed.coil, placed.pose, placed.value, asked.spread, placed.rate
    )
    total = efield.TotalUncertainty(drawn, moved)
    return UncertaintyResult(
        total.deviation,
        *(Interval.of(drawn.drawn), Interval.of(drawn.first_order), Interval.of(moved)),
        drawn.drawn.draws,
        drawn.error,
        (
            *_tissue_inputs(tissues, drawn, total.variance),
            *_placement_inputs(moved, asked.spread, total.variance),
        ),
    )


def _tissue_inputs(
    tissues: efield.UncertainTissues,
    found: efield.TissueUncertainty,
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
