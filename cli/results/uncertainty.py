"""What makes the field in a target uncertain: one table for tissues and placement."""

from collections.abc import Callable
from dataclasses import dataclass

from ... import efield
from ...coils import Coil, Pose
from ...efield import Conductor, Reciprocal, UncertaintyTable
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


def find_uncertainty(
    placed: Placed,
    reciprocal: Reciprocal,
    asked: Uncertainties,
    progress: Progress,
) -> UncertaintyTable:
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
    found = efield.TotalUncertainty(drawn, moved)
    return UncertaintyTable.of(found, tissues, asked.spread)
