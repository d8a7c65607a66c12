"""Poses as SimNIBS' 4×4 matrices in mm (matsimnibs), in text, NumPy's files and JSON."""

import io
import os
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import mm_per_unit, read_json, read_text, write_whole
from ...disk.arrays import open_arrays
from .poses import PoseList
from .text import check_names
from .values import to_json


MATSIMNIBS_FILES = (".txt", ".csv", ".npy", ".npz", ".json")

_UNREADABLE = (ValueError, TypeError, OverflowError)
_NAME = "# pose: "
_UNIT = re.compile(r"#\s*units?:\s*(\S+)", re.IGNORECASE)
_UNITS = ("units", "unit")
_ENTRIES = ("matsimnibs", "names", "current_rates")
_CLOSEST = 1.0  # A coil's centre is farther from its head's origin. [mm]
_HEADER = "# matsimnibs: coil to head, mm; columns x, y, z, centre\n"


def read_matsimnibs(path: str | os.PathLike[str], *, repair: bool = False) -> PoseList:
    """Read one or many poses from a file of 4×4 matrices in mm.

    Args:
        path: `.txt` and `.csv` hold rows of four numbers, or sixteen for a pose; `.npy` an
            array (4, 4) or (poses, 4, 4); `.npz` and `.json` such an array, under the name
            `matsimnibs` where there are several. Names are taken from lines
            `# pose: NAME`, or an entry `names`; dI/dt from `current_rates` [A/s]; another
            unit than mm from a line `# units: m`, or an entry `units`.
        repair: See `PoseList.of_matrices`.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file holds no poses, or one of them is no rigid placement.
    """
    file = Path(path)
    if file.suffix.lower() not in MATSIMNIBS_FILES:
        raise ValueError(
            f"{file}: unknown kind of pose file; known are {', '.join(MATSIMNIBS_FILES)}."
        )
    try:
        matrices, names, rates, unit, left = _content(file)
        numbers = np.asarray(matrices, dtype=np.float64)
    except _UNREADABLE as error:
        raise ValueError(
            f"{file}: the file cannot be read as poses ({error}). A pose is a 4×4 matrix "
            f"in mm, in a file of the kind that its name says: "
            f"{', '.join(MATSIMNIBS_FILES)}."
        ) from error
    try:
        return PoseList.of_matrices(
            _in_mm(_as_matrices(numbers), unit),
            names,
            current_rates=rates,
            notes=[f"the file's entries {', '.join(left)} are not read."]
            if left
            else (),
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def write_matsimnibs(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write poses with their names, in the form that the file's name ends in.

    Args:
        path: The file, replaced when it exists. An .npy has no room for names.
        poses: In the head's frame.

    Raises:
        OSError: The file cannot be written.
        ValueError: The kind is unknown, or a name holds line ends.
    """
    file = Path(path)
    check_names(poses, "a line")
    kind, matrices = file.suffix.lower(), poses.matrices()
    if kind in (".txt", ".csv"):
        write_whole(file, _as_text(poses, matrices, kind))
    elif kind == ".json":
        content: dict = {"matsimnibs": matrices.tolist(), "names": list(poses.names)}
        if np.isfinite(poses.current_rates).all():
            content["current_rates"] = poses.current_rates.tolist()
        write_whole(file, to_json(content))
    elif kind in (".npy", ".npz"):
        buffer = io.BytesIO()
        if kind == ".npy":
            np.save(buffer, matrices)
        else:
            rates = poses.current_rates
            np.savez(
                buffer, matsimnibs=matrices, names=poses.names, current_rates=rates
            )
        write_whole(file, buffer.getvalue())
    else:
        raise ValueError(
            f"{file}: unknown kind of pose file; known are {', '.join(MATSIMNIBS_FILES)}."
        )


def _as_text(poses: PoseList, matrices: Float[ndarray, "pose 4 4"], kind: str) -> str:
    between = " " if kind == ".txt" else ","
    width = 4 if kind == ".txt" else 16
    blocks = []
    for name, matrix in zip(poses.names, matrices, strict=True):
        rows = [
            between.join(f"{x:.17g}" for x in row) for row in matrix.reshape(-1, width)
        ]
        blocks.append(_NAME + name + "\n" + "\n".join(rows) + "\n")
    return _HEADER + ("\n" if kind == ".txt" else "").join(blocks)


def _content(file: Path) -> tuple:
    """Give the matrices; names, dI/dt and unit, if any; and entries that are not read."""
    kind = file.suffix.lower()
    if kind in (".npy", ".npz"):
        with open_arrays(file) as content:
            if isinstance(content, ndarray):
                return content, None, None, None, ()
            return _entries(dict(content))
    if kind == ".json":
        content = read_json(file)
        if isinstance(content, dict):
            return _entries(content)
        return content, None, None, None, ()
    return _of_text(read_text(file))


def _of_text(text: str) -> tuple:
    every = text.splitlines()
    lines = [line.split("#")[0].replace(",", " ").split() for line in every]
    rows = []
    for number, line in enumerate(lines, 1):
        try:  # Without the words: a link may lead to another's file.
            rows += [[float(word) for word in line]] if line else []
        except ValueError:
            raise ValueError(f"line {number} holds what is no number") from None
    if not rows:
        raise ValueError("it is empty")
    if {len(row) for row in rows} not in ({4}, {16}):
        lengths = sorted({len(row) for row in rows})
        raise ValueError(
            f"its rows have {', '.join(map(str, lengths))} numbers; a pose has four rows "
            "of 4, or one of 16"
        )
    names = [line[len(_NAME) :] for line in every if line.startswith(_NAME)]
    count = len(rows) if len(rows[0]) == 16 else len(rows) // 4
    unit = next((found[1] for line in every if (found := _UNIT.match(line))), None)
    return rows, names if len(names) == count else None, None, unit, ()


def _entries(content: dict) -> tuple:
    unit = next((str(content[key]) for key in _UNITS if key in content), None)
    content = {key: value for key, value in content.items() if key not in _UNITS}
    if "matsimnibs" in content:
        names = content.get("names")
        rates = content.get("current_rates")
        if rates is not None:
            rates = np.asarray(rates, dtype=np.float64).reshape(-1)
        listed = None if names is None else [str(each) for each in names]
        left = tuple(name[:40] for name in content if name not in _ENTRIES)
        return content["matsimnibs"], listed, rates, unit, left
    if len(content) == 1:
        return next(iter(content.values())), None, None, unit, ()
    first, more = list(content)[:5], len(content) - 5
    named = ", ".join(first) + (f" and {more} more" if more > 0 else "")
    raise ValueError(
        f"it holds {named or 'nothing'}, but no `matsimnibs`, under which "
        "poses are looked for"
    )


def _in_mm(
    matrices: Float[ndarray, "pose 4 4"], unit: str | None
) -> Float[ndarray, "pose 4 4"]:
    """Bring centres to mm, and refuse those that can only be in m."""
    scale = 1.0 if unit is None else mm_per_unit(unit)
    if scale is None:
        raise ValueError(
            f"its lengths are said to be in {unit!r}; known are mm, cm, m and µm."
        )
    result = matrices.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        result[:, :3, 3] *= scale
    centres = np.abs(result[:, :3, 3])
    if centres.any() and (centres < _CLOSEST).all():
        raise ValueError(
            "all coil centres lie within 1 mm of the head's origin, so they are probably "
            "in m. Multiply the last column by 1000, or state the unit."
        )
    return result


def _as_matrices(numbers: ndarray) -> Float[ndarray, "pose 4 4"]:
    if numbers.ndim == 2 and numbers.shape[1] == 16:
        numbers = numbers.reshape(-1, 4, 4)
    if numbers.ndim == 2 and numbers.shape[1] == 4 and len(numbers) % 4 == 0:
        numbers = numbers.reshape(-1, 4, 4)
    if numbers.ndim != 3 or numbers.shape[1:] != (4, 4) or len(numbers) == 0:
        raise ValueError(
            f"it holds an array of the shape {numbers.shape}; poses are 4×4 matrices, "
            "(4, 4) or (poses, 4, 4)."
        )
    return numbers
