"""Problems in bricks: a slab of anisotropic layers, and a field made up beforehand."""

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..meshing import HeadMesh, tissue_tag
from .boxes import brick
from .problems import AbstractProblem
from .slab import Slab


@dataclass(frozen=True, eq=False, kw_only=True)
class SlabProblem(AbstractProblem):
    """A brick out of a slab of anisotropic layers beneath an array of coils, see `slab`.

    Attributes:
        tissues: What the head calls its layers, from the lowest.
        heights: Their thickness. [m]
        conductivities: Along the axes of the brick, by layer. [S/m]
        width: Of the brick, one half of the array's period. [m]
        strength: See `Slab`. [V]
        turn: A rotation of all, so that tensors have all their components, (3, 3).
    """

    tissues: tuple[str, ...]
    heights: tuple[float, ...]
    conductivities: tuple[tuple[float, float, float], ...]
    width: float
    strength: float
    turn: tuple[tuple[float, ...], ...]

    @cached_property
    def slab(self) -> Slab:
        """The solution, in the frame of the brick."""
        wave = np.pi / self.width
        return Slab(self.heights, self.conductivities, (wave, wave), self.strength)

    def head(self, size: float) -> HeadMesh:
        """Mesh the brick with about this edge length. [m]"""
        return brick(
            self.width, self.heights, self.tissues, size, np.asarray(self.turn)
        )

    def conductivity(self, head: HeadMesh) -> Float[Array, "tet 3 3"]:
        """Give the elements of each layer its tensor. [S/m]"""
        turn = np.asarray(self.turn)
        table = np.zeros((11, 3, 3))
        for tissue, values in zip(self.tissues, self.conductivities, strict=True):
            table[tissue_tag(tissue)] = turn @ np.diag(values) @ turn.T
        return jnp.asarray(table[head.tags])

    def rates(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate ∂A/∂t of the array. [V/m]"""
        return jnp.asarray(self.slab.rate(self._within(points)) @ self._back)

    def exact(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate the exact field within the brick. [V/m]"""
        return jnp.asarray(self.slab.field(self._within(points)) @ self._back)

    @property
    def _back(self) -> Float[ndarray, "3 3"]:
        return np.asarray(self.turn).T

    def _within(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        corner = np.array([self.width, self.width, sum(self.heights)]) / 2
        return points @ np.asarray(self.turn) + corner


@dataclass(frozen=True, eq=False, kw_only=True)
class ManufacturedProblem(AbstractProblem):
    """A field chosen beforehand, in a cube whose fibres turn from place to place.

    Any current without sources that leaves the cube nowhere, J = ∇b × c with b = 0 on all
    faces, is that of the field E = σ⁻¹ J for any tensors σ. With any potential φ it
    follows from ∂A/∂t = -E - ∇φ [the method of manufactured solutions, Roache 2002,
    doi:10.1115/1.1436090].

    Attributes:
        width: Of the cube. [m]
        tissue: What the head calls it.
        across: Conductivity across the fibres. [S/m]
        along: Conductivity along them. [S/m]
        current: c. [A/m]
        potential: Size of φ. [V]
        twist: How much fibres turn: elements hold one tensor each, so that the field is of
            first order in their size where it is not zero.
    """

    width: float
    tissue: str
    across: float
    along: float
    current: tuple[float, float, float]
    potential: float
    twist: float = 1.0

    def head(self, size: float) -> HeadMesh:
        """Mesh the cube with about this edge length. [m]"""
        return brick(self.width, [self.width], [self.tissue], size)

    def conductivity(self, head: HeadMesh) -> Float[Array, "tet 3 3"]:
        """Evaluate the tensors at the elements' centroids. [S/m]"""
        return jnp.asarray(self._tensors(head.centroids))

    def rates(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate ∂A/∂t = -E - ∇φ. [V/m]"""
        return jnp.asarray(-np.asarray(self.exact(points)) - self._slope(points))

    def exact(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate E = σ⁻¹ J. [V/m]"""
        wave = np.pi / self.width
        x, y, z = wave * points.T
        bump = np.stack(
            [
                -np.sin(x) * np.cos(y) * np.cos(z),
                -np.cos(x) * np.sin(y) * np.cos(z),
                -np.cos(x) * np.cos(y) * np.sin(z),
            ],
            axis=1,
        )
        density = wave * np.cross(bump, np.asarray(self.current))
        inverse = np.linalg.inv(self._tensors(points))
        return jnp.asarray(np.einsum("pij,pj->pi", inverse, density))

    def _tensors(
        self, points: Float[ndarray, "point 3"]
    ) -> Float[ndarray, "point 3 3"]:
        x, y, z = points.T / self.width
        turn, tilt = 0.7 + self.twist * (1.5 * x + z), 0.4 + self.twist * 0.8 * y
        fibre = np.stack(
            [np.cos(turn) * np.cos(tilt), np.sin(turn) * np.cos(tilt), np.sin(tilt)],
            axis=1,
        )
        outer = fibre[:, :, None] * fibre[:, None, :]
        return self.across * np.eye(3) + (self.along - self.across) * outer

    def _slope(self, points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
        """∇φ of φ = V sin x cos 2y exp z, in widths."""
        x, y, z = points.T / self.width
        size = self.potential / self.width * np.exp(z)
        return (
            size
            * np.stack(
                [
                    np.cos(x) * np.cos(2 * y),
                    -2 * np.sin(x) * np.sin(2 * y),
                    np.sin(x) * np.cos(2 * y),
                ]
            )
        ).T
