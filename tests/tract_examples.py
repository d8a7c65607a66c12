"""Tractograms with known pathways in the head of spheres."""

import nibabel
import numpy as np

from tmsgrad.meshing import Tractogram, VoxelGrid


DEEP = np.array([-0.005, 0.020, -0.010])  # The indirect target. [m]
PATCH = np.array([-0.040, 0.030, 0.040])  # Where its streamlines end, in gray matter.
STATION = np.array([0.030, 0.0, 0.0])


def grid(spacing: float = 4e-3) -> VoxelGrid:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    side = int(0.192 / spacing)
    affine[:3, 3] = -spacing * (side - 1) / 2
    return VoxelGrid(affine, (side, side, side))


def bundle(rng, start, end, count, spread=2e-3, bend=0.008):
    """Curved streamlines from about one point to about another, either end first."""
    share = np.linspace(0, 1, 60)[:, None]
    lines = []
    for number in range(count):
        first = start + spread * rng.normal(size=3)
        last = end + spread * rng.normal(size=3)
        aside = np.cross(last - first, [0.3, 0.5, 0.8])
        aside *= bend / np.linalg.norm(aside)
        line = (1 - share) * first + share * last + np.sin(np.pi * share) * aside
        lines.append(line if number % 2 else line[::-1])
    return lines


def planted(rng) -> Tractogram:
    """From the target to a patch of cortex, and more streamlines that do not reach it."""
    radius = 0.064
    elsewhere = rng.normal(size=(60, 3))
    elsewhere *= radius / np.linalg.norm(elsewhere, axis=1)[:, None]
    other = STATION + np.array([0.0, -0.02, -0.01])
    lines = bundle(rng, DEEP, PATCH * radius / np.linalg.norm(PATCH), 60)
    for end in elsewhere:
        lines += bundle(rng, other, end, 1)
    return Tractogram.of(lines, "planted")


def write(path, tracts: Tractogram, moved=lambda x: x):
    lines = nibabel.streamlines.tractogram.Tractogram(
        [moved(tracts[i]) * 1e3 for i in range(len(tracts))], affine_to_rasmm=np.eye(4)
    )
    nibabel.streamlines.save(lines, str(path))
    return path
