"""An estimate of the error of a field, from its distance to the recovered one.

The recovered field is of higher order, so that its distance to the raw one tends to the
raw one's error [Zienkiewicz & Zhu 1992, doi:10.1002/nme.1620330702]. That holds for the
mesh as it is: errors of segmentation, surfaces and conductivities are not seen.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..meshing import HeadMesh, Region
from .conductor import Conductor
from .field import ElectricField
from .recovery import check_first_order, over_poses
from .recovery_patches import gradient_stencils
from .recovery_stencils import Stencils
from .recovery_tissues import tissue_mesh


class ErrorEstimate(eqx.Module):
    """How far a field is from the true one, as far as the mesh can tell.

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
    """What estimates the error of any field in a head. Made by `error_estimator`.

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


def error_estimator(conductor: Conductor, head: HeadMesh) -> ErrorEstimator:
    """Set up the error estimate of fields in a head.

    Args:
        conductor: The head.
        head: The mesh that the conductor was made of.

    Raises:
        ValueError: The head is not that of the conductor, or the conductor is not of
            first order.
    """
    check_first_order(conductor, head)
    mesh = tissue_mesh(head, None)
    rows = np.arange(len(mesh.nodes))
    return ErrorEstimator(
        gradient_stencils(mesh, rows, harmonic=conductor.conductivity.ndim == 1),
        jnp.asarray(mesh.nodes.astype(np.int32)),
        jnp.asarray(mesh.tetrahedra.T),
        conductor.elements.volumes,
    )


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
        ValueError: The head is not that of the conductor, or the conductor is not of
            first order.
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
            apart = [values[estimator.corners[i]] - raw[:, axis] for i in range(4)]
            # The mean of a linear function's square: ∫ Nᵢ Nⱼ = V (1 + δᵢⱼ) / 20.
            total = total + sum(part**2 for part in apart) + sum(apart) ** 2
        return jnp.sqrt(total / 20)

    return over_poses(errors, (potential, 1), (vectors, 2), (rates, 2))


def _ratio(
    errors: Float[Array, "*pose tet"],
    magnitudes: Float[Array, "*pose tet"],
    weights: Float[Array, "tet"],
) -> Float[Array, "*pose"]:
    return jnp.sqrt((errors**2 @ weights) / (magnitudes**2 @ weights))
