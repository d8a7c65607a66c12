"""Resting-state images, cleaned of their confounds by nilearn.

Volumes before the magnetisation is steady are cut off. Those with a framewise displacement
above a limit are left out [Power et al. 2012, doi:10.1016/j.neuroimage.2011.10.018; its
formula and its 50 mm were compared with how the documentation of fMRIscrub gives them, the
limit of 0.5 mm was not], and those that the table of confounds names. Frequencies outside
of the band are regressors too, cosines of the whole series: so all is removed at once, and
what was left out for motion does not come back by filtering [Lindquist et al. 2019,
doi:10.1002/hbm.24528].
"""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from ...meshing import load_mask, load_nifti, load_values, template_space
from .confounds import Confounds
from .sidecar import Sidecar, chosen_time, read_sidecar


BAND = (0.008, 0.1)  # What is kept. [Hz]
DISPLACEMENT = 0.5e-3  # [m]
MINUTES = 10.0
_MOST_NUMBERS = 1 << 33
_MM_PER_M = 1e3
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "unknown": 1.0}
_FREEDOM = 30  # What is left after regression, at least.
# Brightness of a first volume over the others', in their median absolute deviations, from
# which on it is not steady; of 10 min without a transient the first is below 5. Ours.
_BRIGHT, _FIRST = 12.0, 10


@dataclass(frozen=True, eq=False)
class BoldSeries:
    """Functional images inside a mask.

    Attributes:
        signals: One number for each volume and voxel of the mask.
        mask: The voxels.
        affine: Voxel indices to positions. [m]
        repetition_time: [s]
        name: For messages.
        remarks: What was assumed, a sentence each.
        space: Of a template, as the header names it; empty for a person's.
        cortex: Whether it is of cortex alone, as series on surfaces are.
    """

    signals: Float[ndarray, "time voxel"]
    mask: Bool[ndarray, "i j k"]
    affine: Float[ndarray, "4 4"]
    repetition_time: float
    name: str = "the images"
    remarks: tuple[str, ...] = ()
    space: str = ""
    cortex: bool = False

    @property
    def positions(self) -> Float[ndarray, "voxel 3"]:
        """Of the mask's voxels. [m]"""
        return np.argwhere(self.mask) @ self.affine[:3, :3].T + self.affine[:3, 3]


@dataclass(frozen=True)
class MotionReport:
    """How much the head moved, and what was left out for it.

    Attributes:
        volumes: That were measured.
        unsteady: That were cut off at the start.
        flagged: That the table of confounds names outliers, in what is left.
        kept: That were used.
        minutes: That were used.
        mean_displacement: Framewise, over all volumes. [m]
        largest_displacement: [m]
        limit: Above which volumes were left out. [m]
    """

    volumes: int
    unsteady: int
    flagged: int
    kept: int
    minutes: float
    mean_displacement: float
    largest_displacement: float
    limit: float


@dataclass(frozen=True, eq=False)
class CleanSeries:
    """Signals without confounds, of the volumes that were kept.

    Attributes:
        series: The grid; its signals have mean 0 and deviation 1 over the kept volumes.
        motion: What was left out.
        regressors: Names of what was regressed out.
    """

    series: BoldSeries
    motion: MotionReport
    regressors: tuple[str, ...]


def read_bold(
    path: str | os.PathLike[str],
    mask: str | os.PathLike[str] | None = None,
    repetition_time: float | None = None,
) -> BoldSeries:
    """Read preprocessed functional images.

    Args:
        path: NIfTI with four axes, in mm, the brain aligned over time.
        mask: The brain, on the same grid; by default what fMRIPrep left beside, or else
            as nilearn finds it.
        repetition_time: Wins over that of the JSON beside the images, which wins over the
            header's. [s]

    Raises:
        FileNotFoundError: A file is missing.
        ImportError: nilearn is needed to find the brain, and not installed.
        ValueError: A file is damaged, has NaN volumes, no repetition time, or the mask is
            in another space.
    """
    file = Path(path)
    image = load_nifti(file)
    if image.ndim != 4 or image.shape[3] < 2:
        raise ValueError(
            f"{file}: the image has the shape {tuple(image.shape)}; functional images have "
            "(i, j, k, volumes)."
        )
    sidecar = read_sidecar(file)
    time, remarks = chosen_time(file, _header_time(image), sidecar, repetition_time)
    values = np.asarray(load_values(file, image, _MOST_NUMBERS), dtype=np.float32)
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] /= _MM_PER_M
    brain = _brain(file, image, mask, sidecar)
    signals = values[brain].T
    wrong = np.flatnonzero(~np.isfinite(signals).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"{file}: {len(wrong)} of {len(signals)} volumes hold NaN or infinite values "
            f"in the brain, the first is volume {wrong[0]} (counted from 0). Repair or cut "
            "the series; volumes cannot be skipped silently."
        )
    moving = signals.std(axis=0) > 0
    if moving.mean() < 0.5:
        raise ValueError(
            f"{file}: {1 - moving.mean():.0%} of the voxels of the brain never change: the "
            "mask does not belong to the images."
        )
    kept = brain.copy()
    kept[brain] = moving
    found = np.asarray(signals[:, moving], dtype=np.float64)
    space = template_space(image)
    return BoldSeries(found, kept, affine, time, str(file), remarks, space)


