"""Write a head with its fields as a .msh file that Gmsh, meshio and SimNIBS read.

The format is 2.2, binary. SimNIBS asks for more than the format does: numbers that run
from 1, one value for each element of the file, and no line feed behind binary data.
"""

import gzip
import os
from collections.abc import Mapping
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ...disk import replacing
from ..files import MM_PER_M
from ..head import TISSUE_NAMES, HeadMesh
from ..surface import Surface
from .contents import MeshFields, TissueSurfaces
from .elements import TETRAHEDRON, TRIANGLE


def write_msh(
    path: str | os.PathLike[str],
    head: HeadMesh,
    fields: Mapping[str, ArrayLike] | MeshFields | None = None,
    surfaces: TissueSurfaces | None = None,
) -> None:
    """Write a head to a .msh file, with fields and surfaces if wanted.

    The file appears whole or not at all. In it, the tetrahedra follow the triangles, and
    numbers run from 1. Triangles show the fields of a tetrahedron that they bound: the
    one of tissue t where the triangle's tag is 1000 + t, another where there is none.
    (meshio 5.3 cannot read fields in elements from a file that has surfaces as well.)

    Args:
        path: The name of the file, which ends in `.msh`, or in `.msh.gz` for a gzipped
            one.
        head: The head, which is written in mm.
        fields: Values by name. The lengths of a mapping's arrays show whether they
            are of nodes or of tetrahedra; where both are as many, give `MeshFields`.
            Scalars have the shape (n,) or (n, 1), vectors (n, 3), tensors (n, 9) or
            (n, 3, 3). Values are written as they are, in whatever unit they have.
        surfaces: Triangles to write as well. Their nodes that coincide exactly with
            nodes of the head are shared with it.

    Raises:
        OSError: The file cannot be written.
        ValueError: The name does not end so, or the shape or name of a field does not
            fit.
    """
    target = Path(path)
    if not target.name.endswith((".msh", ".msh.gz")):
        raise ValueError(f"{target}: the name must end in .msh or .msh.gz.")
    checked = _checked_fields(head, fields)
    mesh = _mesh(head, surfaces)
    with replacing(target) as file:
        if target.suffix == ".gz":
            with gzip.GzipFile(
                filename="", mode="wb", fileobj=file, compresslevel=4, mtime=0
            ) as packed:
                _write(packed, mesh, checked)
        else:
            _write(file, mesh, checked)


def write_msh_surface(
    path: str | os.PathLike[str],
    surface: Surface,
    values: Mapping[str, ArrayLike],
    tag: int = 1002,
) -> None:
    """Write a surface to a .msh file, with values at its vertices.

    Args:
        path: The name of the file, which ends in `.msh`.
        surface: Written in mm.
        values: By name, at the vertices: (n,) or (n, 3).
        tag: Of its triangles; that of gray matter in files of SimNIBS by default.

    Raises:
        OSError: The file cannot be written.
        ValueError: The name does not end so, or the shape or name of values does not fit.
    """
    target = Path(path)
    if target.suffix != ".msh":
        raise ValueError(f"{target}: the name must end in .msh.")
    count = len(surface.vertices)
    tags = np.full(len(surface.triangles), tag, np.int32)
    none = np.empty((0, 4), np.int32)
    mesh = _Mesh(
        *(surface.vertices, surface.triangles, tags, none, np.empty(0, np.int32)),
    )
    checked = {
        name: _columns(name, each, count, "vertices") for name, each in values.items()
    }
    with replacing(target) as file:
        _write(file, mesh, MeshFields(checked, {}))


class _Mesh(NamedTuple):
    """What is written: the head with the surfaces joined to it."""

    points: Float[ndarray, "point 3"]  # [m]
    triangles: Int[ndarray, "triangle 3"]
    triangle_tags: Int[ndarray, "triangle"]
    tetrahedra: Int[ndarray, "tet 4"]
    tetrahedron_tags: Int[ndarray, "tet"]


def _mesh(head: HeadMesh, surfaces: TissueSurfaces | None) -> _Mesh:
    points, triangles = head.nodes, np.empty((0, 3), np.int32)
    tags = np.empty(0, np.int32)
    if surfaces is not None:
        points, place = _joined(head.nodes, surfaces.nodes)
        triangles, tags = place[surfaces.triangles], surfaces.tags
    return _Mesh(points, triangles, tags, head.tetrahedra, head.tags)


