"""Resting-state images with planted networks, in MNI space.

A voxel's signal is a baseline times 1 plus: the subgenual network, positive in the
subgenual cingulate and in parts of the default network, negative in a patch of left
dorsolateral prefrontal cortex whose middle is the truth, and in parietal cortex; five
other networks, three of which reach into the search region; a global signal; noise with a
spectrum of 1/f and a short correlation in space, and white, thermal noise, both stronger
in the subgenual cingulate; and what motion adds: a mixture of its parameters in each voxel,
and spikes. At 3 T thermal noise is as strong as the body's own in gray matter where voxels
have (1.8 mm)³, and falls as one over their volume [Bodurka et al. 2007,
doi:10.1016/j.neuroimage.2006.09.039, abstract]. Networks live in gray matter. White matter
has a share of the global signal and of the noise, and cerebrospinal fluid a pulsation of
its own.
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
from benchmarks import simulated_brain
from scipy import ndimage


SEED = np.array([6.0, 16.0, -10.0])
_MIDDLE = np.array([-40.0, 36.0, 34.0])  # Of planted patches.
RIVAL = np.array([-38.0, 20.0, 50.0])  # Of a second patch, if there is one.
_BASELINE = 1000.0
_OF_BRAIN, _OF_HEAD = 0.8, 0.3  # Noise of the body: local, and of the whole brain.
_AS_STRONG = 1.8  # Side of a voxel with as much thermal noise. [mm]
# Positions [mm], widths [mm] and signs of the subgenual network besides its patch.
_NETWORK = [
    ((6, 16, -10), 8, 1.0),
    ((-6, 40, -8), 10, 0.8),
    ((0, -52, 26), 12, 0.8),
    ((-46, -66, 30), 9, 0.6),
    ((46, -64, 30), 9, 0.6),
    ((-40, -48, 46), 9, -0.6),
    ((42, -46, 46), 9, -0.6),
    ((38, 42, 26), 10, -0.7),
]
_OTHERS = [
    [((-40, -20, 52), 12), ((40, -20, 52), 12), ((-30, 2, 56), 10)],
    [((0, -84, 4), 16)],
    [((-48, 26, 14), 10), ((-30, 52, 20), 9), ((44, 30, 12), 10)],
    [((-36, 46, 10), 9), ((-24, 34, 52), 9)],
    [((-58, -24, 8), 12), ((58, -22, 8), 12)],
]


@dataclass(frozen=True)
class Simulated:
    """A person's images.

    Attributes:
        image: Functional, (i, j, k, volumes).
        mask: The brain.
        confounds: Columns in fMRIPrep's names; the first derivative is theirs to make.
        truth: Middle of the planted patch, a place of gray matter. [mm]
        gravity: Of the planted patch, its centre. [mm]
        group: The network without this person's patch, as a group's map.
    """

    image: nibabel.Nifti1Image
    mask: nibabel.Nifti1Image
    confounds: dict[str, np.ndarray]
    truth: np.ndarray
    gravity: np.ndarray
    group: nibabel.Nifti1Image


def simulate(
    rng: np.random.Generator,
    minutes: float,
    brain: simulated_brain.Brain | None = None,
    *,
    repetition_time: float = 2.0,
    strength: float = 0.6,
    spikes: float = 0.03,
    shift: float = 0.0,
    rival: float = 0.0,
    doubt: float = 0.0,
) -> Simulated:
    """Simulate a person.

    Args:
        rng: Random numbers.
        minutes: Of measurement.
        brain: By default an ellipsoid without folds.
        repetition_time: [s]
        strength: Of networks, relative to each kind of noise in a voxel.
        spikes: Share of volumes in which the head jerks.
        shift: How far this person's networks lie from the group's, deviation along each
            axis. [mm]
        rival: How strong a second patch is in the search region, some 25 mm away, in
            units of the first.
        doubt: Noise of the group's map, smooth over some 15 mm, in units of its
            deviation.
    """
    brain = simulated_brain.ellipsoid() if brain is None else brain
    count = round(60 * minutes / repetition_time)
    truth = brain.nearest(_MIDDLE + rng.uniform(-6, 6, 3))
    patch = brain.patch(truth, 8.0)
    own = _sum(brain, _NETWORK, rng, shift) - patch
    if rival:
        own = own - rival * brain.patch(brain.nearest(RIVAL), 8.0)
    signals = np.outer(_pink(rng, count, 1)[:, 0], strength * own)
    for places in _OTHERS:
        shape = _sum(brain, [(c, w, 1.0) for c, w in places], rng, shift)
        signals += np.outer(_pink(rng, count, 1)[:, 0], strength * shape)
    gray, white, fluid = brain.shares.T
    signals += _OF_HEAD * _pink(rng, count, 1) * (gray + 0.4 * white)
    signals += 0.8 * _pink(rng, count, 1) * fluid
    # Air in the sinuses costs signal next to the subgenual cingulate.
    points = np.argwhere(brain.mask) @ brain.affine[:3, :3].T + brain.affine[:3, 3]
    noisy = 1 + 1.0 * np.exp(-np.sum((points - SEED) ** 2, axis=1) / (2 * 15.0**2))
    noise = _smooth_noise(rng, brain.mask, count, brain.affine[0, 0])
    noise *= _OF_BRAIN * (gray + 0.4 * white + fluid)
    thermal = math.hypot(_OF_BRAIN, _OF_HEAD) * (_AS_STRONG / brain.affine[0, 0]) ** 3
    signals += (noise + thermal * rng.standard_normal(signals.shape)) * noisy
    motion, jerks = _motion(rng, count, spikes)
    signals += 0.5 * motion / motion.std(axis=0) @ rng.normal(0, 0.4, (6, len(points)))
    signals[jerks] += rng.normal(0, 4.0, (jerks.sum(), 1)) + rng.normal(
        0, 3.0, (jerks.sum(), len(points))
    )
    data = np.zeros((*brain.mask.shape, count), dtype=np.float32)
    data[brain.mask] = (_BASELINE * (1 + 0.01 * signals)).T
    image = nibabel.Nifti1Image(data, brain.affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((brain.affine[0, 0],) * 3 + (repetition_time,))
    image.set_sform(brain.affine, code=4)
    names = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
    confounds: dict[str, np.ndarray] = dict(zip(names, motion.T, strict=True))
    for name, share in (("white_matter", white), ("csf", fluid)):
        if share.any():
            pure = share >= 0.99
            confounds[name] = data[brain.mask][pure].mean(axis=0)
    confounds["global_signal"] = data[brain.mask].mean(axis=0)
    return Simulated(
        image,
        _image(brain.mask.astype(np.uint8), brain.affine),
        confounds,
        truth,
        patch @ points / patch.sum(),
        _image(_doubted(rng, _group(brain), brain, doubt), brain.affine),
    )


def _doubted(
    rng: np.random.Generator,
    group: np.ndarray,
    brain: simulated_brain.Brain,
    doubt: float,
) -> np.ndarray:
    """A group's map with noise, as no group is endless."""
    if not doubt:
        return group
    noise = ndimage.gaussian_filter(
        rng.standard_normal(group.shape), 6.0 / brain.affine[0, 0]
    )
    scale = doubt * group[brain.mask].std() / noise[brain.mask].std()
    return np.where(brain.mask, group + scale * noise, 0.0).astype(np.float32)


