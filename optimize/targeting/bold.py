"""Resting-state images and their confounds, cleaned by nilearn.

Regressors are those of fMRIPrep's tables: 24 of motion [Friston et al. 1996, doi:10.1002/
mrm.1910350312], white matter, cerebrospinal fluid and, if wanted, the global signal.
Volumes with a framewise displacement above a limit are left out [Power et al. 2012,
doi:10.1016/j.neuroimage.2011.10.018; its formula and its 50 mm were compared with how the
documentation of fMRIscrub gives them, the limit of 0.5 mm was not]. Frequencies outside of
the band are regressors too, cosines of the whole series: so all is removed at once, and
what was left out for motion does not come back by filtering [Lindquist et al. 2019,
doi:10.1002/hbm.24528].
"""

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ...meshing import load_mask, load_nifti, load_values


BAND = (0.008, 0.1)  # What is kept. [Hz]
DISPLACEMENT = 0.5e-3  # [m]
MINUTES = 10.0
_MOST_NUMBERS = 1 << 33
_TIMES = (0.2, 10.0)  # A repetition time lies between. [s]
_HEAD_RADIUS = 50e-3  # Turns are counted on a sphere of this radius [Power 2012]. [m]
_MM_PER_M = 1e3
_MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
_FREEDOM = 30  # What is left after regression, at least.
_ENDINGS = ("", "_derivative1", "_power2", "_derivative1_power2")
_TISSUES = ("csf", "white_matter")


@dataclass(frozen=True, eq=False)
class BoldSeries:
    """Functional images inside a mask.

    Attributes:
        signals: One number for each volume and voxel of the mask.
        mask: The voxels.
        affine: Voxel indices to positions. [m]
        repetition_time: [s]
        name: For messages.
    """

    signals: Float[ndarray, "time voxel"]
    mask: Bool[ndarray, "i j k"]
    affine: Float[ndarray, "4 4"]
    repetition_time: float
    name: str = "the images"

    @property
    def positions(self) -> Float[ndarray, "voxel 3"]:
        """Of the mask's voxels. [m]"""
        return np.argwhere(self.mask) @ self.affine[:3, :3].T + self.affine[:3, 3]


@dataclass(frozen=True, eq=False)
class Confounds:
    """What is known of each volume that is no brain activity.

    Attributes:
        regressors: One column each, zero where the table has none, as in first rows of
            derivatives.
        names: Of the columns.
        displacement: Framewise, of the first volume zero. [m]
    """

    regressors: Float[ndarray, "time regressor"]
    names: tuple[str, ...]
    displacement: Float[ndarray, "time"]


