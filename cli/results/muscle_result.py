"""What was found of one muscle."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...optimize import mapping
from ...optimize.mapping import AbstractCurve, CortexPatch, PulseFields, ResponseMap
from ...optimize.pictures.response_map import Scatter
from ..runtime.naming import place


_LEAST_R2 = 0.1  # Of left-out pulses: below it, nothing was found.
_WIDE = 10e-3  # A region that reaches farther from the optimum is no sure place. [m]
_COMPONENTS = ("magnitude", "inward", "outward", "tangential")


@dataclass(frozen=True, eq=False)
class Placed:
    """The pose that stimulates a place best.

    Attributes:
        matrix: Coil to head, lengths in mm.
        strength: What of the field is mapped, there, per dI/dt. [V/m per A/µs]
    """

    matrix: Float[ndarray, "4 4"]
    strength: float


@dataclass(frozen=True)
class Alternative:
    """Another curve or component of the field, at its best place.

    Attributes:
        curve: In words.
        component: Of the field.
        explained: R².
        at: The place. [mm]
    """

    curve: str
    component: str
    explained: float
    at: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class MuscleResult:
    """The place that moves a muscle.

    Attributes:
        name: Of the muscle.
        pulses: How many have a response.
        optimum: [mm]
        best: The place of the largest R². [mm]
        explained: R² at the best place.
        cross_validated: R² of left-out pulses, at the place that the others chose.
        noise: Standard deviation of the natural logarithm of responses at the optimum.
        area: Of the region that holds the place with a probability of 0.95. [mm²]
        reach: How far that region reaches from the optimum. [m]
        parameters: Of the curve at the optimum, by name, in mV and V/m.
        threshold: At the optimum; NaN where no field has it. [V/m]
        interval: That holds the threshold with a probability of 0.95. [V/m]
        at_rim: Whether the region touches the edge of what was searched.
        others: Other curves and components.
        scatter: For a picture.
        placed: The pose that stimulates the optimum best, or None.
        maximum: dI/dt at full output, or None. [A/s]
    """

    name: str
    pulses: int
    optimum: tuple[float, float, float]
    best: tuple[float, float, float]
    explained: float
    cross_validated: float
    noise: float
    area: float
    reach: float
    parameters: Mapping[str, float]
    threshold: float
    interval: tuple[float, float]
    at_rim: bool
    others: tuple[Alternative, ...]
    scatter: Scatter
    tail: float = 0.0
    placed: Placed | None = None
    maximum: float | None = None

    @classmethod
    def of(
        cls,
        name: str,
        found: ResponseMap,
        patch: CortexPatch,
        fields: Float[ndarray, "place pulse"],
        responses: Float[ndarray, "pulse"],
        others: tuple[Alternative, ...],
    ) -> "MuscleResult":
        """Describe a map."""
        at, positions = found.optimum, patch.positions
        apart = np.linalg.norm(positions[found.region] - positions[at], axis=1)
        return cls(
            *(name, len(responses), _mm(positions[at]), _mm(positions[found.best])),
            *(float(found.fit.explained[found.best]), found.of_method),
            *(float(found.fit.noise[at]), 1e6 * float(patch.areas[found.region].sum())),
            *(float(apart.max()), _physical(found), found.threshold),
            *(found.threshold_interval(), bool(patch.rim[found.region].any()), others),
            *(_scatter(found, fields[at], responses), found.fit.tail),
        )

    def stimulated(self, placed: Placed, maximum: float | None) -> "MuscleResult":
        """Add the pose that stimulates the optimum best."""
        return replace(self, placed=placed, maximum=maximum)

    @property
    def found(self) -> bool:
        """Whether the fields explain the responses at all."""
        return self.cross_validated >= _LEAST_R2

    @property
    def file_name(self) -> str:
        """A name for files."""
        return "map_" + re.sub(r"[^\w.-]+", "_", self.name)

    @property
    def title(self) -> str:
        """What a picture shows."""
        if not self.found:
            return f"{self.name}: no place was found"
        return f"{self.name}: R² of fields and responses, and the 95 % region"

    @property
    def motor_threshold(self) -> float | None:
        """dI/dt at threshold with the best pose, or None. [A/s]"""
        if self.placed is None or not np.isfinite(self.threshold):
            return None
        return 1e6 * self.threshold / self.placed.strength

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes the place unsure, in words."""
        said = []
        if not self.found:
            said.append(
                f"the fields explain {max(self.cross_validated, 0):.0%} of what left-out "
                "pulses did: no place was found"
            )
        if self.reach > _WIDE:
            said.append(
                f"the region reaches {1e3 * self.reach:.0f} mm from the optimum: more "
                "pulses, or other poses (--next), are needed"
            )
        if self.at_rim:
            said.append(
                "the region touches the edge of what was searched: give a larger --region"
            )
        if not np.isfinite(self.interval).all():
            said.append(
                "the threshold is not within what the pulses show: some weaker or stronger "
                "ones are needed"
            )
        return tuple(said)

    def to_json(self) -> dict:
        """For a summary."""
        rate = self.motor_threshold
        placed = self.placed
        return {
            "name": self.name,
            "pulses": self.pulses,
            "found": self.found,
            "doubts": list(self.doubts),
            "optimum_mm": list(self.optimum) if self.found else None,
            "largest_r2_mm": list(self.best),
            "r2": self.explained,
            "r2_left_out": self.cross_validated,
            "noise_log": self.noise,
            "degrees_of_freedom": 1 / self.tail if self.tail else None,
            "region_mm2": self.area,
            "region_reach_mm": 1e3 * self.reach,
            "curve": dict(self.parameters),
            "threshold_V_per_m": self.threshold if self.found else None,
            "threshold_interval_V_per_m": list(self.interval) if self.found else None,
            "best_pose": None
            if placed is None
            else {
                "matsimnibs": placed.matrix.tolist(),
                "V_per_m_per_A_per_us": placed.strength,
                "threshold_didt": rate,
                "threshold_output": None
                if rate is None or self.maximum is None
                else rate / self.maximum,
            },
            "others": [
                {
                    "curve": each.curve,
                    "component": each.component,
                    "r2": each.explained,
                    "at_mm": list(each.at),
                }
                for each in self.others
            ],
        }

    def describe(self) -> None:
        """Print it."""
        if self.found:
            low, high = self.interval
            print(
                f"{self.name:16} {place(self.optimum)}; 95 % region {self.area:.0f} mm², "
                f"within {1e3 * self.reach:.1f} mm"
            )
            print(
                f"                 threshold {self.threshold:.3g} V/m "
                f"({low:.3g} to {high:.3g}); R² {self.explained:.2f}, "
                f"{self.cross_validated:.2f} of left-out pulses"
            )
            rate = self.motor_threshold
            if rate is not None:
                share = (
                    ""
                    if self.maximum is None
                    else f", {rate / self.maximum:.0%} of the maximum"
                )
                print(
                    f"                 motor threshold with the best pose "
                    f"{rate / 1e6:.4g} A/µs{share}"
                )
        for each in self.doubts:
            print(f"{self.name:16} {each}")