def clean(
    series: BoldSeries,
    confounds: Confounds | None,
    *,
    band: tuple[float, float] = BAND,
    displacement: float = DISPLACEMENT,
    minutes: float = MINUTES,
    skip: int = 0,
    variation: float | None = None,
) -> CleanSeries:
    """Regress out confounds, filter and leave moved volumes out, by nilearn.

    Args:
        series: The images.
        confounds: Of each volume; None for images that are clean already.
        band: Frequencies that are kept. [Hz]
        displacement: Volumes that moved more are left out. [m]
        minutes: So much must be left.
        skip: Volumes at the start to cut off, where the table does not name more.
        variation: Volumes with a larger DVARS, over its expectation, are left out.

    Raises:
        ImportError: nilearn is not installed.
        ValueError: Too little is left, the series is too short for its regressors, or
            there is no DVARS.
    """
    if not 0 <= band[0] < band[1]:
        raise ValueError(f"`band` must be two rising frequencies in Hz, got {band!r}.")
    signal = nilearn_module("signal")
    start = unsteady_volumes(series, confounds, skip)
    series = dataclasses.replace(series, signals=series.signals[start:])
    count = len(series.signals)
    kept, motion = _kept(series, confounds, start, displacement, variation)
    if motion.minutes < minutes:
        raise ValueError(
            f"{series.name}: {motion.minutes:.1f} min are left of "
            f"{motion.volumes * series.repetition_time / 60:.1f} min: {start} of "
            f"{motion.volumes} volumes are cut off at the start and {count - len(kept)} "
            f"moved more than {displacement * 1e3:g} mm or are named outliers; at least "
            f"{minutes:g} min are needed. Targets of short series are not reliable."
        )
    table = _outside(count, series.repetition_time, band)
    if confounds is not None:
        regressors = confounds.regressors[start:]
        table = np.concatenate(
            [regressors[:, np.ptp(regressors, axis=0) > 0], table], axis=1
        )
    left = len(kept) - int(np.linalg.matrix_rank(table[kept])) - 1
    if left < _FREEDOM:
        raise ValueError(
            f"{series.name}: {len(kept)} volumes of {series.repetition_time:g} s are too "
            f"few: confounds and the band {band[0]:g} to {band[1]:g} Hz leave "
            f"{max(left, 0)} degrees of freedom, of {_FREEDOM} needed."
        )
    cleaned = signal.clean(
        series.signals[kept],
        detrend=True,
        standardize="zscore_sample",
        confounds=table[kept],
        filter=False,
        t_r=series.repetition_time,
    )
    standing = np.asarray(cleaned) - np.mean(cleaned, axis=0)
    spread = standing.std(axis=0)
    standing = standing / np.where(spread > 0, spread, 1)
    found = dataclasses.replace(series, signals=standing)
    return CleanSeries(found, motion, () if confounds is None else confounds.names)


def joined(runs: Sequence[CleanSeries], minutes: float = MINUTES) -> CleanSeries:
    """Put several runs or sessions of a person together, each cleaned by itself.

    Args:
        runs: On one grid, with one repetition time. Voxels that one of them lacks are left
            out.
        minutes: So much must be left in all.

    Raises:
        ValueError: The runs do not fit each other, there is none, or too little is left.
    """
    if not runs:
        raise ValueError("`runs` is empty.")
    first = runs[0].series
    for each in (run.series for run in runs[1:]):
        if each.mask.shape != first.mask.shape or not np.allclose(
            each.affine, first.affine, atol=0.05 / _MM_PER_M
        ):
            raise ValueError(
                f"{each.name}: the images are on another grid than {first.name}: take runs "
                "of one space, or resample them."
            )
        if not np.isclose(each.repetition_time, first.repetition_time, rtol=1e-3):
            raise ValueError(
                f"{each.name}: the repetition time is {each.repetition_time:g} s, that of "
                f"{first.name} {first.repetition_time:g} s."
            )
    mask = np.all([run.series.mask for run in runs], axis=0)
    if not mask.any():
        raise ValueError(f"{first.name} and the other runs have no voxel in common.")
    signals = [run.series.signals[:, mask[run.series.mask]] for run in runs]
    motion = _joined_motion([run.motion for run in runs])
    if motion.minutes < minutes:
        raise ValueError(
            f"{motion.minutes:.1f} min are left of {len(runs)} runs; at least {minutes:g} "
            "min are needed. Targets of short series are not reliable."
        )
    names = ", ".join(run.series.name for run in runs)
    series = dataclasses.replace(
        first, signals=np.concatenate(signals), mask=mask, name=names
    )
    regressors = dict.fromkeys(name for run in runs for name in run.regressors)
    return CleanSeries(series, motion, tuple(regressors))


