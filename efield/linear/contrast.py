"""How much worse one tissue may conduct than others, for its own field to be right.

A region that conducts well and touches nothing but tissue that conducts c times as well
has a potential of its own, which the current through that tissue decides. In sums of
currents c times as large as the rest it drowns in rounding, of double precision in a
factorisation and of single precision in a cycle of multigrid. The fields of the tissues
that conduct well do not suffer, nor does anything where these are in one piece with the
ground: air in a cavity may conduct as little as it likes.

Measured on a sphere of three layers, 8,800 tetrahedra, as the relative error in the poorly
conducting layer: by factorisation 3e-5 to 6e-4 at 1e-12 S/m and 5e-2 at 1e-15; by multigrid
5e-7 at 1e-8 S/m and 1e-2 at 1e-10.
"""

import numpy as np
import scipy.sparse as sp
from numpy import ndarray
from scipy.sparse.csgraph import connected_components

from .stiffness import HostMesh


FACTORISED = 5e-13  # Of the largest conductivity.
ITERATED = 1e-7

# What solvers say of values that `checked_conductivity` made NaN in a compiled function.
WRONG_CONDUCTIVITY = (
    "`conductivity` of some tetrahedron is not finite, or not positive definite."
)


def refuse_floating_regions(
    mesh: HostMesh, conductivity: ndarray, least: float
) -> None:
    """Refuse regions that only tissue below a share of the largest conductivity joins.

    Raises:
        ValueError: With the conductivity of that tissue and the least that will do.
    """
    mean = conductivity
    if conductivity.ndim == 3:
        mean = np.trace(conductivity, axis1=1, axis2=2) / 3
    limit = least * mean.max()
    good = mean >= limit
    if good.all() or _in_one_piece(mesh, good):
        return
    raise ValueError(
        f"a conductivity of {mean.min():.1e} S/m lies between parts of the head that "
        f"conduct up to {mean.max():.2g} S/m, or at its lowest node: its own field would "
        f"be wrong. This solver needs {limit:.1e} S/m at least there. Take 1e-6 S/m for "
        "what hardly conducts, which changes the fields of all else by 1e-5 at the most."
    )


def _in_one_piece(mesh: HostMesh, good: ndarray) -> bool:
    """Return whether elements hang together and with the ground, by common nodes."""
    corners = mesh.tetrahedra[:4, good]
    links = (np.tile(corners[0], 3), np.concatenate(corners[1:]))
    ones = np.ones(len(links[0]), dtype=np.int8)
    graph = sp.coo_matrix((ones, links), shape=(mesh.nodes, mesh.nodes)).tocsr()
    part = connected_components(graph, directed=False)[1]
    return bool(np.all(part[corners[0]] == part[mesh.ground]))
