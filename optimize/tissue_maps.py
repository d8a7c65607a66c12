"""What a coil does to all of a tissue, at each placement of a sweep, by a reduced field."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ..coils import AbstractCoil
from ..efield import ReducedField
from ..meshing import HeadMesh, Region, Scalp
from .domain import Domain
from .everywhere import Compactness, FocalityEverywhere, PeakMagnitude
from .sweep import Sweep, sweep


_ANGLES_LOOKED_AT = 8  # For what the basis does not know.
_AT_ONCE = 256  # Positions, so that memory stays small.


@dataclass(frozen=True, eq=False)
class TissueMaps:
    """A tissue's field at each position and angle of a sweep.

    Attributes:
        peak: What 99.9% of the tissue stay below, at 1e6 A/s. [V/m]
        volume: Of the part above half of the peak. [m³]
        focality: Mean |E| of the target over that of the rest of the tissue.
        outside: Positions that the reduced field does not know at some angle.
    """

    peak: Float[ndarray, "position angle"]
    volume: Float[ndarray, "position angle"]
    focality: Float[ndarray, "position angle"]
    outside: Bool[ndarray, "position"]

    @property
    def most_focal(self) -> tuple[int, int]:
        """Position and angle of the most focal placement that is known.

        All are taken where none is known.
        """
        known = np.where(self.outside[:, None], -np.inf, self.focality)
        values = self.focality if self.outside.all() else known
        position, angle = np.unravel_index(np.argmax(values), values.shape)
        return int(position), int(angle)


def tissue_maps(
    field: ReducedField,
    found: Sweep,
    coil: AbstractCoil,
    scalp: Scalp,
    positions: Float[ndarray, "position 3"],
    domain: Domain,
    *,
    volume: float,
    share: Float[ndarray, "tet"],
    number: int = 0,
) -> TissueMaps:
    """Map peak, volume and focality at the placements of a sweep.

    Args:
        field: Of the tissue.
        found: The sweep of the target.
        coil: The coil.
        scalp: Of the same head.
        positions: On the scalp, of that sweep. [m]
        domain: Of the coil.
        volume: Of the tissue. [m³]
        share: How much of each of its tetrahedra belongs to the target, from 0 to 1.
        number: Of the coil among those of the field.
    """
    angles = found.values.shape[1]
    rate = lambda objective: (
        sweep(objective, coil, scalp, positions, domain, angles=angles).values
    )
    return TissueMaps(
        rate(PeakMagnitude(field)),
        volume / rate(Compactness(field)),
        rate(FocalityEverywhere(field, share)),
        _unknown(field, number, found),
    )


def shares_in_target(head: HeadMesh, target: Region) -> Float[ndarray, "tet"]:
    """How much of each tetrahedron of a head belongs to a target, from 0 to 1."""
    share = np.zeros(len(head.tags))
    density = target.weights / head.volumes[target.tetrahedra]
    share[target.tetrahedra] = density / density.max()
    return share


def _unknown(
    field: ReducedField, number: int, found: Sweep
) -> Bool[ndarray, "position"]:
    """Which positions a reduced field does not know at some angle."""
    positions, angles = found.values.shape
    unknown = np.zeros(positions, dtype=bool)
    for angle in range(0, angles, max(angles // _ANGLES_LOOKED_AT, 1)):
        for start in range(0, positions, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            some = found.pose(part, angle)
            unknown[part] |= np.asarray(field.outside(some, coil=number))
    return unknown