@dataclass(frozen=True)
class MotionReport:
    """How much the head moved, and what was left out for it.

    Attributes:
        volumes: That were measured.
        kept: That were used.
        minutes: That were used.
        mean_displacement: Framewise, over all volumes. [m]
        largest_displacement: [m]
        limit: Above which volumes were left out. [m]
    """

    volumes: int
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
        repetition_time: Where the header does not tell it; must agree where it does. [s]

    Raises:
        FileNotFoundError: A file is missing.
        ImportError: nilearn is needed to find the brain, and not installed.
        ValueError: A file is damaged, has NaN volumes, a wrong repetition time, or the
            mask is in another space.
    """
    file = Path(path)
    image = load_nifti(file)
    if image.ndim != 4 or image.shape[3] < 2:
        raise ValueError(
            f"{file}: the image has the shape {tuple(image.shape)}; functional images have "
            "(i, j, k, volumes)."
        )
    time = _repetition_time(file, image, repetition_time)
    values = np.asarray(load_values(file, image, _MOST_NUMBERS), dtype=np.float32)
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] /= _MM_PER_M
    brain = _brain(file, image, mask)
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
    return BoldSeries(
        np.asarray(signals[:, moving], dtype=np.float64), kept, affine, time, str(file)
    )


def read_confounds(
    path: str | os.PathLike[str], volumes: int, global_signal: bool = False
) -> Confounds:
    """Read a table of confounds in fMRIPrep's names.

    Args:
        path: Tab-separated, a row for each volume; rotations in rad, translations in mm.
        volumes: Of the images.
        global_signal: Whether to regress out the global signal too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Rows or columns are missing.
    """
    file = Path(path)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if len(rows) != volumes:
        raise ValueError(
            f"{file}: the table has {len(rows)} rows, but the images {volumes} volumes: "
            "they do not belong together."
        )
    known = set(rows[0])
    lacking = [name for name in _MOTION if name not in known]
    if lacking or (global_signal and "global_signal" not in known):
        raise ValueError(
            f"{file}: columns of fMRIPrep are missing: "
            f"{', '.join(lacking or ['global_signal'])}."
        )
    motion = np.stack([_column(file, rows, name) for name in _MOTION], axis=1)
    names = [n + ending for n in _MOTION for ending in _ENDINGS]
    change = np.diff(motion, axis=0, prepend=motion[:1])
    expanded = np.stack([motion, change, motion**2, change**2], axis=2)
    columns = [expanded.reshape(volumes, -1)]
    for name in (*_TISSUES, *(["global_signal"] if global_signal else [])):
        if name in known:
            columns.append(_column(file, rows, name)[:, None])
            names.append(name)
    steps = np.abs(change) * np.array([1 / _MM_PER_M] * 3 + [_HEAD_RADIUS] * 3)
    return Confounds(np.concatenate(columns, axis=1), tuple(names), steps.sum(axis=1))


def clean(
    series: BoldSeries,
    confounds: Confounds | None,
    *,
    band: tuple[float, float] = BAND,
    displacement: float = DISPLACEMENT,
    minutes: float = MINUTES,
) -> CleanSeries:
    """Regress out confounds, filter and leave moved volumes out, by nilearn.

    Args:
        series: The images.
        confounds: Of each volume; None for images that are clean already.
        band: Frequencies that are kept. [Hz]
        displacement: Volumes that moved more are left out. [m]
        minutes: So much must be left.

    Raises:
        ImportError: nilearn is not installed.
        ValueError: Too little is left, or the series is too short for its regressors.
    """
    if not 0 <= band[0] < band[1]:
        raise ValueError(f"`band` must be two rising frequencies in Hz, got {band!r}.")
    signal = nilearn_module("signal")
    count = len(series.signals)
    moved = np.zeros(count) if confounds is None else confounds.displacement
    kept = np.flatnonzero(moved <= displacement)
    motion = MotionReport(
        count,
        len(kept),
        len(kept) * series.repetition_time / 60,
        float(moved.mean()),
        float(moved.max()),
        displacement,
    )
    if motion.minutes < minutes:
        raise ValueError(
            f"{series.name}: {motion.minutes:.1f} min are left of "
            f"{count * series.repetition_time / 60:.1f} min, as {count - len(kept)} of "
            f"{count} volumes moved more than {displacement * 1e3:g} mm; at least "
            f"{minutes:g} min are needed. Targets of short series are not reliable."
        )
    table = _outside(count, series.repetition_time, band)
    if confounds is not None:
        moving = np.ptp(confounds.regressors, axis=0) > 0
        table = np.concatenate([confounds.regressors[:, moving], table], axis=1)
    left = len(kept) - table.shape[1] - 1
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
    found = BoldSeries(
        standing, series.mask, series.affine, series.repetition_time, series.name
    )
    return CleanSeries(found, motion, () if confounds is None else confounds.names)


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


def _repetition_time(file: Path, image: Any, given: float | None) -> float:
    unit = image.header.get_xyzt_units()[1]
    scale = {"msec": 1e-3, "usec": 1e-6}.get(unit, 1.0)
    told = float(image.header.get_zooms()[3]) * scale
    low, high = _TIMES
    if given is not None and not low <= given <= high:
        raise ValueError(
            f"`repetition_time` must lie between {low:g} and {high:g} s, got {given:g}."
        )
    plausible = low <= told <= high
    if given is None and not plausible:
        raise ValueError(
            f"{file}: the header gives a repetition time of {told:g} s, which is not "
            f"between {low:g} and {high:g} s. Give the true one."
        )
    if given is not None and plausible and abs(given - told) > 0.01 * told:
        raise ValueError(
            f"{file}: the repetition time {given:g} s disagrees with the header's "
            f"{told:g} s."
        )
    return told if given is None else given


def _brain(
    file: Path, image: Any, mask: str | os.PathLike[str] | None
) -> Bool[ndarray, "i j k"]:
    beside = file.with_name(file.name.replace("desc-preproc_bold", "desc-brain_mask"))
    if mask is None and (beside == file or not beside.is_file()):
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


def _column(file: Path, rows: list[dict], name: str) -> Float[ndarray, "time"]:
    words = [row[name] for row in rows]
    try:
        values = [np.nan if w in ("n/a", "", "NaN", "nan") else float(w) for w in words]
    except (TypeError, ValueError):
        raise ValueError(
            f"{file}: column {name} holds something else than numbers."
        ) from None
    found = np.array(values)
    if np.isnan(found[1:]).any():
        raise ValueError(f"{file}: column {name} has no number in some rows.")
    return np.nan_to_num(found)
