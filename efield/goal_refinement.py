"""Meshes that are fine where the error of a target's field comes from.

What an element leaves in a value J of the field is, but for terms of higher order, the
integral of ∇(φ₂ - φ₁)·σ∇(λ₂ - λ₁) over it, with potential φ and adjoint solution λ of first
and second order [Becker & Rannacher 2001, doi:10.1017/S0962492901000010]. Near the target
and elsewhere these are scaled to what finer elements changed there, of which the stated bar
is made; the elements with the largest are cut, and all is done anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from ..coils import AbstractCoil, Pose
from ..meshing import HeadMesh, Region
from ..meshing.bisection import bisected
from ..meshing.quality import dihedral_angles
from .conductor import Conductor, assemble, enriched
from .forward import rates, solve_rate
from .goal import LEAST, MeshError, TargetField, loose, near_target, target_field
from .linear import solve_linear
from .reciprocity import adjoint_dipole


# Of the sum of all shares, that is cut at once: so many times what is to go, within limits.
_TAKEN, _LEAST_TAKEN, _MOST_TAKEN = 1.5, 0.1, 0.5
_WORST = 0.5  # Of the least dihedral angle, that is kept.
LEAST_ACCURACY = 2 * LEAST  # No refinement brings the relative bar below half of it.
_STEPS = 12
_MOST = 3_000_000  # Tetrahedra that are refined further.
_LARGEST = (
    8_000  # Tetrahedra of a target, beyond which its surroundings are not halved.
)


@dataclass(frozen=True, eq=False)
class RefinedHead:
    """A head after some refinements, and what its mesh leaves in a target's field.

    Attributes:
        head: The mesh.
        conductor: Of it.
        target: The same places as before.
        field: Of the target.
        error: Of its value.
        origin: The tetrahedron of the first mesh that each is part of.
    """

    head: HeadMesh
    conductor: Conductor
    target: Region
    field: TargetField
    error: MeshError
    origin: Int[ndarray, "tet"]

    @property
    def relative(self) -> float:
        """The bar over the value."""
        return self.error.error / abs(self.error.value)


def refined_for(
    conductor: Conductor,
    head: HeadMesh,
    target: Region,
    coil: AbstractCoil,
    pose: Pose,
    value: Callable[[Float[Array, "direction"]], Array] = jnp.linalg.norm,
    *,
    to: float = 0.0,
) -> Iterator[RefinedHead]:
    """Refine a head step by step for a target's field, beginning with what there is.

    Dihedral angles stay above half of the least one; surfaces stay where they are.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.
        target: Where the field is wanted.
        coil: The coil.
        pose: One placement, such as the best that first order finds.
        value: Of the mean vector, whose error counts.
        to: The bar over the value that is wanted: near it, fewer elements are cut.

    Raises:
        ValueError: The conductor is of second order.
        RuntimeError: A solver did not reach its tolerance.
    """
    least = _WORST * dihedral_angles(head.nodes[head.tetrahedra]).min()
    origin = np.arange(len(head.tags))
    sigma = np.asarray(conductor.conductivity)
    while True:
        second = enriched(conductor, head)
        found = target_field(conductor, head, target, second=second)
        error = found.mesh_error(value, coil, pose)
        step = RefinedHead(head, conductor, target, found, error, origin)
        yield step
        mean = found.mean_field(coil, pose)
        along = mean / jnp.sqrt(jnp.sum(mean**2))
        shares = element_shares(conductor, second, target, along, coil, pose)
        near = near_target(head, target)
        taken = np.clip(
            _TAKEN * (1 - to / step.relative), _LEAST_TAKEN, _MOST_TAKEN
        ).item()
        _, *left = found.left(value, coil, pose)
        for part, size in zip((near, ~near), left, strict=True):
            shares[part] *= size / max(shares[part].sum(), np.finfo(float).tiny)
        head, parents = bisected(head, _largest(shares, taken), least)
        origin, sigma = origin[parents], sigma[parents]
        target = _moved(target, head, parents)
        conductor = assemble(head, sigma)


def refined_to(
    conductor: Conductor,
    head: HeadMesh,
    target: Region,
    coil: AbstractCoil,
    pose: Pose,
    to: float,
    value: Callable[[Float[Array, "direction"]], Array] = jnp.linalg.norm,
    *,
    done: Callable[[int, RefinedHead], None] = lambda number, step: None,
) -> RefinedHead:
    """Refine as `refined_for` until the bar is narrow enough.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.
        target: Where the field is wanted.
        coil: The coil.
        pose: One placement.
        to: The bar over the value, at most.
        value: Of the mean vector, whose error counts.
        done: Called with each mesh and how many refinements led to it.

    Raises:
        ValueError: So narrow a bar is not stated, or was not reached.
        RuntimeError: A solver did not reach its tolerance.
    """
    if not to >= LEAST_ACCURACY:
        raise ValueError(
            f"the accuracy asked for is {to:.3%}, but below {LEAST_ACCURACY:.1%} no bar is "
            "stated. Ask for a larger one."
        )
    step = None
    steps = refined_for(conductor, head, target, coil, pose, value, to=to)
    for number, step in zip(range(_STEPS + 1), steps, strict=False):
        done(number, step)
        if step.relative <= to:
            return step
        if len(step.head.tags) > _MOST or len(step.target.tetrahedra) > _LARGEST:
            break
    assert step is not None
    raise ValueError(
        f"the accuracy asked for is {to:.2%}, but the mesh leaves {step.relative:.2%} with "
        f"{len(step.head.tags):,} tetrahedra. Ask for a larger one, or take a finer head."
    )


def element_shares(
    conductor: Conductor,
    second: Conductor,
    target: Region,
    along: Float[Array, "3"],
    coil: AbstractCoil,
    pose: Pose,
) -> Float[ndarray, "tet"]:
    """Say how much each element leaves in a component of the target's field, in size.

    Args:
        conductor: Of first order.
        second: What `enriched` makes of it.
        target: Where the field is wanted.
        along: The component, a unit vector.
        coil: The coil.
        pose: Its placement.

    Returns:
        At 1 A/µs. [V/m]
    """
    potentials, adjoints = [], []
    vectors = jnp.asarray(target.weights)[:, None] * along[None]
    for each in (conductor, second):
        solver = loose(each, 1)
        rate = rates(each, coil, pose, 1e6)
        potentials.append(solve_rate(each, rate[None], solver=solver).potential[0])
        load = each.elements.gradient_adjoint(
            adjoint_dipole(each.elements, target.tetrahedra, vectors)
        )
        found, _ = solve_linear(each.stiffness, each.host, load[None], solver)
        adjoints.append(found[0])
    elements, finer = second.elements, second.elements.prolongation
    primal, dual = (
        elements.gradient(two - jnp.asarray(finer @ np.asarray(one)))
        for one, two in (potentials, adjoints)
    )
    product = primal * second.stiffness.current(dual)
    return np.abs(np.asarray(product).sum(axis=tuple(range(product.ndim - 1))))


def _largest(shares: Float[ndarray, "tet"], taken: float) -> ndarray:
    """The fewest elements that have so much of the sum."""
    order = np.argsort(-shares, kind="stable")
    count = int(np.searchsorted(np.cumsum(shares[order]), taken * shares.sum())) + 1
    chosen = np.zeros(len(shares), bool)
    chosen[order[:count]] = True
    return chosen


def _moved(target: Region, head: HeadMesh, parents: Int[ndarray, "tet"]) -> Region:
    """Take the parts of a target's elements, each with its share of their weight."""
    weights = np.zeros(parents.max() + 1)
    weights[target.tetrahedra] = target.weights
    whole = np.bincount(parents, head.volumes)
    every = weights[parents] * head.volumes / whole[parents]
    parts = np.flatnonzero(every > 0)
    return Region(parts, every[parts], target.centre)
