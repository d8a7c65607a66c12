"""A field as `field.h5`, block by block, and as a mesh for Gmsh and SimNIBS."""

from pathlib import Path

import numpy as np
from numpy import ndarray

from ... import meshing
from ...coils import Pose
from ...meshing import FieldFile, HeadMesh
from ..field import ElectricField


def write_block(file: FieldFile, start: int, field: ElectricField, poses: Pose) -> None:
    """Write the fields of a block of poses, from number `start` on."""
    file.write(
        start,
        np.asarray(field.vectors),
        np.asarray(field.magnitude),
        np.asarray(field.potential),
        np.asarray(poses.to_matsimnibs()),
    )


def write_field_msh(folder: Path, head: HeadMesh, field: ElectricField) -> None:
    """Write `field.msh`, for Gmsh and SimNIBS."""
    meshing.write_msh(
        folder / "field.msh",
        head,
        {
            "E": np.asarray(field.vectors),
            "magnE": np.asarray(field.magnitude),
            "v": nodal_potential(head, field),
        },
    )


def nodal_potential(head: HeadMesh, field: ElectricField) -> ndarray:
    """Take the potential at the nodes of the mesh, without those of edges. [V]"""
    return np.asarray(field.potential)[..., : len(head.nodes)]
