"""Solving for the potential: one differentiable verb, solvers as objects.

`solve_linear` is differentiable in the right-hand sides and in the conductivity, forward
and reverse, by the implicit function theorem (`jax.lax.custom_linear_solve`): a
derivative costs one more solve with the same operator, whatever the solver.
"""

import abc
import contextlib
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..tracing import is_plain, known_values
from .contrast import WRONG_CONDUCTIVITY
from .setups import AbstractSolver, HostSide
from .stiffness import Stiffness


# On a CPU `jax.pure_callback` copies its arguments on the threads that run the program,
# and waits for ever where all of these wait. Buffers need no copy.
try:
    from jax.experimental.buffer_callback import buffer_callback
except ImportError:  # Before jax 0.6.1.
    buffer_callback = None


class SolverReport(eqx.Module):
    """How a solve went, for each right-hand side.

    Attributes:
        iterations: Zero for a direct solver.
        residual: The true relative residual |b - Kx| / |b|.
    """

    iterations: Int[Array, "*rhs"]
    residual: Float[Array, "*rhs"]


HostSolution = tuple[
    Float[np.ndarray, "rhs node"], Int[np.ndarray, "rhs"], Float[np.ndarray, "rhs"]
]


class AbstractHostSolver(AbstractSolver):
    """A solver that works on the host, in float64, whatever the device of the arrays."""

    @abc.abstractmethod
    def apply(
        self,
        prepared: Any,
        rhs: Float[np.ndarray, "rhs node"],
        start: Float[np.ndarray, "rhs node"] | None = None,
    ) -> HostSolution:
        """Return solutions, iterations and true relative residuals.

        Nodes are in the order of `HostMesh`. What iterates may start from `start`.
        """


class AbstractDeviceSolver(AbstractSolver):
    """A solver in pure JAX, that works where the arrays are."""

    @abc.abstractmethod
    def solve(
        self,
        system: Stiffness,
        prepared: Any,
        rhs: Float[Array, "rhs node"],
        *,
        of_system: bool,
    ) -> tuple[Float[Array, "rhs node"], SolverReport]:
        """Solve for all right-hand sides together, in the numbering of the elements.

        Args:
            system: What is solved, and what the reported residual is of.
            prepared: What preconditions: of this system, or of one with another
                conductivity of the same head.
            rhs: Right-hand sides. [A]
            of_system: `prepared` was made of the system's own conductivity, so that what
                it has assembled may stand for the system.
        """


def solve_linear(
    stiffness: Stiffness,
    host: HostSide,
    rhs: Float[Array, "rhs node"],
    solver: AbstractSolver,
    start: Float[np.ndarray, "rhs node"] | None = None,
) -> tuple[Float[Array, "rhs node"], SolverReport]:
    """Solve K x = b for one or many right-hand sides.

    Args:
        stiffness: The operator.
        host: The same head as the host sees it.
        rhs: Right-hand sides. [A]
        solver: How.
        start: Solutions nearly, zero at the ground node, from which a solver that iterates
            on the host begins. [V]

    Returns:
        The potentials [V], zero at the ground node, and a report.

    Raises:
        ValueError: A right-hand side is not finite.
        RuntimeError: The solver failed; the message names the likely cause.
    """
    rhs = stiffness.grounded(rhs)
    still = jax.lax.stop_gradient(stiffness)
    if isinstance(solver, AbstractHostSolver):
        if is_plain(rhs, stiffness.conductivity):
            found = _on_host(solver, host, stiffness.conductivity, rhs, start)
            return jnp.asarray(found[0]), SolverReport(*map(jnp.asarray, found[1:]))
        run = lambda b: _call_host(solver, host, still.conductivity, b)
    elif isinstance(solver, AbstractDeviceSolver):
        own = known_values(stiffness.conductivity)
        prepared = host.setup(solver, host.reference if own is None else own)
        run = lambda b: solver.solve(still, prepared, b, of_system=own is not None)
        if is_plain(rhs, stiffness.conductivity):
            return run(rhs)
    else:
        raise TypeError(
            f"`solver` must be a solver such as `Direct()`, got {solver!r}."
        )
    return jax.lax.custom_linear_solve(
        jax.vmap(stiffness), rhs, lambda _, b: run(b), symmetric=True, has_aux=True
    )


