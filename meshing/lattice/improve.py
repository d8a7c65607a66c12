"""Better the worst elements of a cut lattice."""

from itertools import count

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from .crossings import crossing_nodes
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
_ATTEMPTS = 4  # With more and more of the outer surface held, in the last all of it.


def improve(
    points: Float[ndarray, "node 3"],
    tetrahedra: Int[ndarray, "tet 4"],
    tags: Int[ndarray, "tet"],
    outer: Bool[ndarray, "node"],
    field: LabelField,
) -> tuple[ndarray, ndarray, ndarray]:
    """Collapse edges and move nodes until dihedral angles are large enough.

    Where the outer surface comes to cross itself, as in narrow gaps of air, this is done
    anew with the nodes there held: the surface is free of crossings at the start.

    Args:
        points: The nodes.
        tetrahedra: The elements, with positive volumes.
        tags: Their labels.
        outer: Whether each node touches air.
        field: Where the labels are.

    Returns:
        Nodes, elements and labels, without unused nodes.
    """
    held = np.zeros(len(points), bool)
    for attempt in count(1):
        last = attempt == _ATTEMPTS
        mesh = WorkingMesh.of(points, tetrahedra, tags, outer.copy())
        mesh.free &= ~(outer if last else held)
        _better(mesh, field, holding=last)
        used, elements = np.unique(mesh.tetrahedra, return_inverse=True)
        elements = elements.reshape(-1, 4)
        crossing = np.zeros(len(points), bool)
        crossing[used[crossing_nodes(mesh.points[used], elements)]] = True
        if last or not crossing.any():
            return mesh.points[used], elements, mesh.tags
        near = crossing[tetrahedra].any(axis=1)
        held[tetrahedra[near]] = True
        held &= outer
    raise AssertionError("the last attempt ends")


def _better(mesh: WorkingMesh, field: LabelField, *, holding: bool) -> None:
    """Better the elements; `holding` nodes that come to touch air as well."""
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
        if holding:
            mesh.free &= ~mesh.outer
        _repair(mesh, rng)


def _repair(mesh: WorkingMesh, rng: np.random.Generator) -> None:
    """Work on the few elements that are left, without touching all the others."""
    part = mesh.take_around(mesh.shapes < _WANTED, _RINGS)
    for drift in _REPAIRS:
        collapse_edges(part, _WANTED)
        swap_edges(part, _WANTED)
        move_nodes(part, _WANTED, rng, drift)
    mesh.put_back(part)
