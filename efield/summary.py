"""What a field is in a region, in a few numbers, and how far the cortex is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

from ..coils import Pose
from ..meshing import HeadMesh, Region, Scalp, volume_percentiles
from .field import ElectricField


_SHARES = (50.0, 99.0, 99.9)  # Percentiles of |E| in gray matter.
_ABOVE = (50, 75)  # Per cent of the last of them.


@dataclass(frozen=True, eq=False)
class RegionSummary:
    """|E| in a region, each tetrahedron counted by its volume.

    Attributes:
        volume: Of the region. [m³]
        mean: [V/m]
        maximum: [V/m]
        peak_position: Centroid of the tetrahedron with the maximum. [m]
        percentiles: Those asked for. [V/m]
        volumes_above: Of what reaches each threshold. [m³]
    """

    volume: float
    mean: float
    maximum: float
    peak_position: Float[ndarray, "3"]
    percentiles: tuple[float, ...]
    volumes_above: tuple[float, ...]


def summarise(
    head: HeadMesh,
    field: ElectricField,
    region: Region,
    shares: Sequence[float] = (50.0, 99.0, 99.9),
    thresholds: Sequence[float] = (),
) -> RegionSummary:
    """Summarise |E| in a region.

    Args:
        head: The head.
        field: Of one placement.
        region: Where.
        shares: Which percentiles to give.
        thresholds: Of |E|, for the volumes above. [V/m]
    """
    values = np.asarray(field.magnitude)[region.tetrahedra]
    volumes = head.volumes[region.tetrahedra]
    peak = int(np.argmax(values))
    return RegionSummary(
        float(volumes.sum()),
        float(volumes @ values / volumes.sum()),
        float(values[peak]),
        head.centroids[region.tetrahedra[peak]],
        tuple(volume_percentiles(values, volumes, shares)),
        tuple(float(volumes[values >= limit].sum()) for limit in thresholds),
    )


@dataclass(frozen=True, eq=False)
class GrayMatterField:
    """|E| in gray matter, by volume.

    Attributes:
        percentiles: By per cent. [V/m]
        volumes_above: Above shares of the last percentile, by per cent. [m³]
        strongest: Where it is largest. [m]
        highest: That value. [V/m]
    """

    percentiles: dict[float, float]
    volumes_above: dict[int, float]
    strongest: Float[ndarray, "3"]
    highest: float


def gray_matter_field(
    head: HeadMesh, magnitude: Float[ndarray, "tet"]
) -> GrayMatterField | None:
    """Summarise |E| [V/m] in gray matter; None of a head without any."""
    gray = head.of("gray matter")
    if not gray.any():
        return None
    inside, volumes = magnitude[gray], head.volumes[gray]
    found = volume_percentiles(inside, volumes, _SHARES)
    above = {
        share: float(volumes[inside >= share / 100 * found[-1]].sum())
        for share in _ABOVE
    }
    peak = np.flatnonzero(gray)[np.argmax(inside)]
    percentiles = dict(zip(_SHARES, found, strict=True))
    return GrayMatterField(
        percentiles, above, head.centroids[peak], float(magnitude[peak])
    )


class CortexDistance:
    """How far the cortex is from a coil, and from the scalp beneath it."""

    def __init__(self, head: HeadMesh, scalp: Scalp):
        """Find the surface of gray matter.

        Args:
            head: The head; without gray matter all distances are NaN.
            scalp: Of the same head.
        """
        gray = head.tetrahedra[head.of("gray matter")]
        self._scalp, self._tree = scalp, None
        if len(gray):
            self._tree = KDTree(head.nodes[np.unique(gray)])

    def __call__(self, pose: Pose) -> tuple[float, float]:
        """Measure from one coil.

        Returns:
            From the coil's centre to the nearest node of gray matter, and from where the
            coil's axis meets the scalp to the nearest node of gray matter; NaN where the
            axis misses the head. [m]
        """
        if self._tree is None:
            return np.nan, np.nan
        centre = np.asarray(pose.translation, dtype=np.float64)
        axis = np.asarray(pose.rotation, dtype=np.float64)[:, 2]
        way = self._scalp.distance_along(centre, axis)
        coil = float(np.asarray(self._tree.query(centre)[0]))
        if not np.isfinite(way):
            return coil, np.nan
        return coil, float(np.asarray(self._tree.query(centre + way * axis)[0]))
