"""`rois.csv`: what the field is in the target and in each tissue of the brain."""

from pathlib import Path

from .. import efield
from ..coils import Pose
from ..efield import ElectricField
from ..meshing import TISSUE_NAMES, HeadMesh, Region, Scalp, region
from .rows import write_table


_TISSUES = (1, 2)  # White and gray matter.
SHARES = (50.0, 95.0, 99.0, 99.9)


class RegionTable:
    """Rows of a table of regions, pose by pose."""

    def __init__(
        self,
        head: HeadMesh,
        scalp: Scalp,
        target: Region | None,
        thresholds: tuple[float, ...],
    ):
        self.target = target
        self._head, self._thresholds = head, thresholds
        self._regions = {} if target is None else {"target": target}
        for tag in _TISSUES:
            if (head.tags == tag).any():
                self._regions[TISSUE_NAMES[tag]] = region(head, head.tags == tag)
        self._cortex = efield.CortexDistance(head, scalp)
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
                    "scalp_to_cortex_mm": scalp * 1e3,
                    "coil_to_cortex_mm": coil * 1e3,
                }
            )

    def write(self, folder: Path) -> None:
        """Write the table, where there is a region."""
        if self._rows:
            write_table(folder / "rois.csv", list(self._rows[0]), self._rows)
