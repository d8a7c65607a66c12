"""A head with conductivities, ready to be solved on for any coil and any target."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..meshing import HeadMesh
from .conductivity import check_conductivity
from .linear import HostMesh, HostState, Stiffness
from .p1 import P1, first_order


class Conductor(eqx.Module):
    """A head as a volume conductor. Made by `assemble`.

    Attributes:
        stiffness: The operator of the potential: geometry, conductivity, ground.
        host: What solvers keep of this head between solves.
    """

    stiffness: Stiffness
    host: HostState = eqx.field(static=True)

    @property
    def elements(self) -> P1:
        """The finite elements."""
        return self.stiffness.elements

    @property
    def conductivity(self) -> Float[Array, "tet"] | Float[Array, "tet 3 3"]:
        """A value or tensor per element. [S/m]"""
        return self.stiffness.conductivity

    @property
    def nodes(self) -> Float[Array, "node 3"]:
        """Positions of the nodes. [m]"""
        return self.elements.nodes

    def with_conductivity(
        self, conductivity: Float[Array, "tet"] | Float[Array, "tet 3 3"]
    ) -> "Conductor":
        """Keep the geometry and replace the conductivity, which may be traced. [S/m]

        Raises:
            ValueError: The conductivity has another shape, or is not positive definite.
        """
        conductivity = jnp.asarray(conductivity)
        check_conductivity(conductivity, len(self.elements.volumes))
        return Conductor(
            Stiffness(self.elements, conductivity, self.stiffness.ground), self.host
        )


def assemble(
    head: HeadMesh, conductivity: Float[Array, "tet"] | Float[Array, "tet 3 3"]
) -> Conductor:
    """Make a head a conductor.

    Set-up that depends on the conductivity (a factorisation, a multigrid hierarchy) is
    done by the solver when it is first needed, and kept.

    With `jax_enable_x64` everything is computed in float64. Without it arrays are
    float32 and fields have a relative error of about 1e-5, while systems are still solved
    in float64 on the host.

    Args:
        head: The mesh.
        conductivity: A value or a symmetric tensor for each tetrahedron, as `isotropic`
            makes it; it may be traced, to differentiate with respect to it. [S/m]

    Raises:
        ValueError: The conductivity has another shape, or is not positive definite.
    """
    conductivity = jnp.asarray(conductivity)
    check_conductivity(conductivity, len(head.tetrahedra))
    with jax.ensure_compile_time_eval():
        elements = first_order(head)
        # SimNIBS grounds the lowest node too, so that potentials can be compared.
        ground = int(np.argmin(head.nodes[:, 2]))
        host = HostState(HostMesh(elements, ground))
    return Conductor(Stiffness(elements, conductivity, jnp.asarray(ground)), host)
