"""VTK's unstructured grids (.vtu), for ParaView and PyVista. Positions are in mm.

The arrays follow the XML as raw bytes, each after its length, as VTK's file formats
describe under "appended data".
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from .files import MM_PER_M, replacing
from .head import HeadMesh


_TETRAHEDRON = 10  # VTK's number of the cell type.
_TYPES = {"f": "Float64", "i": "Int64", "u": "UInt8"}


def write_vtu(
    path: str | os.PathLike[str], head: HeadMesh, fields: Mapping[str, ArrayLike]
) -> None:
    """Write a head with fields, as `write_msh` does for Gmsh.

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
        raise ValueError(f"{file}: the name of such a file ends in .vtu.")
    points: dict[str, ndarray] = {}
    cells: dict[str, ndarray] = {"tissue": head.tags.astype(np.int64)}
    for name, values in fields.items():
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
