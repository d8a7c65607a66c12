"""Pulses that were recorded while a coil was tracked, as rows of a table."""

import csv
import os
from pathlib import Path

import numpy as np

from ...disk import read_text
from .poses import PoseList


#: The first three rows of a pose as SimNIBS has it. [mm]
LIVE_POSE_COLUMNS = tuple(f"matsimnibs_{r}{c}" for r in "123" for c in "1234")
_BEGIN = b"pulse,time_s,"
_NEEDED = (*LIVE_POSE_COLUMNS, "pulse", "time_s", "didt_A_per_s")


def is_live_record(file: Path) -> bool:
    """Whether a file begins as such a table does."""
    with file.open("rb") as opened:
        return opened.read(len(_BEGIN)) == _BEGIN


def read_live_record(path: str | os.PathLike[str], *, repair: bool = False) -> PoseList:
    """Read the pulses of a live session.

    What a kill left of the last row, without a line end, is left out, and so are pulses
    that came before any pose.

    Args:
        path: `pulses.csv` of the session.
        repair: See `PoseList.of_matrices`.

    Raises:
        OSError: The file cannot be read.
        ValueError: A column is missing, a row is malformed, or a pose is no rigid
            placement.
    """
    file = Path(path)
    whole, _, torn = read_text(file).rpartition("\n")
    rows = list(csv.DictReader(whole.splitlines()))
    lacking = [name for name in _NEEDED if rows and name not in rows[0]]
    if lacking:
        raise ValueError(f"{file}: the column {lacking[0]} is missing.")
    placed = [row for row in rows if row["matsimnibs_11"]]
    try:
        numbers = np.array(
            [[float(row[name]) for name in LIVE_POSE_COLUMNS] for row in placed]
        ).reshape(-1, 3, 4)
        times = [float(row["time_s"]) for row in placed]
        rates = [float(row["didt_A_per_s"] or "nan") for row in placed]
    except (ValueError, TypeError):
        raise ValueError(
            f"{file}: a row is not whole or holds what is no number. Was the file edited?"
        ) from None
    last = np.broadcast_to([0.0, 0.0, 0.0, 1.0], (len(placed), 1, 4))
    try:
        return PoseList.of_matrices(
            np.concatenate([numbers, last], axis=1),
            [f"pulse {row['pulse']}" for row in placed],
            groups=("pulse",) * len(placed),
            current_rates=rates,
            times=times,
            system="live record",
            skipped=len(rows) - len(placed),
            notes=["the last row is not whole, and is left out."] if torn else (),
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
