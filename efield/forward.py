"""The field that a coil induces: ∇·σ∇φ = -∇·σ ∂A/∂t, E = -∂A/∂t - ∇φ.

The current through the scalp is zero, which the weak form implies. ∂A/∂t is evaluated at
the nodes. In elements of first order it is averaged over each, as in SimNIBS [Saturnino
et al. 2019, doi:10.1088/1741-2552/ab41ba, eqs. 2 and 4].
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ..coils import AbstractCoil, Pose
from .conductor import Conductor
from .field import ElectricField
from .linear import AbstractSolver, Stiffness, default_solver, solve_linear


def solve(
    conductor: Conductor,
    coil: AbstractCoil,
    pose: Pose,
    current_rate: ArrayLike = 1e6,
    *,
    solver: AbstractSolver | None = None,
) -> ElectricField:
    """Compute the electric field of a coil in a head.

    Differentiable, forward and reverse, in coil, pose, current rate and conductivity. Any
    function of these may be wrapped in `jax.jit`, `jax.grad` and `jax.vmap`.

    Args:
        conductor: The head.
        coil: The coil.
        pose: One placement of it, or a batch with one leading axis, solved together.
        current_rate: dI/dt. [A/s]
        solver: How to solve for the potential; by default chosen from the size of the
            head and the machine.

    Returns:
        The field; with a leading axis where `pose` has one.

    Raises:
        ValueError: The load is not finite, for instance as a pose is NaN.
        RuntimeError: The solver did not reach its tolerance.
    """
    single = pose.translation.ndim == 1
    driven = rates(conductor, coil, pose, current_rate)
    field = solve_rate(conductor, driven[None] if single else driven, solver=solver)
    return jax.tree.map(lambda x: x[0], field) if single else field


def rates(
    conductor: Conductor, coil: AbstractCoil, pose: Pose, current_rate: ArrayLike = 1e6
) -> Float[Array, "*pose node 3"]:
    """Evaluate ∂A/∂t of a coil where `solve` wants it, as recovery does. [V/m]

    Args:
        conductor: The head.
        coil: The coil.
        pose: One placement of it, or a batch with one leading axis.
        current_rate: dI/dt. [A/s]

    Returns:
        At `conductor.nodes`; with a leading axis where `pose` has one.
    """
    return _rates(conductor.nodes, coil, pose, current_rate)


def solve_rate(
    conductor: Conductor,
    rates: Float[Array, "rhs node 3"],
    *,
    solver: AbstractSolver | None = None,
) -> ElectricField:
    """Compute the electric fields of given ∂A/∂t, such as of a source that is no coil.

    Args:
        conductor: The head.
        rates: ∂A/∂t at `conductor.nodes`, for each right-hand side. [V/m]
        solver: As for `solve`.

    Returns:
        The fields, with the leading axis of `rates`.

    Raises:
        ValueError: As `solve`.
        RuntimeError: As `solve`.
    """
    solver = (
        default_solver(conductor.host.mesh, len(rates)) if solver is None else solver
    )
    loads = jnp.stack([_load(conductor.stiffness, rate) for rate in rates])
    potential, report = solve_linear(conductor.stiffness, conductor.host, loads, solver)
    means, corners = _fields(conductor.stiffness, rates, potential)
    return ElectricField(means, potential, report, corners)


@jax.jit
def _rates(
    nodes: Float[Array, "node 3"],
    coil: AbstractCoil,
    pose: Pose,
    current_rate: ArrayLike,
) -> Float[Array, "*pose node 3"]:
    if pose.translation.ndim == 1:
        return jnp.multiply(current_rate, coil.potential_at(nodes, pose))
    # One pose after the other: each keeps the machine busy, and memory stays small.
    return jax.lax.map(lambda one: current_rate * coil.potential_at(nodes, one), pose)


def _load(stiffness: Stiffness, rate: Float[Array, "node 3"]) -> Float[Array, "node"]:
    return -stiffness.elements.gradient_adjoint(_driven_current(stiffness, rate))


@jax.jit
def _driven_current(
    stiffness: Stiffness, rate: Float[Array, "node 3"]
) -> Float[Array, "*point 3 tet"]:
    return stiffness.current(stiffness.elements.projected(rate))


@jax.jit
def _fields(
    stiffness: Stiffness,
    rates: Float[Array, "rhs node 3"],
    potential: Float[Array, "rhs node"],
) -> tuple[Float[Array, "rhs tet 3"], Float[Array, "rhs tet 4 3"] | None]:
    """Return the fields' means, and their values at corners where they vary."""
    elements = stiffness.elements

    def field(
        rate_and_potential: tuple[Array, Array],
    ) -> tuple[Float[Array, "tet 3"], Float[Array, "tet 4 3"] | None]:
        rate, values = rate_and_potential
        vectors = -(elements.projected(rate) + elements.gradient(values))
        return elements.averaged(vectors).T, elements.corners(vectors)

    return jax.lax.map(field, (rates, potential))
