"""What `tmsgrad simulate --target` computed of many pulses, as one object."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...efield import UncertaintyTable
from ..runtime.rows import ROWS
from .figures import TargetError, TargetFigures
from .simulation import Simulation


_SHARES = (0, 5, 50, 95, 100)  # Per cent of the pulses.


@dataclass(frozen=True, eq=False)
class SessionResult:
    """What `tmsgrad simulate --target` computes.

    Attributes:
        norms: Of the target's mean field, pulse by pulse. [V/m]
        didt: Of the pulses; None where they differ. [A/s]
        direct: The norm of the strongest pulse, which is shown, by a direct solution. [V/m]
        mesh: What the mesh leaves in that norm; None where it was not corrected.
        target: Where the field is wanted.
        lifted: How many coils were lifted off the scalp.
        resumed: How many pulses an interrupted run had left.
        fast_error: Of the fast evaluation, the largest of the pulses at which it was
            measured, relative; None where it was not used.
        uncertainty: Of the strongest pulse, or None.
        simulation: Head, coil and run.
    """

    schema: ClassVar[int] = 1

    norms: Float[ndarray, "pulse"]
    didt: float | None
    direct: float
    mesh: TargetError | None
    target: TargetFigures
    lifted: int
    resumed: int
    fast_error: float | None
    uncertainty: UncertaintyTable | None
    simulation: Simulation

    @property
    def strongest(self) -> float:
        """The norm of the strongest pulse. [V/m]"""
        return float(self.norms[self.simulation.shown.number])

    @property
    def percentiles(self) -> dict[int, float]:
        """Of the norms, by per cent of the pulses. [V/m]"""
        return {share: float(np.percentile(self.norms, share)) for share in _SHARES}

    def to_json(self) -> dict:
        """What `summary.json` holds."""
        target = self.target.to_json()
        del target["volume_mm3"]
        shown = self.simulation.shown
        asked = self.uncertainty
        return {
            "schema": self.schema,
            "poses": len(self.norms),
            "table": ROWS,
            "didt": self.didt,
            "target": target,
            "target_E_norm_percentiles": {
                str(share): value for share, value in self.percentiles.items()
            },
            "unit": "V/m, norm of the mean vector",
            "strongest": {
                "pose": shown.number,
                "name": shown.name,
                "value": self.strongest,
                "direct_solve": self.direct,
                "mesh_error": None if self.mesh is None else self.mesh.to_json(),
            },
            "lifted_poses": self.lifted,
            "resumed_at": self.resumed,
            "fast_error": self.fast_error,
            "uncertainty": None if asked is None else asked.to_json(),
            **self.simulation.to_json(),
        }

    def answer(self) -> dict:
        """What `--json` prints."""
        return self.to_json()

    def describe(self, out: str) -> None:
        """Print the field of the pulses, and of the strongest."""
        shares, shown = self.percentiles, self.simulation.shown
        if self.resumed:
            print(f"went on at pulse {self.resumed}")
        print(f"pulses           {len(self.norms)}")
        print(
            f"field in target  median {shares[50]:.4g} V/m, 5 to 95% of pulses "
            f"{shares[5]:.4g} to {shares[95]:.4g} V/m (norm of the mean vector)"
        )
        if self.mesh is None:
            print(
                f"strongest        {shown.name}: {self.strongest:.4g} V/m "
                f"({self.direct:.4g} V/m by a direct solve)"
            )
        else:
            print(
                f"strongest        {shown.name}: {self.strongest:.4g} ± "
                f"{self.mesh.bar:.2g} V/m (mesh)"
            )
            print(
                "mesh             a finer mesh of the same surfaces would give a value "
                f"within ±; {self.direct:.4g} V/m before the correction, by a direct solve"
            )
        if self.fast_error is not None:
            print(
                f"error            at most {self.fast_error:.2g} of the field, at pulses "
                "that were evaluated exactly as well (--exact: all of them)"
            )
        if self.lifted:
            print(f"lifted           {self.lifted} coils off the scalp")
        if self.simulation.tensors is not None:
            print(self.simulation.tensors)
        if self.uncertainty is not None:
            print(f"pose {shown.number} ({shown.name}):")
            print(self.uncertainty)
        print(f"files            {Path(out)}{os.sep}")
        print(f"time             {self.simulation.seconds['total']:.1f} s")
