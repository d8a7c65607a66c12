"""The field in a target beyond first order, and the error that the mesh leaves in it.

Let λ be the adjoint solution of a linear function J of the field, and e the error of a
field of first order. Its dual-weighted residual with λ of second order [Becker & Rannacher
2001, doi:10.1017/S0962492901000010] is J(e) but for the error of λ. As fields of first
order are among those of second, value plus residual is what λ alone gives by reciprocity,
for any placement, without the field of first order: the correction costs adjoint solutions,
once for each target.

What is left comes mostly from the surroundings of the target, where λ varies most. There
elements are halved, and nearer to it once more; the last change counts 4/3: on folded heads
each halving brings about a quarter of the one before. The bar is the sum of two shares:
half of what the last halving brought, and a sixth of what second order brought away from
the target, where nothing finer is solved for.
"""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float
from numpy import ndarray
from scipy.spatial import KDTree

from ..coils import AbstractCoil, Pose
from ..meshing import HeadMesh, Region
from .conductor import Conductor, enriched
from .linear import (
    AbstractSolver,
    Direct,
    default_solver,
    prepared_meanwhile,
)
from .locally_refined import (
    Adjoint,
    Dipoles,
    currents,
    on_the_whole,
    prolonged,
    refined,
    unrefined,
)
from .patches import Patch, base_level, patch
from .reciprocity import Reciprocal
from .tracing import known_values


# About the target: of second order, of half the size, and of a quarter. [m]
_MARGINS = (20e-3, 6e-3, 2e-3)
# The same in edges of the target's elements, where these are longer.
_EDGES = (3.0, 2.0, 0.75)
_MOST = (60_000, 8_000, 8_000)  # Tetrahedra there; larger targets do without.
_RATIO = 1 / 4  # Of what a halving brings, to what the one before did.
# Of the changes near the target and elsewhere, that may be left.
_SHARES = (1 / 2, 1 / 6)
_STEPS = 3  # Sources are rounded up to one, one and a quarter … times a power of two.
LEAST = 5e-4  # Of the value: averages of ∂A/∂t, and tolerances.
_RTOL = 1e-4  # Of the adjoint solutions; the value's is below it.


class MeshError(NamedTuple):
    """A value in a target, corrected, and what its mesh may have left in it.

    Attributes:
        value: The corrected one. [V/m]
        error: That the truth is unlikely to lie farther away than. [V/m]
    """

    value: float
    error: float

    def of_uncorrected(self, direct: float) -> float:
        """Bound what the mesh left in the same value before the correction, relative.

        Args:
            direct: That value, by a direct solution. [V/m]
        """
        return (self.error + abs(direct - self.value)) / abs(self.value)


class TargetField(eqx.Module):
    """The mean field in a target for any placement, and its mesh error.

    Attributes:
        reciprocal: Gives the mean field, corrected.
        changes: Gives what halving the elements near the target brought, for all
            directions, and then what second order brought elsewhere.
    """

    reciprocal: Reciprocal
    changes: Reciprocal

    def mean_field(
        self, coil: AbstractCoil, pose: Pose, current_rate: ArrayLike = 1e6
    ) -> Float[Array, "direction"]:
        """Evaluate the corrected mean field, as `Reciprocal.mean_field` does. [V/m]"""
        return self.reciprocal.mean_field(coil, pose, current_rate)

    def mesh_error(
        self,
        value: Callable[[Float[Array, "direction"]], Array],
        coil: AbstractCoil,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
    ) -> MeshError:
        """Bound what the mesh leaves in a value of the mean field.

        Args:
            value: A function of the mean field, such as its norm.
            coil: The coil.
            pose: One placement.
            current_rate: dI/dt. [A/s]
        """
        best, near, far = self.left(value, coil, pose, current_rate)
        return MeshError(best, near + far + LEAST * abs(best))

    def left(
        self,
        value: Callable[[Float[Array, "direction"]], Array],
        coil: AbstractCoil,
        pose: Pose,
        current_rate: ArrayLike = 1e6,
    ) -> tuple[float, float, float]:
        """Give the value, and what may be left in it by elements near and elsewhere.

        Arguments are those of `mesh_error`; all are in V/m.
        """
        mean = self.mean_field(coil, pose, current_rate)
        changes = self.changes.mean_field(coil, pose, current_rate).reshape(2, -1)
        best = float(value(mean))
        near, far = (
            share * abs(float(value(mean + change)) - best)
            for share, change in zip(_SHARES, changes, strict=True)
        )
        return best, near, far