def alternatives(
    fields: PulseFields,
    curves: Mapping[str, AbstractCurve],
    responses: Float[ndarray, "pulse"],
    criterion: float,
    positions: Float[ndarray, "place 3"],
) -> tuple[Alternative, ...]:
    """Fit each curve to |E|, and the sigmoid to each component, to compare."""
    there = np.isfinite(responses)
    pairs = [(curve, "magnitude") for curve in curves.values()]
    pairs += [(curves["sigmoid"], each) for each in _COMPONENTS[1:]]
    found = []
    for curve, component in pairs:
        values = getattr(fields, component)[:, there]
        fit = mapping.fit(curve, values, responses[there], criterion)
        best = int(np.argmax(fit.explained))
        explained = float(fit.explained[best])
        found.append(
            Alternative(curve.name, component, explained, _mm(positions[best]))
        )
    return tuple(found)


def _physical(found: ResponseMap) -> dict[str, float]:
    """Give the parameters at the optimum their units."""
    fit, at = found.fit, found.optimum
    values = dict(
        zip(fit.curve.names, np.exp(fit.parameters[at]).tolist(), strict=True)
    )
    reference = float(fit.references[at])
    units = {
        "baseline": ("baseline_mV", 1e3),
        "amplitude": ("amplitude_mV", 1e3),
        "at reference": ("response_at_reference_mV", 1e3),
        "middle": ("middle_V_per_m", reference),
        "onset": ("onset_V_per_m", reference),
        "steepness": ("steepness", 1.0),
        "slope": ("slope_mV_per_V_per_m", 1e3 / reference),
        "growth": ("growth_per_V_per_m", 1 / reference),
    }
    named = {units[name][0]: units[name][1] * x for name, x in values.items()}
    return named | {"reference_V_per_m": reference}


def _scatter(
    found: ResponseMap, field: Float[ndarray, "pulse"], responses: ndarray
) -> Scatter:
    fit, at = found.fit, found.optimum
    along = np.linspace(0, 1.05 * field.max(), 120)
    relative = along[None] / fit.references[at]
    logs = mapping.predicted(fit.curve, fit.parameters[at][None], relative)[0]
    return Scatter(field, responses, along, np.exp(logs), found.threshold, fit.response)


def _mm(position: Float[ndarray, "3"]) -> tuple[float, float, float]:
    x, y, z = (1e3 * position).tolist()
    return x, y, z
