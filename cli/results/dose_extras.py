"""What `dose` tells on request: how sure the output is, and where tissue is activated."""

import argparse
from pathlib import Path

import numpy as np

from ... import meshing
from ...efield import Conductor, ElectricField
from ...meshing import HeadMesh, VoxelGrid
from ...optimize import dosing
from ..runtime.progress import Progress
from .uncertainty import chosen_tissues, placement_spread


_CAUSES = {
    "tissues": "conductivities",
    "motor": "placement over M1",
    "target": "placement over the target",
}


def interval_report(
    head: HeadMesh,
    conductor: Conductor,
    sites: tuple[dosing.Site, dosing.Site],
    metric: dosing.AbstractMetric,
    matched: dosing.Output,
    options: argparse.Namespace,
    progress: Progress,
) -> dict | None:
    """Find how sure the matched output is, where that is asked for."""
    if options.uncertainty is None:
        return None
    progress.stage("uncertainty", "uncertain conductivities and placements")
    found = dosing.matched_interval(
        *(head, conductor, *sites, metric, chosen_tissues(head, conductor, options)),
        placement_spread(options),
        draws=options.draws,
        progress=progress,
    )
    return {
        "rule": matched.rule,
        "median": found.median * matched.output,
        "interval_95": [found.low * matched.output, found.high * matched.output],
        "relative_sd": {name: getattr(found, name) for name in _CAUSES},
        "shares_of_variance": found.shares,
        "relative_sd_of_fields_by_tissues": dict(
            zip(("motor", "target"), found.fields, strict=True)
        ),
        "draws": found.draws,
        "surrogate_error": found.error,
    }


def tell_interval(report: dict | None) -> None:
    """Print how sure the matched output is."""
    if report is None:
        return
    low, high = report["interval_95"]
    print(
        f"how sure         95 % within {low:.1%} to {high:.1%} of the maximum, median "
        f"{report['median']:.1%} ({report['draws']} draws)"
    )
    for name, words in _CAUSES.items():
        print(
            f"  {words:<26} ± {report['relative_sd'][name]:.1%} of the output   "
            f"{report['shares_of_variance'][name]:4.0%} of the variance"
        )
    motor, target = report["relative_sd_of_fields_by_tissues"].values()
    print(
        f"  (conductivities alone: M1's field ± {motor:.1%}, the target's ± {target:.1%}; "
        "what they share cancels)"
    )


def write_activation(
    folder: Path,
    head: HeadMesh,
    field: ElectricField,
    motor: float,
    found: dosing.Activation,
    grid: VoxelGrid | None,
) -> None:
    """Write `activation.msh`, and `activated.nii.gz` and `share_of_motor_field.nii.gz`.

    Args:
        folder: Where to.
        head: The head.
        field: Of the coil over the target at the matched output.
        motor: The field of M1 at threshold, of the same current. [V/m]
        found: What is activated.
        grid: Of images; None for none.
    """
    values = {
        "share_of_motor_field": np.asarray(field.magnitude, dtype=np.float64) / motor,
        "activated": found.tetrahedra.astype(np.float64),
    }
    meshing.write_msh(folder / "activation.msh", head, values)
    if grid is None:
        return
    at = meshing.elements_on_grid(head, grid)
    for name, each in values.items():
        meshing.write_image(folder / f"{name}.nii.gz", grid, at, each)