def target_field(
    conductor: Conductor,
    head: HeadMesh,
    target: Region,
    directions: Float[ndarray, "direction 3"] | None = None,
    *,
    second: Conductor | None = None,
    solver: AbstractSolver | None = None,
) -> TargetField:
    """Solve the adjoint problem of a target at second order, and finer near it.

    Not differentiable: for gradients by conductivities use `reciprocal`.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.
        target: Where the mean of E is wanted.
        directions: Components of the mean to take; by default x, y and z.
        second: What `enriched` makes of the conductor, where there are more targets.
        solver: For first order; by default chosen as for `solve`.

    Raises:
        ValueError: The conductor is of second order.
        RuntimeError: A solver did not reach its tolerance.
    """
    along = np.eye(3) if directions is None else np.asarray(directions, np.float64)
    vectors = along[:, None] * target.weights[None, :, None]
    return target_functions(
        conductor, head, target, vectors, second=second, solver=solver
    )


def enriched_meanwhile(
    conductor: Conductor, head: HeadMesh, count: int = 3
) -> Callable[[], Conductor]:
    """Begin what `enriched` makes of a conductor, and set it up, in a thread.

    For `target_field`, while Python does something else.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.
        count: Of the target's directions.

    Returns:
        What waits for the conductor, and raises what `enriched` does. Set-ups go on:
        whoever needs them waits for them.
    """
    # No daemon: a process that ends amid a compilation is aborted by XLA.
    thread = ThreadPoolExecutor(1)
    making = thread.submit(enriched, conductor, head)

    def set_up() -> None:
        second = making.result()
        values = known_values(second.conductivity)
        if values is not None:
            second.host.setup(loose(second, count), values)

    thread.submit(set_up)
    thread.shutdown(wait=False)
    return making.result


def target_functions(
    conductor: Conductor,
    head: HeadMesh,
    target: Region,
    vectors: Float[ndarray, "direction selected 3"],
    *,
    second: Conductor | None = None,
    solver: AbstractSolver | None = None,
) -> TargetField:
    """Solve as `target_field` for any linear functions of the field in a target.

    Args:
        conductor: Of first order.
        head: The mesh that it was made of.
        target: Where the field is looked at.
        vectors: What E is multiplied with in each of the target's elements, and summed.
        second: What `enriched` makes of the conductor, where there are more targets.
        solver: For first order; by default chosen as for `solve`.

    Raises:
        ValueError: The conductor is of second order.
        RuntimeError: A solver did not reach its tolerance.
    """
    dipoles = Dipoles(target.tetrahedra, np.asarray(vectors, np.float64))
    second = enriched(conductor, head) if second is None else second
    if solver is None:
        solver = loose(conductor, len(dipoles.vectors))
    finer = loose(second, len(dipoles.vectors))
    patches = _patches(conductor, head, target)
    places = [np.asarray(conductor.nodes), *(each.elements.nodes for each in patches)]
    sizes = [len(each) for each in places]
    with prepared_meanwhile(second.stiffness, second.host, finer):
        solved = _near(conductor, patches, dipoles, solver)
    near = lambda k: _joined(
        currents(conductor, patches[:k], dipoles, solved[k]), sizes
    )
    start = prolonged(second, patches, solved[: len(patches[:1]) + 1][-1])
    whole = _joined(on_the_whole(second, patches, dipoles, finer, start), sizes)
    if len(patches) > 1:
        second_near, finest = near(1), near(len(patches))
        last = finest - (near(2) if len(patches) > 2 else second_near)
        best = whole + finest - second_near + last * _RATIO / (1 - _RATIO)
        changes = np.concatenate([last, whole - second_near])
    else:
        # Nothing is halved in so large a target: what second order changed stands for it.
        best, changes = whole, np.concatenate([whole - near(0), 0 * whole])
    return _as_field(places, best, changes, target, conductor.nodes.dtype)


