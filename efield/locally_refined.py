"""Adjoint solutions on finer elements near a target, with those of the whole head.

The solution is a function of the conductor's own elements plus one of each patch. They are
solved for in turn, each for what the others leave (fast adaptive composite grids
[McCormick & Thomas 1986, doi:10.1090/S0025-5718-1986-0829618-X]): a patch by its factors,
the head by its usual solver, to a loose tolerance, as only changes are solved for.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from .conductor import Conductor
from .elements import AbstractElements
from .linear import AbstractSolver, Direct, solve_linear
from .patches import Patch
from .reciprocity import total_current


_CHANGE = 1e-3  # Relative tolerance of what is solved for the head, of a change.

Potentials = Float[ndarray, "rhs _"]  # At nodes of the head, or of a patch.


class Adjoint(NamedTuple):
    """An adjoint solution on a head with patches.

    Attributes:
        base: The part that is a function of the conductor's elements. [V]
        parts: Those of the patches, from the coarsest.
        felt: What the patches' parts drive through the head. [A]
    """

    base: Potentials
    parts: tuple[Potentials, ...]
    felt: Potentials


class Dipoles(NamedTuple):
    """A linear function of the field: Σₑ vectors[d, e]·Eₑ over some tetrahedra."""

    tetrahedra: Int[ndarray, "selected"]
    vectors: Float[ndarray, "direction selected 3"]

    def on(self, elements: AbstractElements) -> list[Float[Array, "*point 3 tet"]]:
        """Lay them in the head's elements."""
        kind, count = elements.volumes.dtype, len(elements.volumes)
        # Laid by NumPy, as XLA would compile it anew for each number of tetrahedra.
        return [
            elements.averaged_adjoint(jnp.asarray(each, kind))
            for each in self._on_all(count)
        ]

    def within(self, patch: Patch, count: int) -> list[Float[ndarray, "3 tet"]]:
        """Lay them in a patch's elements, where the head has `count` tetrahedra."""
        level = patch.level
        return [each[:, level.origin] * level.share for each in self._on_all(count)]

    def _on_all(self, count: int) -> Iterator[Float[ndarray, "3 tet"]]:
        for each in self.vectors:
            whole = np.zeros((3, count))
            whole[:, self.tetrahedra] = each.T
            yield whole


def unrefined(
    conductor: Conductor, dipoles: Dipoles, solver: AbstractSolver
) -> Adjoint:
    """Solve on the conductor's own elements."""
    elements = conductor.elements
    loads = [elements.gradient_adjoint(each) for each in dipoles.on(elements)]
    found, _ = solve_linear(
        conductor.stiffness, conductor.host, jnp.stack(loads), solver
    )
    return Adjoint(np.asarray(found), (), np.zeros(found.shape))


def refined(
    conductor: Conductor,
    patches: Sequence[Patch],
    dipoles: Dipoles,
    start: Adjoint,
    solver: AbstractSolver,
    *,
    sweeps: int = 1,
) -> Adjoint:
    """Solve on a head with patches, each laid on the one before.

    Args:
        conductor: The head.
        patches: The first is laid on the conductor's elements.
        dipoles: The function whose adjoint is wanted; within the last patch.
        start: The solution with the first of the patches, or with none.
        solver: For the head.
        sweeps: How often all are solved for in turn. With patches that reach well beyond
            the dipoles one leaves 1e-4 of the function's value, and a second 1e-5.

    Raises:
        RuntimeError: The solver did not reach its tolerance.
    """
    if not isinstance(solver, Direct):
        solver = dataclasses.replace(solver, rtol=_CHANGE)
    count = len(conductor.elements.volumes)
    loads = [
        np.stack([each.elements.load(dipole) for dipole in laid])
        for each, laid in ((p, dipoles.within(p, count)) for p in patches)
    ]
    base, felt = start.base, start.felt
    parts = [*start.parts]
    parts += [np.zeros_like(load) for load in loads[len(parts) :]]
    for _ in range(sweeps):
        for k in reversed(range(len(patches))):
            each, below = patches[k], [base, *_wholes(patches, base, parts)][k]
            left = loads[k] - _times(each.matrix, _times(each.above, below))
            parts[k] = parts[k] + each.solve(left - _drives(patches, parts, k))
        now = _times(patches[0].above.T, _drives(patches, parts, 0))
        change = jnp.asarray(felt - now, conductor.nodes.dtype)
        found, _ = solve_linear(conductor.stiffness, conductor.host, change, solver)
        base, felt = base + np.asarray(found), now
    return Adjoint(base, tuple(parts), felt)


def currents(
    conductor: Conductor, patches: Sequence[Patch], dipoles: Dipoles, found: Adjoint
) -> list[Float[ndarray, "direction _ 3"]]:
    """Take the currents of a solution at the nodes of the head, and of each patch.

    Together they are the sources of `Reciprocal`.
    """
    elements, count = conductor.elements, len(conductor.elements.volumes)
    covered = [*(each.covered for each in patches), np.zeros(0, dtype=int)]
    driven = [
        total_current(conductor.stiffness, dipole, jnp.asarray(each, dipole.dtype))
        for dipole, each in zip(dipoles.on(elements), found.base, strict=True)
    ]
    stages = [[without(elements, each, covered[0]) for each in driven]]
    wholes = _wholes(patches, found.base, found.parts)
    for each, values, hidden in zip(patches, wholes, covered[1:], strict=True):
        stages.append([])
        for dipole, potential in zip(dipoles.within(each, count), values, strict=True):
            inner = each.elements.currents(dipole, potential)
            inner[..., hidden] = 0.0
            stages[-1].append(each.elements.at_nodes(inner))
    return [np.stack(stage) for stage in stages]


def without(
    elements: AbstractElements,
    currents: Float[Array, "*point 3 tet"],
    hidden: Int[ndarray, "hidden"],
) -> Float[ndarray, "node 3"]:
    """Hand currents to a head's nodes, but for those in some of its elements."""
    # Which are hidden is another array for each target, but of the same shape.
    seen = np.ones(currents.shape[-1], dtype=bool)
    seen[hidden] = False
    return np.asarray(elements.projected_adjoint(_seen(currents, jnp.asarray(seen))))


@jax.jit
def _seen(
    currents: Float[Array, "*point 3 tet"], seen: Bool[Array, "tet"]
) -> Float[Array, "*point 3 tet"]:
    return jnp.where(seen, currents, 0.0)


def _wholes(
    patches: Sequence[Patch], base: Potentials, parts: Sequence[Potentials]
) -> list[Potentials]:
    """Give the whole solution at the nodes of each patch."""
    found = []
    for each, part in zip(patches, parts, strict=True):
        base = _times(each.above, base) + part
        found.append(base)
    return found


def _drives(
    patches: Sequence[Patch], parts: Sequence[Potentials], first: int
) -> Potentials:
    """Give what the parts from one patch on drive through it, at its nodes. [A]"""
    found = _times(patches[-1].matrix, parts[-1])
    for k in reversed(range(first, len(patches) - 1)):
        found = _times(patches[k].matrix, parts[k]) + _times(
            patches[k + 1].above.T, found
        )
    return found


def _times(matrix: sp.csr_matrix | sp.csc_matrix, vectors: Potentials) -> Potentials:
    return np.ascontiguousarray((matrix @ vectors.T).T)
