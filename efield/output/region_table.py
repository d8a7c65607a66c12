"""`rois.csv`: what the field is in the target and in each tissue of the brain."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield
from ...coils import Pose
from ...disk.tables import write_table
from ...meshing import TISSUE_NAMES, HeadMesh, Region, Scalp, cortical_normals, region
from .. import ElectricField


_GRAY_MATTER = 2
_TISSUES = (1, _GRAY_MATTER)  # White and gray matter.
SHARES = (50.0, 95.0, 99.0, 99.9)


class RegionTable:
    """Rows of a table of regions, pose by pose."""

    def __init__(
        self,
        head: HeadMesh,
        scalp: Scalp,
        target: Region | None,
        thresholds: tuple[float, ...],
        to_mni: Callable[[Float[ndarray, "3"]], Float[ndarray, "3"]] | None = None,
    ):
        """Prepare what all poses share.

        Args:
            head: The head.
            scalp: Its scalp.
            target: The first region, or None.
            thresholds: Of |E|, above which volumes are wanted. [V/m]
            to_mni: Takes points of the head to MNI space [m], or None.
        """
        self.target = target
        self._head, self._thresholds = head, thresholds
        self._regions = {} if target is None else {"target": target}
        for tag in _TISSUES:
            if head.of(tag).any():
                self._regions[TISSUE_NAMES[tag]] = region(head, head.of(tag))
        self._cortex = efield.CortexDistance(head, scalp)
        self._to_mni = to_mni
        self._normals = None if target is None else _normals(head, target)
        self._rows: list[dict] = []

    def add(self, number: int, name: str, field: ElectricField, pose: Pose) -> None:
        """Add the rows of one pose."""
        coil, scalp = self._cortex(pose)
        for label, selected in self._regions.items():
            found = efield.summarise(
                self._head, field, selected, SHARES, self._thresholds
            )
            x, y, z = found.peak_position * 1e3
            self._rows.append(
                {
                    "pose": number,
                    "name": name,
                    "region": label,
                    "volume_mm3": found.volume * 1e9,
                    "E_mean": found.mean,
                    "E_max": found.maximum,
                    **{
                        f"E_p{share:g}": value
                        for share, value in zip(SHARES, found.percentiles, strict=True)
                    },
                    **{
                        f"volume_mm3_above_{limit:g}": volume * 1e9
                        for limit, volume in zip(
                            self._thresholds, found.volumes_above, strict=True
                        )
                    },
                    "peak_x_mm": x,
                    "peak_y_mm": y,
                    "peak_z_mm": z,
                    **self._beside(field, label, found.peak_position),
                    "scalp_to_cortex_mm": scalp * 1e3,
                    "coil_to_cortex_mm": coil * 1e3,
                }
            )

    def _beside(
        self, field: ElectricField, label: str, peak: Float[ndarray, "3"]
    ) -> dict[str, float]:
        """The normal component and the peak in MNI space, where they are known."""
        columns = {}
        if self._normals is not None and self.target is not None:
            mean = np.nan
            if label == "target":
                vectors = np.asarray(field.vectors)[self.target.tetrahedra]
                along = np.einsum("ij,ij->i", vectors, self._normals)
                mean = float(self.target.weights @ along)
            columns["E_normal_mean"] = mean
        if self._to_mni is not None:
            try:
                places = np.asarray(self._to_mni(peak)) * 1e3
            except ValueError:  # Outside of the map.
                places = np.full(3, np.nan)
            names = [f"peak_mni_{axis}_mm" for axis in "xyz"]
            columns |= dict(zip(names, places.tolist(), strict=True))
        return columns

    def write(self, folder: Path) -> None:
        """Write the table, where there is a region."""
        if self._rows:
            write_table(folder / "rois.csv", list(self._rows[0]), self._rows)


def _normals(head: HeadMesh, target: Region) -> Float[ndarray, "selected 3"] | None:
    """The cortex's outward normals in a target of gray matter; None in other tissues."""
    if not (head.tags[target.tetrahedra] == _GRAY_MATTER).all():
        return None
    try:
        return cortical_normals(head, head.centroids[target.tetrahedra])
    except ValueError:  # White matter all around.
        return None
