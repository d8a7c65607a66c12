"""The field that a coil induces: ∇·σ∇φ = -∇·σ ∂A/∂t, E = -∂A/∂t - ∇φ.

The current through the scalp is zero, which the weak form implies. ∂A/∂t is evaluated at
the nodes. In elements of first order it is averaged over each, as in SimNIBS [Saturnino
et al. 2019, doi:10.1088/1741-2552/ab41ba, eqs. 2 and 4].
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int
from numpy import ndarray

from ..coils import AbstractCoil, Pose, potential_at_many, potential_is_slow
from ..coils.pose import require_pose
from .conductor import Conductor
from .elements import AbstractElements
from .field import ElectricField
from .linear import (
    AbstractSolver,
    Stiffness,
    default_solver,
    prepared_meanwhile,
    solve_linear,
)
from .tracing import is_plain


_TOGETHER = 16  # Right-hand sides.


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
        TypeError: `pose` is no `coils.Pose`.
        ValueError: The load is not finite, for instance as a pose is NaN.
        RuntimeError: The solver did not reach its tolerance.
    """
    pose = require_pose(pose)
    single = pose.translation.ndim == 1
    count = 1 if single else len(pose.translation)
    if solver is None:
        solver = default_solver(conductor.host.mesh, count)
    with prepared_meanwhile(conductor.stiffness, conductor.host, solver):
        driven = rates(conductor, coil, pose, current_rate)
    field = solve_rate(conductor, driven[None] if single else driven, solver=solver)
    return jax.tree.map(lambda x: x[0], field) if single else field


def rates(
    conductor: Conductor, coil: AbstractCoil, pose: Pose, current_rate: ArrayLike = 1e6
) -> Float[Array, "*pose node 3"]:
    """Evaluate ∂A/∂t of a coil where `solve` wants it, as recovery does. [V/m]

    Of a coil of very many sources, elements of second order have it within 1e-5 of the
    largest, by polynomials in boxes (`coils.potential_at_many`); all else is summed.

    Args:
        conductor: The head.
        coil: The coil.
        pose: One placement of it, or a batch with one leading axis.
        current_rate: dI/dt. [A/s]

    Returns:
        At `conductor.nodes`; with a leading axis where `pose` has one.
    """
    nodes = conductor.nodes
    plain = is_plain(nodes, coil, pose, current_rate)
    second = conductor.elements.order == 2
    if second and plain:
        # Whatever is traced around: nothing here depends on it.
        with jax.ensure_compile_time_eval():
            if potential_is_slow(coil, len(nodes)):
                return _rates_by_boxes(nodes, coil, pose, current_rate)
    return _rates(nodes, coil, pose, current_rate)


def _rates_by_boxes(
    nodes: Float[Array, "node 3"],
    coil: AbstractCoil,
    pose: Pose,
    current_rate: ArrayLike,
) -> Float[Array, "*pose node 3"]:
    if pose.translation.ndim == 1:
        found = potential_at_many(coil, nodes, pose)
        return jnp.multiply(current_rate, found.values)
    every = range(len(pose.translation))
    alone = [jax.tree.map(lambda x, i=i: x[i], pose) for i in every]
    return jnp.stack([_rates_by_boxes(nodes, coil, p, current_rate) for p in alone])


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
    plain = is_plain(conductor, rates)
    together, put = (_TOGETHER, _put_field) if plain else (len(rates), _with_field)
    fields, solutions = None, []
    for first in range(0, len(rates), together):
        # Both load and field need it, and it takes longer than the rest of either.
        group = rates[first : first + together]
        projected = [_projected(conductor.elements, rate) for rate in group]
        loads = jnp.stack([_load(conductor.stiffness, each) for each in projected])
        solutions.append(
            solve_linear(conductor.stiffness, conductor.host, loads, solver)
        )
        if fields is None:
            fields = _room(conductor.elements, len(rates))
        for i, potential in enumerate(solutions[-1][0]):
            fields = put(
                fields,
                conductor.elements,
                projected.pop(0),
                potential,
                first + i,
            )
    potential, report = jax.tree.map(lambda *x: jnp.concatenate(x), *solutions)
    assert fields is not None, "there is no right-hand side"
    means, corners = fields
    return ElectricField(means, potential, report, corners)


def solve_means(
    conductor: Conductor,
    rates: Iterable[Float[Array, "node 3"]],
    tetrahedra: Int[ndarray, "some"],
    *,
    solver: AbstractSolver,
) -> Float[Array, "rhs some 3"]:
    """Compute the mean fields in some tetrahedra, without room for those in all others.

    Args:
        conductor: The head.
        rates: ∂A/∂t at `conductor.nodes`, one right-hand side after the other; of each
            only its load and what the tetrahedra need is kept. [V/m]
        tetrahedra: Of the head.
        solver: How.

    Returns:
        What `solve_rate` gives as `vectors` there. [V/m]

    Raises:
        ValueError: As `solve`.
        RuntimeError: As `solve`.
    """
    few = conductor.elements.some(tetrahedra)
    loads, driven = [], []
    for rate in rates:
        loads.append(_load(conductor.stiffness, _projected(conductor.elements, rate)))
        driven.append(_mean_rate(few, rate))
    found, _ = solve_linear(
        conductor.stiffness, conductor.host, jnp.stack(loads), solver
    )
    pairs = zip(driven, found, strict=True)
    return jnp.stack([_mean_field(few, rate, each) for rate, each in pairs])


@jax.jit
def _mean_rate(
    elements: AbstractElements, rate: Float[Array, "node 3"]
) -> Float[Array, "3 tet"]:
    return elements.averaged(elements.projected(rate))


@jax.jit
def _mean_field(
    elements: AbstractElements,
    mean_rate: Float[Array, "3 tet"],
    potential: Float[Array, "node"],
) -> Float[Array, "tet 3"]:
    return -(mean_rate + elements.averaged(elements.gradient(potential))).T


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


@jax.jit
def _projected(
    elements: AbstractElements, rate: Float[Array, "node 3"]
) -> Float[Array, "*point 3 tet"]:
    return jax.lax.optimization_barrier(elements.projected(rate))


def _load(
    stiffness: Stiffness, projected: Float[Array, "*point 3 tet"]
) -> Float[Array, "node"]:
    return stiffness.elements.gathered(_load_parts(stiffness, projected))


@jax.jit
def _load_parts(
    stiffness: Stiffness, projected: Float[Array, "*point 3 tet"]
) -> Float[Array, "local tet"]:
    return -stiffness.elements.node_products(stiffness.current(projected))


_Fields = tuple[Float[Array, "rhs tet 3"], Float[Array, "rhs tet 4 3"] | None]


def _room(elements: AbstractElements, count: int) -> _Fields:
    """Make room for fields: their means, and their values at corners where they vary."""
    size, kind = len(elements.volumes), elements.volumes.dtype
    varies = elements.order > 1
    return (
        jnp.zeros((count, size, 3), kind),
        jnp.zeros((count, size, 4, 3), kind) if varies else None,
    )


def _with_field(
    fields: _Fields,
    elements: AbstractElements,
    projected: Float[Array, "*point 3 tet"],
    potential: Float[Array, "node"],
    at: ArrayLike,
) -> _Fields:
    """Put one field where it belongs."""
    vectors = -(projected + elements.gradient(potential))
    means, corners = fields
    means = means.at[at].set(elements.averaged(vectors).T)
    if corners is not None:
        corners = corners.at[at].set(elements.corners(vectors))
    return means, corners


# In place: fields are large.
_put_field = jax.jit(_with_field, donate_argnums=0)
