"""What objectives over whole regions need: modes of the field, components by normals."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from ..coils import AbstractCoil, Pose
from ..efield import (
    AbstractSolver,
    Conductor,
    FieldModes,
    Reciprocal,
    field_modes,
    rates,
    reciprocal_of,
    solve_rate,
)
from ..meshing import HeadMesh, Region, Scalp, cortical_normals
from .placement import chart


_AT_ONCE = 8  # Placements solved together, so that memory stays small.
_UNSEEN = 6
_HIGHEST = 10e-3  # Above its distance, that coils which the modes must know are. [m]
_MOST_TILT = 0.3  # [rad]


def region_modes(
    conductor: Conductor,
    coil: AbstractCoil,
    scalp: Scalp,
    region: Region,
    *,
    centre: ArrayLike | None = None,
    radius: float = 30e-3,
    distance: float = 4e-3,
    placements: int = 24,
    tolerance: float = 5e-4,
    solver: AbstractSolver | None = None,
) -> FieldModes:
    """Find the modes of a coil's field in a region, for all placements near a target.

    Args:
        conductor: The head.
        coil: The coil.
        scalp: Of the same head.
        region: Where E is wanted.
        centre: Of the target, as the coil will be near it; by default the region's. [m]
        radius: As for `find_pose`. [m]
        distance: As for `find_pose`. [m]
        placements: How many are solved directly; six more measure the error.
        tolerance: As for `field_modes`.
        solver: As for `efield.solve`.

    Returns:
        The modes.

    Raises:
        ValueError: The scalp cannot be charted there.
    """
    poses = scattered(
        scalp,
        region.centre if centre is None else centre,
        placements + _UNSEEN,
        radius,
        distance,
    )
    fields = []
    for start in range(0, placements + _UNSEEN, _AT_ONCE):
        block = jax.tree.map(lambda x, i=start: x[i : i + _AT_ONCE], poses)
        field = solve_rate(conductor, rates(conductor, coil, block), solver=solver)
        fields.append(np.asarray(field.vectors[:, region.tetrahedra]))
    return field_modes(
        conductor,
        region,
        np.concatenate(fields),
        unseen=_UNSEEN,
        tolerance=tolerance,
        solver=solver,
    )


def scattered(
    scalp: Scalp, centre: ArrayLike, count: int, radius: float, distance: float
) -> Pose:
    """Scatter a coil around a target: anywhere, turned, tilted and lifted at random."""
    patch = chart(scalp, centre, radius)
    rng = np.random.default_rng(0)
    reach = radius * np.sqrt(rng.uniform(size=count))
    around = 2 * np.pi * rng.uniform(size=count)
    positions = np.stack([reach * np.cos(around), reach * np.sin(around)], axis=1)
    angles = 2 * np.pi * rng.uniform(size=count)
    tilts = rng.uniform(-_MOST_TILT, _MOST_TILT, size=(count, 2))
    heights = distance + _HIGHEST * rng.uniform(size=count)
    place = jax.jit(jax.vmap(patch.pose))
    return place(*(jnp.asarray(x) for x in (positions, angles, heights, tilts)))


def normal_reciprocal(
    conductor: Conductor,
    head: HeadMesh,
    region: Region,
    *,
    solver: AbstractSolver | None = None,
) -> Reciprocal:
    """Solve for the mean of n · E over a region, n the cortex's outward normals.

    Args:
        conductor: Of the head.
        head: The head.
        region: Of gray matter.
        solver: As for `efield.solve`.

    Returns:
        What `NormalComponent` takes.

    Raises:
        ValueError: The head has no cortex.
    """
    return reciprocal_of(
        conductor,
        region.tetrahedra,
        jnp.asarray(_normals(head, region))[None],
        region.centre,
        solver=solver,
    )


def _normals(head: HeadMesh, region: Region) -> Float[ndarray, "selected 3"]:
    normals = cortical_normals(head, head.centroids[region.tetrahedra])
    return region.weights[:, None] * normals
