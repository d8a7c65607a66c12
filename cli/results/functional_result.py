"""What `tmsgrad target functional` finds."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import VoxelGrid
from ...optimize.pictures.connectivity_map import write_connectivity
from ...optimize.targeting import (
    CleanSeries,
    Engagement,
    FunctionalTarget,
    MotionReport,
    Reliability,
)
from ..runtime.naming import place
from ..runtime.outcome import RESEARCH, StepWords
from ..runtime.provenance import Provenance
from .engaging import engagement_json, engagement_words
from .own_network import OwnNetwork


@dataclass(frozen=True, eq=False)
class FunctionalResult:
    """Where a seed is most anticorrelated, and how reliably.

    Attributes:
        cleaned: The images of all runs, after cleaning.
        z: Connectivity of every voxel with the seed (Fisher's).
        target: What was found in them.
        trust: How reliable that is.
        draws: Of the bootstrap.
        runs: How many there are.
        global_signal: Whether it was regressed out.
        other: The distance of the halves' targets with the other choice, where both were
            tried. [m]
        space: Of the images: MNI or head.
        seed: What it was, with its source.
        region: Which was searched, likewise.
        normative: A group's map that was blended in, and its share, or None.
        origin: Where the result comes from.
        engaged: How strong a map of the person's own is there, or None.
        network: What a network of the person's own changed, or None.
    """

    schema: ClassVar[int] = 1

    cleaned: CleanSeries
    z: Float[ndarray, "voxel"]
    target: FunctionalTarget
    trust: Reliability
    draws: int
    runs: int
    global_signal: bool
    other: float | None
    space: str
    seed: str
    region: str
    normative: tuple[str, float] | None
    origin: Provenance
    engaged: Engagement | None = None
    network: OwnNetwork | None = None

    @property
    def volume(self) -> float:
        """Of the target. [mm³]"""
        voxel = abs(np.linalg.det(self.cleaned.series.affine[:3, :3]))
        return float(voxel * len(self.target.cluster) * 1e9)

    def to_json(self) -> dict:
        """What `target.json` holds."""
        motion, trust, target = self.cleaned.motion, self.trust, self.target
        normative, blend = self.normative or (None, None)
        return {
            "schema": self.schema,
            "note": RESEARCH,
            "centre_mm": (target.centre * 1e3).tolist(),
            "space": self.space,
            "peak_mm": (target.peak * 1e3).tolist(),
            "cluster_mm3": self.volume,
            "mean_fisher_z": target.mean_z,
            "interval_95_radius_mm": trust.radius * 1e3,
            "bootstrap_median_mm": trust.median * 1e3,
            "split_half_mm": trust.split_half * 1e3,
            "block_s": trust.block,
            "draws": self.draws,
            "reliable": not trust.doubts,
            "doubts": list(trust.doubts),
            "found_share": trust.chosen,
            "rivals": self._rivals(),
            "search_region": self.region,
            "seed": self.seed,
            "runs": self.runs,
            "global_signal": self.global_signal,
            "split_half_of_other_choice_mm": (
                None if self.other is None else self.other * 1e3
            ),
            "normative": normative,
            "blend": blend,
            "network": None if self.network is None else self.network.to_json(),
            "engagement": engagement_json(self.engaged),
            "motion": _motion_json(motion),
            "repetition_time_s": self.cleaned.series.repetition_time,
            "regressors": list(self.cleaned.regressors),
            "provenance": self.origin.as_json(),
        }

    def _rivals(self) -> list[dict]:
        """Other clusters of the map, and how often they are the weightiest."""
        target = self.target
        return [
            {
                "centre_mm": (rival.centre * 1e3).tolist(),
                "distance_mm": float(np.linalg.norm(rival.centre - target.centre))
                * 1e3,
                "mass_share": rival.mass / target.mass,
                "found_share": share,
            }
            for rival, share in zip(target.rivals, self.trust.of_rivals, strict=True)
        ]

    def step(self) -> StepWords:
        """As a step of a plan."""
        motion, trust = self.cleaned.motion, self.trust
        return StepWords(
            "Target",
            f"{place(self.target.centre * 1e3)} in {self.space} space, the centre of "
            f"{self.volume:.0f} mm³",
            f"mean Fisher z {self.target.mean_z:.2f} with the seed {self.seed}; "
            f"{motion.minutes:.1f} min of data, {motion.kept} of {motion.volumes} volumes, "
            f"mean displacement {motion.mean_displacement * 1e3:.2f} mm",
            f"{'Not reliable. ' if trust.doubts else ''}"
            f"95% of bootstrapped targets lie within {trust.radius * 1e3:.1f} mm; both "
            f"halves of the data are {trust.split_half * 1e3:.1f} mm apart"
            + (f"; {self.network.words}" if self.network else "")
            + (f"; {engagement_words(self.engaged)}" if self.engaged else ""),
        )

    def describe(self, out: str) -> None:
        """Print it."""
        motion, trust = self.cleaned.motion, self.trust
        for doubt in trust.doubts:
            print(f"NOT RELIABLE     {doubt}")
        print(
            f"target           {place(self.target.centre * 1e3)} in {self.space} space, "
            f"mean z {self.target.mean_z:.2f} over {self.volume:.0f} mm³"
        )
        print(
            f"how reliable     95% within {trust.radius * 1e3:.1f} mm; halves of the data "
            f"{trust.split_half * 1e3:.1f} mm apart; found in {trust.chosen:.0%} of "
            "resampled series"
        )
        for rival in self._rivals():
            print(
                f"rival            {place(rival['centre_mm'])}, "
                f"{rival['distance_mm']:.0f} mm away, of {rival['mass_share']:.0%} of the "
                f"mass; found in {rival['found_share']:.0%}"
            )
        if self.other is not None:
            print(
                f"global signal    {'' if self.global_signal else 'not '}regressed out: "
                f"otherwise the halves are {self.other * 1e3:.1f} mm apart"
            )
        if self.network is not None:
            print(f"network          {self.network.words}")
        if self.engaged is not None:
            print(f"engagement       {engagement_words(self.engaged)}")
        print(
            f"motion           {motion.mean_displacement * 1e3:.2f} mm on average, "
            f"{motion.kept} of {motion.volumes} volumes kept, {motion.minutes:.1f} min"
        )
        if motion.unsteady or motion.flagged:
            print(
                f"left out         {motion.unsteady} volumes at the start, "
                f"{motion.flagged} that the confounds name outliers"
            )
        print(f"seed             {self.seed}")
        print(f"search region    {self.region}")
        print(f"files            {Path(out)}{os.sep} ({RESEARCH})")

    def draw(self, path: Path) -> None:
        """Draw the map on slices, with the target and its rivals."""
        series, target = self.cleaned.series, self.target
        rivals = [
            (f"rival {number}", each.centre)
            for number, each in enumerate(target.rivals, 1)
        ]
        trusted = "not reliable" if self.trust.doubts else "reliable"
        write_connectivity(
            *(path, self.z, series.mask, series.affine),
            [("target", target.centre), *rivals],
            f"Target at {place(target.centre * 1e3)} in {self.space} space, {trusted}; "
            f"{len(rivals) or 'no'} rival{'s' * (len(rivals) != 1)}",
        )

    def write_maps(self, folder: Path) -> None:
        """Write connectivity and target as images."""
        series, target, z = self.cleaned.series, self.target, self.z
        i, j, k = series.mask.shape
        grid = VoxelGrid(series.affine, (i, j, k))
        number = np.full(series.mask.shape, -1, dtype=np.int32)
        number[series.mask] = np.arange(len(z))
        weights = np.zeros(len(z))
        weights[target.cluster] = target.weights
        meshing.write_image(folder / "connectivity.nii.gz", grid, number, z)
        meshing.write_image(folder / "target.nii.gz", grid, number, weights)


def _motion_json(motion: MotionReport) -> dict:
    """How a person moved, for a summary."""
    return {
        "volumes": motion.volumes,
        "cut_at_the_start": motion.unsteady,
        "named_outliers": motion.flagged,
        "kept": motion.kept,
        "minutes": motion.minutes,
        "mean_framewise_displacement_mm": motion.mean_displacement * 1e3,
        "largest_framewise_displacement_mm": motion.largest_displacement * 1e3,
        "limit_mm": motion.limit * 1e3,
    }
