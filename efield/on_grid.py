"""Fields at the centres of voxels."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ..meshing import HeadMesh, VoxelGrid
from .field import ElectricField
from .recovery_tissues import barycentric


_VOXELS_AT_ONCE = 500_000


def at_voxels(
    head: HeadMesh,
    field: ElectricField,
    grid: VoxelGrid,
    elements: Int[ndarray, "i j k"],
) -> tuple[
    Int[ndarray, "i j k"], tuple[Float[ndarray, "row 3"], Float[ndarray, "row"]]
]:
    """Evaluate a field that varies in elements at the centres of voxels.

    Args:
        head: The head.
        field: Of one placement.
        grid: Of the voxels.
        elements: In which each centre lies, -1 outside: of `meshing.elements_on_grid`.

    Returns:
        Which row each voxel has, -1 outside the head, and E and |E| row by row.
        [V/m]
    """
    inside = elements >= 0
    vectors = np.empty((np.count_nonzero(inside), 3))
    chosen, voxels = elements[inside], np.argwhere(inside)
    for start in range(0, len(chosen), _VOXELS_AT_ONCE):
        part = slice(start, start + _VOXELS_AT_ONCE)
        centres = voxels[part] @ grid.affine[:3, :3].T + grid.affine[:3, 3]
        shares = barycentric(head.nodes[head.tetrahedra[chosen[part]]], centres)
        vectors[part] = field.within(chosen[part], shares)
    rows = np.full(elements.shape, -1)
    rows[inside] = np.arange(len(chosen))
    return rows, (vectors, np.linalg.norm(vectors, axis=1))
