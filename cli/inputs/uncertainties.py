"""What is uncertain of a head and of a placement, as it is asked for."""

import argparse
from dataclasses import dataclass

import numpy as np

from ... import efield
from ...efield import Conductor, PlacementSpread, UncertainTissues
from ...meshing import HeadMesh


@dataclass(frozen=True)
class Uncertainties:
    """Uncertain conductivities and placements.

    Attributes:
        share: Relative standard deviation of each conductivity; None for those of the
            literature.
        draws: How many are taken.
        spread: Standard deviations of the placement.
    """

    share: float | None
    draws: int
    spread: PlacementSpread

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Uncertainties | None":
        """Take them from `--uncertainty`, `--draws` and `--placement-sd`, if wanted."""
        if options.uncertainty is None:
            return None
        literature = options.uncertainty == "literature"
        share = None if literature else float(options.uncertainty)
        position, distance, angle, tilt = options.placement_sd
        spread = PlacementSpread(
            position * 1e-3,
            distance * 1e-3,
            np.radians(angle).item(),
            np.radians(tilt).item(),
        )
        return cls(share, options.draws, spread)

    def tissues(self, head: HeadMesh, conductor: Conductor) -> UncertainTissues:
        """The uncertain conductivities of a head."""
        chosen = (
            efield.CONDUCTIVITY_DISTRIBUTIONS
            if self.share is None
            else efield.relative_distributions(self.share)
        )
        return efield.uncertain_tissues(head, conductor, chosen)