@cache
def _group(brain: simulated_brain.Brain) -> np.ndarray:
    """The network where a group has it, with a wider patch."""
    group = np.zeros(brain.mask.shape, dtype=np.float32)
    own = _sum(brain, _NETWORK, np.random.default_rng(0), 0.0)
    patch = brain.patch(brain.nearest(np.array([-38.0, 40.0, 30.0])), 14.0)
    group[brain.mask] = own - patch
    return group


def write(
    folder: Path, found: Simulated, space: str = "MNI152NLin2009cAsym"
) -> dict[str, Path]:
    """Write images and table as fMRIPrep names them."""
    stem = f"sub-01_task-rest_space-{space}"
    files = {
        "bold": folder / f"{stem}_desc-preproc_bold.nii.gz",
        "mask": folder / f"{stem}_desc-brain_mask.nii.gz",
        "group": folder / "group.nii.gz",
        "confounds": folder / "sub-01_task-rest_desc-confounds_timeseries.tsv",
    }
    for name in ("bold", "mask", "group"):
        image = found.image if name == "bold" else getattr(found, name)
        nibabel.save(image, files[name])
    write_confounds(files["confounds"], found.confounds)
    return files


def write_confounds(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write a table, tab-separated."""
    rows = zip(*columns.values(), strict=True)
    lines = ["\t".join(f"{value:.8g}" for value in row) for row in rows]
    path.write_text("\n".join(["\t".join(columns), *lines]) + "\n")


def _image(values: np.ndarray, affine: np.ndarray) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(values, affine)
    image.set_sform(affine, code=4)
    return image


def _sum(
    brain: simulated_brain.Brain, parts, rng: np.random.Generator, shift: float
) -> np.ndarray:
    total = np.zeros(len(brain.shares))
    for centre, width, sign in parts:
        moved = np.asarray(centre) + shift * rng.standard_normal(3)
        total += sign * brain.patch(brain.nearest(moved), width)
    return total


def _pink(rng: np.random.Generator, count: int, columns: int) -> np.ndarray:
    """Noise whose power falls as 1/f, of deviation 1."""
    spectrum = rng.standard_normal((count // 2 + 1, columns, 2)) @ np.array([1, 1j])
    frequency = np.maximum(np.arange(count // 2 + 1), 1)
    spectrum /= np.sqrt(frequency)[:, None]
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, count, axis=0)
    return noise / noise.std(axis=0)


def _smooth_noise(
    rng: np.random.Generator, mask: np.ndarray, count: int, spacing: float
) -> np.ndarray:
    """1/f noise that neighbours share, of deviation 1."""
    white = rng.standard_normal((count, *mask.shape), dtype=np.float32)
    width = 6.0 / np.sqrt(8 * np.log(2)) / spacing
    smooth = ndimage.gaussian_filter(white, (0, width, width, width))[:, mask]
    spectrum = np.fft.rfft(smooth, axis=0)
    frequency = np.maximum(np.arange(len(spectrum)), 1)
    spectrum /= np.sqrt(frequency)[:, None]
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, count, axis=0)
    return noise / noise.std(axis=0)


def _motion(
    rng: np.random.Generator, count: int, spikes: float
) -> tuple[np.ndarray, np.ndarray]:
    """Slow drifts [mm, rad], with jerks that last a volume."""
    scale = np.array([1, 1, 1, 0.02, 0.02, 0.02])
    drift = 0.3 * _pink(rng, count, 6) ** 1 * scale
    drift = ndimage.gaussian_filter1d(drift, 3.0, axis=0)
    jerks = rng.random(count) < spikes
    jerks[:1] = False
    drift[jerks] += rng.normal(0, 0.8, (jerks.sum(), 6)) * scale
    return drift, jerks
