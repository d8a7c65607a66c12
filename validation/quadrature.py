"""Quadrature on tetrahedra, for norms of errors."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..meshing import HeadMesh


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Points in a tetrahedron and the shares of its volume that they stand for.

    Attributes:
        barycentric: Of each point, (points, 4), of sum 1.
        weights: Of each point, positive, of sum 1.
        degree: Of the polynomials that are integrated exactly.
    """

    barycentric: Float[ndarray, "point 4"]
    weights: Float[ndarray, "point"]
    degree: int

    def points(
        self, head: HeadMesh, selected: ndarray | slice = np.s_[:]
    ) -> Float[ndarray, "tet point 3"]:
        """Place the points in tetrahedra of a head. [m]"""
        corners = head.nodes[head.tetrahedra[selected]]
        return np.einsum("qk,tkc->tqc", self.barycentric, corners)

    def volumes(
        self, head: HeadMesh, selected: ndarray | slice = np.s_[:]
    ) -> Float[ndarray, "tet point"]:
        """Return the volume that each point stands for. [m³]"""
        return head.volumes[selected][:, None] * self.weights[None]


def _orbit(value: float, others: float) -> list[list[float]]:
    """The four points with one coordinate apart from the others."""
    return [[value if i == j else others for i in range(4)] for j in range(4)]


def second_degree() -> Quadrature:
    """Four points, enough for errors of first-order elements.

    [Hammer & Stroud 1956, doi:10.1090/S0025-5718-1956-0086390-2]
    """
    near, far = (5 + 3 * np.sqrt(5)) / 20, (5 - np.sqrt(5)) / 20
    return Quadrature(np.array(_orbit(near, far)), np.full(4, 0.25), 2)


def fifth_degree() -> Quadrature:
    """Fourteen points, enough for errors of second-order elements.

    [Walkington 2000, *Quadrature on simplices of arbitrary dimension*, rule of degree 5]
    """
    a, b, c = 0.31088591926330060980, 0.092735250310891226402, 0.045503704125649649492
    pairs = [
        [c if i in pair else 0.5 - c for i in range(4)]
        for pair in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    ]
    points = np.array([*_orbit(1 - 3 * a, a), *_orbit(1 - 3 * b, b), *pairs])
    weights = np.repeat(
        [0.11268792571801585080, 0.073493043116361949544, 0.042546020777081466438],
        [4, 4, 6],
    )
    return Quadrature(points, weights, 5)
