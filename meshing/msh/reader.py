"""Heads in Gmsh's .msh files, as SimNIBS writes them.

Formats 2.2 and 4.1, binary and text, also gzipped. Coordinates in the files are mm; the
arrays that the functions here return are in m.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from ..files import (
    MM_PER_M,
    head_of_file,
    path_of_file,
    used_points,
)
from ..head import HeadMesh
from .contents import MeshFields, TissueSurfaces
from .elements import (
    CORNERS,
    TETRAHEDRON,
    TRIANGLE,
    Block,
    Entities,
    NumberedPoints,
    read_blocks_2,
    read_blocks_4,
    read_entities,
    read_points_2,
    read_points_4,
)
from .fields import NumberedValues, read_field, values_of
from .names import named_tags, read_volume_names
from .sections import MshSource


_REFUSED = {
    "Nodes": "has a second section $Nodes",
    "Elements": "has a second section $Elements",
    "PartitionedEntities": "is partitioned",
    "ParametricNodes": "has parametric nodes",
}


def read_msh(path: str | os.PathLike[str]) -> HeadMesh:
    """Read a head from a .msh file.

    Only tetrahedra are read; triangles, lines and points are left out (see
    `read_msh_surfaces`). The tissue of an element is the number of its physical group,
    and that of its entity where it is in none; where `$PhysicalNames` names tissues
    and these contradict SimNIBS' numbers, the names decide, with a warning. Nodes that
    no tetrahedron uses are dropped, because the equations for them would be singular;
    the others keep their order, and so do the tetrahedra.

    Args:
        path: A file of format 2.2 or 4.1, binary or text, possibly gzipped. [mm]

    Returns:
        The head.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The file is damaged or of another kind, holds no tetrahedra or such
            of second order, tags that are not tissues, elements twice, inverted or flat
            ones, or coordinates that cannot be mm.
    """
    contents = _read(path)
    elements = contents.elements(TETRAHEDRON)
    return head_of_file(
        contents.path,
        contents.points.positions,
        contents.indices(elements.corners),
        named_tags(contents.path, contents.names, elements.tags, elements.grouped),
    )


def read_msh_surfaces(path: str | os.PathLike[str]) -> TissueSurfaces:
    """Read the triangles of a .msh file, such as SimNIBS' tissue surfaces.

    Args:
        path: As for `read_msh`. [mm]

    Returns:
        The triangles with their tags and the nodes they use; none where there are none.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The file is damaged or of another kind.
    """
    contents = _read(path)
    elements = contents.elements(TRIANGLE)
    corners = contents.indices(elements.corners)
    used, triangles = np.unique(corners, return_inverse=True)
    positions = contents.points.positions[used] / MM_PER_M
    try:
        return TissueSurfaces(positions, triangles.reshape(-1, 3), elements.tags)
    except ValueError as error:
        raise ValueError(f"{contents.path}: {error}") from error


def read_msh_data(path: str | os.PathLike[str]) -> MeshFields:
    """Read the fields that a .msh file holds for its tetrahedra and their nodes.

    Values come in the order of the nodes and tetrahedra of `read_msh`, and in the unit
    of the file; they are NaN where the file gives none. When a name occurs twice, as
    for time steps, the later ones end in `[1]`, `[2]`, and so on.

    Args:
        path: As for `read_msh`.

    Returns:
        Fields by name.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The file is damaged or of another kind.
    """
    contents = _read(path, fields=True)
    elements = contents.elements(TETRAHEDRON)
    used = used_points(contents.indices(elements.corners), len(contents.points.numbers))
    nodes = contents.points.numbers[used]
    return MeshFields(
        {name: values_of(f, nodes) for name, f in _by_name(contents.at_nodes)},
        {
            name: values_of(f, elements.numbers)
            for name, f in _by_name(contents.in_elements)
        },
    )


@dataclass
class _Contents:
    """What a file holds, with numbers as the file gives them."""

    path: Path
    points: NumberedPoints
    blocks: list[Block]
    names: dict[int, str] = field(default_factory=dict)  # Of groups of volumes.
    at_nodes: list[NumberedValues] = field(default_factory=list)
    in_elements: list[NumberedValues] = field(default_factory=list)

    def elements(self, kind: int) -> Block:
        """Join the blocks of one kind of element."""
        blocks = [block for block in self.blocks if block.kind == kind]
        if not blocks:
            none, corners = (
                np.empty(0, np.int64),
                np.empty((0, CORNERS[kind]), np.int64),
            )
            return Block(kind, none, none, none != 0, corners)
        return Block(
            kind,
            np.concatenate([block.numbers for block in blocks]),
            np.concatenate([block.tags for block in blocks]),
            np.concatenate([block.grouped for block in blocks]),
            np.concatenate([block.corners for block in blocks]),
        )

    def indices(self, corners: Integer[ndarray, "n k"]) -> Integer[ndarray, "n k"]:
        """Turn numbers of points into indices from 0."""
        numbers = self.points.numbers
        count = len(numbers)
        if not corners.size:
            return corners
        low, high = int(corners.min()), int(corners.max())
        if np.array_equal(numbers, np.arange(1, count + 1)):
            missing = low < 1 or high > count
            indices = corners - 1
        else:
            indices = _places(self.path, numbers, corners)
            missing = indices.min() < 0
        if missing:
            raise ValueError(
                f"{self.path}: elements name nodes {low} to {high}, and some of these "
                f"are not among the {count} nodes of the file. The file is damaged; "
                "export the mesh anew."
            )
        return indices


def _read(path: str | os.PathLike[str], fields: bool = False) -> _Contents:
    source = MshSource(path_of_file(path))
    old = source.version == "2.2"
    points, blocks, entities = None, None, Entities({})
    names: dict[int, str] = {}
    data: dict[str, list[NumberedValues]] = {"NodeData": [], "ElementData": []}
    while (name := source.next_section()) is not None:
        if name == "Nodes" and points is None:
            points = read_points_2(source) if old else read_points_4(source)
        elif name == "Elements" and blocks is None:
            blocks = read_blocks_2(source) if old else read_blocks_4(source, entities)
        elif name == "Entities":
            entities = read_entities(source)
        elif name == "PhysicalNames":
            names = read_volume_names(source)
        elif name in data and fields:
            data[name].append(read_field(source, name))
        elif name in _REFUSED:
            raise ValueError(
                f"{source.path}: the file {_REFUSED[name]}. Save it in Gmsh as one mesh, "
                "without partitions or parameters (Mesh.SaveParametric = 0)."
            )
        else:
            source.skip_section(name)
            continue
        source.end_section(name)
    if points is None or blocks is None:
        lacking = "$Nodes" if points is None else "$Elements"
        raise source.refusal(f"it has no section {lacking}")
    return _Contents(
        source.path, points, blocks, names, data["NodeData"], data["ElementData"]
    )


def _places(path: Path, numbers: ndarray, wanted: ndarray) -> ndarray:
    """Find where each number stands, numbers being in no order; -1 for nowhere."""
    count, least, span = len(numbers), 0, 0
    if count:
        least, span = int(numbers.min()), int(numbers.max()) - int(numbers.min()) + 1
    if span > 100 * count + 1000:  # Too sparse for a table.
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        repeated = (ordered[1:] == ordered[:-1]).any()
        place = np.minimum(np.searchsorted(ordered, wanted), count - 1)
        result = np.where(ordered[place] == wanted, order[place], -1)
    else:
        table = np.full(span + 1, -1, dtype=np.int32)  # Its last entry is for nowhere.
        table[numbers - least] = np.arange(count, dtype=np.int32)
        repeated = np.count_nonzero(table >= 0) < count
        inside = (wanted >= least) & (wanted < least + span)
        result = table[np.where(inside, wanted - least, span)]
    if repeated:
        raise ValueError(
            f"{path}: two nodes have the same number. Save the mesh anew in Gmsh, which "
            "renumbers them."
        )
    return result


def _by_name(fields: list[NumberedValues]) -> list[tuple[str, NumberedValues]]:
    seen: dict[str, int] = {}
    named = []
    for one in fields:
        again = seen[one.name] = seen.get(one.name, -1) + 1
        named.append((f"{one.name} [{again}]" if again else one.name, one))
    return named
