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
from jaxtyping import Array, Float, Int
from numpy import ndarray

from .conductor import Conductor
from .elements import ELEMENT_EDGES, AbstractElements
from .linear import AbstractSolver, Direct, Stiffness, solve_linear
from .patches import Patch


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

    def loads(self, elements: AbstractElements) -> Float[ndarray, "direction node"]:
        """Take their loads at the nodes of the head's elements. [A]"""
        # By NumPy: few elements, of another number for each target, as XLA has it.
        some, local = (
            np.asarray(x)[..., self.tetrahedra]
            for x in (elements.gradients, elements.tetrahedra)
        )
        gradients = np.concatenate([-some.sum(axis=0, keepdims=True), some])
        found = []
        for each in self.vectors:
            along = np.einsum("kct,tc->kt", gradients, each)
            if len(local) > len(along):
                # Means of ∇N: none at corners, and ∇λᵢ + ∇λₖ at the edge between them.
                edges = [along[i] + along[k] for i, k in ELEMENT_EDGES]
                along = np.concatenate([np.zeros_like(along), edges])
            shape = len(elements.nodes)
            found.append(np.bincount(local.ravel(), along.ravel(), shape))
        return np.stack(found)

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
    loads = jnp.asarray(dipoles.loads(conductor.elements), conductor.nodes.dtype)
    found, _ = solve_linear(conductor.stiffness, conductor.host, loads, solver)
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
    count = len(conductor.elements.volumes)
    covered = [*(each.covered for each in patches), np.zeros(0, dtype=int)]
    stages = [outside(conductor, dipoles, found.base, covered[0])]
    wholes = _wholes(patches, found.base, found.parts)
    for each, potentials, hidden in zip(patches, wholes, covered[1:], strict=True):
        inner = within(each, dipoles, potentials, hidden, count)
        stages.append(inner)
    return stages


def outside(
    conductor: Conductor,
    dipoles: Dipoles,
    potentials: Potentials,
    hidden: Int[ndarray, "hidden"],
) -> Float[ndarray, "direction node 3"]:
    """Take the currents of a solution without patches, at the head's nodes.

    Each element hands its whole current to its corners, of whichever order it is.

    Args:
        conductor: The head.
        dipoles: The function whose adjoint the solution is.
        potentials: The solution. [V]
        hidden: Elements that others stand for.
    """
    corners = np.asarray(conductor.elements.tetrahedra)[:4]
    count, kind = corners.shape[1], conductor.nodes.dtype
    currents = np.empty((count, len(potentials), 3))
    for d, (vectors, potential) in enumerate(
        zip(dipoles.vectors, potentials, strict=True)
    ):
        driven = _driven(conductor.stiffness, jnp.asarray(potential, kind))
        currents[:, d] = -np.asarray(driven).T
        currents[dipoles.tetrahedra, d] += vectors
    currents[hidden] = 0.0
    starts, heads = np.arange(0, 4 * count + 1, 4), int(corners.max()) + 1
    quarters = (np.full(4 * count, 0.25), corners.T.ravel(), starts)
    shared = sp.csc_matrix(quarters, shape=(heads, count)) @ currents.reshape(count, -1)
    return np.moveaxis(shared.reshape(heads, len(potentials), 3), 1, 0)


def within(
    patch: Patch,
    dipoles: Dipoles,
    potentials: Potentials,
    hidden: Int[ndarray, "hidden"],
    count: int,
) -> Float[ndarray, "direction node 3"]:
    """Take the currents of a solution in a patch, at its nodes.

    Args:
        patch: The patch.
        dipoles: The function whose adjoint the solution is.
        potentials: The solution, at the nodes of the patch. [V]
        hidden: Elements that those of a finer patch stand for.
        count: Of the head's tetrahedra.
    """
    found = []
    for dipole, potential in zip(dipoles.within(patch, count), potentials, strict=True):
        currents = patch.elements.currents(dipole, potential)
        currents[..., hidden] = 0.0
        found.append(patch.elements.at_nodes(currents))
    return np.stack(found)


def prolonged(
    second: Conductor, patches: list[Patch], found: Adjoint
) -> Float[ndarray, "direction node"]:
    """Give a solution with one patch at most as a function of second order: a start."""
    elements = second.elements
    start = np.ascontiguousarray((elements.prolongation @ found.base.T).T)
    for each, part in zip(patches, found.parts, strict=False):
        start[:, _numbers(second, each)] += part
    return start - start[:, [int(second.stiffness.ground)]]


def _numbers(second: Conductor, patch: Patch) -> Int[ndarray, "node"]:
    """Find the nodes of a first patch among those of the whole head's second order."""
    numbers = np.empty(patch.level.nodes, dtype=int)
    numbers[patch.level.local] = np.asarray(second.elements.tetrahedra).T[patch.covered]
    return numbers


def on_the_whole(
    second: Conductor,
    patches: list[Patch],
    dipoles: Dipoles,
    solver: AbstractSolver,
    start: Float[ndarray, "direction node"],
) -> list[Float[ndarray, "direction _ 3"]]:
    """Solve at second order everywhere, from what is known near the target.

    Beyond the first patch ∂A/∂t is averaged over elements as at first order, as it varies
    little in them: that changes the target's field by a few 1e-4, and spares its evaluation
    at the middles of a million edges for each placement.
    """
    loads = jnp.asarray(dipoles.loads(second.elements), second.nodes.dtype)
    solved, _ = solve_linear(second.stiffness, second.host, loads, solver, start)
    potentials, none = np.asarray(solved), np.zeros(0, dtype=int)
    if not patches:
        return [outside(second, dipoles, potentials, none)]
    near, count = patches[0], len(second.elements.volumes)
    inner = np.asarray(potentials[:, _numbers(second, near)], np.float64)
    return [
        outside(second, dipoles, potentials, near.covered),
        within(near, dipoles, inner, none, count),
    ]


@jax.jit
def _driven(
    stiffness: Stiffness, potential: Float[Array, "node"]
) -> Float[Array, "3 tet"]:
    """Give what minus a potential drives through each element. [A m]"""
    elements, sigma = stiffness.elements, stiffness.conductivity
    mean = elements.averaged(elements.gradient(potential))
    if sigma.ndim == 1:
        return (elements.volumes * sigma)[None] * mean
    return elements.volumes[None] * jnp.einsum("eij,je->ie", sigma, mean)


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
