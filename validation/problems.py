"""Problems whose field is known exactly, each with its heads, its source and its bounds.

A problem is solved by any method on heads of any size; `measure` says how far the result
is from the exact field, and `bounds` how far it may be.
"""

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from ..efield import AbstractSolver, ElectricField, assemble, isotropic, solve_rate
from ..meshing import HeadMesh, spheres, tissue_tag
from .metrics import mag, rdm, relative_error
from .quadrature import Quadrature, fifth_degree, second_degree
from .sphere import coil_field


@dataclass(frozen=True)
class Bound:
    """The relative error that a method may have: it falls with a power of the edge length.

    Attributes:
        at_10mm: In the L2 norm, at a mean edge length of 10 mm.
        order: The power.
    """

    at_10mm: float
    order: float

    def at(self, edge: float) -> float:
        """Return the bound at a mean edge length. [m]"""
        return self.at_10mm * (edge / 10e-3) ** self.order


@dataclass(frozen=True)
class Accuracy:
    """How far a computed field is from the exact one.

    Attributes:
        edge: Mean edge length of the elements compared. [m]
        elements: How many these are.
        relative_error: In the L2 norm.
        rdm: Of the shapes, see `metrics.rdm`.
        mag: Of the sizes, see `metrics.mag`.
    """

    edge: float
    elements: int
    relative_error: float
    rdm: float
    mag: float


