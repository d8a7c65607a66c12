"""What `tmsgrad target structural` finds."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ... import meshing
from ...meshing import HeadMesh, Tractogram, VoxelGrid
from ...meshing.pictures.tracts import write_tract_slices
from ...optimize.targeting import (
    ConnectionMap,
    Reaching,
)
from ..runtime.naming import place
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance


@dataclass(frozen=True, eq=False)
class Tracked:
    """How streamlines were tracked.

    Attributes:
        source: The image.
        seeds: How many.
        random_seed: Of their places.
    """

    source: str
    seeds: int
    random_seed: int

    def to_json(self) -> dict:
        """For a summary."""
        names = {"from": self.source, "seeds": self.seeds}
        return names | {"random_seed": self.random_seed}


@dataclass(frozen=True, eq=False)
class StructuralResult:
    """The cortex that streamlines connect with a deep target.

    Attributes:
        tracts: All streamlines.
        found: Those that reach the target.
        mapped: Where their other ends are.
        inside: Which share of the points lies in the brain.
        indirect: The deep target, as it was named.
        waypoints: Likewise.
        stations: Likewise.
        region: Which was searched, likewise, or None.
        tracked: How, or None for streamlines of a file.
        share: Of the highest density, from which cortex belongs to the target.
        origin: Where the result comes from.
    """

    schema: ClassVar[int] = 1

    tracts: Tractogram
    found: Reaching
    mapped: ConnectionMap
    inside: float
    indirect: str
    waypoints: tuple[str, ...]
    stations: tuple[str, ...]
    region: str | None
    tracked: Tracked | None
    share: float
    origin: Provenance

    @property
    def volume(self) -> float:
        """Of the target. [mm³]"""
        cluster = self.mapped.cluster
        return float(np.count_nonzero(cluster.values) * cluster.voxel_volume * 1e9)

    def to_json(self) -> dict:
        """What `target.json` holds."""
        found, mapped = self.found, self.mapped
        return {
            "schema": self.schema,
            "note": RESEARCH,
            "centre_mm": (mapped.centre * 1e3).tolist(),
            "space": "head",
            "cluster_mm3": self.volume,
            "indirect": self.indirect,
            "waypoints": list(self.waypoints),
            "stations": list(self.stations),
            "tracking": None if self.tracked is None else self.tracked.to_json(),
            "streamlines": len(self.tracts),
            "inside_brain_share": self.inside,
            "reaching": len(found.which),
            "reaching_directly": found.direct,
            "ending_in_gray_matter": mapped.streamlines,
            "lost_ends_share": mapped.lost,
            "too_deep_share": mapped.deep,
            "smoothing_mm": mapped.smoothing * 1e3,
            "share_of_highest": self.share,
            "search_region": self.region,
            "provenance": self.origin.as_json(),
        }

    def step(self) -> StepWords:
        """As a step of a plan."""
        return StepWords(
            "Target",
            f"{place(self.mapped.centre * 1e3)} in head space, the centre of "
            f"{self.volume:.0f} mm³",
            f"{len(self.found.which)} of {len(self.tracts)} streamlines reach "
            f"{self.indirect}, {self.mapped.streamlines} of them end in gray matter",
            f"{self.inside:.0%} of the points lie in the brain; a number of streamlines is "
            "no strength of a connection",
        )

    def describe(self, out: str) -> None:
        """Print it."""
        found, mapped = self.found, self.mapped
        print(
            f"target           {place(mapped.centre * 1e3)} in the head, "
            f"{self.volume:.0f} mm³ with at least {self.share:.0%} of the highest density"
        )
        print(
            f"streamlines      {len(found.which)} of {len(self.tracts)} reach "
            f"{self.indirect}, {found.direct} directly; {mapped.streamlines} have their "
            "other end in gray matter"
        )
        print(
            f"density          smoothed by {mapped.smoothing * 1e3:g} mm; "
            f"{mapped.deep:.0%} of it lies out of a coil's reach"
        )
        print(f"files            {Path(out)}{os.sep} ({RESEARCH})")

    def write_maps(self, folder: Path, head: HeadMesh, grid: VoxelGrid) -> None:
        """Write density and target as images, the streamlines, and a picture."""
        mapped, numbers = self.mapped, np.arange(np.prod(grid.shape))
        for name, each in (("connections", mapped.density), ("target", mapped.cluster)):
            meshing.write_image(
                *(folder / f"{name}.nii.gz", grid, numbers.reshape(grid.shape)),
                each.values.ravel(),
            )
        chosen = self.tracts.chosen(self.found.which)
        meshing.write_tracts(folder / "reaching.trk", chosen, grid)
        shown = np.where(head.of("gray matter"), mapped.density.at(head.centroids), 0.0)
        write_tract_slices(
            folder / "overview.png",
            head,
            mapped.centre,
            chosen,
            painted=np.minimum(shown, 1.0),
            title=f"Streamlines of the deep target: {len(chosen)} of {len(self.tracts)}",
            subtitle="tmsgrad · for research use only · cortex: density of their other "
            "ends; slices through the target's centre of gravity",
        )
