"""What `dose` says on request: how sure the output is, and where tissue is activated."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import meshing
from ...efield import Conductor, ElectricField
from ...meshing import HeadMesh, VoxelGrid
from ...optimize import dosing
from ..inputs.uncertainties import Uncertainties
from ..runtime.progress import Progress


_CAUSES = {
    "tissues": "conductivities",
    "motor": "placement over M1",
    "target": "placement over the target",
}


@dataclass(frozen=True)
class MatchedInterval:
    """How sure the matched output is.

    Attributes:
        output: The matched one.
        found: How far it may be off, in units of that output.
    """

    output: dosing.Output
    found: dosing.DoseInterval

    @property
    def median(self) -> float:
        """Of the drawn outputs, as a share of the maximum."""
        return self.found.median * self.output.output

    @property
    def ends(self) -> tuple[float, float]:
        """Of the interval that holds 95% of them, as shares of the maximum."""
        return self.found.low * self.output.output, self.found.high * self.output.output

    def to_json(self) -> dict:
        """For `dose.json`."""
        return {
            "rule": self.output.rule,
            "median": self.median,
            "interval_95": list(self.ends),
            "relative_sd": {name: getattr(self.found, name) for name in _CAUSES},
            "shares_of_variance": self.found.shares,
            "relative_sd_of_fields_by_tissues": dict(
                zip(("motor", "target"), self.found.fields, strict=True)
            ),
            "draws": self.found.draws,
            "surrogate_error": self.found.error,
        }

    def describe(self) -> None:
        """Print it."""
        low, high = self.ends
        print(
            f"how sure         95% within {low:.1%} to {high:.1%} of the maximum, median "
            f"{self.median:.1%} ({self.found.draws} draws)"
        )
        shares = self.found.shares
        for name, words in _CAUSES.items():
            print(
                f"  {words:<26} ± {getattr(self.found, name):.1%} of the output   "
                f"{shares[name]:4.0%} of the variance"
            )
        motor, target = self.found.fields
        print(
            f"  (conductivities alone: M1's field ± {motor:.1%}, the target's ± "
            f"{target:.1%}; what they share cancels)"
        )


def matched_interval(
    head: HeadMesh,
    conductor: Conductor,
    sites: tuple[dosing.Site, dosing.Site],
    metric: dosing.AbstractMetric,
    matched: dosing.Output,
    asked: Uncertainties,
    progress: Progress,
) -> MatchedInterval:
    """Find how sure the matched output is."""
    progress.stage("uncertainty", "uncertain conductivities and placements")
    found = dosing.matched_interval(
        *(head, conductor, *sites, metric, asked.tissues(head, conductor)),
        asked.spread,
        draws=asked.draws,
        progress=progress,
    )
    return MatchedInterval(matched, found)


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
