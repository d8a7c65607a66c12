"""What of a field in a region is compared: choices, as objects."""

import abc
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ...efield import ElectricField, volume_percentiles
from ...meshing import HeadMesh, Region, cortical_normals


class AbstractMetric(abc.ABC):
    """A number of a field in a region that grows in proportion to the field."""

    @property
    @abc.abstractmethod
    def words(self) -> str:
        """The metric in words."""

    @abc.abstractmethod
    def of_draws(
        self, head: HeadMesh, vectors: Float[ndarray, "draw some 3"], region: Region
    ) -> Float[ndarray, "draw"]:
        """Measure E in the tetrahedra of a region, for each of several fields. [V/m]"""

    def __call__(self, head: HeadMesh, field: ElectricField, region: Region) -> float:
        """Measure one placement's field. [V/m]"""
        vectors = np.asarray(field.vectors, dtype=np.float64)[region.tetrahedra]
        return float(self.of_draws(head, vectors[None], region)[0])


@dataclass(frozen=True)
class MeanStrength(AbstractMetric):
    """The mean of |E|, weighted as the region says."""

    @property
    def words(self) -> str:
        """The metric in words."""
        return "mean |E|"

    def of_draws(
        self, head: HeadMesh, vectors: Float[ndarray, "draw some 3"], region: Region
    ) -> Float[ndarray, "draw"]:
        """Measure E in the tetrahedra of a region, for each of several fields. [V/m]"""
        return np.linalg.norm(vectors, axis=2) @ region.weights


@dataclass(frozen=True)
class Percentile(AbstractMetric):
    """A percentile of |E|, each tetrahedron counted by its volume.

    Attributes:
        share: From 0 to 100.
    """

    share: float = 99.0

    def __post_init__(self):
        if not 0 < self.share <= 100:
            raise ValueError(
                f"`share` must lie above 0 and up to 100, got {self.share}."
            )

    @property
    def words(self) -> str:
        """The metric in words."""
        return f"percentile {self.share:g} of |E|"

    def of_draws(
        self, head: HeadMesh, vectors: Float[ndarray, "draw some 3"], region: Region
    ) -> Float[ndarray, "draw"]:
        """Measure E in the tetrahedra of a region, for each of several fields. [V/m]"""
        volumes = head.volumes[region.tetrahedra]
        sizes = np.linalg.norm(vectors, axis=2)
        return np.array(
            [volume_percentiles(each, volumes, [self.share])[0] for each in sizes]
        )


@dataclass(frozen=True)
class MeanNormal(AbstractMetric):
    """The size of the mean component along the cortex's outward normals."""

    @property
    def words(self) -> str:
        """The metric in words."""
        return "mean component along the cortex's normals"

    def of_draws(
        self, head: HeadMesh, vectors: Float[ndarray, "draw some 3"], region: Region
    ) -> Float[ndarray, "draw"]:
        """Measure E in the tetrahedra of a region, for each of several fields. [V/m]"""
        normals = cortical_normals(head, head.centroids[region.tetrahedra])
        return abs(np.sum(normals * vectors, axis=2) @ region.weights)
