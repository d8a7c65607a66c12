"""Markers of NIBS-BIDS, a draft that lays out brain stimulation in BIDS: `*_markers.tsv`.

A row is a placement of a coil: its centre, and its axes, one after the other, as in SimNIBS
(matsimnibs): z into the head, y against the handle, x = y × z. The file of coordinates
beside it, `*_coordsystem.json`, says the unit and the space. Source: the draft v6.3,
https://github.com/nigelrogasch/nibs-bids; what is not known is `n/a`.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...disk import mm_per_unit, read_json, read_text, write_whole
from .forms import ImageForm
from .poses import HEAD_FRAME, PoseList
from .text import check_names


BIDS_VERSION = "NIBS-BIDS v6.3 (draft)"
#: Centre and axes of a coil, a column each.
BIDS_POSE_COLUMNS = tuple(
    f"element_{part}_{x}" for part in ("centre", "xdir", "ydir", "zdir") for x in "xyz"
)
BIDS_MARKER_COLUMNS = (
    *("nibs_position_id", "nibs_element_id"),
    *BIDS_POSE_COLUMNS,
    *("element_distance", "target_x", "target_y", "target_z", "target_label"),
)
MARKERS, COORDINATES = "_markers.tsv", "_coordsystem.json"

_UNKNOWN = ("", "n/a")
_OWN = ("individualmri", "individual", "t1w", "scanner", "orig")
_ID = "nibs_position_id"


def bids_coordinates() -> dict[str, str]:
    """What `*_coordsystem.json` says of coordinates in a head's frame."""
    return {
        "NIBSCoordinateSystem": "IndividualMRI",
        "NIBSCoordinateUnits": "mm",
        "NIBSCoordinateSystemDescription": "coordinates of the head model (RAS); the "
        "directions are the coil's axes as in SimNIBS: z into the head, y against the "
        "handle, x = y × z",
    }


