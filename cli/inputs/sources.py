"""Goals whose field a basis gives, in the place of adjoint solves."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing, optimize
from ...efield import ElectricField, Reciprocal
from ...meshing import Region
from .bases import Basis


@dataclass(frozen=True, eq=False)
class BasisAim(optimize.Aim):
    """A target whose field a basis knows, as all of its tissue's.

    Attributes:
        basis: Knows the field.
    """

    basis: Basis

    def mean(self, region: Region) -> Reciprocal:
        """The mean vector of a region.

        Raises:
            ValueError: The basis does not have the region.
        """
        return self.basis.mean(self.head, region, "the target")

    def normal(self, region: Region) -> Reciprocal:
        """The mean component in a region along the cortex's outward normals.

        Raises:
            ValueError: The basis does not have the region.
        """
        places = self.head.centroids[region.tetrahedra]
        normals = meshing.cortical_normals(self.head, places)
        weighted = np.asarray(region.weights)[:, None] * normals
        columns = self.basis.columns(self.head, region, "the target")
        return self.basis.field.functional(columns, weighted[None], region.centre)

    def modes(self, region: Region) -> optimize.MeanOfMagnitude:
        """The mean of |E| in a region.

        Raises:
            ValueError: The basis does not have the region.
        """
        columns = self.basis.columns(self.head, region, "the region")
        part = self.basis.field.subset(columns, region.weights)
        return optimize.MeanOfMagnitude(part)

    def focality(self) -> optimize.Goal:
        """Set the target against all the rest of the tissue.

        Raises:
            ValueError: The basis does not have the target.
        """
        share = self._shares()
        return optimize.Goal(
            optimize.FocalityEverywhere(self.basis.field, share),
            lambda field: float(jnp.linalg.norm(field.mean(self.target))),
            rating=lambda field: optimize.focality_of(*self._weighed(field), share),
        )

    def overlap(self, hottest: float) -> optimize.Goal:
        """Ask for a hot spot, such a share of the tissue, inside of the target.

        Raises:
            ValueError: The basis does not have the target.
        """
        share, rate = self._shares(), optimize.overlap_of
        return optimize.Goal(
            optimize.HotSpotOverlap(self.basis.field, share, hottest),
            lambda field: float(field.mean_magnitude(self.target)),
            rating=lambda field: rate(*self._weighed(field), share, hottest),
        )

    def _shares(self) -> Float[ndarray, "place"]:
        self.basis.columns(self.head, self.target, "the target")
        return self.basis.shares(self.head, self.target)

    def _weighed(
        self, field: ElectricField
    ) -> tuple[Float[ndarray, "place"], Float[ndarray, "place"]]:
        values = np.asarray(field.magnitude, dtype=np.float64)
        weights = np.asarray(self.basis.field.weights)
        return values[self.basis.elements(self.head)], weights
