"""SAMSEG as a process of its own, in an environment of its own.

Its numpy is older than jax allows, and it has wheels for Python 3.9 to 3.11 only, so it is
never imported here. [Puonti et al. 2016, doi:10.1016/j.neuroimage.2016.09.011; for labels
outside the brain, Puonti et al. 2020, doi:10.1016/j.neuroimage.2020.117044.]
"""

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np

from ...disk import write_whole
from ..images.label_files import LabelImage
from ..images.label_table import FREESURFER_LABELS
from ..progress import Progress, silent
from .installing import VERSION, Samseg, running


_MEMORY = 6.5e9  # That it needs for an image of 1 mm. [bytes]
_ASKED_EVERY = 0.5  # [s]
_LEVELS = ((3.0, 12), (2.0, 12))  # Voxels [mm] and rounds of the quick way.
_DONE = "seg.mgz"


def memory_lacking(voxels: int) -> str | None:
    """Say in words that the memory does not suffice for an image, or None.

    Args:
        voxels: Of the image.
    """
    needed = memory_needed(voxels)
    free = _free_memory()
    if free is None or free >= needed:
        return None
    return (
        f"SAMSEG needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are "
        "free. Close other programs, or take --by atlas, which needs less."
    )


def memory_needed(voxels: int) -> float:
    """Estimate what SAMSEG takes. [byte]

    Args:
        voxels: Of the image.
    """
    return _MEMORY * max(1.0, voxels / 1.2e7)


def _free_memory() -> float | None:
    """Memory that is free or can be freed, where the system tells. [bytes]"""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return 1024.0 * float(line.split()[1])
    return None


def run_samseg(
    samseg: Samseg,
    images: Sequence[Path],
    folder: Path,
    threads: int = 1,
    thorough: bool = False,
    progress: Progress | None = None,
) -> LabelImage:
    """Segment a head, or take what an earlier run has left in the folder.

    Args:
        samseg: The program.
        images: The T1, and maybe a T2 of the same person, which is registered to it.
        folder: Where it writes; kept, so that another run with the same inputs goes on.
        threads: That it may use.
        thorough: With its own settings (2, then 1 mm), which take far longer, in place of
            3, then 2 mm and at most 12 rounds each.
        progress: Called now and then.

    Returns:
        The tissues, on the grid of the T1.

    Raises:
        ValueError: It failed; the message has the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = json.dumps(
        {"version": VERSION, "thorough": thorough, "images": [_mark(p) for p in images]}
    )
    record, done = folder / "inputs.json", folder / _DONE
    if done.is_file() and record.is_file() and record.read_text("utf-8") == key:
        return _labels(done, images[0])
    done.unlink(missing_ok=True)
    command = [str(samseg.program), "-o", str(folder), "--threads", str(threads)]
    command += ["-i", *map(str, images)]
    if len(images) > 1:
        command += ["--coregister", "--pallidum-separate"]
    if not thorough:
        options = folder / "options.json"
        levels = [
            {"targetDownsampledVoxelSpacing": voxel, "maximumNumberOfIterations": most}
            for voxel, most in _LEVELS
        ]
        content = {"optimizationOptions": {"multiResolutionSpecification": levels}}
        write_whole(options, json.dumps(content, indent=2) + "\n")
        command += ["--options", str(options)]
    log = folder / "samseg.log"
    _watch(command, log, 100 if thorough else _LEVELS[0][1], progress or silent)
    if not done.is_file():
        raise ValueError(f"{log}: samseg ended without labels. {_end_of(log)}")
    write_whole(record, key)
    return _labels(done, images[0])


def _watch(command: list[str], log: Path, rounds: int, report: Progress) -> None:
    """Run the process with its words in a log, from which progress is told.

    Whatever ends this ends the process, too.
    """
    with log.open("wb") as written, running(command, written) as process:
        while process.poll() is None:
            time.sleep(_ASKED_EVERY)
            report(*progress_of(_read(log), rounds))
    if process.returncode:
        raise ValueError(
            f"{log}: samseg ended with {process.returncode}. {_end_of(log)}"
        )


def progress_of(log: str, rounds: int) -> tuple[float, str]:
    """How far SAMSEG is, by its log.

    Args:
        log: What it has printed so far.
        rounds: At most, on each of its two levels.

    Returns:
        The share that is done, and with what.
    """
    if "run_samseg complete" in log:
        return 1.0, "done"
    if "atlas registration complete" not in log:
        return 0.02, "affine registration"
    numbers = [int(n) for n in re.findall(r"iterationNumber: (\d+)", log)]
    if not numbers:
        return 0.15, "preparing"
    second = numbers.count(0) > 1
    within = min((numbers[-1] + 1) / rounds, 1.0)
    share = 0.15 + (0.3 if second else 0.0) + (0.5 if second else 0.3) * within
    return share, f"level {2 if second else 1}, round {numbers[-1] + 1}"


def _labels(file: Path, t1: Path) -> LabelImage:
    """Read SAMSEG's labels, in the place that the T1 has."""
    image = nibabel.load(file)  # pyright: ignore[reportPrivateImportUsage]
    values = np.asarray(image.dataobj).astype(np.int32)  # pyright: ignore
    affine = np.array(image.affine, dtype=np.float64)  # pyright: ignore
    try:
        return LabelImage(FREESURFER_LABELS.apply(values), affine)
    except ValueError as error:
        raise ValueError(f"{file}, made of {t1}: {error}") from None


def _mark(path: Path) -> list:
    """What tells an image from others: its name, size and time."""
    found = path.stat()
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _end_of(log: Path) -> str:
    lines = [line for line in _read(log).splitlines() if line.strip()]
    return f"Its log ends: {' / '.join(lines[-3:])}" if lines else "Its log is empty."
