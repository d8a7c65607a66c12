"""Give elements as good as flat to the tissue beside them, so that they can be repaired.

What keeps a flat element is mostly that its nodes belong to surfaces between labels that
cross in it, so that no edge may collapse. It has next to no volume: with the label of the
element beside it, less meets at its nodes, and the other steps can remove it.
"""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from .improve_mesh import NOTHING, WorkingMesh
from .topology import OTHERS, node_labels


def relabel_flat(mesh: WorkingMesh, flat: Bool[ndarray, "tet"]) -> int:
    """Give elements the label beyond the largest of their faces with another label.

    Where that is air, the element is left out.

    Args:
        mesh: Changed in place.
        flat: Which elements, of next to no volume.

    Returns:
        How many got another label or were left out.
    """
    near = np.zeros(len(mesh.points), bool)
    near[mesh.tetrahedra[flat]] = True
    chosen = np.flatnonzero(near[mesh.tetrahedra].sum(axis=1) > 2)
    faces = np.sort(mesh.tetrahedra[chosen][:, OTHERS].reshape(-1, 3), axis=1)
    owner = np.repeat(chosen, 4)
    order = np.lexsort(faces.T)
    same = (faces[order[1:]] == faces[order[:-1]]).all(axis=1)
    first, second = order[:-1][same], order[1:][same]
    alone = order[~np.append(same, False) & ~np.append(False, same)]
    one = np.concatenate([owner[first], owner[second], owner[alone]])
    other = np.concatenate([owner[second], owner[first], owner[alone]])
    beyond = np.where(np.arange(len(one)) < 2 * len(first), mesh.tags[other], 0)
    face = faces[np.concatenate([first, first, alone])]
    a, b, c = (mesh.points[face[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    useful = flat[one] & (mesh.tags[one] != beyond) & (~flat[other] | (beyond == 0))
    one, beyond, area = one[useful], beyond[useful], area[useful]
    order = np.argsort(area, kind="stable")  # The largest is written last.
    mesh.tags[one[order]] = beyond[order]
    air = np.flatnonzero(mesh.tags == 0)
    mesh.outer[mesh.tetrahedra[air]] = True
    mesh.replace(air, *NOTHING)
    mesh.labels = node_labels(mesh.tetrahedra, mesh.tags, mesh.outer)
    return len(np.unique(one))
