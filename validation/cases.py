"""The case that several checks share: the template head and the figure-of-eight on it."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import efield, meshing
from ..coils import AbstractCoil, Pose
from ..efield import Conductor, ElectricField
from ..meshing import HeadMesh, Region
from .catalogue import figure_of_eight


CURRENT_RATE = 1e6  # [A/s]

_DEPTH = 22e-3  # Of the target beneath the coil's centre. [m]
_RADIUS = 7e-3  # [m]


@dataclass(frozen=True, eq=False)
class Case:
    """A head and what is laid over it.

    Attributes:
        head: The mesh.
        conductor: With conductivities of its tissues.
        coil: 910 dipoles.
        poses: Six placements.
    """

    head: HeadMesh
    conductor: Conductor
    coil: AbstractCoil
    poses: Pose

    def pose(self, number: int = 0) -> Pose:
        """Return one placement."""
        return Pose(self.poses.rotation[number], self.poses.translation[number])

    def target(self) -> Region:
        """Gray matter beneath the first placement."""
        return target_of(self.head, self.pose())

    def solve(self, solver: efield.AbstractSolver | None = None) -> ElectricField:
        """Solve for the first placement."""
        return efield.solve(
            self.conductor, self.coil, self.pose(), CURRENT_RATE, solver=solver
        )


def template_case(references: Path) -> Case:
    """The coarse template mesh that SimNIBS was run on, 319k tetrahedra.

    Args:
        references: Their folder, as `Workbench.references` finds it.
    """
    return case_of(meshing.read_npz(references / "template_mesh.npz"), references)


def case_of(head: HeadMesh, references: Path, order: int = 1) -> Case:
    """Lay the coil of the references over a mesh of the template head."""
    conductor = efield.assemble(head, efield.isotropic(head), order=order)
    return Case(head, conductor, figure_of_eight(), reference_poses(references))


def reference_poses(references: Path) -> Pose:
    """The six placements of the references."""
    return Pose.from_matsimnibs(reference(references)["matsimnibs"])


@functools.cache
def reference(references: Path) -> dict[str, np.ndarray]:
    """The fields by SimNIBS, as the `README.md` beside them describes them."""
    with np.load(references / "template_simnibs45.npz") as stored:
        return dict(stored)


def target_of(head: HeadMesh, pose: Pose) -> Region:
    """A ball of gray matter at a depth beneath a coil."""
    axis = np.asarray(pose.rotation)[:, 2]
    beneath = np.asarray(pose.translation) + _DEPTH * axis
    gray = head.centroids[head.of("gray matter")]
    nearest = gray[np.argmin(np.linalg.norm(gray - beneath, axis=1))]
    # To whole millimetres, so that it is the same place in other meshes.
    return meshing.ball(head, np.round(nearest, 3), _RADIUS)