def read_bids_markers(
    path: str | os.PathLike[str], *, repair: bool = False
) -> PoseList:
    """Read the placements of a `*_markers.tsv`.

    Args:
        path: The file. What stands beside it as `*_coordsystem.json`, with the same name
            before, says the unit (mm without one) and the space.
        repair: See `PoseList.of_matrices`.

    Returns:
        The poses. Where the space is not the person's own image, `frame` names it. Rows
        without a pose are counted in `skipped`.

    Raises:
        OSError: The file cannot be read.
        ValueError: A column is missing, a cell is no number, an identifier stands twice,
            the unit is not known, or a pose is no rigid placement.
    """
    file = Path(path)
    rows = _rows(file)
    placed = [row for row in rows if any(_known(row[c]) for c in BIDS_POSE_COLUMNS)]
    scale, frame, notes = _coordinates(file)
    names = [row[_ID] for row in placed]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"{file}: the position {min(twice)!r} stands in several rows; each needs an "
            f"identifier of its own in {_ID}."
        )
    try:
        return PoseList.of_matrices(
            _matrices(file, placed, scale),
            names,
            groups=["marker"] * len(placed),
            system="NIBS-BIDS",
            frame=frame,
            skipped=len(rows) - len(placed),
            notes=notes,
            form=ImageForm(code="MNI-152") if frame.startswith("MNI152") else None,
            repair=repair,
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def write_bids_markers(
    path: str | os.PathLike[str],
    poses: PoseList,
    *,
    element: str = "n/a",
    distances: Sequence[float] | None = None,
    target: Sequence[float] | None = None,
    label: str = "n/a",
) -> None:
    """Write placements as `*_markers.tsv`, with `*_coordsystem.json` beside it.

    Args:
        path: A name that ends in `_markers.tsv`.
        poses: In the head's frame.
        element: The coil's identifier.
        distances: From the scalp to each coil's centre, or None. [m]
        target: The centre of what is stimulated, or None. [m]
        label: Of the target.

    Raises:
        OSError: A file cannot be written.
        ValueError: The name ends otherwise, the poses are in another frame, or two of
            them have one name.
    """
    file = Path(path)
    if not file.name.endswith(MARKERS):
        raise ValueError(
            f"{file}: the name of such a file ends in {MARKERS}, as in "
            f"sub-01_task-tms{MARKERS}."
        )
    check_names(poses, "a row")
    lines = ["\t".join(BIDS_MARKER_COLUMNS)]
    aimed = [np.nan] * 3 if target is None else [1e3 * x for x in target]
    away = [np.nan] * len(poses) if distances is None else [1e3 * x for x in distances]
    for name, pose, distance in zip(
        _separate(poses.names), poses.matrices(), away, strict=True
    ):
        numbers = [*pose[:3, 3], *pose[:3, :3].T.ravel(), distance, *aimed]
        cells = [_word(name), _word(element), *map(_number, numbers), _word(label)]
        lines.append("\t".join(cells))
    write_whole(file, "\n".join(lines) + "\n")
    text = json.dumps(bids_coordinates(), indent=2, ensure_ascii=False)
    write_whole(_beside(file), text + "\n")


def _rows(file: Path) -> list[dict[str, str]]:
    # BIDS quotes nothing: a cell is what stands between two tabs.
    table = [line.split("\t") for line in read_text(file).split("\n") if line]
    head = [word.strip() for word in table[0]] if table else []
    lacking = [name for name in (_ID, *BIDS_POSE_COLUMNS) if name not in head]
    if lacking:
        raise ValueError(
            f"{file}: the column {lacking[0]} is missing. Markers of NIBS-BIDS have "
            f"{_ID} and {BIDS_POSE_COLUMNS[0]} to {BIDS_POSE_COLUMNS[-1]}."
        )
    rows = []
    for number, row in enumerate(table[1:], 2):
        if len(row) != len(head):
            raise ValueError(
                f"{file}:{number}: the row has {len(row)} cells, and the head of the "
                f"table {len(head)}."
            )
        rows.append(dict(zip(head, (cell.strip() for cell in row), strict=True)))
    return rows


def _matrices(
    file: Path, rows: Sequence[dict[str, str]], scale: float
) -> Float[ndarray, "pose 4 4"]:
    result = np.tile(np.eye(4), (len(rows), 1, 1))
    for matrix, row in zip(result, rows, strict=True):
        try:
            numbers = np.array([float(row[name]) for name in BIDS_POSE_COLUMNS])
        except ValueError:
            raise ValueError(
                f"{file}: the position {row[_ID]!r} has a cell that is no number; a pose "
                "needs all twelve."
            ) from None
        matrix[:3, 3] = numbers[:3] * scale
        matrix[:3, :3] = numbers[3:].reshape(3, 3).T
    return result


def _coordinates(file: Path) -> tuple[float, str, tuple[str, ...]]:
    """Find millimetres per unit, the frame, and what to say of it."""
    beside = _beside(file)
    if not beside.is_file():
        said = f"there is no {beside.name}: mm in the head's own image are assumed."
        return 1.0, HEAD_FRAME, (said,)
    about = read_json(beside)
    if not isinstance(about, dict):
        raise ValueError(f"{beside}: this is no table of fields.")
    unit = str(about.get("NIBSCoordinateUnits", "mm"))
    scale = mm_per_unit(unit)
    if scale is None:
        raise ValueError(
            f"{beside}: NIBSCoordinateUnits is {unit!r}; known are mm, cm and m."
        )
    space = str(about.get("NIBSCoordinateSystem", "IndividualMRI"))
    if space.lower() in _OWN:
        return scale, HEAD_FRAME, ()
    return (
        scale,
        space,
        (
            f"the coordinates are of the space {space}, by {beside.name}, and not of the "
            "head's own image: give the transformation to it (--transform).",
        ),
    )


def _beside(file: Path) -> Path:
    stem = file.name.removesuffix(MARKERS).removesuffix(".tsv")
    return file.with_name(stem + COORDINATES)


def _separate(names: Sequence[str]) -> list[str]:
    """Tell apart those that are called the same: an identifier stands once."""
    found: list[str] = []
    for name in names:
        word, number = name or "pose", 2
        while word in found:
            word, number = f"{name or 'pose'} {number}", number + 1
        found.append(word)
    return found


def _known(cell: str) -> bool:
    return cell not in _UNKNOWN


def _number(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else "n/a"


def _word(text: str) -> str:
    return text.strip() or "n/a"
