"""Pose files of any kind."""

import os
from pathlib import Path

from .ant import read_ant
from .bids import read_bids_markers
from .brainsight import read_brainsight
from .live import is_live_record, read_live_record
from .localite import read_localite
from .matsimnibs import MATSIMNIBS_FILES, read_matsimnibs
from .poses import PoseList
from .softaxic import read_softaxic


_KINDS = (".xml", ".stmpx", ".mrk", ".tsv", *MATSIMNIBS_FILES)


def read_poses(
    path: str | os.PathLike[str], *, space: str | None = None, repair: bool = False
) -> PoseList:
    """Read poses from a file of a navigation system, or of matrices as SimNIBS has them.

    Args:
        path: Localite `.xml`, Brainsight `.txt`, ANT visor2 `.mrk`, SofTaxic `.stmpx`,
            markers of NIBS-BIDS `.tsv`, or 4×4 matrices in `.txt`, `.csv`, `.npy`,
            `.npz`, `.json`, or `pulses.csv` of a live session.
        space: `RAS` or `LPS`, for files of Localite and Brainsight that do not say.
        repair: Replace matrices that shear, scale or reflect, as `nearest_rigid` does;
            without it they are refused.

    Returns:
        The poses with their names. A list may be empty, as a recording without pulses is.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is malformed or of an unknown kind, or a pose is no rigid placement.
    """
    file = Path(path)
    kind = file.suffix.lower()
    if kind not in _KINDS:
        raise ValueError(
            f"{file}: unknown kind of pose file; known are {', '.join(_KINDS)}."
        )
    if not file.is_file():
        raise FileNotFoundError(f"{file}: pose file not found. Check the path.")
    if kind == ".xml":
        return read_localite(file, space=space, repair=repair)
    if kind == ".txt" and _is_of_brainsight(file):
        return read_brainsight(file, space=space, repair=repair)
    if space is not None:
        raise ValueError(
            f"{file}: a space is taken for files of Localite and Brainsight only; others "
            "are RAS."
        )
    if kind == ".stmpx":
        return read_softaxic(file, repair=repair)
    if kind == ".tsv":
        return read_bids_markers(file, repair=repair)
    if kind == ".mrk":
        return read_ant(file, repair=repair)
    if kind == ".csv" and is_live_record(file):
        return read_live_record(file, repair=repair)
    return read_matsimnibs(file, repair=repair)


def _is_of_brainsight(file: Path) -> bool:
    with file.open("rb") as opened:
        # Without the zeros of UTF-16, which is not decoded here.
        begin = opened.read(8192).replace(b"\0", b"")
    return any(
        mark in begin for mark in (b"# Version:", b"Coordinate system:", b"Loc. X")
    )