def _joined(
    nodes: Float[ndarray, "node 3"], more: Float[ndarray, "point 3"]
) -> tuple[Float[ndarray, "all 3"], Int[ndarray, "point"]]:
    """Append points to nodes, except those that are there, and say where each is."""
    both = np.concatenate([nodes, more])
    order = np.lexsort(both.T)  # Stable: of equal points the first comes first.
    new = np.ones(len(both), dtype=bool)
    new[1:] = (both[order[1:]] != both[order[:-1]]).any(axis=1)
    first = np.empty(len(both), dtype=np.int64)
    first[order] = order[new][np.cumsum(new) - 1]
    added = first[len(nodes) :] == np.arange(len(nodes), len(both))
    place = np.concatenate([np.arange(len(nodes)), len(nodes) + np.cumsum(added) - 1])
    return np.concatenate([nodes, more[added]]), place[first[len(nodes) :]]


def _write(file: BufferedIOBase, mesh: _Mesh, fields: MeshFields) -> None:
    file.write(b"$MeshFormat\n2.2 1 8\n\1\0\0\0\n$EndMeshFormat\n")
    _write_names(file, mesh)
    count = len(mesh.points)
    nodes = np.empty(count, dtype=[("number", "<i4"), ("at", "<f8", 3)])
    nodes["number"] = np.arange(1, count + 1)
    nodes["at"] = mesh.points * MM_PER_M
    file.write(b"$Nodes\n%d\n" % count)
    file.write(nodes.data)
    file.write(b"$EndNodes\n")
    flat = len(mesh.triangles)
    file.write(b"$Elements\n%d\n" % (flat + len(mesh.tetrahedra)))
    _write_block(file, TRIANGLE, 1, mesh.triangles, mesh.triangle_tags)
    _write_block(file, TETRAHEDRON, 1 + flat, mesh.tetrahedra, mesh.tetrahedron_tags)
    file.write(b"$EndElements\n")
    for name, values in fields.at_nodes.items():
        # Nodes of the surfaces alone have no value, and 0 rather than NaN is safe to draw.
        rest = np.zeros((count - len(values), values.shape[1]))
        _write_field(file, "NodeData", name, np.concatenate([values, rest]))
    if fields.in_tetrahedra:
        beneath = _tetrahedra_beneath(mesh)
        for name, values in fields.in_tetrahedra.items():
            above = np.where(beneath[:, None] < 0, 0.0, values[beneath])
            _write_field(file, "ElementData", name, np.concatenate([above, values]))


def _write_names(file: BufferedIOBase, mesh: _Mesh) -> None:
    names = {
        (2, tag): TISSUE_NAMES.get(tag - 1000, f"surface {tag}")
        for tag in np.unique(mesh.triangle_tags).tolist()
    }
    for tag in np.unique(mesh.tetrahedron_tags).tolist():
        names[3, tag] = TISSUE_NAMES[tag]
    lines = [f'{size} {tag} "{name}"' for (size, tag), name in names.items()]
    text = "\n".join(["$PhysicalNames", str(len(lines)), *lines, "$EndPhysicalNames\n"])
    file.write(text.encode())


def _write_block(
    file: BufferedIOBase, kind: int, first: int, corners: ndarray, tags: ndarray
) -> None:
    if len(corners) == 0:
        return
    # Number, tag of the physical group, the same for the entity, corners.
    rows = np.empty((len(corners), 3 + corners.shape[1]), dtype="<i4")
    rows[:, 0] = np.arange(first, first + len(corners))
    rows[:, 1:3] = tags[:, None]
    rows[:, 3:] = corners + 1
    file.write(np.array([kind, len(corners), 2], dtype="<i4").data)
    file.write(rows.data)


def _write_field(
    file: BufferedIOBase, section: str, name: str, values: ndarray
) -> None:
    count, components = values.shape
    # One name; one real, the time; the time step, the components and the count.
    head = f'${section}\n1\n"{name}"\n1\n0\n3\n0\n{components}\n{count}\n'
    rows = np.empty(count, dtype=[("number", "<i4"), ("value", "<f8", (components,))])
    rows["number"] = np.arange(1, count + 1)
    rows["value"] = values
    file.write(head.encode())
    file.write(rows.data)
    file.write(f"$End{section}\n".encode())


