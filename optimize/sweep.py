"""The whole map: every position at every in-plane angle, without a gradient."""

from typing import Any, SupportsIndex, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose, Rings, casing_samples, rings as rings_of
from ..efield import equivalent
from ..meshing import Progress, Scalp
from ..meshing.progress import silent
from .constraints import Clearance, clearance as smooth_clearance
from .domain import Domain, domain_of
from .objectives import AbstractObjective
from .positions import outside, spread, tangential
from .turns import mean_of_turns


T = TypeVar("T")

_SOURCES = 800  # That stand for the target.
_LIFT_ANGLES = 12
_AT_ONCE = 512  # Positions, so that memory stays small.


class Sweep(eqx.Module):
    """The values of an objective over positions and in-plane angles.

    Attributes:
        poses: Of the coil at each position, at the first angle.
        values: Of the objective, at the current rate of the sweep. [V/m]
        lifts: How far the coil stands back from its distance at each position, so that
            it cuts the scalp at no angle. [m]
        current_rate: dI/dt of the values. [A/s]
    """

    poses: Pose
    values: Float[ndarray, "position angle"]
    lifts: Float[ndarray, "position"]
    current_rate: float

    def __repr__(self) -> str:
        """Say how large the map is, and its best value."""
        positions, angles = np.shape(self.values)
        return (
            f"Sweep({positions} positions, {angles} angles, at most "
            f"{float(np.max(self.values)):.5g} V/m at {self.current_rate * 1e-6:g} A/µs)"
        )

    @property
    def angles(self) -> Float[ndarray, "angle"]:
        """In-plane angles of the columns, right-handed about the coil's z axis. [rad]"""
        count = self.values.shape[1]
        return 2 * np.pi * np.arange(count) / count

    @property
    def best(self) -> tuple[int, int]:
        """Position and angle of the largest value."""
        place = np.unravel_index(np.argmax(self.values), self.values.shape)
        return int(place[0]), int(place[1])

    def pose(self, position: SupportsIndex | slice, angle: SupportsIndex) -> Pose:
        """Return the pose that a value belongs to, or those of a slice of positions.

        Raises:
            IndexError: There is no such position or angle.
        """
        turn = float(self.angles[angle])
        cos, sin = np.cos(turn), np.sin(turn)
        about_z = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        rotation = np.asarray(self.poses.rotation)[position] @ about_z
        return Pose(rotation, np.asarray(self.poses.translation)[position])


def sweep(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    positions: Float[ndarray, "position 3"] | None = None,
    domain: Domain | None = None,
    *,
    angles: int = 360,
    current_rate: float = 1e6,
    progress: Progress | None = None,
    **old: Any,
) -> Sweep:
    """Rate a coil at every position and every in-plane angle.

    At each position the target's field is evaluated on rings about the coil's axis, once
    for all angles.

    Args:
        objective: Such as `MeanMagnitude(efield.reciprocal(conductor, target))`.
        coil: The coil.
        scalp: Of the same head.
        positions: Points on the scalp, as `spread` gives; by default those of the upper
            head, 4 mm apart. [m]
        domain: Where the coil may be. Positions in its forbidden zones are left out; its
            radius bounds nothing, and the coil stays tangential.
        angles: Into how many equal angles a full turn is divided.
        current_rate: dI/dt of the values. [A/s]
        progress: Called with the share done and what is being done.
        old: Attributes of `Domain`, as they were given until version 0.1.

    Returns:
        The map.

    Raises:
        ValueError: An argument is out of range, or the coil's field below it is that of
            no currents above.
    """
    domain = domain_of("sweep", domain, old).on(coil)
    domain.require(
        "distance", "radius", "clearance", "forbidden", "obstacles", by="a sweep"
    )
    report = progress or silent
    report(0.0, "fitting rings to the coil")
    wheel = rings_of(coil)
    if angles < wheel.currents.shape[1]:
        raise ValueError(
            f"`angles` must be at least {wheel.currents.shape[1]} for this coil, got "
            f"{angles!r}."
        )
    if not (np.isfinite(current_rate) and current_rate > 0):
        raise ValueError(
            f"`current_rate` must be a positive number in A/s, got {current_rate!r}."
        )
    if positions is None:
        positions = spread(scalp, 4e-3, forbidden=domain.forbidden)
    positions = outside(positions, domain.forbidden)
    guard = smooth_clearance(
        casing_samples(coil), scalp, domain.clearance, obstacles=domain.obstacles
    )
    guard = eqx.tree_at(lambda whole: whole.distance, guard, guard.distance.rough())
    report(0.1, "simplifying the target")
    few, _ = equivalent(objective.reciprocal, scalp, _SOURCES, everywhere=True)
    simple = eqx.tree_at(lambda whole: whole.reciprocal, objective, few)
    near = tangential(scalp, positions, domain.centred)
    count = len(positions)
    size = min(_AT_ONCE, count)
    parts = []
    for start in range(0, count, size):
        report(0.2 + 0.8 * start / count, f"{start} of {count} positions")
        # The last block is filled up, for one compilation to serve all.
        index = np.minimum(np.arange(start, start + size), count - 1)
        block = jax.tree.map(lambda leaf, index=index: leaf[index], near)
        parts.append(
            [np.asarray(x) for x in _rate(simple, wheel, guard, block, angles)]
        )
    values, lifts = (np.concatenate(part)[:count] for part in zip(*parts, strict=True))
    report(1.0, "done")
    rotation = np.asarray(near.rotation)
    translation = np.asarray(near.translation) - lifts[:, None] * rotation[:, :, 2]
    return Sweep(
        Pose(rotation, translation),
        values * (current_rate / 1e6),
        lifts,
        float(current_rate),
    )


@eqx.filter_jit
def _rate(
    objective: AbstractObjective,
    rings: Rings,
    clearance: Clearance,
    poses: Pose,
    angles: int,
) -> tuple[Float[Array, "position angle"], Float[Array, "position"]]:
    turns = [
        jnp.asarray([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        for c, s in (
            (np.cos(a), np.sin(a))
            for a in 2 * np.pi * np.arange(_LIFT_ANGLES) / _LIFT_ANGLES
        )
    ]
    every = jnp.stack(turns)

    def lifted(pose: Pose) -> tuple[Pose, Float[Array, ""]]:
        lifts = jax.vmap(
            lambda turn: clearance.lift(Pose(pose.rotation @ turn, pose.translation))
        )(every)
        lift = jnp.max(lifts)
        moved = pose.translation - lift * pose.rotation[:, 2]
        return Pose(pose.rotation, moved), lift

    moved, lifts = jax.lax.map(lifted, poses)
    # Single precision is four times as fast, and three digits better than the fit.
    few, wheel, moved = _single((objective.reciprocal, rings, moved))
    means = mean_of_turns(few, wheel, moved, angles).astype(lifts.dtype)
    # One position after the other: an objective may ask for much memory.
    rated = jax.lax.map(jax.vmap(objective.value, in_axes=1), means)
    return rated, lifts


def _single(tree: T) -> T:
    to_single = lambda leaf: leaf.astype(jnp.float32) if eqx.is_array(leaf) else leaf
    return jax.tree.map(to_single, tree)
