"""Heads as NumPy archives, which are small and quick to read.

They hold `points` in mm, `tets` counted from 0, and `tags`; `units` may say that points
are in something else, such as m.
"""

import os
from pathlib import Path

import numpy as np
from numpy import ndarray

from ..disk import replacing
from ..disk.arrays import open_archive
from .files import MM_PER_M, head_of_file, mm_per_unit, path_of_file
from .head import HeadMesh


_ARRAYS = ("points", "tets", "tags")
_UNITS = ("units", "unit")


def read_npz(path: str | os.PathLike[str]) -> HeadMesh:
    """Read a head from an .npz file.

    Points that no tetrahedron uses are dropped, as by `read_msh`.

    Args:
        path: A file with the arrays `points` (points, 3) [mm], `tets` (tetrahedra, 4)
            counted from 0, and `tags` (tetrahedra,); and maybe `units`, a word such as
            `m`.

    Returns:
        The head.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The file is damaged, lacks an array, or holds one that does not fit;
            or the mesh is not a valid head (see `read_msh`).
    """
    source = path_of_file(path)
    (points, tetrahedra, tags), unit = _load(source)
    for name, array, columns, kinds in (
        ("points", points, (3,), "fiu"),
        ("tets", tetrahedra, (4,), "iu"),
        ("tags", tags, (), "iu"),
    ):
        if array.ndim != 1 + len(columns) or array.shape[1:] != columns:
            wanted = ", ".join(map(str, ("n", *columns)))
            raise ValueError(
                f"{source}: `{name}` must have the shape ({wanted}), got {array.shape}."
            )
        if array.dtype.kind not in kinds:
            wanted = "numbers" if "f" in kinds else "integers"
            raise ValueError(
                f"{source}: `{name}` must hold {wanted}, got the type {array.dtype}."
            )
    if len(tags) != len(tetrahedra):
        raise ValueError(
            f"{source}: `tags` must give one tissue for each of {len(tetrahedra)} "
            f"tetrahedra, got {len(tags)}."
        )
    in_mm = points.astype(np.float64) * mm_per_unit(source, unit)
    return head_of_file(source, in_mm, tetrahedra, tags)


def write_npz(path: str | os.PathLike[str], head: HeadMesh) -> None:
    """Write a head to an .npz file, which appears whole or not at all.

    Args:
        path: The name of the file, which ends in `.npz`.
        head: The head, which is written in mm.

    Raises:
        OSError: The file cannot be written.
        ValueError: The name does not end in `.npz`.
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise ValueError(f"{target}: the name must end in .npz.")
    with replacing(target) as file:
        np.savez_compressed(
            file,
            points=head.nodes * MM_PER_M,
            tets=head.tetrahedra,
            tags=head.tags.astype(np.int16),
        )


def _load(path: Path) -> tuple[list[ndarray], str]:
    try:
        with open_archive(path) as archive:
            missing = [name for name in _ARRAYS if name not in archive]
            if missing:
                raise ValueError(
                    f"it lacks {', '.join(missing)} and has "
                    f"{', '.join(archive) or 'nothing'}"
                )
            unit = next(
                (str(archive[name]) for name in _UNITS if name in archive), "mm"
            )
            return [archive[name] for name in _ARRAYS], unit
    except ValueError as error:
        raise ValueError(
            f"{path}: the file cannot be read as a head ({error}). Give an .npz file "
            "with the arrays points [mm], tets and tags, as meshing.write_npz writes it."
        ) from error
