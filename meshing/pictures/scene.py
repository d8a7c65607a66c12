"""What the overview shows: the cortex with its field, the scalp, and the coil."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ..drawing.palette import field_palette
from ..drawing.render import Surface
from ..drawing.shapes import coil_body, compact, refine, smooth
from ..head import HeadMesh
from ..regions import volume_percentiles
from .hull import CoilHull


_SKIN = np.array([[0.87, 0.74, 0.66]])
_CASING = np.array([[0.37, 0.41, 0.46], [0.17, 0.18, 0.21]])
_ENOUGH_TRIANGLES = 40_000  # Below, facets show at the size of the picture.


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn, in the head's frame.

    Attributes:
        cortex: The gray matter's surface; its values are |E| over `highest`.
        scalp: The head's outside.
        coil: The casing and the handle, or the windings.
        pose: Coil to head. [m]
        highest: |E| at the end of the palette. [V/m]
        casing: Whether the coil is drawn with one; else it is its windings.
    """

    cortex: Surface
    scalp: Surface
    coil: Surface
    pose: Float[ndarray, "4 4"]
    highest: float
    casing: bool = True

    @staticmethod
    def build(
        head: HeadMesh,
        magnitude: ArrayLike,
        pose: ArrayLike,
        coil_points: ArrayLike | CoilHull,
        highest: float | None = None,
    ) -> "Scene":
        """Make the surfaces; arguments and errors are those of `write_overview`.

        The palette ends at `highest`, by default at what `highest_shown` gives. [V/m]
        """
        values, matrix = checked_magnitude(head, magnitude), _checked_pose(pose)
        hull = CoilHull.around(coil_points)
        if highest is None:
            highest = highest_shown(head, values)
        scalp = head.boundary()
        vertices, triangles, handle = coil_body(hull.points, hull.casing)
        return Scene(
            cortex_surface(head, values, highest),
            _surface(
                head, scalp, _SKIN, np.zeros(len(head.nodes)), rounds=4, gloss=0.05
            ),
            Surface(
                vertices @ matrix[:3, :3].T + matrix[None, :3, 3],
                triangles,
                _CASING,
                handle.astype(float),
                gloss=0.30,
            ),
            matrix,
            highest,
            hull.casing,
        )

    @property
    def outwards(self) -> Float[ndarray, "3"]:
        """From the head to the coil."""
        return -self.pose[:3, 2]


def cortex_surface(
    head: HeadMesh, magnitude: Float[ndarray, "tet"], highest: float
) -> Surface:
    """The gray matter's surface, coloured by |E| over `highest`. [V/m]"""
    share = np.clip(means_at_nodes(head, magnitude) / highest, 0, 1)
    triangles = head.boundary(head.of("white matter", "gray matter"))
    return _surface(head, triangles, field_palette(), share, rounds=8)


def _surface(head, triangles, palette, at_node, rounds, gloss=0.0) -> Surface:
    vertices, triangles, kept = compact(head.nodes, triangles)
    values = at_node[kept]
    vertices = smooth(vertices, triangles, rounds)
    if len(triangles) < _ENOUGH_TRIANGLES:
        vertices, triangles, values = refine(vertices, triangles, values)
        vertices = smooth(vertices, triangles, 6)
    return Surface(vertices, triangles, palette, values, gloss)


def highest_shown(head: HeadMesh, magnitude: Float[ndarray, "tet"]) -> float:
    """The 99.9th percentile of |E| in gray matter, by volume, or 1. [V/m]

    Of a head without gray matter it is the largest |E|.
    """
    gray = head.of("gray matter")
    if not gray.any():
        return float(magnitude.max()) or 1.0
    (level,) = volume_percentiles(magnitude[gray], head.volumes[gray], [99.9])
    return level or 1.0


def means_at_nodes(
    head: HeadMesh, magnitude: Float[ndarray, "tet"]
) -> Float[ndarray, "node"]:
    """Average over the gray matter at each node, over white matter where it has none."""
    count = len(head.nodes)
    mean = np.zeros(count)
    for tag in (1, 2):
        mine = head.of(tag)
        nodes = head.tetrahedra[mine].ravel()
        number = np.bincount(nodes, minlength=count)
        total = np.bincount(nodes, np.repeat(magnitude[mine], 4), count)
        mean = np.where(number > 0, total / np.maximum(number, 1), mean)
    return mean


def checked_magnitude(head: HeadMesh, magnitude: ArrayLike) -> Float[ndarray, "tet"]:
    """Check that |E| is given for each tetrahedron of a head with a cortex. [V/m]

    Raises:
        ValueError: It is not, or the head has no gray matter.
    """
    values = np.asarray(magnitude, dtype=float)
    if values.shape != head.tags.shape:
        raise ValueError(
            f"`magnitude` must give one value for each of {len(head.tags)} tetrahedra, "
            f"got the shape {values.shape}."
        )
    if not np.isfinite(values).all() or values.min() < 0:
        bad = int(np.flatnonzero(~(np.isfinite(values) & (values >= 0)))[0])
        raise ValueError(
            f"`magnitude` must be finite and not negative, got {values[bad]} in "
            f"tetrahedron {bad}."
        )
    if not head.of("gray matter").any():
        raise ValueError(
            "`head` has no gray matter (tag 2): there is no cortex to draw."
        )
    return values


def _checked_pose(pose: ArrayLike) -> Float[ndarray, "4 4"]:
    matrix = np.asarray(pose, dtype=float)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError(f"`pose` must be a finite 4 x 4 matrix, got {matrix}.")
    turn = matrix[:3, :3]
    if np.abs(turn @ turn.T - np.eye(3)).max() > 1e-3 or np.linalg.det(turn) < 0:
        raise ValueError(
            "`pose` must be a rotation and a translation, without shear, scale or "
            f"reflection, got {matrix.tolist()}."
        )
    return matrix
