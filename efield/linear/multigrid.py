"""Conjugate gradients with a multigrid cycle in pure JAX, where the arrays are."""

from collections.abc import Hashable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..binned import BinnedRows
from .contrast import ITERATED, WRONG_CONDUCTIVITY, refuse_floating_regions
from .hierarchy import DEGREE, assemble_hierarchy, chebyshev_weights
from .solver import AbstractDeviceSolver, SolverReport
from .stiffness import HostMesh, Stiffness


_CYCLE_PRECISION = (
    jnp.float32
)  # Residuals and updates have the precision of the arrays.


class DeviceLevel(NamedTuple):
    """A level of the hierarchy on the device."""

    matrix: BinnedRows
    prolongation: BinnedRows
    restriction: BinnedRows
    inverse_diagonal: Float[Array, "row"]
    largest: Float[Array, ""]


class DeviceHierarchy(NamedTuple):
    """What preconditions: the levels from the finest, and the inverse of the coarsest."""

    levels: tuple[DeviceLevel, ...]
    coarsest: Float[Array, "row row"]


class Numbering(NamedTuple):
    """From the numbering of the elements to that of all else, see `HostMesh`, and back."""

    order: Int[Array, "node"]
    place: Int[Array, "node"]


class IterationCost(NamedTuple):
    """What an iteration with one right-hand side costs at the least, products only.

    Attributes:
        products: Of sparse matrices; each puts its rows in order at the end.
        sums: Over the rows of a bin, each of which is a piece of program to start.
        bytes_moved: Memory read and written by all products. [byte]
        bytes_needed: What it would be without padding and without order. [byte]
    """

    products: int
    sums: int
    bytes_moved: int
    bytes_needed: int

    @property
    def starts(self) -> int:
        """Pieces of program: the sums, and one for each product's order."""
        return self.sums + self.products


class DeviceSetup(NamedTuple):
    """All that the device needs of one conductivity.

    Attributes:
        numbering: Of the rows of all matrices.
        matrix: The matrix itself, in the precision of the arrays.
        hierarchy: Its coarsening.
    """

    numbering: Numbering
    matrix: BinnedRows
    hierarchy: DeviceHierarchy

    @property
    def cost(self) -> IterationCost:
        """What an iteration costs."""
        # A cycle smooths twice, each time by `DEGREE - 1` products, with two residuals.
        products = [(1, self.matrix)]
        for level in self.hierarchy.levels:
            products += [(2 * DEGREE, level.matrix)]
            products += [(1, level.prolongation), (1, level.restriction)]
        return IterationCost(
            sum(times for times, _ in products),
            sum(times * len(rows.values) for times, rows in products),
            sum(times * rows.bytes_moved for times, rows in products),
            sum(times * rows.bytes_needed for times, rows in products),
        )


class _ByElement(eqx.Module):
    """A system, multiplied element by element."""

    stiffness: Stiffness
    numbering: Numbering

    def times(self, x: Float[Array, "node rhs"]) -> Float[Array, "node rhs"]:
        """Multiply with all vectors at once."""
        apply = jax.vmap(self.stiffness, in_axes=1, out_axes=1)
        return apply(x[self.numbering.place])[self.numbering.order]


class Multigrid(AbstractDeviceSolver):
    """Conjugate gradients, preconditioned by algebraic multigrid, on the device.

    All that repeats is one compiled loop over a block of right-hand sides. The cycle runs
    in single precision, residuals and updates in that of the arrays: with float32 arrays
    `rtol` cannot be below about 1e-5. Sums have a fixed order: a result is the same every
    time on the same device.

    Attributes:
        rtol: Of the true residual.
        max_steps: After so many iterations a solve has failed.
        start: What a bin more must save in reading, in products of sparse matrices; None
            is usual of the device, `efield.tuned` measures. [byte]
        throw: Raise where it failed, which in a compiled function asks the host once a
            solve. Otherwise the residual in the report is large, or NaN.
    """

    rtol: float = eqx.field(static=True, default=1e-8)
    max_steps: int = eqx.field(static=True, default=200)
    throw: bool = eqx.field(static=True, default=True)
    start: int | None = eqx.field(static=True, default=None)

    @property
    def key(self) -> Hashable:
        """Set-ups differ by the bins of their matrices."""
        return type(self), self.start

    def prepare(self, mesh: HostMesh, conductivity: np.ndarray) -> DeviceSetup:
        """Assemble and coarsen on the host, and put the result on the device."""
        refuse_floating_regions(mesh, conductivity, ITERATED)
        matrix, hierarchy = assemble_hierarchy(mesh, conductivity)
        kind = _CYCLE_PRECISION
        kept = partial(BinnedRows.from_scipy, start=self.start)
        with jax.ensure_compile_time_eval():
            levels = tuple(
                DeviceLevel(
                    kept(level.matrix, kind),
                    kept(level.prolongation, kind),
                    kept(level.prolongation.T.tocsr(), kind),
                    jnp.asarray(level.inverse_diagonal, kind),
                    jnp.asarray(level.largest, kind),
                )
                for level in hierarchy.levels
            )
            return DeviceSetup(
                Numbering(
                    jnp.asarray(mesh.order, jnp.int32),
                    jnp.asarray(mesh.place, jnp.int32),
                ),
                kept(matrix, float),
                DeviceHierarchy(levels, jnp.asarray(hierarchy.coarsest, kind)),
            )

    def solve(
        self,
        system: Stiffness,
        prepared: DeviceSetup,
        rhs: Float[Array, "rhs node"],
        *,
        of_system: bool,
    ) -> tuple[Float[Array, "rhs node"], SolverReport]:
        """Solve for all right-hand sides together.

        With the set-up of another conductivity there is no assembled matrix: products are
        taken element by element then, and the hierarchy only preconditions.

        Raises:
            RuntimeError: The tolerance was not reached, with the likely cause; under
                `jax.jit` when the result is computed.
        """
        if self.rtol < 10 * float(jnp.finfo(rhs.dtype).eps):
            raise ValueError(
                f"`rtol` is {self.rtol:g}, which {rhs.dtype} cannot resolve. Switch on "
                '`jax.config.update("jax_enable_x64", True)`, or take a larger `rtol`.'
            )
        numbering, hierarchy = prepared.numbering, prepared.hierarchy
        if not of_system:
            system = _within_reach(system)
        by_element = _ByElement(system, numbering)
        operator = prepared.matrix if of_system else by_element
        b = rhs.T[numbering.order]
        columns, steps = _solve(operator, hierarchy, b, self.rtol, self.max_steps)
        columns = columns[numbering.place]
        report = SolverReport(steps, _true_residual(system, columns.T, rhs))
        if self.throw:
            columns = eqx.error_if(
                columns,
                ~(report.residual <= 2 * self.rtol),
                f"multigrid did not reach a relative residual of {self.rtol:g} in "
                f"{self.max_steps} iterations. Likely causes: elements of no volume, "
                "a part of the mesh that hangs on nothing, or conductivities many orders "
                f"of magnitude apart. Where these were not known before: either "
                f"{WRONG_CONDUCTIVITY} Or one is below {ITERATED:g} of the largest. Take "
                "1e-6 S/m for what hardly conducts, or `Direct()`.",
            )
        return columns.T, report


