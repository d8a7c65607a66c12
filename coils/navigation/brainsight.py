"""Brainsight: targets and samples in a text file of tables.

A table begins with a line of column names, its values are separated by tabs. `Loc.` is the
coil's centre in mm and m0, m1, m2 its axes, mᵢnⱼ being component j of axis i: m2 points out
of the head and m1 away from the handle, so SimNIBS' axes are x = -m0, y = m1 and z = -m2.

The coordinate system is named in the header. Up to Brainsight 2.5.2 (file version 13) it is
`NIfTI:Scanner`, `NIfTI:Aligned` or another of the NIfTI codes; from 2.5.3 (version 14) on
the name says as well which of the image's two forms it is of, as in `NIfTI:Q:Aligned`
[Brainsight's developers, github.com/simnibs/simnibs/pull/289]. `World` and, for DICOM
images, `NIfTI:…` too are LPS, as DICOM's patient coordinates are; the landmarks of the ears
give. `Brainsight` counts from a corner of the image and needs a transformation.
"""

import codecs
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import decoded, mm_per_unit, write_whole
from .forms import FORM_CODES, TEMPLATE_SPACES, ImageForm, form_note
from .poses import HEAD_FRAME, TO_RAS, PoseList, reframed
from .text import check_names


_AXES = np.diag([-1.0, 1.0, -1.0, 1.0])
_AXIS_COLUMNS = [f"m{axis}n{c}" for axis in range(3) for c in range(3)]
_POSE_COLUMNS = ["Loc. X", "Loc. Y", "Loc. Z", *_AXIS_COLUMNS]
_GROUPS = {"Target Name": "target", "Sample Name": "sample"}
_NULL = "(null)"
_HEADER = 4096  # Bytes that hold the lines about the file.
_NEWEST = 14  # Version of files.

_SAMPLE_HEAD = ["Sample Name", "Session Name", "Index", "Assoc. Target"]
_SAMPLE_TAIL = {
    12: "Dist. to Target|Target Error|Angular Error|Twist Error|Stim. Power A|"
    "Stim. Pulse Interval|Stim. Power B|Date|Time|Creation Cause|Crosshairs Driver|Offset|"
    "Comment|EMG Channels|EMG Window Start|EMG Window End",
    14: "Dist. to Target|Target Error|Angular Error|Twist Error|Stim. Power A|"
    "Stim. Pulse Interval|Stim. Power B|Date|Time|Creation Cause|Crosshairs Driver|"
    "Chamber Name|Chamber Grid Name|Chamber IndexX|Chamber IndexY|Offset|Comment|"
    "EMG Channels|EMG Window Start|EMG Window End",
}


