"""Fields in the forms that other programs read: NIfTI in an image's grid, and VTK."""

from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from .. import meshing
from ..efield import ElectricField
from ..efield.recovery_tissues import barycentric
from ..meshing import HeadMesh, VoxelGrid
from .fields import nodal_potential


_VOXELS_AT_ONCE = 500_000


def read_reference(nifti: str | None) -> VoxelGrid | None:
    """Read the grid that images are wanted in, before anything takes long.

    Raises:
        ValueError: It is no image, or says not where it is.
        FileNotFoundError: There is no such file.
    """
    return None if nifti is None else meshing.read_grid(nifti)


def export_fields(
    folder: Path,
    head: HeadMesh,
    field: ElectricField,
    grid: VoxelGrid | None,
    vtu: bool,
) -> None:
    """Write a field for other programs.

    Args:
        folder: Where to.
        head: The head.
        field: Of one placement.
        grid: For images `E.nii.gz` and `magnE.nii.gz`, or None for no images.
        vtu: Whether to write `field.vtu`.
    """
    vectors, magnitude = np.asarray(field.vectors), np.asarray(field.magnitude)
    if grid is not None:
        at, on_grid = meshing.elements_on_grid(head, grid), (vectors, magnitude)
        if field.corners is not None:
            at, on_grid = _at_voxels(head, field, grid, at)
        for name, values in zip(("E", "magnE"), on_grid, strict=True):
            meshing.write_image(folder / f"{name}.nii.gz", grid, at, values)
    if vtu:
        meshing.write_vtu(
            folder / "field.vtu",
            head,
            {"E": vectors, "magnE": magnitude, "v": nodal_potential(head, field)},
        )


def _at_voxels(
    head: HeadMesh,
    field: ElectricField,
    grid: VoxelGrid,
    elements: Int[ndarray, "i j k"],
) -> tuple[Int[ndarray, "i j k"], tuple[ndarray, ndarray]]:
    """Evaluate a field that varies in elements at the centres of voxels.

    Returns:
        Which row each voxel has, -1 outside the head, and E and |E| row by row.
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
