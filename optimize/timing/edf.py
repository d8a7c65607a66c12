"""Gaps in recordings of the European Data Format.

A file of the kind EDF+D (or BDF+D) holds pieces of a recording: each of its records says
when it begins, at the beginning of its annotations. MNE reads them as if one followed the
other without a gap, and takes annotations by the time with gaps [EDF+ specification, 2003,
edfplus.info; doi:10.1016/S1388-2457(03)00123-8].
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np


_ENDINGS = (".edf", ".bdf", ".rec")
_BEFORE_COUNT = 216  # Bytes of the header for a signal, before its samples in a record.
_ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)[\x14\x15]")


@dataclass(frozen=True)
class Gap:
    """Time that is missing between two records.

    Attributes:
        after: From the beginning of the recording. [s]
        missing: [s]
    """

    after: float
    missing: float


def first_gap(path: Path) -> Gap | None:
    """Find the first gap between the records of a file.

    Args:
        path: Of any format.

    Returns:
        None where there is none, or the file is no EDF+D.
    """
    if path.suffix.lower() not in _ENDINGS:
        return None
    data = path.read_bytes()
    if data[192:197] not in (b"EDF+D", b"BDF+D"):
        return None
    try:
        onsets, duration = _onsets(data)
    except (ValueError, IndexError):
        return None  # Damaged: MNE says how.
    steps = np.diff(onsets) - duration
    apart = np.flatnonzero(np.abs(steps) > 1e-3 * max(duration, 1e-3))
    if not len(apart):
        return None
    first = int(apart[0])
    return Gap(float(onsets[first] + duration - onsets[0]), float(steps[first]))


def _onsets(data: bytes) -> tuple[np.ndarray, float]:
    """When each record begins, and how long they are. [s]"""
    places = ((184, 192), (236, 244), (252, 256))
    begin, records, count = (int(data[low:high]) for low, high in places)
    duration = float(data[244:252])
    names = [data[256 + 16 * i : 272 + 16 * i].strip() for i in range(count)]
    at = 256 + _BEFORE_COUNT * count
    samples = [int(data[at + 8 * i : at + 8 * i + 8]) for i in range(count)]
    width = 3 if data[:1] == b"\xff" else 2
    place = [name.endswith(b" Annotations") for name in names].index(True)
    whole, before = width * sum(samples), width * sum(samples[:place])
    size = width * samples[place]
    records = records if records >= 0 else (len(data) - begin) // whole
    found = []
    for number in range(records):
        start = begin + number * whole + before
        stated = _ONSET.match(data[start : start + size])
        if stated is None:
            raise ValueError("a record does not say when it begins")
        found.append(float(stated[1]))
    return np.array(found), duration
