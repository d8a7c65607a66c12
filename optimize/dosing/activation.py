"""Where a field reaches a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from ...efield import ElectricField
from ...meshing import HeadMesh, Region


SHARES = (0.6, 0.7, 0.8, 0.9, 1.0)  # Of the field of M1 at threshold.


@dataclass(frozen=True, eq=False)
class Activation:
    """The part of a tissue where |E| reaches a threshold.

    Attributes:
        threshold: [V/m]
        tetrahedra: A mask over all.
        volume: [m³]
        inside: Share of that volume which lies in the target.
        covered: Share of the target's volume which is activated.
    """

    threshold: float
    tetrahedra: Bool[ndarray, "tet"]
    volume: float
    inside: float
    covered: float


def activated(
    head: HeadMesh,
    field: ElectricField,
    threshold: float,
    target: Region,
    tissue: str | int = "gray matter",
) -> Activation:
    """Find where a field reaches a threshold.

    Args:
        head: The head.
        field: Of one placement, at the current that is given.
        threshold: Such as 83% of the field of M1 at threshold. [V/m]
        target: What should be activated.
        tissue: In which it is counted.

    Raises:
        ValueError: The threshold is not positive.
    """
    if not (np.isfinite(threshold) and threshold > 0):
        raise ValueError(f"`threshold` must be positive in V/m, got {threshold!r}.")
    reached = np.asarray(field.magnitude) >= threshold
    reached &= head.of(tissue)
    wanted = np.zeros(len(head.tags), dtype=bool)
    wanted[target.tetrahedra] = True
    volume = float(head.volumes[reached].sum())
    both = float(head.volumes[reached & wanted].sum())
    return Activation(
        float(threshold),
        reached,
        volume,
        both / volume if volume > 0 else 0.0,
        both / float(head.volumes[wanted].sum()),
    )


def activated_range(
    head: HeadMesh,
    field: ElectricField,
    motor: float,
    target: Region,
    tissue: str | int = "gray matter",
    shares: Sequence[float] = SHARES,
) -> tuple[Activation, ...]:
    """Find where a field reaches several shares of the field of M1 at threshold.

    Which share activates is not known: fields of M1 at threshold differ between people and
    muscles, and no threshold of other cortex has been measured.

    Args:
        head: The head.
        field: Of one placement, at the current that is given.
        motor: The field of M1 at threshold. [V/m]
        target: What should be activated.
        tissue: In which it is counted.
        shares: Of the field of M1.

    Raises:
        ValueError: A threshold is not positive.
    """
    return tuple(
        activated(head, field, share * motor, target, tissue) for share in shares
    )
