"""What makes the field in a target uncertain: one table for tissues and placement."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ... import efield, optimize
from ...coils import Coil, Pose
from ...efield import (
    Conductor,
    ElectricField,
    PlacementSpread,
    Reciprocal,
    Uncertainty,
)
from ...meshing import HeadMesh, Region, Scalp
from ..runtime.progress import Progress


_MOVE = {"position": "mm along the scalp, each way", "distance": "mm from the scalp"}


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


def uncertainty_table(
    placed: Placed,
    reciprocal: Reciprocal,
    options: argparse.Namespace,
    progress: Progress,
) -> dict:
    """Find what makes the field in the target uncertain.

    Args:
        placed: The coil, the head and the target.
        reciprocal: Of the target.
        options: With `uncertainty`, `draws` and `placement_sd`.
        progress: For what takes time.

    Returns:
        What `tell_uncertainty` prints, for JSON too. [V/m]
    """
    progress.stage("uncertainty", "uncertain conductivities")
    tissues = chosen_tissues(placed.head, placed.conductor, options)
    rate = efield.rates(placed.conductor, placed.coil, placed.pose, placed.rate)
    summary = _Summary(placed.target, placed.value)
    near = efield.first_order(placed.conductor, tissues, rate, summary)
    surrogate = efield.field_surrogate(
        placed.conductor, tissues, rate, progress=progress
    )
    few, local = surrogate.within(placed.target)
    drawn = efield.sample(few, _Summary(local, placed.value), options.draws)
    progress.stage("misplacement", "uncertain placement")
    simple, _ = efield.equivalent(reciprocal, placed.scalp)
    spread = placement_spread(options)
    moved = efield.misplacement(
        simple, placed.coil, placed.pose, placed.value, spread, placed.rate
    )
    return _report(tissues, near, drawn, moved, spread, surrogate.error)


def chosen_tissues(
    head: HeadMesh, conductor: Conductor, options: argparse.Namespace
) -> efield.UncertainTissues:
    """The uncertain conductivities that the options ask for."""
    chosen = (
        efield.CONDUCTIVITY_DISTRIBUTIONS
        if options.uncertainty == "literature"
        else efield.relative_distributions(float(options.uncertainty))
    )
    return efield.uncertain_tissues(head, conductor, chosen)


def placement_spread(options: argparse.Namespace) -> PlacementSpread:
    """Standard deviations of the placement, from mm and degrees."""
    position, distance, angle, tilt = options.placement_sd
    return PlacementSpread(
        position * 1e-3,
        distance * 1e-3,
        np.radians(angle).item(),
        np.radians(tilt).item(),
    )


def _report(
    tissues: efield.UncertainTissues,
    near: Uncertainty,
    drawn: Uncertainty,
    moved: Uncertainty,
    spread: PlacementSpread,
    error: float,
) -> dict:
    # Tissues and placement are independent, and both act on the value as factors.
    variance = float(drawn.relative) ** 2 + float(moved.relative) ** 2
    rows = [
        {
            "input": name,
            "mean": float(mean),
            "sd": float(deviation),
            "unit": "S/m",
            "effect": float(np.sqrt(alone) * drawn.deviation),
            "effect_first_order": float(np.sqrt(first) * near.deviation),
            "share": float(alone * drawn.relative**2 / variance),
            "share_with_interactions": float(total * drawn.relative**2 / variance),
        }
        for name, mean, deviation, alone, total, first in zip(
            *(tissues.names, tissues.means, tissues.deviations),
            *(drawn.alone, drawn.total, near.alone),
            strict=True,
        )
    ]
    sizes = {
        "position": spread.position * 1e3,
        "distance": spread.distance * 1e3,
        "angle": np.degrees(spread.angle).item(),
        "tilt": np.degrees(spread.tilt).item(),
    }
    rows += [
        {
            "input": name,
            "mean": 0.0,
            "sd": sizes[name],
            "unit": "mm" if name in _MOVE else "°",
            "effect": float(np.sqrt(alone) * moved.deviation),
            "effect_first_order": None,
            "share": float(alone * moved.relative**2 / variance),
            "share_with_interactions": float(total * moved.relative**2 / variance),
        }
        for name, alone, total in zip(
            moved.inputs, moved.alone, moved.total, strict=True
        )
    ]
    value = float(drawn.mean)
    return {
        "unit": "V/m",
        "value_mean": value,
        "sd": float(np.sqrt(variance) * value),
        "conductivities": _as_json(drawn),
        "conductivities_first_order": _as_json(near),
        "placement": _as_json(moved),
        "draws": drawn.draws,
        "surrogate_error": error,
        "inputs": rows,
    }


def _as_json(found: Uncertainty) -> dict:
    return {
        "mean": float(found.mean),
        "sd": float(found.deviation),
        "interval_95": [float(found.low), float(found.high)],
    }


def tell_uncertainty(report: dict) -> None:
    """Print the table."""
    print("what makes the field in the target uncertain (1 sd each):")
    mean = report["value_mean"]
    for row in sorted(report["inputs"], key=lambda row: -row["share"]):
        size = (
            f"{row['mean']:.3g} ± {row['sd']:.2g} S/m"
            if row["unit"] == "S/m"
            else f"± {row['sd']:.3g} {row['unit']}"
        )
        print(
            f"  {row['input']:<14} {size:<20} ± {row['effect']:.3g} V/m "
            f"({row['effect'] / mean:.1%})   {row['share']:4.0%} of the variance"
        )
    tissues, first = report["conductivities"], report["conductivities_first_order"]
    low, high = tissues["interval_95"]
    print(
        f"  tissues        {tissues['mean']:.4g} ± {tissues['sd']:.3g} V/m, 95 % within "
        f"{low:.4g} to {high:.4g} V/m ({report['draws']} draws; first order ± "
        f"{first['sd']:.3g} V/m; error of the fields drawn {report['surrogate_error']:.0e})"
    )
    print(f"  all together   ± {report['sd']:.3g} V/m ({report['sd'] / mean:.1%})")
    shift = report.get("best_pose")
    if shift is not None:
        print(
            f"  best pose      moves by {shift['position_mm']:.2g} mm and "
            f"{shift['angle_degrees']:.2g}° (1 sd, first order; {shift['draws']} draws: "
            f"{shift['drawn_position_mm']:.2g} mm, {shift['drawn_angle_degrees']:.2g}°); "
            f"staying costs {shift['loss']:.2%} on average"
        )


def best_pose_shift(
    placed: Placed,
    prepared: optimize.PreparedSearch,
    objective: Callable,
    options: argparse.Namespace,
    progress: Progress,
) -> dict | None:
    """Find how far the best pose moves with the conductivities; None at a border."""
    progress.stage("best pose", "how far the best pose moves")
    tissues = chosen_tissues(placed.head, placed.conductor, options)
    try:
        found = optimize.optimum_shift(
            *(prepared, placed.conductor, tissues, placed.target),
            *(placed.pose, objective),
        )
    except ValueError:
        return None
    root = lambda values: float(np.sqrt(np.mean(values**2)))
    return {
        "position_mm": found.position * 1e3,
        "angle_degrees": np.degrees(found.angle).item(),
        "loss": found.loss,
        "by_tissue_mm": dict(
            zip(found.tissues, (1e3 * found.position_by_tissue).tolist(), strict=True)
        ),
        "draws": len(found.drawn_positions),
        "drawn_position_mm": 1e3 * root(found.drawn_positions),
        "drawn_angle_degrees": float(np.degrees(root(found.drawn_angles))),
        "drawn_loss": float(np.mean(found.drawn_losses)),
    }


class _Summary:
    """A value of a field's mean in a region; equal to another of the same region."""

    def __init__(self, region: Region, value: Callable):
        self._region, self._value = region, value

    def __call__(self, field: ElectricField) -> jax.Array:
        return jnp.asarray(self._value(field.mean(self._region)))
