"""Exact derivatives of fields by the conductivities of tissues.

With the total field E, K φ' = ∇ᵀ σ' V E and E' = -∇φ': one solve for each tissue, all with
the matrix that is there. For one number f of the field the adjoint needs a single solve
for all tissues: K λ = ∇ᵀ ∂f/∂E, f' = -∇λ·σ' V E.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..meshing import Region
from .conductor import Conductor
from .field import ElectricField
from .linear import AbstractSolver, default_solver, solve_linear
from .reciprocity import Reciprocal, target_dipoles, total_current
from .variables import UncertainTissues


Summary = Callable[[ElectricField], Float[Array, "..."]]


def field_derivatives(
    conductor: Conductor,
    tissues: UncertainTissues,
    rate: Float[Array, "node 3"],
    field: ElectricField,
    *,
    solver: AbstractSolver | None = None,
) -> ElectricField:
    """Differentiate a field by the conductivity of each tissue.

    Args:
        conductor: With the conductivity that the field was solved for.
        tissues: Which of its conductivities are variables.
        rate: ∂A/∂t at `conductor.nodes`. [V/m]
        field: What `solve_rate` made of it, for one placement.
        solver: As for `solve`.

    Returns:
        Derivatives, with a leading axis for the tissues. [V/m per S/m]
    """
    stiffness, elements = conductor.stiffness, conductor.elements
    total = _total(conductor, rate, field)
    loads = jnp.stack(
        [
            elements.gradient_adjoint(part.current(total))
            for part in tissues.parts(stiffness)[1:]
        ]
    )
    solver = (
        default_solver(conductor.host.mesh, len(loads)) if solver is None else solver
    )
    potentials, report = solve_linear(stiffness, conductor.host, loads, solver)
    vectors = [-elements.gradient(potential) for potential in potentials]
    corners = [elements.corners(v) for v in vectors]
    at_corners = [c for c in corners if c is not None]
    return ElectricField(
        jnp.stack([elements.averaged(v).T for v in vectors]),
        potentials,
        report,
        jnp.stack(at_corners) if at_corners else None,
    )


def summary_gradient(
    conductor: Conductor,
    tissues: UncertainTissues,
    rate: Float[Array, "node 3"],
    field: ElectricField,
    summary: Summary,
    *,
    solver: AbstractSolver | None = None,
) -> tuple[Float[Array, ""], Float[Array, "tissue"]]:
    """Differentiate one number of a field by all tissues, with one adjoint solve.

    Args:
        conductor: As for `field_derivatives`.
        tissues: As for `field_derivatives`.
        rate: As for `field_derivatives`. [V/m]
        field: As for `field_derivatives`.
        summary: A differentiable function of the field's `vectors`, of one number.
        solver: As for `solve`.

    Returns:
        The number, and its derivatives. [per S/m]
    """
    stiffness, elements = conductor.stiffness, conductor.elements
    of_vectors = lambda vectors: summary(
        ElectricField(vectors, field.potential, field.report)
    )
    value, slope = jax.value_and_grad(of_vectors)(field.vectors)
    load = elements.gradient_adjoint(elements.averaged_adjoint(slope.T))
    solver = default_solver(conductor.host.mesh, 1) if solver is None else solver
    adjoint, _ = solve_linear(stiffness, conductor.host, load[None], solver)
    inner, total = elements.gradient(adjoint[0]), _total(conductor, rate, field)
    gradient = jnp.stack(
        [-jnp.sum(inner * part.current(total)) for part in tissues.parts(stiffness)[1:]]
    )
    return value, gradient


def reciprocal_derivatives(
    conductor: Conductor,
    tissues: UncertainTissues,
    target: Region,
    *,
    solver: AbstractSolver | None = None,
) -> Reciprocal:
    """Differentiate a target's currents by the conductivity of each tissue.

    As these are currents too, a placement's mean field and all its derivatives are sums
    over them, without a solve.

    Args:
        conductor: The head.
        tissues: Which of its conductivities are variables.
        target: Where the mean of E is wanted.
        solver: As for `solve`.

    Returns:
        Directions x, y and z of the mean [V/m], then those of its derivative by each
        tissue in turn [V/m per S/m].
    """
    stiffness, elements = conductor.stiffness, conductor.elements
    directions = jnp.eye(3, dtype=conductor.nodes.dtype)
    dipoles = target_dipoles(elements, target, directions)
    solver = default_solver(conductor.host.mesh, 3) if solver is None else solver
    loads = jnp.stack([elements.gradient_adjoint(dipole) for dipole in dipoles])
    potentials, _ = solve_linear(stiffness, conductor.host, loads, solver)
    inner = [elements.gradient(potential) for potential in potentials]
    driven = [
        part.current(gradient)
        for part in tissues.parts(stiffness)[1:]
        for gradient in inner
    ]
    loads = -jnp.stack([elements.gradient_adjoint(current) for current in driven])
    changes, _ = solve_linear(stiffness, conductor.host, loads, solver)
    currents = [
        elements.projected_adjoint(total_current(stiffness, dipole, potential))
        for dipole, potential in zip(dipoles, potentials, strict=True)
    ] + [
        elements.projected_adjoint(total_current(stiffness, -current, change))
        for current, change in zip(driven, changes, strict=True)
    ]
    centre = jnp.asarray(target.centre, dtype=currents[0].dtype)
    return Reciprocal(conductor.nodes, jnp.stack(currents), centre)


def _total(
    conductor: Conductor, rate: Float[Array, "node 3"], field: ElectricField
) -> Float[Array, "*point 3 tet"]:
    elements = conductor.elements
    return -(elements.projected(rate) + elements.gradient(field.potential))
