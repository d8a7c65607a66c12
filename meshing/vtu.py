"""Heads as .vtu files, which ParaView reads; through meshio, where it is installed."""

import os
from pathlib import Path
from types import ModuleType

import numpy as np

from .files import MM_PER_M, head_of_file, path_of_file, replacing
from .head import HeadMesh


_TAG_NAMES = ("tag", "tags", "gmsh:physical", "medit:ref", "CellEntityIds")


def read_vtu(path: str | os.PathLike[str]) -> HeadMesh:
    """Read a head from a .vtu file.

    Args:
        path: The file, with tetrahedra and their tissues in the cells' data `tag`. [mm]

    Raises:
        ModuleNotFoundError: meshio is not installed.
        OSError: The file is missing.
        ValueError: It is damaged, has no tags, or is no valid head (see `read_msh`).
    """
    source = path_of_file(path)
    meshio = require_meshio(source)
    try:
        mesh = meshio.vtu.read(str(source))
    # Damaged files bring meshio to raise whatever its parsers raise.
    except Exception as error:
        raise ValueError(
            f"{source}: the file cannot be read ({type(error).__name__}: {error})."
        ) from error
    tetrahedra = mesh.cells_dict.get("tetra", np.zeros((0, 4), np.int64))
    name = next((name for name in _TAG_NAMES if name in mesh.cell_data), None)
    if name is None:
        raise ValueError(
            f"{source}: the cells have no data `tag`, which tells their tissues; they "
            f"have {', '.join(mesh.cell_data) or 'none'}."
        )
    tags = mesh.cell_data_dict[name].get("tetra", np.zeros(0))
    whole = np.rint(tags).astype(np.int64)
    if not np.array_equal(whole, tags):
        raise ValueError(f"{source}: `{name}` must hold whole numbers.")
    return head_of_file(source, np.asarray(mesh.points, np.float64), tetrahedra, whole)


def write_vtu(path: str | os.PathLike[str], head: HeadMesh) -> None:
    """Write a head to a .vtu file, which appears whole or not at all.

    Args:
        path: The name of the file, which ends in `.vtu`.
        head: The head, which is written in mm, with its tissues as the cells' data `tag`.

    Raises:
        ModuleNotFoundError: meshio is not installed.
        OSError: The file cannot be written.
        ValueError: The name does not end in `.vtu`.
    """
    target = Path(path)
    if target.suffix != ".vtu":
        raise ValueError(f"{target}: the name must end in .vtu.")
    meshio = require_meshio(target)
    mesh = meshio.Mesh(
        head.nodes * MM_PER_M,
        [("tetra", head.tetrahedra)],
        cell_data={"tag": [np.asarray(head.tags, np.int32)]},
    )
    with replacing(target) as file:
        meshio.vtu.write(file.name, mesh)


def require_meshio(path: Path) -> ModuleType:
    """Import meshio, or tell how to install it; `path` is for the message."""
    try:
        import meshio
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{path}: .vtu files need meshio. Write: pip install meshio"
        ) from None
    return meshio
