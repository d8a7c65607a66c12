"""Where a field is reduced: tetrahedra, or points by a sampler or a recovery."""

import abc

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ...meshing import Region
from ..conductor import Conductor
from ..field import ElectricField
from ..recovery import PatchRecovery, SimnibsRecovery
from ..sampling import FieldSampler


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


class AtTetrahedra(AbstractReadout):
    """The field in tetrahedra, its mean where it varies.

    Attributes:
        tetrahedra: Indices into the head's.
        positions: The centroids. [m]
        weights: Those of a region.
    """

    tetrahedra: Int[ndarray, "point"]
    positions: Float[ndarray, "point 3"]
    weights: Float[ndarray, "point"]

    def __call__(
        self, field: ElectricField, rates: Float[Array, "*pose node 3"]
    ) -> Float[Array, "*pose point 3"]:
        """Take the vectors. [V/m]"""
        del rates
        return field.vectors[..., self.tetrahedra, :]


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
