"""Fields in the forms that other programs read: NIfTI, GIfTI, VTK, and views for Gmsh."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ... import meshing
from ...meshing import HeadMesh, Surface, SurfaceFile, SurfaceFrame, VoxelGrid
from ..field import ElectricField
from ..on_grid import at_voxels
from ..on_surface import SurfaceField, on_nodes, on_surface
from .field_files import nodal_potential


@dataclass(frozen=True, eq=False)
class Cortex:
    """A surface that the field is wanted on.

    Attributes:
        name: Of the files.
        surface: The surface; None for the mesh's own.
        file: As the file has it; `Exports.placed` makes the surface of it.
        spheres: Its registration sphere and another subject's, to resample to, or None.
    """

    name: str
    surface: Surface | None = None
    file: SurfaceFile | None = None
    spheres: tuple[Surface, Surface] | None = None


@dataclass(frozen=True, eq=False)
class Exports:
    """The forms that a field is wanted in.

    Attributes:
        grid: Of images, or None for no images.
        vtu: Whether for VTK.
        surfaces: For GIfTI.
    """

    grid: VoxelGrid | None = None
    vtu: bool = False
    surfaces: tuple[Cortex, ...] = ()

    def placed(self, head: HeadMesh, frame: SurfaceFrame | None) -> "Exports":
        """Bring surfaces into the head's frame.

        Args:
            head: Which decides where a file does not say.
            frame: Of all surfaces, or None.

        Raises:
            ValueError: The frame of one cannot be decided.
        """
        placed = []
        for each in self.surfaces:
            if each.file is None:
                placed.append(each)
                continue
            placed.append(replace(each, surface=each.file.surface(head, frame)))
        return replace(self, surfaces=tuple(placed))


def export_fields(
    folder: Path, head: HeadMesh, field: ElectricField, wanted: Exports
) -> None:
    """Write a field for other programs.

    Args:
        folder: Where to.
        head: The head.
        field: Of one placement.
        wanted: In what forms: `E.nii.gz` and `magnE.nii.gz`, `field.vtu`, and for each
            surface `NAME.func.gii`, with `NAME.surf.gii` for the mesh's own and
            `NAME.resampled.func.gii` where there are spheres.
    """
    vectors, magnitude = np.asarray(field.vectors), np.asarray(field.magnitude)
    if wanted.grid is not None:
        at, on_grid = meshing.elements_on_grid(head, wanted.grid), (vectors, magnitude)
        if field.corners is not None:
            at, on_grid = at_voxels(head, field, wanted.grid, at)
        for name, values in zip(("E", "magnE"), on_grid, strict=True):
            about = f"{name} in V/m, world axes; tmsgrad"
            file = folder / f"{name}.nii.gz"
            meshing.write_image(file, wanted.grid, at, values, about)
    if wanted.vtu:
        meshing.write_vtu(
            folder / "field.vtu",
            head,
            {"E": vectors, "magnE": magnitude, "v": nodal_potential(head, field)},
        )
    for cortex in wanted.surfaces:
        _export_surface(folder, head, field, cortex)


def _export_surface(
    folder: Path, head: HeadMesh, field: ElectricField, cortex: Cortex
) -> None:
    if cortex.surface is None:
        surface, nodes = meshing.gray_matter_surface(head)
        meshing.write_surface(folder / f"{cortex.name}.surf.gii", surface)
        found = on_nodes(head, field, surface, nodes)
    else:
        try:
            found = on_surface(head, field, cortex.surface)
        except ValueError as error:
            raise ValueError(f"{cortex.name}: {error}") from None
    columns = _columns(found)
    about = {
        "Unit": "V/m",
        "Normal": "component along the outward normal of the surface",
        "Software": "tmsgrad",
    }
    meshing.write_surface_values(folder / f"{cortex.name}.func.gii", columns, about)
    if cortex.spheres is not None:
        moved = {
            name: meshing.resample(values, *cortex.spheres)
            for name, values in columns.items()
        }
        meshing.write_surface_values(
            folder / f"{cortex.name}.resampled.func.gii",
            moved,
            about | {"Resampled": "barycentric, between registration spheres"},
        )


def _columns(found: SurfaceField) -> dict[str, np.ndarray]:
    x, y, z = found.vectors.T
    return {
        "magnE": found.magnitude,
        "E_normal": found.normal,
        "E_tangent": found.tangential,
        **{"E_x": x, "E_y": y, "E_z": z},
    }
