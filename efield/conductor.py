"""A head with conductivities, ready to be solved on for any coil and any target."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, ArrayLike, Float
from scipy.sparse.csgraph import connected_components

from ..coils.pose import known
from ..meshing import HeadMesh
from .conductivity import checked_conductivity
from .elements import AbstractElements
from .linear import HostMesh, HostSide, Stiffness
from .p1 import first_order
from .p2 import second_order
from .tracing import known_values


_ELEMENTS = {1: first_order, 2: second_order}


class Conductor(eqx.Module):
    """A head as a volume conductor. Made by `assemble`.

    Attributes:
        stiffness: The operator of the potential: geometry, conductivity, ground.
        host: The head as solvers see it on the host, and the conductivity whose set-up
            preconditions while another has no values yet: that of `assemble`.
    """

    stiffness: Stiffness
    host: HostSide = eqx.field(static=True)

    def __repr__(self) -> str:
        """Say how large the head is, and how it conducts."""
        kind = "tensors" if np.ndim(self.conductivity) == 3 else "conductivities"
        between = ""
        if known(self.conductivity) and kind != "tensors":
            low, high = (
                float(f(np.asarray(self.conductivity))) for f in (np.min, np.max)
            )
            between = f" from {low:.3g} to {high:.3g} S/m"
        return (
            f"Conductor({np.shape(self.conductivity)[0]} tetrahedra "
            f"({type(self.elements).__name__}), {np.shape(self.nodes)[0]} nodes, "
            f"{kind}{between})"
        )

    @property
    def elements(self) -> AbstractElements:
        """The finite elements."""
        return self.stiffness.elements

    @property
    def conductivity(self) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
        """A value or tensor per element. [S/m]"""
        return self.stiffness.conductivity

    @property
    def nodes(self) -> Float[Array, "node 3"]:
        """Where ∂A/∂t is wanted: the head's nodes, then those of edges, if any. [m]"""
        return self.elements.nodes

    def with_conductivity(self, conductivity: ArrayLike) -> "Conductor":
        """Keep the geometry and replace the conductivity.

        `Multigrid` preconditions the system of a traced conductivity with the set-up of
        the conductivity that `assemble` was given: the result does not depend on it, the
        number of iterations does.

        Args:
            conductivity: A value or a symmetric tensor for each tetrahedron; it may be
                traced. [S/m]

        Raises:
            ValueError: The conductivity has another shape, or is not positive definite.
        """
        values = _checked(conductivity, len(self.elements.volumes))
        return Conductor(
            Stiffness(self.elements, values, self.stiffness.ground), self.host
        )


def assemble(head: HeadMesh, conductivity: ArrayLike, *, order: int = 1) -> Conductor:
    """Make a head a conductor.

    Elements of second order have a field that is linear in each tetrahedron, with an
    error that falls with the square of the edge length. They have about eight times as
    many unknowns on the same mesh.

    Set-up that depends on the conductivity (a factorisation, a multigrid hierarchy) is
    done by the solver when it is first needed. The latest are kept by the process, not by
    the conductor, which is frozen and can be pickled at any time.

    With `jax_enable_x64` everything is computed in float64. Without it arrays are
    float32 and fields have a relative error of about 1e-5, while systems are still solved
    in float64 on the host.

    Args:
        head: The mesh.
        conductivity: A value or a symmetric tensor for each tetrahedron, as `isotropic`
            makes it; it may be traced, to differentiate with respect to it. [S/m]
        order: Of the elements, 1 or 2: the degree of the potential in a tetrahedron.

    Raises:
        ValueError: The conductivity has another shape, or is not positive definite; the
            mesh falls into parts; or there are no elements of this order.
    """
    if order not in _ELEMENTS:
        raise ValueError(f"`order` of the elements must be 1 or 2, got {order!r}.")
    values = _checked(conductivity, len(head.tetrahedra))
    _check_in_one_piece(head)
    with jax.ensure_compile_time_eval():
        elements = _ELEMENTS[order](head)
        # SimNIBS grounds the lowest node too, so that potentials can be compared.
        ground = int(np.argmin(head.nodes[:, 2]))
        mesh = HostMesh(elements, ground)
    known = known_values(values)
    reference = np.ones(len(mesh.volumes)) if known is None else known
    return Conductor(
        Stiffness(elements, values, jnp.asarray(ground)), HostSide(mesh, reference)
    )


def enriched(conductor: Conductor, head: HeadMesh) -> Conductor:
    """Give a conductor elements of second order on the same mesh.

    Solvers share what they set up for both.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.

    Raises:
        ValueError: It is of second order already.
    """
    if conductor.elements.order != 1:
        raise ValueError("`conductor` is of second order: there is no higher one.")
    elements, first = second_order(head), conductor.host
    ground = conductor.stiffness.ground
    mesh = HostMesh(elements, int(ground), first.mesh)
    stiffness = Stiffness(elements, conductor.conductivity, ground)
    return Conductor(stiffness, HostSide(mesh, first.reference))


def _checked(
    conductivity: ArrayLike, elements: int
) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
    values = jnp.asarray(conductivity, dtype=float)
    values = checked_conductivity(values, elements)
    # The derivative by a tensor is symmetric then, whichever way it is taken.
    return values if values.ndim == 1 else _symmetric(values)


@jax.jit
def _symmetric(tensors: Float[Array, "tet 3 3"]) -> Float[Array, "tet 3 3"]:
    return (tensors + jnp.swapaxes(tensors, 1, 2)) / 2


def _check_in_one_piece(head: HeadMesh) -> None:
    """Refuse parts that share no node: one ground does not fix all their potentials.

    Rounding decides whether such a matrix can be factorised, so it must not be tried.
    """
    first, *others = head.tetrahedra.T
    links = (np.tile(first, 3), np.concatenate(others))
    ones = np.ones(len(links[0]), dtype=np.int8)
    graph = sp.coo_matrix((ones, links), shape=(len(head.nodes),) * 2).tocsr()
    count, part = connected_components(graph, directed=False)
    if count == 1:
        return
    sizes = np.bincount(part)
    smallest = int(sizes.argmin())
    at = ", ".join(f"{x * 1e3:.1f}" for x in head.nodes[np.argmax(part == smallest)])
    raise ValueError(
        f"the mesh falls into {count} parts that share no node; the smallest has "
        f"{sizes[smallest]} of {len(part)} nodes, near ({at}) mm. Keep the largest part "
        "only, and drop nodes that no tetrahedron uses."
    )