def _within_reach(system: Stiffness) -> Stiffness:
    """Make NaN what `refuse_floating_regions` might refuse, where values are not known.

    Where the tissues lie cannot be looked at in a compiled function. Multigrid may give a
    wrong field then; NaN has no residual, which is noticed at the end.
    """
    values = system.conductivity
    mean = values if values.ndim == 1 else jnp.trace(values, axis1=1, axis2=2) / 3
    within = jnp.min(mean) >= ITERATED * jnp.max(mean)
    checked = jnp.where(within, values, jnp.nan)
    return Stiffness(system.elements, checked, system.ground)


@jax.jit
def _true_residual(
    system: Stiffness, x: Float[Array, "rhs node"], b: Float[Array, "rhs node"]
) -> Float[Array, "rhs"]:
    """Return |b - Kx| / |b| from the elements themselves, whatever was solved with."""

    def missed(pair: tuple[Array, Array]) -> Array:
        size = jnp.linalg.norm(pair[1])
        left = jnp.linalg.norm(pair[1] - system(pair[0]))
        return left / jnp.where(size > 0, size, 1.0)

    # One after the other: the fields of elements are large.
    return jax.lax.map(missed, (x, b))


@eqx.filter_jit
def _solve(
    operator: BinnedRows | _ByElement,
    hierarchy: DeviceHierarchy,
    b: Float[Array, "node rhs"],
    rtol: float,
    max_steps: int,
) -> tuple[Float[Array, "node rhs"], Int[Array, "rhs"]]:
    """Run flexible conjugate gradients [Notay 2000] on a block, each side by itself.

    Args:
        operator: What is solved.
        hierarchy: What preconditions.
        b: Right-hand sides. [A]
        rtol: Where to stop.
        max_steps: Where to stop at the latest.
    """
    dot = lambda x, y: jnp.sum(x * y, axis=0, keepdims=True)
    size = jnp.sqrt(dot(b, b))

    def cycle(r: Array) -> Array:
        norm = jnp.sqrt(dot(r, r))
        scale = jnp.where(norm > 0, norm, 1.0)
        low = (r / scale).astype(_CYCLE_PRECISION)
        return scale * _cycle(hierarchy, 0, low).astype(r.dtype)

    def go_on(state) -> Array:
        return jnp.any(state[-2])

    def step(state):
        x, r, p, rz, active, count = state
        q = operator.times(p)
        curvature = dot(p, q)
        length = jnp.where(active, rz / jnp.where(curvature > 0, curvature, 1.0), 0.0)
        x = x + length * p
        r = r - length * q
        z = cycle(r)
        turn = -length * dot(q, z) / jnp.where(rz > 0, rz, 1.0)
        count = count + active.astype(count.dtype)
        new = jnp.sqrt(dot(r, r)) > rtol * size
        active = active & new & (count < max_steps)
        return x, r, z + turn * p, dot(r, z), active, count

    z = cycle(b)
    count = jnp.zeros_like(size, dtype=jnp.int32)
    start = (jnp.zeros_like(b), b, z, dot(b, z), size > 0, count)
    x, _, _, _, _, count = jax.lax.while_loop(go_on, step, start)
    return x, count[0]


def _cycle(prepared: DeviceHierarchy, depth: int, b: Float[Array, "row rhs"]) -> Array:
    if depth == len(prepared.levels):
        return jnp.matmul(prepared.coarsest, b, precision=jax.lax.Precision.HIGHEST)
    level = prepared.levels[depth]
    x = _smoothed(level, b)
    coarse = level.restriction.times(b - level.matrix.times(x))
    x = x + level.prolongation.times(_cycle(prepared, depth + 1, coarse))
    return x + _smoothed(level, b - level.matrix.times(x))


def _smoothed(level: DeviceLevel, r: Float[Array, "row rhs"]) -> Array:
    inverse = level.inverse_diagonal[:, None]
    z = (4 / (3 * level.largest)) * (inverse * r)
    x = z
    for step in range(1, DEGREE):
        r = r - level.matrix.times(z)
        keep, add = chebyshev_weights(step, 1.0)
        z = keep * z + (add / level.largest) * (inverse * r)
        x = x + z
    return x
