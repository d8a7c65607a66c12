"""A patch of finer elements on a mesh, whose functions vanish where the patch ends.

A function of the mesh plus one of a patch is a function of a mesh that is finer there: it
is continuous, as the latter vanishes on the patch's border within the head. So no mesh is
made anew, and only what is small is solved for anew.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from ..meshing import HeadMesh
from .conductor import Conductor
from .cut_in_eight import cut_in_eight
from .elements import ELEMENT_EDGES
from .host_elements import HostElements
from .linear.direct import factorised
from .linear.stiffness import assemble_ungrounded


@dataclass(frozen=True, eq=False)
class Level:
    """Elements on which a patch may be laid: those of a head, or of a patch.

    Attributes:
        mesh: Their tetrahedra.
        local: The nodes of each element, in the order of its shape functions.
        nodes: How many there are.
        conductivity: A value or a tensor per element. [S/m]
        origin: The head's tetrahedron that an element is part of.
        share: Of that tetrahedron, by volume.
        outer: Faces on the head's surface, by sorted corners.
    """

    mesh: HeadMesh
    local: Int[ndarray, "tet local"]
    nodes: int
    conductivity: Float[ndarray, "tet"] | Float[ndarray, "tet 3 3"]
    origin: Int[ndarray, "tet"]
    share: Float[ndarray, "tet"]
    outer: Int[ndarray, "face 3"]


@dataclass(frozen=True, eq=False)
class Patch:
    """Elements of second order in the place of some of a level's.

    Attributes:
        level: The elements, on which another patch may be laid.
        elements: The same as finite elements.
        covered: The elements of the level below that these stand for.
        above: Takes a function of the level below to the nodes here.
        free: The nodes where a function of the patch need not vanish.
        matrix: The stiffness of the patch alone, not grounded. [S]
    """

    level: Level
    elements: HostElements
    covered: Int[ndarray, "covered"]
    above: sp.csr_matrix
    free: Int[ndarray, "free"]
    matrix: sp.csr_matrix

    def solve(self, loads: Float[ndarray, "rhs node"]) -> Float[ndarray, "rhs node"]:
        """Find the functions of the patch that have these loads."""
        found = np.zeros_like(loads)
        inner = np.ascontiguousarray(loads[:, self.free])
        found[:, self.free] = self._factor.substitute(inner)
        return found

    @cached_property
    def _factor(self):
        inner = sp.csr_matrix(self.matrix[self.free][:, self.free])
        upper = sp.csr_matrix(sp.triu(inner, format="csr"))
        upper.sort_indices()
        return factorised(upper)


def base_level(conductor: Conductor, head: HeadMesh) -> Level:
    """Take the elements of a conductor as the lowest level."""
    elements, count = conductor.elements, len(head.tags)
    return Level(
        mesh=head,
        local=np.asarray(elements.tetrahedra).T,
        nodes=len(elements.nodes),
        conductivity=np.asarray(conductor.conductivity, dtype=np.float64),
        origin=np.arange(count),
        share=np.ones(count),
        outer=np.sort(head.faces.nodes_of(head.faces.outside()), axis=1),
    )


def patch(level: Level, selected: Bool[ndarray, "tet"], *, refined: bool) -> Patch:
    """Lay elements of second order in the place of some of a level's.

    Args:
        level: What they are laid on.
        selected: Its elements that they stand for.
        refined: Whether each of these is cut into eight.
    """
    covered = np.flatnonzero(selected)
    corners = level.mesh.tetrahedra[covered]
    numbers, local = np.unique(corners, return_inverse=True)
    part = HeadMesh(
        level.mesh.nodes[numbers], local.reshape(-1, 4), level.mesh.tags[covered]
    )
    outer = _renumbered(level.outer, numbers)
    fine, places = part, np.broadcast_to(np.eye(4), (len(covered), 1, 4, 4))
    if refined:
        fine, places = cut_in_eight(part)
    parent = np.repeat(np.arange(len(covered)), places.shape[1])
    places = _with_middles(places.reshape(-1, 4, 4))
    conductivity = level.conductivity[covered][parent]
    elements = HostElements.on(fine, conductivity)
    finer = Level(
        mesh=fine,
        local=elements.tetrahedra.T,
        nodes=len(elements.nodes),
        conductivity=conductivity,
        origin=level.origin[covered][parent],
        share=level.share[covered][parent] * fine.volumes / part.volumes[parent],
        # Those of cut elements are not looked for: a patch on them must end below.
        outer=outer[:0] if refined else outer,
    )
    held = _held(_ends(part, outer)[parent], places, finer)
    return Patch(
        finer,
        elements,
        covered,
        _interpolation(level, covered[parent], places, finer),
        np.flatnonzero(~held),
        assemble_ungrounded(elements.geometry, conductivity),
    )


def _renumbered(
    faces: Int[ndarray, "face 3"], numbers: Int[ndarray, "node"]
) -> Int[ndarray, "kept 3"]:
    """Keep the faces all of whose corners are among some nodes, by places there."""
    place = np.minimum(np.searchsorted(numbers, faces), len(numbers) - 1)
    return place[(numbers[place] == faces).all(axis=1)]


def _ends(part: HeadMesh, outer: Int[ndarray, "outer 3"]) -> Bool[ndarray, "tet 4"]:
    """Check for each corner whether the patch ends within the head at the face opposite."""
    tetrahedra, count = part.tetrahedra, len(part.nodes)
    faces = np.concatenate([np.delete(tetrahedra, i, axis=1) for i in range(4)])
    keys = _face_keys(np.sort(faces, axis=1), count)
    _, first, times = np.unique(keys, return_index=True, return_counts=True)
    once = first[times == 1]
    once = once[~np.isin(keys[once], _face_keys(outer, count))]
    found = np.zeros((4, len(tetrahedra)), dtype=bool)
    found.ravel()[once] = True
    return found.T


def _face_keys(faces: Int[ndarray, "face 3"], count: int) -> Int[ndarray, "face"]:
    a, b, c = faces.astype(np.int64).T
    return (a * count + b) * count + c


def _held(
    ends: Bool[ndarray, "tet 4"], places: Float[ndarray, "tet 10 4"], finer: Level
) -> Bool[ndarray, "node"]:
    """Find the nodes where functions of the patch vanish: at least one."""
    held = np.zeros(finer.nodes, dtype=bool)
    held[finer.local[((places == 0) & ends[:, None]).any(axis=2)]] = True
    held[0] |= not held.any()
    return held


def _with_middles(places: Float[ndarray, "tet 4 4"]) -> Float[ndarray, "tet 10 4"]:
    middles = [(places[:, i] + places[:, j]) / 2 for i, j in ELEMENT_EDGES]
    return np.concatenate([places, np.stack(middles, axis=1)], axis=1)


def _interpolation(
    level: Level,
    below: Int[ndarray, "tet"],
    places: Float[ndarray, "tet 10 4"],
    finer: Level,
) -> sp.csr_matrix:
    """Evaluate the shape functions of the level below at the nodes of finer elements.

    Args:
        level: The level below.
        below: Its element in which each finer one lies.
        places: Of the nodes of each finer element, barycentric there.
        finer: The finer elements.
    """
    _, first = np.unique(finer.local, return_index=True)
    element, node = np.divmod(first, finer.local.shape[1])
    weights = places[element, node]
    if level.local.shape[1] == 10:
        edges = [4 * weights[:, i] * weights[:, j] for i, j in ELEMENT_EDGES]
        corners = weights * (2 * weights - 1)
        weights = np.concatenate([corners, np.stack(edges, axis=1)], axis=1)
    columns = level.local[below[element]]
    rows = np.repeat(np.arange(finer.nodes), columns.shape[1])
    shape = (finer.nodes, level.nodes)
    found = sp.csr_matrix((weights.ravel(), (rows, columns.ravel())), shape=shape)
    found.eliminate_zeros()
    return found
