"""The field in a head by charges on its surfaces: no volume, no finite elements.

In a conductor of homogeneous parts the field is that of the source plus that of charges
where conductivity jumps. With the charge per area c (over ε₀), a normal n, and the
conductivities σ₁ behind and σ₂ before it, the current through a surface is continuous where

    c/2 - κ n·(E_source + E_charges) = 0,    κ = (σ₁ - σ₂) / (σ₁ + σ₂)

with the mean of E_charges on both sides: the adjoint double layer [for coils Makarov et al.
2018, doi:10.1109/TBME.2018.2813261]. Charges are uniform on each triangle, and the equation
is integrated over each (Galerkin): what the flux of a point charge through a triangle is,
its solid angle gives in closed form, and what charges send out and surfaces receive adds
up.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse.linalg import gmres

from . import panels
from .panels import SEVEN, SHARES, Panels, quarters


Field = Callable[[Float[ndarray, "point 3"]], ndarray]

# Times both sizes, between the centres of triangles. Charges there are spread over seven
# points in each quarter, and over three elsewhere: 2e-4 of what is received.
_NEAR = 1.0
_THREE = np.full((3, 3), 1 / 6) + np.eye(3) / 2
_PAIRS_AT_ONCE = 20_000
_RTOL = 1e-8


@dataclass(frozen=True, eq=False)
class SurfaceCharges:
    """Charges that a source brings onto the surfaces of a conductor.

    Attributes:
        panels: Triangles.
        charges: Of each, over ε₀. [V m]
    """

    panels: Panels
    charges: Float[ndarray, "panel"]

    def field(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """Evaluate the field of the charges alone; on no panel's edge. [V/m]"""
        return self._sum(panels.unit_field, points)

    def potential(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point"]:
        """Evaluate the potential of the charges alone. [V]"""
        return self._sum(panels.unit_potential, points)

    def _sum(self, unit, points: ndarray) -> ndarray:
        densities = self.charges / self.panels.areas
        return panels.summed(unit, self.panels.corners, densities, points)


def solve_charges(surfaces: Panels, source: Field) -> SurfaceCharges:
    """Find the charges on surfaces.

    Args:
        surfaces: All of the conductor's, the outermost included.
        source: The field of the source, as if there were no charges: -∂A/∂t of a coil. It
            must have no divergence within a conductor. [V/m]

    Raises:
        RuntimeError: The solver did not reach its tolerance.
    """
    kappa = (surfaces.inner - surfaces.outer) / (surfaces.inner + surfaces.outer)
    flux = kappa * flux_through(surfaces, source)
    outside = np.where(surfaces.outer == 0, surfaces.areas, 0.0)
    outside /= max(outside.sum(), np.finfo(float).tiny)
    system = received_matrix(surfaces).T
    system *= -kappa[:, None]
    # Sets the total, which the others leave open, to zero.
    system += outside[:, None]
    np.fill_diagonal(system, np.diag(system) + 0.5)
    charges, failed = gmres(system, flux, rtol=_RTOL, restart=100, maxiter=5)
    if failed:
        raise RuntimeError(f"GMRES did not reach {_RTOL} on {len(kappa)} panels.")
    return SurfaceCharges(surfaces, charges)


def flux_through(surfaces: Panels, source: Field) -> Float[ndarray, "panel"]:
    """Integrate the normal component of a field over each panel. [V m]"""
    points = np.einsum("qk,pkc->pqc", SEVEN, surfaces.corners)
    values = np.asarray(source(points.reshape(-1, 3))).reshape(points.shape)
    normal = np.einsum("pqc,pc,q->p", values, surfaces.normals, SHARES)
    return surfaces.areas * normal


def received_matrix(surfaces: Panels) -> Float[ndarray, "source panel"]:
    """Share of what each panel's charge sends out that passes through each other one."""
    corners = surfaces.corners
    spread = np.einsum("qk,pkc->pqc", _THREE, corners)
    matrix = panels.received(corners, spread).copy()
    sources, others = _near_pairs(surfaces)
    points = np.einsum("qk,pnkc->pnqc", SEVEN, quarters(corners))
    points, weights = points.reshape(len(corners), -1, 3), np.tile(SHARES / 4, 4)
    for start in range(0, len(sources), _PAIRS_AT_ONCE):
        chosen = slice(start, start + _PAIRS_AT_ONCE)
        one, other = sources[chosen], others[chosen]
        matrix[one, other] = panels.received_in_pairs(
            corners[other], points[one], weights
        )
    np.fill_diagonal(matrix, 0.0)
    return matrix


def _near_pairs(surfaces: Panels) -> tuple[ndarray, ndarray]:
    """Pairs of panels that are so near that their charges must be spread finely."""
    found, sizes = [], surfaces.sizes
    for number, (centre, size) in enumerate(zip(surfaces.centres, sizes, strict=True)):
        distance = np.linalg.norm(surfaces.centres - centre, axis=1)
        near = np.flatnonzero(distance < _NEAR * (sizes + size))
        found.append(np.stack([np.full(len(near), number), near]))
    one, other = np.concatenate(found, axis=1)
    return one[one != other], other[one != other]
