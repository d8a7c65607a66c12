"""An estimate of the error of a field, from its distance to the recovered one.

The recovered field is of higher order, so that its distance to the raw one tends to the
raw one's error [Zienkiewicz & Zhu 1992, doi:10.1002/nme.1620330702]. That holds for the
mesh as it is: errors of segmentation, surfaces and conductivities are not seen.

The field of second-order elements is compared with its averages at nodes [Zienkiewicz & Zhu
1987, doi:10.1002/nme.1620240206], which are of the same order: the estimate is too large
then, by 1.3 to 1.7 on layered spheres.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int

from ..meshing import HeadMesh, Region
from .binned import BinnedRows
from .conductor import Conductor
from .field import ElectricField
from .recovery import check_same_head, over_poses
from .recovery_patches import gradient_stencils
from .recovery_stencils import Stencils
from .recovery_tissues import TissueMesh, tissue_mesh


class ErrorEstimate(eqx.Module):
    """How far a field is from the true one, as far as the mesh shows it.

    Attributes:
        elements: Root of the mean square error in each element. [V/m]
        magnitudes: |E| in each element. [V/m]
        volumes: Of the elements. [m³]
    """

    elements: Float[Array, "*pose tet"]
    magnitudes: Float[Array, "*pose tet"]
    volumes: Float[Array, "tet"]

    @property
    def relative(self) -> Float[Array, "*pose"]:
        """Error of the whole head's field, relative in L2."""
        return _ratio(self.elements, self.magnitudes, self.volumes)

    def in_region(self, region: Region) -> Float[Array, "*pose"]:
        """Error of a region's field, relative in L2, weighted as the region says."""
        return _ratio(
            self.elements[..., region.tetrahedra],
            self.magnitudes[..., region.tetrahedra],
            jnp.asarray(region.weights, dtype=self.elements.dtype),
        )


class ErrorEstimator(eqx.Module):
    """What estimates the error of first-order fields. Made by `error_estimator`.

    Attributes:
        gradient: From nodes of the head to gradients at nodes of tissues. [1/m]
        mesh_nodes: The nodes of the head which those are.
        corners: The four of those of each element.
        volumes: Of the elements. [m³]
    """

    gradient: Stencils
    mesh_nodes: Int[Array, "row"]
    corners: Int[Array, "4 tet"]
    volumes: Float[Array, "tet"]

    def __call__(
        self, field: ElectricField, rates: Float[Array, "*pose node 3"]
    ) -> ErrorEstimate:
        """Estimate the error of a field as `solve` gives it.

        Args:
            field: Of the head that this was made for; raw, not recovered.
            rates: ∂A/∂t at the nodes of the head. [V/m]
        """
        errors = _element_errors(self, field.potential, field.vectors, rates)
        return ErrorEstimate(errors, field.magnitude, self.volumes)


class SecondOrderErrorEstimator(eqx.Module):
    """What estimates the error of second-order fields. Made by `error_estimator`.

    Attributes:
        averages: From corners of elements to averages at nodes of tissues, by volume.
        corners: The four of those of each element.
        volumes: Of the elements. [m³]
    """

    averages: BinnedRows
    corners: Int[Array, "4 tet"]
    volumes: Float[Array, "tet"]

    def __call__(
        self, field: ElectricField, rates: Float[Array, "*pose node 3"]
    ) -> ErrorEstimate:
        """Estimate the error of a field as `solve` gives it.

        Args:
            field: Of the conductor that this was made for.
            rates: ∂A/∂t at the nodes of the elements; the field holds what is needed.
        """
        if field.corners is None:
            raise ValueError(
                "`field` is of first order, and the conductor of second: give the field "
                "that was solved for with it."
            )
        errors = _corner_errors(self, field.corners)
        return ErrorEstimate(errors, field.magnitude, self.volumes)