def _as_field(
    places: list[Float[ndarray, "_ 3"]],
    best: Float[ndarray, "direction source 3"],
    changes: Float[ndarray, "change source 3"],
    target: Region,
    kind: jnp.dtype,
) -> TargetField:
    """Put currents at nodes of the head and of patches where they are."""
    room = _room(best.shape[1] - len(places[0]))
    # Sources that are none may lie anywhere in the head.
    places = [*places, np.broadcast_to(target.centre, (room, 3))]
    positions, centre = (
        jnp.asarray(x, kind) for x in (np.concatenate(places), target.centre)
    )
    best, changes = (np.pad(x, ((0, 0), (0, room), (0, 0))) for x in (best, changes))
    return TargetField(
        Reciprocal(positions, jnp.asarray(best, kind), centre),
        Reciprocal(positions, jnp.asarray(changes, kind), centre),
    )


def _room(sources: int) -> int:
    """Say how many more sources to take, as XLA compiles for each number anew."""
    step = 1 << max(sources.bit_length() - _STEPS, 0)
    return -sources % step


_Currents = list[
    Float[ndarray, "direction _ 3"]
]  # At nodes of the head and of patches.


def _patches(conductor: Conductor, head: HeadMesh, target: Region) -> list[Patch]:
    """Lay second order about a target, and elements of half the size nearer to it."""
    level, found = base_level(conductor, head), []
    distance, edge = _about(head, target)
    steps = zip(_MARGINS, _EDGES, _MOST, (False, True, True), strict=True)
    for margin, edges, most, halves in steps:
        inside = np.isin(level.origin, target.tetrahedra)
        if np.count_nonzero(inside) > most:
            break
        away = np.where(inside, 0.0, distance(level.mesh.centroids))
        selected = away <= max(margin, edges * edge)
        if np.count_nonzero(selected) > most:
            selected = _nearest(away, most)
        found.append(patch(level, selected, refined=halves))
        level = found[-1].level
    return found


def left_elsewhere(change: float) -> float:
    """Say what may be left in a value where nothing finer than second order is solved for.

    Args:
        change: What second order brought. [V/m]
    """
    return _SHARES[1] * abs(change)


def near_target(head: HeadMesh, target: Region) -> Bool[ndarray, "tet"]:
    """Tell where the value of `target_field` has elements of second order of its own."""
    distance, edge = _about(head, target)
    away = distance(head.centroids)
    near = away <= max(_MARGINS[0], _EDGES[0] * edge)
    return near if np.count_nonzero(near) <= _MOST[0] else _nearest(away, _MOST[0])


def _about(
    head: HeadMesh, target: Region
) -> tuple[Callable[[ndarray], Float[ndarray, "point"]], float]:
    """The distance of points from the target, and the edge of elements there."""
    tree = KDTree(head.centroids[target.tetrahedra])
    distance = lambda points: np.asarray(tree.query(points)[0])
    # That of a regular tetrahedron of their mean volume.
    edge = np.cbrt(6 * np.sqrt(2) * head.volumes[target.tetrahedra].mean())
    return distance, float(edge)


def _nearest(distance: Float[ndarray, "tet"], most: int) -> Bool[ndarray, "tet"]:
    return distance <= np.partition(distance, most)[most]


def loose(conductor: Conductor, count: int) -> AbstractSolver:
    """The default solver, to the loose tolerance of adjoint solutions."""
    solver = default_solver(conductor.host.mesh, count)
    if isinstance(solver, Direct):
        return solver
    return dataclasses.replace(solver, rtol=_RTOL)


def _near(
    conductor: Conductor, patches: list[Patch], dipoles: Dipoles, solver: AbstractSolver
) -> list[Adjoint]:
    """Solve at first order without patches, with one, and so on."""
    found = [unrefined(conductor, dipoles, solver)]
    for count in range(1, len(patches) + 1):
        sweeps = 2 if count == 1 else 1
        given = (conductor, patches[:count], dipoles, found[-1], solver)
        found.append(refined(*given, sweeps=sweeps))
    return found


def _joined(parts: _Currents, sizes: list[int]) -> Float[ndarray, "direction source 3"]:
    """Put currents at nodes of head and patches together; zero where there are none."""
    missing = [np.zeros((len(parts[0]), size, 3)) for size in sizes[len(parts) :]]
    return np.concatenate([*parts, *missing], axis=1)
