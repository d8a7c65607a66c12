"""What all readers and writers of heads have in common.

Files hold mm and heads hold m; `MM_PER_M` is used wherever one becomes the other.
"""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Integer
from numpy import ndarray

from ..disk import lengths
from .head import TISSUE_NAMES, HeadMesh


MM_PER_M = 1000.0

# Heads of mice are 20 mm long and those of elephants 1 m.
_SMALLEST_HEAD, _LARGEST_HEAD = 1.0, 10_000.0  # [mm]


def head_of_file(
    path: Path,
    points: Float[ndarray, "point 3"],
    tetrahedra: Integer[ndarray, "tet 4"],
    tags: Integer[ndarray, "tet"],
) -> HeadMesh:
    """Make a head of what a file holds, and blame the file where that is impossible.

    Args:
        path: The file, for messages.
        points: Positions of all points in the file. [mm]
        tetrahedra: Indices from 0 into `points`.
        tags: Tissue of each tetrahedron.

    Returns:
        The head, without the points that no tetrahedron uses; the others keep their
        order.

    Raises:
        ValueError: There are no tetrahedra, a tag is unknown, an element occurs twice,
            the mesh is not a valid `HeadMesh`, or its size is not that of a head in mm.
    """
    if len(tetrahedra) == 0:
        raise ValueError(
            f"{path}: the file holds no tetrahedra. Give the volume mesh of the head, "
            "not a surface mesh or a geometry."
        )
    _check_tags(path, tags)
    _check_indices(path, tetrahedra, len(points))
    _check_single(path, tetrahedra, tags, len(points))
    used = used_points(tetrahedra, len(points))
    if not used.all():
        tetrahedra = (np.cumsum(used, dtype=np.int64) - 1)[tetrahedra]
        points = points[used]
    _check_size(path, points)
    try:
        return HeadMesh(points / MM_PER_M, tetrahedra, tags)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def mm_per_unit(path: Path, unit: str) -> float:
    """Say how many millimetres a file's unit of length has.

    Args:
        path: The file, for messages.
        unit: What it says, such as `m` or `millimetres`.

    Raises:
        ValueError: The unit is not known.
    """
    factor = lengths.mm_per_unit(unit)
    if factor is None:
        raise ValueError(
            f"{path}: positions are said to be in {unit!r}, which is not known; known are "
            "mm, cm, m and µm. Export the mesh in mm."
        )
    return factor


def used_points(
    tetrahedra: Integer[ndarray, "tet 4"], count: int
) -> Bool[ndarray, "point"]:
    """Mark those of `count` points that are a corner of some tetrahedron."""
    used = np.zeros(count, dtype=bool)
    used[tetrahedra.ravel()] = True
    return used


def path_of_file(path: str | os.PathLike[str]) -> Path:
    """Check that there is such a file to read.

    Raises:
        FileNotFoundError: There is nothing of that name.
        IsADirectoryError: It is a folder.
    """
    checked = Path(path)
    if checked.is_dir():
        raise IsADirectoryError(
            f"{checked}: this is a folder. Give the mesh file in it; for an m2m_ folder "
            "of SimNIBS use meshing.read_head."
        )
    if not checked.exists():
        raise FileNotFoundError(
            f"{checked}: file not found. Check the name and the folder."
        )
    return checked


def _check_tags(path: Path, tags: ndarray) -> None:
    found, counts = np.unique(tags, return_counts=True)
    unknown = [
        f"{tag} ({count} tetrahedra)"
        for tag, count in zip(found.tolist(), counts.tolist(), strict=True)
        if tag not in TISSUE_NAMES
    ]
    if unknown:
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        raise ValueError(
            f"{path}: tetrahedra have tags that are not tissues: "
            f"{', '.join(unknown[:10])}{more}. Tissues are 1 to 10, as in SimNIBS "
            f"({', '.join(f'{t} {name}' for t, name in TISSUE_NAMES.items())}). Relabel "
            "or remove these elements."
        )


def _check_indices(path: Path, tetrahedra: ndarray, count: int) -> None:
    low, high = int(tetrahedra.min()), int(tetrahedra.max())
    if low < 0 or high >= count:
        raise ValueError(
            f"{path}: tetrahedra name points {low} to {high}, counted from 0, but there "
            f"are {count} points. The file is damaged; export the mesh anew."
        )


def _check_single(path: Path, tetrahedra: ndarray, tags: ndarray, count: int) -> None:
    """Refuse elements with the same nodes as another one, in whatever order."""
    # The sum of a random number for each node is the same in any order; numbers that
    # are alike by chance are distinguished by the nodes themselves.
    number = np.random.default_rng(0).integers(2**63, size=count, dtype=np.uint64)
    key = number[tetrahedra[:, 0]].copy()
    for corner in (1, 2, 3):
        key += number[tetrahedra[:, corner]]
    ordered = np.sort(key)
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(again):
        return
    suspect = np.flatnonzero(np.isin(key, again))
    _, first, place = np.unique(
        np.sort(tetrahedra[suspect], axis=1),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    twice = suspect[first[place.ravel()]] != suspect
    if not twice.any():
        return
    pairs = {
        tuple(sorted({int(tags[one]), int(tags[other])}))
        for one, other in zip(
            suspect[first[place.ravel()]][twice], suspect[twice], strict=True
        )
    }
    where = "; ".join(
        f"of tag {pair[0]} twice"
        if len(pair) == 1
        else f"of tags {pair[0]} and {pair[1]}"
        for pair in sorted(pairs)[:5]
    )
    raise ValueError(
        f"{path}: {np.count_nonzero(twice)} tetrahedra occur more than once ({where}). "
        "Gmsh writes an element once for each physical group that it is in. Leave each "
        "volume in one group, of one tissue, and export the mesh anew."
    )


def _check_size(path: Path, points: ndarray) -> None:
    # Damaged coordinates may be so large that their difference is infinite, or NaN,
    # which passes here for `HeadMesh` to refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        extent = float(np.ptp(points, axis=0).max())  # [mm]
    if extent < _SMALLEST_HEAD:
        raise ValueError(
            f"{path}: the mesh is {extent:.3g} mm across, too small for a head. Mesh "
            "files are in mm, and this one is probably in m: multiply its coordinates "
            "by 1000."
        )
    if extent > _LARGEST_HEAD:
        raise ValueError(
            f"{path}: the mesh is {extent / MM_PER_M:.3g} m across, too large for a "
            "head. Mesh files are in mm, and this one is probably in µm: divide its "
            "coordinates by 1000."
        )