@dataclass(frozen=True, eq=False, kw_only=True)
class AbstractProblem(abc.ABC):
    """A head of any size, a source, and the exact field.

    Attributes:
        name: Such as a table shows it.
        compared: Tissues where the field is compared.
        bounds: What the error may be, by method.
    """

    name: str
    compared: tuple[str, ...]
    bounds: Mapping[str, Bound] = field(default_factory=dict)

    @abc.abstractmethod
    def head(self, size: float) -> HeadMesh:
        """Mesh the head with about this edge length. [m]"""

    @abc.abstractmethod
    def conductivity(
        self, head: HeadMesh
    ) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
        """Give each element its conductivity. [S/m]"""

    @abc.abstractmethod
    def rates(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate ∂A/∂t of the source. [V/m]"""

    @abc.abstractmethod
    def exact(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate the exact field within the head. [V/m]"""

    def solve(
        self, head: HeadMesh, solver: AbstractSolver | None = None, order: int = 1
    ) -> ElectricField:
        """Solve by finite elements, on one of the problem's heads.

        Args:
            head: As `head` makes it.
            solver: As for `efield.solve`.
            order: Of the elements, as for `efield.assemble`.

        Returns:
            The field, with a leading axis of length one.
        """
        conductor = assemble(head, self.conductivity(head), order=order)
        rates = self.rates(np.asarray(conductor.nodes))
        return solve_rate(conductor, rates[None], solver=solver)

    def selected(self, head: HeadMesh) -> ndarray:
        """Return the indices of the elements to compare."""
        return np.flatnonzero(
            np.isin(head.tags, [tissue_tag(t) for t in self.compared])
        )

    def accuracy(
        self,
        head: HeadMesh,
        field: ElectricField,
        chosen: Int[ndarray, "selected"] | None = None,
    ) -> Accuracy:
        """Compare a field with the exact one, as its elements have it.

        Args:
            head: The head on which it was computed.
            field: As `solve` gives it.
            chosen: As for `measure`.
        """
        if field.corners is None:
            return self.measure(head, np.asarray(field.vectors[0]), None, chosen)
        which = self.selected(head) if chosen is None else chosen
        rule, corners = fifth_degree(), np.asarray(field.corners[0, which])
        vectors = np.einsum("qk,tkc->tqc", rule.barycentric, corners)
        return self.measure(head, vectors, rule, which)

    def measure(
        self,
        head: HeadMesh,
        vectors: Float[ndarray, "tet 3"] | Float[ndarray, "selected point 3"],
        quadrature: Quadrature | None = None,
        chosen: Int[ndarray, "selected"] | None = None,
    ) -> Accuracy:
        """Compare a computed field with the exact one, in the L2 norm over elements.

        Args:
            head: The head on which it was computed.
            vectors: E of all elements, where it is constant in each; or E of the elements
                compared, at the points of the quadrature. [V/m]
            quadrature: For the norm; by default of second degree.
            chosen: Indices of the elements to compare; by default those `selected`.
        """
        rule = quadrature or second_degree()
        chosen = self.selected(head) if chosen is None else chosen
        points, volumes = rule.points(head, chosen), rule.volumes(head, chosen)
        exact = np.asarray(self.exact(points.reshape(-1, 3)))
        computed = np.asarray(vectors)
        if computed.ndim == 2:
            computed = np.broadcast_to(computed[chosen][:, None], points.shape)
        pair = computed.reshape(-1, 3), exact, volumes.ravel()
        return Accuracy(
            mean_edge(head, chosen),
            len(chosen),
            relative_error(*pair),
            rdm(*pair),
            mag(*pair),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class SphereProblem(AbstractProblem):
    """A coil over a spherically symmetric head.

    Attributes:
        radii: Outer radius of each layer. [m]
        tissues: Of each layer.
        coil: A coil whose point sources are exact, or almost.
        pose: Its placement, outside the sphere.
        radial_ratio: Of the radial to the tangential conductivity; the exact field does
            not depend on it.
        current_rate: dI/dt. [A/s]
    """

    radii: tuple[float, ...]
    tissues: tuple[str, ...]
    coil: AbstractCoil
    pose: Pose
    radial_ratio: float = 1.0
    current_rate: float = 1e6

    def head(self, size: float) -> HeadMesh:
        """Mesh the layers with about this edge length. [m]"""
        return spheres(self.radii, self.tissues, size)

    def conductivity(
        self, head: HeadMesh
    ) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
        """Take the tissues' values, as tensors where `radial_ratio` is not 1. [S/m]"""
        sigma = isotropic(head)
        if self.radial_ratio == 1:
            return sigma
        length = np.linalg.norm(head.centroids, axis=1, keepdims=True)
        radial = head.centroids / length
        outer = radial[:, :, None] * radial[:, None, :]
        tensor = np.eye(3)[None] + (self.radial_ratio - 1) * outer
        return sigma[:, None, None] * jnp.asarray(tensor)

    def rates(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate ∂A/∂t of the coil. [V/m]"""
        return self.current_rate * self.coil.potential_at(
            jnp.asarray(points), self.pose
        )

    def exact(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate the exact field within the head. [V/m]"""
        return coil_field(self.coil, self.pose, points, self.current_rate)


@dataclass(frozen=True, eq=False, kw_only=True)
class EllipsoidProblem(AbstractProblem):
    """An anisotropic ellipsoid in a uniform magnetic field that grows steadily.

    With ∂A/∂t = ½ Ḃ × x the field is linear, E = W x: its curl is -Ḃ, and the current
    σ W x is tangential on the surface x·D x = 1, whose normal is along D x, if and only if
    D σ W is antisymmetric. It is free of divergence then, as the trace of σ W = D⁻¹ (D σ W)
    is zero. These are nine linear equations for W.

    Attributes:
        semi_axes: Of the ellipsoid, along x, y and z. [m]
        tissue: What the head calls its tissue.
        tensor: The conductivity, the same everywhere, (3, 3). [S/m]
        field_rate: Ḃ, (3,). [T/s]
    """

    semi_axes: tuple[float, float, float]
    tissue: str
    tensor: tuple[tuple[float, ...], ...]
    field_rate: tuple[float, float, float]

    def head(self, size: float) -> HeadMesh:
        """Stretch the mesh of a sphere with about this edge length. [m]"""
        radius = float(np.prod(self.semi_axes) ** (1 / 3))
        ball = spheres([radius], [self.tissue], size)
        stretched = ball.nodes * (np.asarray(self.semi_axes) / radius)
        return HeadMesh(stretched, ball.tetrahedra, ball.tags)

    def conductivity(self, head: HeadMesh) -> Float[Array, "tet 3 3"]:
        """Give every element the same tensor. [S/m]"""
        return jnp.broadcast_to(jnp.asarray(self.tensor), (len(head.tags), 3, 3))

    def rates(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate ∂A/∂t = ½ Ḃ × x. [V/m]"""
        return jnp.asarray(np.cross(self.field_rate, points) / 2)

    def exact(self, points: Float[ndarray, "point 3"]) -> Float[Array, "point 3"]:
        """Evaluate the exact field within the head. [V/m]"""
        return jnp.asarray(points @ self.slope.T)

    @cached_property
    def slope(self) -> Float[ndarray, "3 3"]:
        """The matrix W of the exact field E = W x. [V/m²]"""
        scaled = np.asarray(self.tensor) / np.square(self.semi_axes)[:, None]
        units = np.eye(9).reshape(9, 3, 3)
        products = scaled @ units
        upper = np.triu_indices(3)
        symmetric = (products + np.swapaxes(products, 1, 2))[:, upper[0], upper[1]]
        after, before = np.array([1, 2, 0]), np.array([2, 0, 1])
        curls = units[:, before, after] - units[:, after, before]
        equations = np.concatenate([symmetric.T, curls.T])
        known = np.concatenate([np.zeros(6), -np.asarray(self.field_rate)])
        return np.linalg.solve(equations, known).reshape(3, 3)


_potential = jax.jit(lambda coil, points, pose: coil.potential_at(points, pose))


def mean_edge(head: HeadMesh, selected: ndarray | slice = np.s_[:]) -> float:
    """Average the lengths of the edges of tetrahedra, each as often as it occurs. [m]"""
    corners = head.nodes[head.tetrahedra[selected]]
    edges = corners[:, [0, 0, 0, 1, 1, 2]] - corners[:, [1, 2, 3, 2, 3, 3]]
    return float(np.linalg.norm(edges, axis=2).mean())
