"""Better the worst elements of a cut lattice."""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .improve_collapse import collapse_edges
from .improve_fit import fit_surfaces
from .improve_flip import swap_edges
from .improve_mesh import WorkingMesh
from .improve_move import move_nodes
from .improve_relabel import relabel_flat
from .label_field import LabelField


_WANTED = np.sin(np.radians(15))
_STAGES = (  # Collapses, moves, and whether surfaces are fitted first.
    (2, 2, False),
    (2, 2, True),
    (1, 2, True),
)
_DRIFT = 0.1  # Off the surface, as a part of a step.
_FLAT = 0.05  # Elements that get the label beside them, if nothing else helps.
_ROUNDS = 4
_RINGS = 3  # Of elements around bad ones that their repair needs.
# Drifts in the repair of the few that are left: what cannot be bettered along the
# surfaces may leave them a little.
_REPAIRS = 6 * (_DRIFT,) + 10 * (0.5,)


def improve(
    points: Float[ndarray, "node 3"],
    tetrahedra: Int[ndarray, "tet 4"],
    tags: Int[ndarray, "tet"],
    outer: Bool[ndarray, "node"],
    field: LabelField,
) -> tuple[ndarray, ndarray, ndarray]:
    """Collapse edges and move nodes until dihedral angles are large enough.

    Args:
        points: The nodes.
        tetrahedra: The elements, with positive volumes.
        tags: Their labels.
        outer: Whether each node touches air.
        field: Where the labels are.

    Returns:
        Nodes, elements and labels, without unused nodes.
    """
    mesh = WorkingMesh.of(points, tetrahedra, tags, outer.copy())
    rng = np.random.default_rng(0)
    for collapses, moves, fit in _STAGES:
        if fit:
            fit_surfaces(mesh, field, _WANTED)
        for _ in range(collapses):
            collapse_edges(mesh, _WANTED)
        swap_edges(mesh, _WANTED)
        for _ in range(moves):
            move_nodes(mesh, _WANTED, rng, _DRIFT)
    _repair(mesh, rng)
    for _ in range(_ROUNDS):
        flat = mesh.shapes < _FLAT
        if not flat.any() or not relabel_flat(mesh, flat):
            break
        _repair(mesh, rng)
    used, tetrahedra = np.unique(mesh.tetrahedra, return_inverse=True)
    return mesh.points[used], tetrahedra.reshape(-1, 4), mesh.tags


def _repair(mesh: WorkingMesh, rng: np.random.Generator) -> None:
    """Work on the few elements that are left, without touching all the others."""
    part = mesh.take_around(mesh.shapes < _WANTED, _RINGS)
    for drift in _REPAIRS:
        collapse_edges(part, _WANTED)
        swap_edges(part, _WANTED)
        move_nodes(part, _WANTED, rng, drift)
    mesh.put_back(part)