def error_estimator(
    conductor: Conductor, head: HeadMesh
) -> ErrorEstimator | SecondOrderErrorEstimator:
    """Set up the error estimate of fields in a head.

    Args:
        conductor: The head.
        head: The mesh that the conductor was made of.

    Raises:
        ValueError: The head is not that of the conductor.
    """
    check_same_head(conductor, head)
    mesh = tissue_mesh(head, None)
    corners = jnp.asarray(mesh.tetrahedra.T)
    volumes = conductor.elements.volumes
    if conductor.elements.order == 2:
        return SecondOrderErrorEstimator(
            BinnedRows.from_scipy(_averages(mesh), volumes.dtype), corners, volumes
        )
    rows = np.arange(len(mesh.nodes))
    return ErrorEstimator(
        gradient_stencils(mesh, rows, harmonic=conductor.conductivity.ndim == 1),
        jnp.asarray(mesh.nodes.astype(np.int32)),
        corners,
        volumes,
    )


def _averages(mesh: TissueMesh) -> sp.csr_matrix:
    """Average what elements have at their corners, by volume. (node, 4 tet)"""
    count = mesh.tetrahedra.size
    weights = np.repeat(mesh.volumes, 4)
    around = np.bincount(mesh.tetrahedra.ravel(), weights)
    ends = np.arange(count + 1)
    shares = weights / around[mesh.tetrahedra.ravel()]
    parts = (shares, mesh.tetrahedra.ravel(), ends)
    return sp.csr_matrix(sp.csc_matrix(parts, shape=(len(mesh.nodes), count)))


def estimate_error(
    conductor: Conductor,
    head: HeadMesh,
    field: ElectricField,
    rates: Float[Array, "*pose node 3"],
) -> ErrorEstimate:
    """Estimate the error of a field, once; for several, keep an `error_estimator`.

    Args:
        conductor: The head.
        head: The mesh that the conductor was made of.
        field: As `solve` gives it.
        rates: ∂A/∂t at the nodes of the head, by `efield.rates`. [V/m]

    Raises:
        ValueError: The head is not that of the conductor.
    """
    return error_estimator(conductor, head)(field, rates)


@jax.jit
def _element_errors(
    estimator: ErrorEstimator,
    potential: Float[Array, "*pose node"],
    vectors: Float[Array, "*pose tet 3"],
    rates: Float[Array, "*pose node 3"],
) -> Float[Array, "*pose tet"]:
    def errors(
        potential: Float[Array, "node"],
        raw: Float[Array, "tet 3"],
        rate: Float[Array, "node 3"],
    ) -> Float[Array, "tet"]:
        gradient = estimator.gradient(potential[None])[0]
        recovered = -(gradient + rate[estimator.mesh_nodes].T)
        total = jnp.zeros(len(raw), dtype=raw.dtype)
        for axis in range(3):
            values = recovered[axis]
            total = total + _mean_square(
                [values[estimator.corners[i]] - raw[:, axis] for i in range(4)]
            )
        return jnp.sqrt(total)

    return over_poses(errors, (potential, 1), (vectors, 2), (rates, 2))


@jax.jit
def _corner_errors(
    estimator: SecondOrderErrorEstimator, corners: Float[Array, "*pose tet 4 3"]
) -> Float[Array, "*pose tet"]:
    def errors(raw: Float[Array, "tet 4 3"]) -> Float[Array, "tet"]:
        recovered = estimator.averages.times(raw.reshape(-1, 3))
        total = jnp.zeros(len(raw), dtype=raw.dtype)
        for axis in range(3):
            values = recovered[:, axis]
            total = total + _mean_square(
                [values[estimator.corners[i]] - raw[:, i, axis] for i in range(4)]
            )
        return jnp.sqrt(total)

    return over_poses(errors, (corners, 3))


def _mean_square(corners: list[Float[Array, "tet"]]) -> Float[Array, "tet"]:
    """Average the square of a linear function: ∫ Nᵢ Nⱼ = V (1 + δᵢⱼ) / 20."""
    stacked = jnp.stack(corners)
    return (jnp.sum(stacked**2, axis=0) + jnp.sum(stacked, axis=0) ** 2) / 20


def _ratio(
    errors: Float[Array, "*pose tet"],
    magnitudes: Float[Array, "*pose tet"],
    weights: Float[Array, "tet"],
) -> Float[Array, "*pose"]:
    return jnp.sqrt((errors**2 @ weights) / (magnitudes**2 @ weights))
