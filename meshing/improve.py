"""Better the worst elements of a cut lattice."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .improve_collapse import collapse_edges
from .improve_fit import fit_surfaces
from .improve_move import move_nodes
from .improve_shape import smallest_sines
from .label_field import LabelField


_WANTED = np.sin(np.radians(15))
_STAGES = (  # Collapses, moves, and whether surfaces are fitted first.
    (2, 2, False),
    (2, 2, True),
    (1, 2, True),
    (1, 3, False),
    (1, 3, False),
)


def improve(
    points: Float[ndarray, "node 3"],
    tetrahedra: Int[ndarray, "tet 4"],
    tags: ndarray,
    field: LabelField,
) -> tuple[ndarray, ndarray, ndarray]:
    """Collapse edges and move nodes until dihedral angles are large enough.

    Args:
        points: The nodes.
        tetrahedra: The elements, with positive volumes.
        tags: Their labels.
        field: Where the labels are.

    Returns:
        Nodes, elements and labels, without unused nodes.
    """
    points, tags = points.copy(), tags.astype(np.int32)
    sines = smallest_sines(points, tetrahedra)
    rng = np.random.default_rng(0)
    for collapses, moves, fit in _STAGES:
        if fit:
            fit_surfaces(points, tetrahedra, tags, sines, field, _WANTED)
        for _ in range(collapses):
            tetrahedra, tags, sines = collapse_edges(
                points, tetrahedra, tags, sines, _WANTED
            )
        for _ in range(moves):
            move_nodes(points, tetrahedra, tags, sines, _WANTED, rng)
    used, tetrahedra = np.unique(tetrahedra, return_inverse=True)
    return points[used], tetrahedra.reshape(-1, 4), tags
