"""Fields in the forms that other programs read: NIfTI in an image's grid, and VTK."""

from pathlib import Path

import numpy as np

from .. import meshing
from ..efield import ElectricField
from ..meshing import HeadMesh, VoxelGrid


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
        elements = meshing.elements_on_grid(head, grid)
        meshing.write_image(folder / "E.nii.gz", grid, elements, vectors)
        meshing.write_image(folder / "magnE.nii.gz", grid, elements, magnitude)
    if vtu:
        meshing.write_vtu(
            folder / "field.vtu",
            head,
            {"E": vectors, "magnE": magnitude, "v": np.asarray(field.potential)},
        )
