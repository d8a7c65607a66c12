"""Where a field is reduced: tetrahedra, or points by a sampler or a recovery."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import sparse

from ...meshing import HeadMesh, Region, Surface
from ..conductor import Conductor
from ..field import ElectricField
from ..on_surface import check_in_gray_matter
from ..recovery import PatchRecovery, SimnibsRecovery
from ..sampling import FieldSampler, sampler


_SMALLEST = 1e-6  # Of the mean area of vertices: of those without triangles.


class AbstractReadout(eqx.Module):
    """What is taken of a field: vectors at places, linear in the field.

    Attributes:
        positions: Of the places. [m]
        weights: How much each counts in errors and means, of sum 1.
    """

    positions: eqx.AbstractVar[Float[ndarray, "point 3"]]
    weights: eqx.AbstractVar[Float[ndarray, "point"]]

    @abc.abstractmethod
    def __call__(
        self, field: ElectricField, rates: Float[Array, "*pose node 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Take the vectors. [V/m]

        Args:
            field: Of the head.
            rates: ∂A/∂t at the conductor's nodes. [V/m]
        """


class AbstractReadoutOfMeans(AbstractReadout):
    """What takes nothing but the mean fields in some tetrahedra, of elements of any order.

    Attributes:
        tetrahedra: Of the head.
    """

    tetrahedra: eqx.AbstractVar[Int[ndarray, "near"]]

    @abc.abstractmethod
    def of_means(
        self, means: Float[Array, "*pose near 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Take the vectors of the mean fields in `tetrahedra`. [V/m]"""

    def __call__(
        self, field: ElectricField, rates: Float[Array, "*pose node 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Take the vectors. [V/m]"""
        del rates
        return self.of_means(field.vectors[..., self.tetrahedra, :])


class AtTetrahedra(AbstractReadoutOfMeans):
    """The field in tetrahedra, its mean where it varies.

    Attributes:
        tetrahedra: Indices into the head's.
        positions: The centroids. [m]
        weights: Those of a region.
    """

    tetrahedra: Int[ndarray, "point"]
    positions: Float[ndarray, "point 3"]
    weights: Float[ndarray, "point"]

    def of_means(
        self, means: Float[Array, "*pose near 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Leave them as they are."""
        return means


class AtPoints(AbstractReadout):
    """The field at points, by a sampler or a recovery. Made by `at_points`.

    Attributes:
        positions: [m]
        weights: Of the points.
        source: What evaluates the field there.
    """

    positions: Float[ndarray, "point 3"]
    weights: Float[ndarray, "point"]
    source: FieldSampler | PatchRecovery | SimnibsRecovery

    def __call__(
        self, field: ElectricField, rates: Float[Array, "*pose node 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Take the vectors. [V/m]"""
        if isinstance(self.source, PatchRecovery):
            return self.source(field, rates)
        return self.source(field)


class AtNodes(AbstractReadoutOfMeans):
    """The field at nodes of the head, as means of tetrahedra. Made by `at_surface`.

    Attributes:
        positions: [m]
        weights: Of the nodes.
        tetrahedra: That meet them.
        shares: How much each of these counts at each node.
    """

    positions: Float[ndarray, "point 3"]
    weights: Float[ndarray, "point"]
    tetrahedra: Int[ndarray, "near"]
    shares: sparse.csr_array

    def of_means(
        self, means: Float[Array, "*pose near 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Average the tetrahedra at each node."""
        return _averaged(self.shares, means)


def _averaged(
    shares: sparse.csr_array, vectors: Float[Array, "*pose place 3"]
) -> Float[Array, "*pose mean 3"]:
    columns = np.moveaxis(np.asarray(vectors), -2, 0)
    found = shares @ columns.reshape(len(columns), -1)
    shape = (found.shape[0], *columns.shape[1:])
    return jnp.asarray(np.moveaxis(found.reshape(shape), 0, -2))


def at_surface(
    head: HeadMesh, surface: Surface, nodes: Int[ndarray, "vertex"] | None = None
) -> AbstractReadout:
    """Reduce the field at the vertices of a surface of the cortex, which count by area.

    As `on_surface` and `on_nodes` take it, but |E| is that of the mean vector.

    Args:
        head: The head.
        surface: In the head's coordinates.
        nodes: Of the head, that its vertices are, as `meshing.gray_matter_surface` gives
            them: each has the mean over the tetrahedra of gray matter at it. Else each
            has the value of the tetrahedron that holds it, or of one close to it.

    Raises:
        ValueError: The surface does not lie in the head's gray matter.
    """
    areas = vertex_areas(surface)
    weights = np.maximum(areas, _SMALLEST * areas.mean())
    places = np.asarray(surface.vertices, dtype=np.float64)
    if nodes is None:
        check_in_gray_matter(head, surface)
        return at_points(sampler(head, places, "gray matter"), places, weights)
    number = np.full(len(head.nodes), -1)
    number[nodes] = np.arange(len(nodes))
    gray = np.flatnonzero(head.of("gray matter"))
    gray = gray[(number[head.tetrahedra[gray]] >= 0).any(axis=1)]
    row = number[head.tetrahedra[gray]]
    column = np.broadcast_to(np.arange(len(gray))[:, None], row.shape)
    met, shape = row >= 0, (len(nodes), len(gray))
    entries = (np.ones(int(met.sum())), (row[met], column[met]))
    count = sparse.csr_array(entries, shape=shape)
    each = sparse.diags_array(1 / np.asarray(count.sum(axis=1)))
    return AtNodes(
        places, weights / weights.sum(), gray, sparse.csr_array(each @ count)
    )


def vertex_areas(surface: Surface) -> Float[ndarray, "vertex"]:
    """Give each vertex of a surface a third of its triangles' areas. [m²]"""
    a, b, c = np.moveaxis(surface.vertices[surface.triangles], 1, 0)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    corners, count = surface.triangles.ravel(), len(surface.vertices)
    return np.bincount(corners, np.repeat(areas, 3), count)


def at_points(
    source: FieldSampler | PatchRecovery | SimnibsRecovery,
    points: ArrayLike,
    weights: ArrayLike | None = None,
) -> AtPoints:
    """Reduce the field at points, such as the vertices of a surface.

    Args:
        source: Made for these points by `efield.sampler`, `efield.patch_recovery` or
            `efield.simnibs_recovery`.
        points: (points, 3). [m]
        weights: How much each counts in errors and means, (points,), positive, of any
            unit, such as areas; equal by default.

    Raises:
        ValueError: The numbers do not fit each other, or weights are not positive.
    """
    places = np.asarray(points, dtype=np.float64)
    count = len(source.inside)
    if places.shape != (count, 3):
        raise ValueError(
            f"`points` must be the {count} points that `source` was made for, (points, 3), "
            f"got the shape {places.shape}."
        )
    given = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if given.shape != (count,) or not (np.isfinite(given) & (given > 0)).all():
        raise ValueError(f"`weights` must be {count} positive numbers.")
    return AtPoints(places, given / given.sum(), source)


def readout_of(conductor: Conductor, at: Region | AbstractReadout) -> AbstractReadout:
    """Take what `reduce` is given for a readout.

    Raises:
        ValueError: The region is of another head.
    """
    if isinstance(at, AbstractReadout):
        return at
    corners = conductor.elements.tetrahedra[:4]
    if at.tetrahedra.max() >= corners.shape[1]:
        raise ValueError(
            f"`at` names tetrahedron {at.tetrahedra.max()}, but the head has "
            f"{corners.shape[1]}: make the region of the head that was assembled."
        )
    nodes = np.asarray(conductor.nodes)[np.asarray(corners[:, at.tetrahedra])]
    centroids = nodes.mean(axis=0).astype(np.float64)
    return AtTetrahedra(at.tetrahedra, centroids, at.weights)
