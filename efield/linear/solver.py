"""Solving for the potential: one differentiable verb, solvers as objects.

`solve_linear` is differentiable in the right-hand sides and in the conductivity, forward
and reverse, by the implicit function theorem (`jax.lax.custom_linear_solve`): a
derivative costs one more solve with the same operator, whatever the solver.
"""

import abc
import contextlib
import functools
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from .stiffness import HostMesh, Stiffness


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


class AbstractSolver(eqx.Module):
    """A way to solve for the potential. Solvers are frozen and hold their tolerances."""

    @property
    def key(self) -> Hashable:
        """What tells the set-up of this solver from another's: by default its class."""
        return type(self)

    @abc.abstractmethod
    def prepare(self, mesh: HostMesh, conductivity: np.ndarray) -> Any:
        """Do once what serves all right-hand sides of one conductivity.

        Nodes are in the order of `HostMesh`.
        """


HostSolution = tuple[
    Float[np.ndarray, "rhs node"], Int[np.ndarray, "rhs"], Float[np.ndarray, "rhs"]
]


class AbstractHostSolver(AbstractSolver):
    """A solver that works on the host, in float64, whatever the device of the arrays."""

    @abc.abstractmethod
    def apply(self, prepared: Any, rhs: Float[np.ndarray, "rhs node"]) -> HostSolution:
        """Return solutions, iterations and true relative residuals.

        Nodes are in the order of `HostMesh`.
        """


class AbstractDeviceSolver(AbstractSolver):
    """A solver in pure JAX, that works where the arrays are."""

    @abc.abstractmethod
    def solve(
        self, prepared: Any, stiffness: Stiffness, rhs: Float[Array, "rhs node"]
    ) -> tuple[Float[Array, "rhs node"], SolverReport]:
        """Solve for all right-hand sides together, in the numbering of the elements."""


class HostState:
    """What solvers have prepared on the host for one mesh, the latest for each solver.

    Compared by identity, so that it may stand in a traced structure.
    """

    def __init__(self, mesh: HostMesh):
        self.mesh = mesh
        self._prepared: dict[Hashable, tuple[np.ndarray, object]] = {}

    def prepared(self, solver: AbstractSolver, conductivity: np.ndarray):
        """Return what `solver` prepared for this conductivity, made now if it must be."""
        known = self._prepared.get(solver.key)
        if known is not None and np.array_equal(known[0], conductivity):
            return known[1]
        self._prepared.pop(solver.key, None)  # Two factors need not fit the memory.
        kept = np.array(
            conductivity
        )  # The buffer of a callback lives no longer than it.
        made = solver.prepare(self.mesh, kept)
        self._prepared[solver.key] = (kept, made)
        return made

    def latest(self, solver: AbstractSolver):
        """Return what `solver` prepared last, for whatever conductivity, or None."""
        known = self._prepared.get(solver.key)
        return None if known is None else known[1]


def solve_linear(
    stiffness: Stiffness,
    host: HostState,
    rhs: Float[Array, "rhs node"],
    solver: AbstractSolver,
) -> tuple[Float[Array, "rhs node"], SolverReport]:
    """Solve K x = b for one or many right-hand sides.

    Args:
        stiffness: The operator.
        host: The host's state of the same mesh.
        rhs: Right-hand sides. [A]
        solver: How.

    Returns:
        The potentials [V], zero at the ground node, and a report.

    Raises:
        ValueError: A right-hand side is not finite.
        RuntimeError: The solver failed; the message names the likely cause.
    """
    rhs = rhs.at[:, stiffness.ground].set(0.0)
    traced = any(isinstance(x, Tracer) for x in (rhs, stiffness.conductivity))
    if isinstance(solver, AbstractHostSolver):
        if not traced:
            found = _on_host(solver, host, stiffness.conductivity, rhs)
            return jnp.asarray(found[0]), SolverReport(*map(jnp.asarray, found[1:]))
        run = lambda b: _call_host(solver, host, stiffness.conductivity, b)
    elif isinstance(solver, AbstractDeviceSolver):
        prepared = _prepared_for_device(solver, host, stiffness)
        if not traced:
            return solver.solve(prepared, stiffness, rhs)
        still = jax.lax.stop_gradient(stiffness)
        run = lambda b: solver.solve(prepared, still, b)
    else:
        raise TypeError(
            f"`solver` must be a solver such as `Direct()`, got {solver!r}."
        )
    return jax.lax.custom_linear_solve(
        jax.vmap(stiffness), rhs, lambda _, b: run(b), symmetric=True, has_aux=True
    )


@contextlib.contextmanager
def prepared_meanwhile(
    stiffness: Stiffness, host: HostState, solver: AbstractSolver
) -> Iterator[None]:
    """Let the solver be set up in a thread while right-hand sides are computed."""
    if isinstance(stiffness.conductivity, Tracer):
        yield
        return
    values = np.asarray(stiffness.conductivity)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(host.prepared, solver, values)
        yield
        made.result()


def _prepared_for_device(
    solver: AbstractDeviceSolver, host: HostState, stiffness: Stiffness
):
    """Take the set-up for this conductivity, or the nearest that can be had.

    A traced conductivity has no values yet. A hierarchy of another conductivity of the
    same head serves as a preconditioner: the result is the same, after more iterations.
    """
    if not isinstance(stiffness.conductivity, Tracer):
        return host.prepared(solver, np.asarray(stiffness.conductivity))
    latest = host.latest(solver)
    if latest is not None:
        return latest
    return host.prepared(solver, np.ones(len(host.mesh.volumes)))


def _call_host(
    solver: AbstractHostSolver, host: HostState, conductivity: Array, rhs: Array
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
    solver: AbstractHostSolver, host: HostState, conductivity, rhs
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = np.asarray(rhs)
    if not np.isfinite(rows).all():
        raise ValueError(
            "the right-hand side is not finite. Does a node of the head lie on a source "
            "of the coil, or is a pose or current NaN?"
        )
    prepared = host.prepared(solver, np.asarray(conductivity, dtype=np.float64))
    ordered = host.mesh.ordered(rows.astype(np.float64, copy=False))
    x, iterations, residual = solver.apply(prepared, ordered)
    return (
        host.mesh.restored(x).astype(rows.dtype, copy=False),
        iterations.astype(np.int32),
        residual.astype(rows.dtype),
    )