def read_brainsight(
    path: str | os.PathLike[str], *, space: str | None = None, repair: bool = False
) -> PoseList:
    """Read targets and samples of Brainsight.

    Args:
        path: The text file that Brainsight exports.
        space: `RAS` or `LPS`, where the file does not say or is wrong.
        repair: See `PoseList.of_matrices`.

    Returns:
        The targets, then the samples. Its frame is `head` unless the coordinate system is
        one that only Brainsight's image knows.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is malformed, or its axes are unknown.
    """
    file = Path(path)
    lines = _lines(file)
    system = _header(lines, "Coordinate system")
    if system is None:
        raise ValueError(
            f"{file}: no line says `# Coordinate system:`, as Brainsight's files do."
        )
    rows = [(kind, row) for kind, row in _rows(file, lines) if kind in _GROUPS]
    frame, to_ras, form, notes = _frame(file, system, _landmarks(file, lines), space)
    placed = [(kind, row) for kind, row in rows if row["Loc. X"] != _NULL]
    matrices = np.array([_matrix(file, row) for _, row in placed]).reshape(-1, 4, 4)
    matrices[:, :3, 3] *= _mm_per_unit(file, lines)
    shares = [_number(row, "Stim. Power", "Stim. Power A") / 100 for _, row in placed]
    version = _header(lines, "Created by") or "Brainsight"
    try:
        return PoseList.of_matrices(
            reframed(to_ras, matrices, _AXES),
            [row[kind] for kind, row in placed],
            groups=[_GROUPS[kind] for kind, _ in placed],
            outputs=shares,
            times=_times([row for _, row in placed]),
            system=f"{version}, {system}",
            frame=frame,
            skipped=len(rows) - len(placed),
            notes=notes + _newer(lines),
            form=form,
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def write_brainsight(
    path: str | os.PathLike[str],
    poses: PoseList,
    *,
    version: int = 14,
    form: str = "Aligned",
    letter: str = "Q",
    program: str = "tmsgrad",
) -> None:
    """Write poses as targets of Brainsight; samples and pulses as samples.

    Args:
        path: The file, replaced when it exists.
        poses: In the head's frame.
        version: 14 for Brainsight 2.5.3 and later, 12 for earlier ones.
        form: The code of the image's form, as Brainsight names it: `Scanner`, `Aligned`,
            `Talairach`, `MNI-152` or `Other-Template`.
        letter: `Q` where the head's frame is the image's qform, `S` where it is its
            sform. Version 12 does not say it.
        program: What is named as the file's creator.

    Raises:
        OSError: The file cannot be written.
        ValueError: The version is unknown, or a name holds tabs or line ends.
    """
    if version not in _SAMPLE_TAIL:
        raise ValueError(f"`version` must be 12 or 14, got {version!r}.")
    check_names(poses, "a table")
    for name in poses.names:
        if name.startswith("#"):
            raise ValueError(f"the name {name!r} begins with #, which ends a table.")
    system = f"NIfTI:{letter}:{form}" if version >= 14 else f"NIfTI:{form}"
    lines = [
        f"# Version: {version}",
        f"# Coordinate system: {system}",
        f"# Created by: {program}",
        "# Units: millimetres, degrees, milliseconds, and microvolts",
        "# Encoding: UTF-8",
        "# Notes: Each column is delimited by a tab. Each value within a column is "
        "delimited by a semicolon.",
        "\t".join(["# Target Name", *_POSE_COLUMNS]),
    ]
    tail = _SAMPLE_TAIL[version].split("|")
    samples = ["\t".join(["# Sample Name", *_SAMPLE_HEAD[1:], *_POSE_COLUMNS, *tail])]
    matrices = poses.matrices() @ _AXES.T
    for index, (name, group) in enumerate(zip(poses.names, poses.groups, strict=True)):
        pose = _columns(matrices[index])
        if group in ("sample", "pulse"):
            share = poses.outputs[index]
            known = {
                "Stim. Power A": _NULL if np.isnan(share) else f"{100 * share:.4f}"
            }
            known["Offset"] = "0.0000"
            rest = [known.get(column, _NULL) for column in tail]
            at = [name, "Session 1", str(len(samples)), _NULL]
            samples.append("\t".join([*at, *pose, *rest]))
        else:
            lines.append("\t".join([name, *pose]))
    session = "\t".join(["# Session Name", *_POSE_COLUMNS])
    write_whole(path, "\n".join([*lines, *samples, session]) + "\n")


def _columns(matrix: Float[ndarray, "4 4"]) -> list[str]:
    # Brainsight's four decimals of an axis would be 0.01°.
    return [f"{x:.6f}" for x in matrix[:3, 3]] + [
        f"{x:.9f}" for x in matrix[:3, :3].T.ravel()
    ]


def _header(lines: list[str], key: str) -> str | None:
    begin = f"# {key}:"
    found = (line[len(begin) :].strip() for line in lines if line.startswith(begin))
    return next(found, None)


def _lines(file: Path) -> list[str]:
    """Read the file in the encoding that it states, UTF-8 where it states none."""
    data = file.read_bytes()
    found = re.search(rb"#[ \t]*Encoding:[ \t]*([^\r\n]+)", data[:_HEADER])
    name = "utf-8" if found is None else found[1].decode("ascii", "replace").strip()
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError(
            f"{file}: the encoding {name!r} is not known. Export the file in UTF-8."
        ) from None
    return decoded(file, data, "utf-8-sig" if known == "utf-8" else known).splitlines()


def _mm_per_unit(file: Path, lines: list[str]) -> float:
    said = _header(lines, "Units")
    if said is None:
        return 1.0
    units = (mm_per_unit(word) for word in re.split(r"[,;]|\band\b", said))
    length = next((unit for unit in units if unit is not None), None)
    if length is None:
        raise ValueError(
            f"{file}: the line `# Units: {said}` has no unit of length that is known. "
            "Export the file in millimetres."
        )
    return length


def _newer(lines: list[str]) -> list[str]:
    version = _header(lines, "Version") or ""
    if not version.isdigit() or int(version) <= _NEWEST:
        return []
    return [
        f"the file is of version {version}; known are those up to {_NEWEST}. Compare one "
        "pose with what Brainsight shows."
    ]


def _rows(file: Path, lines: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the rows of all tables, each with the name of its table's first column."""
    columns: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            names = [word.strip() for word in line[1:].split("\t")]
            columns = names if len(names) > 1 else []
            continue
        if not columns or not line.strip():
            continue
        words = [word.strip() for word in line.split("\t")]
        row = dict(zip(columns, words, strict=False))
        needed = _POSE_COLUMNS if columns[0] in _GROUPS else []
        lacking = [name for name in needed if name not in row]
        if lacking:
            raise ValueError(
                f"{file}: line {number} has {len(words)} columns and lacks "
                f"{lacking[0]}; the table has {len(columns)}."
            )
        row["line"] = str(number)
        yield columns[0], row


def _matrix(file: Path, row: dict[str, str]) -> Float[ndarray, "4 4"]:
    try:
        numbers = [float(row[name]) for name in _POSE_COLUMNS]
    except ValueError as error:
        raise ValueError(
            f"{file}: line {row['line']}: a position or an axis is no number ({error})."
        ) from None
    matrix = np.eye(4)
    matrix[:3, 3] = numbers[:3]
    matrix[:3, :3] = np.reshape(numbers[3:], (3, 3)).T
    return matrix


def _landmarks(file: Path, lines: list[str]) -> dict[str, float]:
    """Give x of the ears' planned landmarks, which distinguish left from right. [mm]"""
    return {
        row["Planned Landmark Name"].upper(): _number(row, "Loc. X")
        for kind, row in _rows(file, lines)
        if kind == "Planned Landmark Name"
    }


_Frame = tuple[str, Float[ndarray, "4 4"], ImageForm | None, list[str]]


def _frame(
    file: Path, system: str, ears: dict[str, float], space: str | None
) -> _Frame:
    """Give the frame's name, its way to RAS, the image's form, and what is assumed."""
    if space is not None:
        if space not in TO_RAS:
            raise ValueError(f"`space` must be RAS or LPS, got {space!r}.")
        note = (
            f"the file says {system}; its coordinates are read as the head's, {space}."
        )
        return HEAD_FRAME, TO_RAS[space], None, [note]
    left, right = ears.get("LPA", np.nan), ears.get("RPA", np.nan)
    seen = "LPS" if left > right else "RAS" if right > left else None
    named = re.fullmatch(r"NIfTI(?::([QS]))?(?::(.+))?", system)
    if named is not None and named[2] in (None, "Unknown", *FORM_CODES):
        form = ImageForm(named[1] or "", named[2] if named[2] in FORM_CODES else "")
        if form.code in TEMPLATE_SPACES:
            return form.code.lower(), np.eye(4), form, [form_note(form)]
        if seen == "LPS":
            note = (
                f"the file says {system}, but its landmarks show LPS, as Brainsight has "
                "for DICOM images: x and y were reversed."
            )
            return HEAD_FRAME, TO_RAS["LPS"], None, [note]
        return HEAD_FRAME, TO_RAS["RAS"], form, [form_note(form)]
    if system == "World":
        if seen is None:
            raise ValueError(
                f"{file}: World coordinates are LPS for DICOM images and RAS for others, "
                "and no landmarks LPA and RPA show which. State it (--space)."
            )
        note = f"World coordinates are {seen} here, as the landmarks of the ears show."
        return HEAD_FRAME, TO_RAS[seen], None, [note]
    note = (
        f"the coordinate system {system!r} is not that of the head's image. Export with "
        "NIfTI coordinates, or give the transformation (--transform)."
    )
    return system.lower(), np.eye(4), None, [note]


def _number(row: dict[str, str], *names: str) -> float:
    for name in names:
        try:
            return float(row.get(name, ""))
        except ValueError:
            continue
    return np.nan


def _times(rows: list[dict[str, str]]) -> Float[ndarray, "pose"]:
    """When samples were taken, from the first on. [s]"""
    moments = []
    for row in rows:
        word = f"{row.get('Date', '')}T{row.get('Time', '')}"
        try:
            moments.append(datetime.fromisoformat(word).timestamp())
        except (ValueError, OverflowError, OSError):
            moments.append(np.nan)
    times = np.asarray(moments, dtype=np.float64)
    known = times[np.isfinite(times)]
    return times - known.min() if len(known) else times
