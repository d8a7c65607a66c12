"""What objectives are made of: the field of regions by adjoint solves, or by a basis."""

import abc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing, optimize
from ...coils import AbstractCoil
from ...efield import Conductor, ElectricField, Reciprocal
from ...meshing import HeadMesh, Region, Scalp
from .bases import Basis


Rating = Callable[[ElectricField], float]


class AbstractSource(abc.ABC):
    """Gives the field of regions for any placement of a coil."""

    @abc.abstractmethod
    def mean(self, region: Region) -> Reciprocal:
        """Give the mean vector of a region."""

    @abc.abstractmethod
    def normal(self, region: Region) -> Reciprocal:
        """Give the mean component along the cortex's outward normals."""

    @abc.abstractmethod
    def magnitude(self, region: Region) -> optimize.MeanOfMagnitude:
        """Give the mean of |E| in a region."""


@dataclass(frozen=True, eq=False)
class Adjoints(AbstractSource):
    """The field by adjoint solves.

    Attributes:
        conductor: Of the head.
        head: The head.
        scalp: Its scalp.
        coil: The coil.
        centre: Of the target. [m]
        radius: How far around it coils will be. [m]
    """

    conductor: Conductor
    head: HeadMesh
    scalp: Scalp
    coil: AbstractCoil
    centre: Float[ndarray, "3"]
    radius: float

    def mean(self, region: Region) -> Reciprocal:
        """Give the mean vector of a region."""
        return efield.reciprocal(self.conductor, region)

    def normal(self, region: Region) -> Reciprocal:
        """Give the mean component along the cortex's outward normals."""
        return optimize.normal_reciprocal(self.conductor, self.head, region)

    def magnitude(self, region: Region) -> optimize.MeanOfMagnitude:
        """Give the mean of |E| in a region."""
        return optimize.MeanOfMagnitude(
            optimize.region_modes(
                *(self.conductor, self.coil, self.scalp, region),
                centre=self.centre,
                radius=self.radius,
            )
        )


@dataclass(frozen=True, eq=False)
class OfBasis(AbstractSource):
    """The field by a basis, which knows it in a whole tissue.

    Attributes:
        basis: Knows the field.
        head: The head.
    """

    basis: Basis
    head: HeadMesh

    def mean(self, region: Region) -> Reciprocal:
        """Give the mean vector of a region.

        Raises:
            ValueError: The basis does not have the region.
        """
        weights = np.asarray(region.weights)
        shares = weights[None, :, None] * np.eye(3)[:, None, :]
        return self._functional(region, shares)

    def normal(self, region: Region) -> Reciprocal:
        """Give the mean component along the cortex's outward normals.

        Raises:
            ValueError: The basis does not have the region.
        """
        places = self.head.centroids[region.tetrahedra]
        normals = meshing.cortical_normals(self.head, places)
        weighted = np.asarray(region.weights)[:, None] * normals
        return self._functional(region, weighted[None])

    def magnitude(self, region: Region) -> optimize.MeanOfMagnitude:
        """Give the mean of |E| in a region.

        Raises:
            ValueError: The basis does not have the region.
        """
        columns = self.basis.columns(self.head, region, "the region")
        part = self.basis.field.subset(columns, region.weights)
        return optimize.MeanOfMagnitude(part)

    def focality(self, target: Region) -> tuple[optimize.AbstractObjective, Rating]:
        """Set a target against all the rest of the tissue.

        Returns:
            The objective, and the same of a direct solution.

        Raises:
            ValueError: The basis does not have the target.
        """
        share, rate = self._shares(target), optimize.focality_of
        objective = optimize.FocalityEverywhere(self.basis.field, share)
        return objective, lambda field: rate(*self._weighed(field), share)

    def overlap(
        self, network: Region, hottest: float
    ) -> tuple[optimize.AbstractObjective, Rating]:
        """Ask for a hot spot inside of a network.

        Args:
            network: What is to be hit.
            hottest: The share of the tissue that is the hot spot.

        Returns:
            The objective, and the same of a direct solution.

        Raises:
            ValueError: The basis does not have the network.
        """
        share, rate = self._shares(network), optimize.overlap_of
        objective = optimize.HotSpotOverlap(self.basis.field, share, hottest)
        return objective, lambda field: rate(*self._weighed(field), share, hottest)

    def _functional(
        self, region: Region, shares: Float[ndarray, "direction some 3"]
    ) -> Reciprocal:
        columns = self.basis.columns(self.head, region, "the target")
        return self.basis.field.functional(columns, shares, region.centre)

    def _shares(self, region: Region) -> Float[ndarray, "place"]:
        self.basis.columns(self.head, region, "the target")
        return self.basis.shares(self.head, region)

    def _weighed(
        self, field: ElectricField
    ) -> tuple[Float[ndarray, "place"], Float[ndarray, "place"]]:
        values = np.asarray(field.magnitude, dtype=np.float64)
        weights = np.asarray(self.basis.field.weights)
        return values[self.basis.elements(self.head)], weights