def _tetrahedra_beneath(mesh: _Mesh) -> Int[ndarray, "triangle"]:
    """Find for each triangle a tetrahedron that it bounds; -1 where there is none."""
    count = len(mesh.triangles)
    if count == 0:
        return np.empty(0, dtype=np.int64)
    on_surface = np.zeros(len(mesh.points), dtype=bool)
    on_surface[mesh.triangles.ravel()] = True
    near = np.flatnonzero(on_surface[mesh.tetrahedra].sum(axis=1) >= 3)
    sides = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    faces = mesh.tetrahedra[near][:, sides].reshape(-1, 3)
    owners = np.repeat(near, 4)
    keys = _keys(np.concatenate([mesh.triangles, faces]), len(mesh.points))
    tissue = mesh.triangle_tags.astype(np.int64) - 1000
    tissue = np.where(np.isin(tissue, list(TISSUE_NAMES)), tissue, 0)
    # Of the two tetrahedra at a face, the one of the triangle's tissue if there is one.
    both = keys * 16
    both[:count] += tissue
    both[count:] += mesh.tetrahedron_tags[owners]
    own = _find(both[:count], both[count:])
    found = np.where(own >= 0, own, _find(keys[:count], keys[count:]))
    return np.where(found >= 0, np.append(owners, -1)[found], -1)


def _find(
    wanted: Int[ndarray, "item"], among: Int[ndarray, "other"]
) -> Int[ndarray, "item"]:
    """Find the place of each number among others; -1 where it is not."""
    if len(among) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(among, kind="stable")
    place = order[np.minimum(np.searchsorted(among[order], wanted), len(among) - 1)]
    return np.where(among[place] == wanted, place, -1)


def _keys(triangles: Int[ndarray, "face 3"], count: int) -> Int[ndarray, "face"]:
    """Number triangles such that those with the same corners have the same number."""
    a, b, c = np.sort(triangles.astype(np.int64), axis=1).T
    # In two steps, as the product of three numbers of points may exceed 64 bits.
    pair = np.unique(a * count + b, return_inverse=True)[1]
    return pair * count + c


def _checked_fields(
    head: HeadMesh, fields: Mapping[str, ArrayLike] | MeshFields | None
) -> MeshFields:
    nodes, elements = len(head.nodes), len(head.tetrahedra)
    if isinstance(fields, MeshFields):
        return MeshFields(
            {k: _columns(k, v, nodes, "nodes") for k, v in fields.at_nodes.items()},
            {
                k: _columns(k, v, elements, "tetrahedra")
                for k, v in fields.in_tetrahedra.items()
            },
        )
    if fields and nodes == elements:
        raise ValueError(
            f"`fields` is ambiguous: the head has {nodes} nodes and as many tetrahedra. "
            "Give MeshFields(at_nodes={...}, in_tetrahedra={...})."
        )
    at_nodes, in_tetrahedra = {}, {}
    for name, values in (fields or {}).items():
        length = np.shape(values)[0] if np.ndim(values) else 1
        if length == nodes:
            at_nodes[name] = _columns(name, values, nodes, "nodes")
        elif length == elements:
            in_tetrahedra[name] = _columns(name, values, elements, "tetrahedra")
        else:
            raise ValueError(
                f"`fields`: {name!r} has the shape {np.shape(values)}; the head has "
                f"{nodes} nodes and {elements} tetrahedra, and the first axis must be "
                "as long as one of them."
            )
    return MeshFields(at_nodes, in_tetrahedra)


def _columns(name: str, values: ArrayLike, count: int, what: str) -> ndarray:
    """Check a field and give it two axes."""
    if not name or set(name) & set('"\n\r'):
        raise ValueError(
            f"`fields`: the name {name!r} cannot be written; use one line of text "
            "without quotation marks."
        )
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"`fields`: {name!r} is of the type {array.dtype}; give real numbers."
        )
    if array.shape not in ((count,), (count, 1), (count, 3), (count, 9), (count, 3, 3)):
        raise ValueError(
            f"`fields`: {name!r} has the shape {array.shape}; for {count} {what} it must "
            f"be ({count},), ({count}, 3), ({count}, 9) or ({count}, 3, 3)."
        )
    return array.astype(np.float64).reshape(count, -1)