def _joined_motion(parts: Sequence[MotionReport]) -> MotionReport:
    volumes = [part.volumes - part.unsteady for part in parts]
    means = [part.mean_displacement for part in parts]
    return MotionReport(
        sum(part.volumes for part in parts),
        sum(part.unsteady for part in parts),
        sum(part.flagged for part in parts),
        sum(part.kept for part in parts),
        sum(part.minutes for part in parts),
        float(np.average(means, weights=volumes)),
        max(part.largest_displacement for part in parts),
        parts[0].limit,
    )


def unsteady_volumes(
    series: BoldSeries, confounds: Confounds | None, skip: int = 0
) -> int:
    """How many volumes at the start are cut off: those that are named unsteady, or more.

    Raises:
        ValueError: Half of the series would be cut off, or a volume later on is named.
    """
    count = len(series.signals)
    named = np.flatnonzero(np.zeros(0) if confounds is None else confounds.unsteady)
    if len(named) and named[-1] + 1 > len(named):
        raise ValueError(
            f"{series.name}: the table names volume {named[-1]} (counted from 0) as "
            "non_steady_state_outlier, but not all before it. Repair the table."
        )
    start = max(skip, len(named))
    if not 0 <= start < count / 2:
        raise ValueError(
            f"{series.name}: {start} of {count} volumes would be cut off at the start, as "
            "`skip` or the table's non_steady_state_outlier columns say."
        )
    return start


def brighter_at_the_start(series: BoldSeries) -> int:
    """How many first volumes are so much brighter than others as if not yet steady."""
    bright = series.signals.mean(axis=1)
    usual = float(np.median(bright))
    scatter = float(np.median(np.abs(bright - usual)))
    first = bright[:_FIRST] > usual + _BRIGHT * scatter
    return int(np.argmin(first)) if not first.all() else _FIRST


def nilearn_module(name: str) -> Any:
    """Import a module of nilearn.

    Raises:
        ImportError: It is not installed; the message names the extra.
    """
    try:
        import nilearn.masking
        import nilearn.signal
    except ImportError as error:
        raise ImportError(
            "connectivity needs nilearn, which is not installed: "
            "pip install 'tmsgrad[connectome]'"
        ) from error
    return {"signal": nilearn.signal, "masking": nilearn.masking}[name]


def _header_time(image: Any) -> float:
    """The header's repetition time, in its own unit; NaN where that is none. [s]"""
    unit = str(image.header.get_xyzt_units()[1])
    return float(image.header.get_zooms()[3]) * _SECONDS.get(unit, np.nan)


def _kept(
    series: BoldSeries,
    confounds: Confounds | None,
    start: int,
    displacement: float,
    variation: float | None,
) -> tuple[Int[ndarray, "volume"], MotionReport]:
    """Which volumes after the start are used, and why others are not."""
    count = len(series.signals)
    moved, flagged = np.zeros(count), np.zeros(count, dtype=bool)
    varied = None
    if confounds is not None:
        moved, flagged = confounds.displacement[start:], confounds.flagged[start:]
        varied = confounds.variation
    if variation is not None:
        if varied is None:
            raise ValueError("`variation` needs confounds with a column std_dvars.")
        flagged = flagged | (varied[start:] > variation)
    kept = np.flatnonzero((moved <= displacement) & ~flagged)
    return kept, MotionReport(
        start + count,
        start,
        int(flagged.sum()),
        len(kept),
        len(kept) * series.repetition_time / 60,
        float(moved.mean()),
        float(moved.max()),
        displacement,
    )


def _brain(
    file: Path,
    image: Any,
    mask: str | os.PathLike[str] | None,
    sidecar: Sidecar | None,
) -> Bool[ndarray, "i j k"]:
    beside = file.with_name(file.name.replace("desc-preproc_bold", "desc-brain_mask"))
    if mask is None and (beside == file or not beside.is_file()):
        if sidecar is not None and sidecar.skull_stripped:
            return np.asarray(image.dataobj[..., 0]) != 0
        found = nilearn_module("masking").compute_epi_mask(image)
        return np.asarray(found.dataobj) != 0
    source = beside if mask is None else Path(mask)
    other = load_nifti(source)
    if tuple(other.shape[:3]) != tuple(image.shape[:3]) or not np.allclose(
        np.asarray(other.affine), np.asarray(image.affine), atol=0.05
    ):
        raise ValueError(
            f"{source}: the mask is on another grid than {file.name}: they are in "
            "different spaces, or one was resampled."
        )
    return load_mask(source, other, _MOST_NUMBERS)


def _outside(
    count: int, time: float, band: tuple[float, float]
) -> Float[ndarray, "time cosine"]:
    """Cosines of frequencies that are not kept."""
    frequency = np.arange(1, count) / (2 * count * time)
    chosen = 1 + np.flatnonzero((frequency < band[0]) | (frequency > band[1]))
    middle = (np.arange(count) + 0.5)[:, None]
    return np.cos(np.pi * middle * chosen / count)
