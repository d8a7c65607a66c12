"""Conjugate gradients with a multigrid cycle in pure JAX, where the arrays are."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from ..binned import BinnedRows
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
    """All that the device needs.

    Attributes:
        order: From the numbering of the elements to that of all else, see `HostMesh`.
        place: Back.
        matrix: The matrix itself, in the precision of the arrays.
        levels: From the finest.
        coarsest: The inverse of the coarsest matrix.
    """

    order: Int[Array, "node"]
    place: Int[Array, "node"]
    matrix: BinnedRows
    levels: tuple[DeviceLevel, ...]
    coarsest: Float[Array, "row row"]


class Multigrid(AbstractDeviceSolver):
    """Conjugate gradients, preconditioned by algebraic multigrid, on the device.

    All that repeats is one compiled loop over a block of right-hand sides. The cycle runs
    in single precision, residuals and updates in that of the arrays: with float32 arrays
    `rtol` cannot be below about 1e-5. Sums have a fixed order: a result is the same every
    time on the same device.

    Attributes:
        rtol: Of the true residual.
        max_steps: After so many iterations a solve has failed.
        throw: Raise where it failed; otherwise the report tells.
    """

    rtol: float = eqx.field(static=True, default=1e-8)
    max_steps: int = eqx.field(static=True, default=200)
    throw: bool = eqx.field(static=True, default=True)

    def prepare(self, mesh: HostMesh, conductivity: np.ndarray) -> DeviceHierarchy:
        """Assemble and coarsen on the host, and put the result on the device."""
        matrix, hierarchy = assemble_hierarchy(mesh, conductivity)
        kind = _CYCLE_PRECISION
        with jax.ensure_compile_time_eval():
            levels = tuple(
                DeviceLevel(
                    BinnedRows.from_scipy(level.matrix, kind),
                    BinnedRows.from_scipy(level.prolongation, kind),
                    BinnedRows.from_scipy(level.prolongation.T.tocsr(), kind),
                    jnp.asarray(level.inverse_diagonal, kind),
                    jnp.asarray(level.largest, kind),
                )
                for level in hierarchy.levels
            )
            return DeviceHierarchy(
                jnp.asarray(mesh.order, jnp.int32),
                jnp.asarray(mesh.place, jnp.int32),
                BinnedRows.from_scipy(matrix, float),
                levels,
                jnp.asarray(hierarchy.coarsest, kind),
            )

    def solve(
        self,
        prepared: DeviceHierarchy,
        stiffness: Stiffness,
        rhs: Float[Array, "rhs node"],
    ) -> tuple[Float[Array, "rhs node"], SolverReport]:
        """Solve for all right-hand sides together.

        A traced conductivity has no assembled matrix: products are then taken element by
        element, and the hierarchy, of another conductivity, preconditions.

        Raises:
            RuntimeError: The tolerance was not reached, with the likely cause; under
                `jax.jit` when the result is computed.
        """
        if self.rtol < 10 * float(jnp.finfo(rhs.dtype).eps):
            raise ValueError(
                f"`rtol` is {self.rtol:g}, which {rhs.dtype} cannot resolve. Switch on "
                '`jax.config.update("jax_enable_x64", True)`, or take a larger `rtol`.'
            )
        if isinstance(stiffness.conductivity, Tracer):
            apply = jax.vmap(stiffness, in_axes=1, out_axes=1)
            columns, report = _iterate(
                lambda x: apply(x[prepared.place])[prepared.order],
                prepared, rhs.T[prepared.order], self.rtol, self.max_steps,
            )  # fmt: skip
            columns = columns[prepared.place]
        else:
            columns, report = _solve(prepared, rhs.T, self.rtol, self.max_steps)
        if self.throw:
            columns = eqx.error_if(
                columns,
                ~(report.residual <= 2 * self.rtol),
                f"multigrid did not reach a relative residual of {self.rtol:g} in "
                f"{self.max_steps} iterations. Likely causes: elements of no volume, "
                "a part of the mesh that hangs on nothing, or conductivities many orders "
                "of magnitude apart. Check the mesh with `tmsgrad head info`.",
            )
        return columns.T, report


@eqx.filter_jit
def _solve(prepared: DeviceHierarchy, rhs: Array, rtol: float, max_steps: int):
    x, report = _iterate(
        prepared.matrix.times, prepared, rhs[prepared.order], rtol, max_steps
    )
    return x[prepared.place], report


def _iterate(
    operator, prepared, b: Float[Array, "node rhs"], rtol: float, max_steps: int
):
    """Run flexible conjugate gradients [Notay 2000] on a block, each side by itself."""
    dot = lambda x, y: jnp.sum(x * y, axis=0, keepdims=True)
    size = jnp.sqrt(dot(b, b))
    safe = jnp.where(size > 0, size, 1.0)

    def cycle(r: Array) -> Array:
        norm = jnp.sqrt(dot(r, r))
        scale = jnp.where(norm > 0, norm, 1.0)
        low = (r / scale).astype(_CYCLE_PRECISION)
        return scale * _cycle(prepared, 0, low).astype(r.dtype)

    def go_on(state) -> Array:
        return jnp.any(state[-2])

    def step(state):
        x, r, p, rz, active, count = state
        q = operator(p)
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
    left = b - operator(x)
    residual = jnp.sqrt(dot(left, left)) / safe
    return x, SolverReport(count[0], residual[0])


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
