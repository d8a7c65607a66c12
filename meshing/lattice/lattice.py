"""A body-centred cubic lattice of tetrahedra, to be refined.

Nodes are integers, so that midpoints and comparisons of lengths are exact.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .label_field import LabelField
from .topology import longest_edges


_FINEST = 1 << 14  # Steps of the integer grid along the edge of a cube.


@dataclass(eq=False)
class Lattice:
    """Tetrahedra under refinement, and what is known at their nodes and of them.

    Attributes:
        origin: Position of the grid point (0, 0, 0).
        step: Distance of two grid points.
        grid: Nodes on the integer grid.
        tetrahedra: Their four nodes each.
        labels: The label at each node.
        depth: For each node and label, how far inside the label the node is, negative
            outside.
        longest: The longest edge of each element, as `longest_edges` gives.
        need: How much each element needs to be refined, -1 where not yet known.
    """

    origin: Float[ndarray, "3"]
    step: float
    grid: Int[ndarray, "node 3"]
    tetrahedra: Int[ndarray, "tet 4"]
    labels: ndarray
    depth: ndarray
    longest: ndarray
    need: ndarray

    @property
    def points(self) -> Float[ndarray, "node 3"]:
        """Positions of the nodes."""
        return self.origin + self.step * self.grid

    def look_up_new_nodes(self, field: LabelField) -> None:
        """Find the labels and depths of the nodes that have none yet."""
        new = self.origin + self.step * self.grid[len(self.labels) :]
        depth = depths(field.distances(new), float(field.voxel.mean()))
        self.depth = np.concatenate([self.depth, depth])
        self.labels = np.concatenate([self.labels, field.labels(new)])


def depths(distances: ndarray, voxel: float) -> ndarray:
    """Signed distances into each label from distances between voxel centres."""
    two = np.partition(distances, 1, axis=1)[:, :2]
    nearest = distances <= two[:, :1]
    depth = np.where(nearest, two[:, 1:], two[:, :1]) - distances
    # Across a surface this rises by two where the distance rises by one.
    size = np.abs(depth)
    return np.sign(depth) * np.where(size < voxel, size / 2, size - voxel / 2)


def coarse_lattice(field: LabelField, cube: float) -> Lattice:
    """Cover all that is not air with a body-centred cubic lattice.

    Args:
        field: What to cover.
        cube: Edge of a cube, the lattice's longer edge.
    """
    count = np.ceil((field.upper - field.lower) / cube).astype(int) + 2
    origin = (field.lower + field.upper - count * cube) / 2
    corners = count + 1
    grid = [np.stack(np.meshgrid(*map(np.arange, n), indexing="ij"), -1).reshape(-1, 3)
            for n in (corners, count)]  # fmt: skip
    nodes = np.concatenate([2 * grid[0], 2 * grid[1] + 1]) * (_FINEST // 2)

    def corner(at: ndarray) -> ndarray:
        return (at[:, 0] * corners[1] + at[:, 1]) * corners[2] + at[:, 2]

    def centre(at: ndarray) -> ndarray:
        place = (at[:, 0] * count[1] + at[:, 1]) * count[2] + at[:, 2]
        return place + len(grid[0])

    parts = []
    for axis in range(3):
        low = grid[1][grid[1][:, axis] < count[axis] - 1]
        unit = np.eye(3, dtype=int)
        face, one, two = low + unit[axis], unit[axis - 2], unit[axis - 1]
        ring = [corner(face), corner(face + one), corner(face + one + two),
                corner(face + two)]  # fmt: skip
        for i in range(4):
            ends = [centre(low), centre(face), ring[i], ring[(i + 1) % 4]]
            parts.append(np.stack(ends, axis=1))
    tetrahedra = np.concatenate(parts).astype(np.int32)
    lattice = Lattice(
        origin=origin,
        step=cube / _FINEST,
        grid=nodes,
        tetrahedra=tetrahedra,
        labels=np.zeros(0, np.uint8),
        depth=np.zeros((0, len(field.values)), np.float32),
        longest=longest_edges(nodes, tetrahedra),
        need=np.full(len(tetrahedra), -1, np.float32),
    )
    lattice.look_up_new_nodes(field)
    _drop_far_air(lattice, cube)
    return lattice


def _drop_far_air(lattice: Lattice, cube: float) -> None:
    """Leave out elements of air that reach nowhere near anything else."""
    # No point of an element is farther from a node than this.
    radius = 0.56 * cube
    far = (lattice.depth[:, 0] > radius)[lattice.tetrahedra].all(axis=1)
    lattice.tetrahedra = lattice.tetrahedra[~far]
    lattice.longest, lattice.need = lattice.longest[~far], lattice.need[~far]
