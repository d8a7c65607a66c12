"""How far the best pose moves with the conductivities."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ... import optimize
from ..inputs.uncertainties import Uncertainties
from ..runtime.progress import Progress
from .uncertainty import Placed


@dataclass(frozen=True)
class PoseShift:
    """How far the best pose moves with the conductivities.

    Attributes:
        position: Standard deviation, first order. [m]
        angle: Likewise. [rad]
        loss: Mean share that is lost by staying.
        by_tissue: Of the position, by tissue. [m]
        draws: How many poses were found anew.
        drawn_position: Root mean square of those. [m]
        drawn_angle: Likewise. [rad]
        drawn_loss: Their mean.
    """

    position: float
    angle: float
    loss: float
    by_tissue: dict[str, float]
    draws: int
    drawn_position: float
    drawn_angle: float
    drawn_loss: float

    def to_json(self) -> dict:
        """For a summary."""
        return {
            "position_mm": self.position * 1e3,
            "angle_degrees": np.degrees(self.angle).item(),
            "loss": self.loss,
            "by_tissue_mm": {name: 1e3 * x for name, x in self.by_tissue.items()},
            "draws": self.draws,
            "drawn_position_mm": 1e3 * self.drawn_position,
            "drawn_angle_degrees": np.degrees(self.drawn_angle).item(),
            "drawn_loss": self.drawn_loss,
        }

    def describe(self) -> None:
        """Print it as a line of the table."""
        print(
            f"  best pose      moves by {1e3 * self.position:.2g} mm and "
            f"{np.degrees(self.angle):.2g}° (1 sd, first order; {self.draws} draws: "
            f"{1e3 * self.drawn_position:.2g} mm, {np.degrees(self.drawn_angle):.2g}°); "
            f"staying costs {self.loss:.2%} on average"
        )


def best_pose_shift(
    placed: Placed,
    prepared: optimize.PreparedSearch,
    objective: Callable,
    asked: Uncertainties,
    progress: Progress,
) -> PoseShift | None:
    """Find how far the best pose moves with the conductivities; None at a border."""
    progress.stage("best pose", "how far the best pose moves")
    tissues = asked.tissues(placed.head, placed.conductor)
    try:
        found = optimize.optimum_shift(
            *(prepared, placed.conductor, tissues, placed.target),
            *(placed.pose, objective),
        )
    except ValueError:
        return None
    root = lambda values: float(np.sqrt(np.mean(values**2)))
    by_tissue = zip(found.tissues, found.position_by_tissue.tolist(), strict=True)
    return PoseShift(
        *(found.position, found.angle, found.loss, dict(by_tissue)),
        len(found.drawn_positions),
        root(found.drawn_positions),
        root(found.drawn_angles),
        float(np.mean(found.drawn_losses)),
    )
