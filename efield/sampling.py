"""The computed field at points, as the elements have it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ..meshing import HeadMesh
from .conductor import Conductor
from .field import ElectricField
from .recovery import checked_points, patch_recovery
from .recovery_tissues import locate, tissue_mesh


class FieldSampler(eqx.Module):
    """Evaluates any field of a head at given points. Made by `sampler`.

    Attributes:
        tetrahedra: Which hold the points.
        shares: Barycentric coordinates in them.
        inside: Whether each point lies in the tissue asked for, or in the head.
    """

    tetrahedra: Int[Array, "point"]
    shares: Float[Array, "point 4"]
    inside: Bool[Array, "point"]

    def __call__(self, field: ElectricField) -> Float[Array, "*pose point 3"]:
        """Evaluate the field at the points. [V/m]

        Args:
            field: Of the head that this was made for, with elements of any order.
        """
        return field.within(self.tetrahedra, self.shares)


def sampler(
    head: HeadMesh, points: ArrayLike, tissue: str | int | None = None
) -> FieldSampler:
    """Set up the evaluation of fields at points.

    The values are those of the element that holds each point: constant in elements of
    first order, linear in those of second. `patch_recovery` gives better ones for first
    order.

    Args:
        head: The head.
        points: (points, 3). [m]
        tissue: Take the values of this tissue, by name or tag. A point outside takes the
            value at the closest place of an element near it.

    Raises:
        ValueError: The points are not finite or have another shape, or the head has no
            such tissue.
    """
    mesh, positions = tissue_mesh(head, tissue), checked_points(points)
    element, shares, inside = locate(mesh, positions)
    # A linear function would grow without bound outside.
    shares = shares.clip(0.0)
    shares /= shares.sum(axis=1, keepdims=True)
    return FieldSampler(
        jnp.asarray(mesh.elements[element]), jnp.asarray(shares), jnp.asarray(inside)
    )


def field_at(
    conductor: Conductor,
    head: HeadMesh,
    points: Float[ndarray, "point 3"],
    field: ElectricField,
    rates: Float[Array, "node 3"],
) -> Float[ndarray, "point 3"]:
    """Evaluate a field at points as well as its elements allow. [V/m]

    Linear elements are smoothed by `patch_recovery`; others are read as they are.

    Args:
        conductor: That the field was solved on.
        head: Of it.
        points: In the head. [m]
        field: Of one placement.
        rates: ∂A/∂t at the nodes of the head, for the same dI/dt. [V/m]
    """
    if conductor.elements.order == 1:
        return np.asarray(patch_recovery(conductor, head, points)(field, rates))
    return np.asarray(sampler(head, points)(field))