@contextlib.contextmanager
def prepared_meanwhile(
    stiffness: Stiffness, host: HostSide, solver: AbstractSolver
) -> Iterator[None]:
    """Let the solver be set up in a thread while right-hand sides are computed."""
    values = known_values(stiffness.conductivity)
    if values is None:
        yield
        return
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(host.setup, solver, values)
        yield
        made.result()


def _call_host(
    solver: AbstractHostSolver, host: HostSide, conductivity: Array, rhs: Array
) -> tuple[Array, SolverReport]:
    rank = conductivity.ndim
    shapes = (
        jax.ShapeDtypeStruct(rhs.shape, rhs.dtype),
        jax.ShapeDtypeStruct(rhs.shape[:1], jnp.int32),
        jax.ShapeDtypeStruct(rhs.shape[:1], rhs.dtype),
    )

    def call(conductivity, rhs):
        return _for_each_conductivity(
            solver, host, np.asarray(conductivity), np.asarray(rhs), rank
        )

    def fill(_, results, conductivity, rhs):
        for result, values in zip(results, call(conductivity, rhs), strict=True):
            np.asarray(result)[...] = values

    if buffer_callback is None or jax.default_backend() != "cpu":
        run = functools.partial(jax.pure_callback, call, shapes)
        found = run(conductivity, rhs, vmap_method="expand_dims")
    else:
        run = buffer_callback(fill, shapes, vmap_method="expand_dims")
        found = run(conductivity, rhs)
    x, iterations, residual = found
    return x, SolverReport(iterations, residual)


def _for_each_conductivity(solver, host, conductivity, rhs, rank):
    """Solve what `jax.vmap` has stacked: all placements of one conductivity together."""
    core = conductivity.shape[conductivity.ndim - rank :]
    stacked = conductivity.shape[: conductivity.ndim - rank]
    batch = np.broadcast_shapes(stacked, rhs.shape[:-2])
    if all(n == 1 for n in stacked):
        rows = np.broadcast_to(rhs, batch + rhs.shape[-2:]).reshape(-1, rhs.shape[-1])
        found = _on_host(solver, host, conductivity.reshape(core), rows)
        return tuple(f.reshape(*batch, rhs.shape[-2], *f.shape[1:]) for f in found)
    every_rhs = np.broadcast_to(rhs, batch + rhs.shape[-2:])
    every_conductivity = np.broadcast_to(conductivity, batch + core)
    found = [
        _on_host(solver, host, every_conductivity[i], every_rhs[i])
        for i in np.ndindex(batch)
    ]
    return tuple(
        np.stack(f).reshape(*batch, *f[0].shape) for f in zip(*found, strict=True)
    )


def _on_host(
    solver: AbstractHostSolver, host: HostSide, conductivity, rhs, start=None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not np.isfinite(conductivity).all():
        raise ValueError(WRONG_CONDUCTIVITY)
    rows = np.asarray(rhs)
    if not np.isfinite(rows).all():
        raise ValueError(
            "the right-hand side is not finite. Does a node of the head lie on a source "
            "of the coil, or is a pose or current NaN?"
        )
    prepared = host.setup(solver, np.asarray(conductivity, dtype=np.float64))
    ordered = host.mesh.ordered(rows.astype(np.float64, copy=False))
    known = () if start is None else (host.mesh.ordered(np.asarray(start, np.float64)),)
    x, iterations, residual = solver.apply(prepared, ordered, *known)
    return (
        host.mesh.restored(x).astype(rows.dtype, copy=False),
        iterations.astype(np.int32),
        residual.astype(rows.dtype),
    )
