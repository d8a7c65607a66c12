"""VTK's unstructured grids (.vtu), for ParaView and PyVista. Positions are in mm.

Written, the arrays follow the XML as raw bytes, each after its length, as VTK's file
formats describe under "appended data". Reading goes through meshio, where it is installed.
"""

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from ..disk import replacing
from .files import MM_PER_M, head_of_file, mm_per_unit, path_of_file
from .head import HeadMesh


_TAG_NAMES = ("tag", "tags", "tissue", "gmsh:physical")
_NUMBER_NAMES = ("medit:ref", "CellEntityIds")  # Numbers of no convention.
_UNIT = re.compile(
    rb"<Points\b[^>]*>\s*<DataArray\b[^>]*>\s*"
    rb"<InformationKey\b[^>]*UNITS_LABEL[^>]*>\s*(?:<Value\b[^>]*>)?\s*([^<]*?)\s*<"
)
_TETRAHEDRON = 10  # VTK's number of the cell type.
_TYPES = {"f": "Float64", "i": "Int64", "u": "UInt8"}


def read_vtu(path: str | os.PathLike[str]) -> HeadMesh:
    """Read a head from a .vtu file.

    Args:
        path: The file, with tetrahedra and their tissues in the cells' data `tag`. [mm,
            or what `UNITS_LABEL` of the points says]

    Raises:
        ModuleNotFoundError: meshio is not installed.
        OSError: The file is missing.
        ValueError: It is damaged, has no tags or several that differ, or is no valid
            head (see `read_msh`).
    """
    source = path_of_file(path)
    meshio = _require_meshio(source)
    try:
        mesh = meshio.vtu.read(str(source))
    # Damaged files bring meshio to raise whatever its parsers raise.
    except Exception as error:
        raise ValueError(
            f"{source}: the file cannot be read ({type(error).__name__}: {error})."
        ) from error
    tetrahedra = mesh.cells_dict.get("tetra", np.zeros((0, 4), np.int64))
    points = np.asarray(mesh.points, np.float64)
    unit = _UNIT.search(source.read_bytes())
    if unit is not None:
        points = points * mm_per_unit(source, unit[1].decode("utf-8", "replace"))
    return head_of_file(source, points, tetrahedra, _tags(source, mesh.cell_data_dict))


def _tags(path: Path, data: Mapping[str, Mapping[str, ndarray]]) -> ndarray:
    """Find the tissues among the cells' data; refuse data that contradict each other."""
    names = [name for name in _TAG_NAMES if name in data]
    numbers = [name for name in _NUMBER_NAMES if name in data]
    if not names and not numbers:
        raise ValueError(
            f"{path}: the cells have no data `tag`, which gives their tissues; they "
            f"have {', '.join(data) or 'none'}."
        )
    if not names:
        warnings.warn(
            f"{path}: the cells have no data `tag`; `{numbers[0]}` is taken for tissues "
            "as SimNIBS numbers them.",
            stacklevel=3,
        )
    name, *others = names or numbers[:1]
    tags = data[name].get("tetra", np.zeros(0))
    for other in others:
        if not np.array_equal(tags, data[other].get("tetra", np.zeros(0))):
            raise ValueError(
                f"{path}: the cells have both `{name}` and `{other}`, which differ. Keep "
                "the one that gives the tissues, under the name `tag`."
            )
    whole = np.rint(tags).astype(np.int64)
    if not np.array_equal(whole, tags):
        raise ValueError(f"{path}: `{name}` must hold whole numbers.")
    return whole


def write_vtu(
    path: str | os.PathLike[str],
    head: HeadMesh,
    fields: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Write a head with its tissues as the cells' data `tag`, and fields.

    Args:
        path: The file, replaced when it exists.
        head: The head.
        fields: By name, values per node or per tetrahedron: numbers or vectors.

    Raises:
        ValueError: A field fits neither nodes nor tetrahedra, or the name does not end in
            .vtu.
        OSError: The file cannot be written.
    """
    file = Path(path)
    if file.suffix.lower() != ".vtu":
        raise ValueError(f"{file}: the name must end in .vtu.")
    points: dict[str, ndarray] = {}
    cells: dict[str, ndarray] = {"tag": head.tags.astype(np.int64)}
    for name, values in (fields or {}).items():
        array = np.asarray(values, dtype=np.float64)
        of_nodes = array.shape[:1] == head.nodes.shape[:1]
        fits = of_nodes or array.shape[:1] == head.tags.shape
        if array.ndim not in (1, 2) or not fits:
            raise ValueError(
                f"the field {name!r} has the shape {array.shape}, which fits neither "
                f"{len(head.nodes)} nodes nor {len(head.tags)} tetrahedra."
            )
        (points if of_nodes else cells)[name] = array
    count = len(head.tags)
    topology = {
        "connectivity": head.tetrahedra.astype(np.int64).ravel(),
        "offsets": 4 * np.arange(1, count + 1, dtype=np.int64),
        "types": np.full(count, _TETRAHEDRON, dtype=np.uint8),
    }
    sections = [
        ("PointData", points),
        ("CellData", cells),
        ("Points", {"points": head.nodes * MM_PER_M}),
        ("Cells", topology),
    ]
    lines, arrays, offset = [], [], 0
    for section, members in sections:
        lines.append(f"<{section}>")
        for name, array in members.items():
            lines.append(_describe(name, array, offset))
            arrays.append(array)
            offset += 8 + array.nbytes
        lines.append(f"</{section}>")
    head_of_file = (
        '<?xml version="1.0"?>\n<VTKFile type="UnstructuredGrid" version="1.0" '
        'byte_order="LittleEndian" header_type="UInt64">\n<UnstructuredGrid>\n'
        f'<Piece NumberOfPoints="{len(head.nodes)}" NumberOfCells="{count}">\n'
        + "\n".join(lines)
        + '\n</Piece>\n</UnstructuredGrid>\n<AppendedData encoding="raw">\n_'
    )
    with replacing(file) as out:
        out.write(head_of_file.encode())
        for array in arrays:
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            out.write(np.uint64(little.nbytes).astype("<u8").tobytes())
            out.write(little.tobytes())
        out.write(b"\n</AppendedData>\n</VTKFile>\n")


def _describe(name: str, array: ndarray, offset: int) -> str:
    # Some readers give a number an axis of its own when it is said to be one.
    width = "" if array.ndim == 1 else f'NumberOfComponents="{array.shape[1]}" '
    return (
        f'<DataArray type="{_TYPES[array.dtype.kind]}" Name="{_escaped(name)}" '
        f'{width}format="appended" offset="{offset}"/>'
    )


def _escaped(name: str) -> str:
    pairs = (("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;"))
    for character, entity in pairs:
        name = name.replace(character, entity)
    return name


def _require_meshio(path: Path) -> ModuleType:
    """Import meshio, or say how to install it; `path` is for the message."""
    try:
        import meshio
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{path}: .vtu files are read by meshio. Write: pip install 'tmsgrad[vtu]'"
        ) from None
    return meshio
