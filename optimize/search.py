"""The search: from a target to the best pose on the scalp, by exact derivatives."""

import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Pose, Sources
from ..efield import AuxiliaryField, Reciprocal, SplineGrid, equivalent, tabulate
from ..meshing import Scalp
from .constraints import (
    Clearance,
    casing_samples,
    clearance as smooth_clearance,
    lifted,
)
from .newton import Maxima, maximise
from .objectives import AbstractObjective
from .placement import Chart, chart as chart_of


# Unknowns are scaled so that a step of one is a bold one.
_LENGTH = 10e-3  # [m]
_ANGLE = 0.35  # [rad]

_COARSE_STEP = 8e-3  # Between positions of the first look. [m]
_COARSE_ANGLES = 16
_MERGED = 10e-3  # Sources nearer than this count as one in the first look. [m]
_SAME_POSITION, _SAME_ANGLE = 3e-3, 0.2  # Optima nearer than this are one. [m], [rad]

Progress = Callable[[float, str], None]


class Optimum(eqx.Module):
    """A local optimum, with numbers of the true scalp and of exact reciprocity.

    Attributes:
        pose: Of the coil.
        value: Of the objective, at the current rate of the search. [V/m]
        distance: From coil centre to scalp along the coil's axis. [m]
        clearance: The smallest distance from the coil's casing to the scalp. [m]
        gradient: Norm of the derivative by position [V/m per mm] and angle [V/m per °].
    """

    pose: Pose
    value: float
    distance: float
    clearance: float
    gradient: tuple[float, float]


class Search(eqx.Module):
    """What `find_pose` found.

    Attributes:
        best: The best optimum.
        optima: All different optima, the best first.
        starts: How many starts there were.
        evaluations: Of value, gradient and Hessian, over all starts.
        converged: How many starts ended by the tolerance.
        current_rate: dI/dt of the values. [A/s]
        interpolation_error: Relative error of the auxiliary field's representation at
            the best pose, against the exact sum.
        seconds: By stage.
    """

    best: Optimum
    optima: tuple[Optimum, ...]
    starts: int
    evaluations: int
    converged: int
    current_rate: float
    interpolation_error: float
    seconds: dict[str, float]

    @property
    def pose(self) -> Pose:
        """The best pose."""
        return self.best.pose

    @property
    def value(self) -> float:
        """The objective at the best pose. [V/m]"""
        return self.best.value

    def current_rate_for(self, wanted: float) -> float:
        """Return the dI/dt at which the best pose reaches a wanted value. [A/s]

        Args:
            wanted: In the target. [V/m]
        """
        if not (np.isfinite(wanted) and wanted > 0):
            raise ValueError(
                f"`wanted` must be a positive number in V/m, got {wanted!r}."
            )
        return self.current_rate * wanted / self.value


class _Landscape(eqx.Module):
    """The objective as a function of two coordinates and an angle, all scaled."""

    objective: AbstractObjective
    field: AuxiliaryField
    sources: Sources
    chart: Chart
    clearance: Clearance
    distance: Float[Array, ""]
    current_rate: Float[Array, ""]

    def pose(self, x: Float[Array, "3"]) -> Pose:
        position, angle = x[:2] * _LENGTH, x[2] * _ANGLE
        near = self.chart.pose(position, angle, self.distance)
        lift = self.clearance.lift(near)
        return Pose(near.rotation, near.translation - lift * near.rotation[:, 2])

    def __call__(self, x: Float[Array, "3"]) -> Float[Array, ""]:
        mean = self.field.mean_field(self.sources, self.pose(x), self.current_rate)
        return self.objective.value(mean)

    def project(self, x: Float[Array, "3"]) -> Float[Array, "3"]:
        limit = self.chart.radius / _LENGTH
        length = jnp.linalg.norm(x[:2])
        inside = x[:2] * jnp.minimum(1.0, limit / jnp.where(length > 0, length, 1.0))
        return jnp.append(inside, x[2])


def find_pose(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    *,
    distance: float = 4e-3,
    radius: float = 30e-3,
    clearance: float = 0.0,
    starts: int = 8,
    current_rate: float = 1e6,
    progress: Progress | None = None,
) -> Search:
    """Find the pose on the scalp that maximises an objective.

    A first look over positions and angles chooses the starts; from each a trust-region
    Newton method climbs to the next optimum, on an interpolated auxiliary field. Optima
    are then set on the true scalp and rated by exact reciprocity.

    Args:
        objective: Such as `MeanMagnitude(efield.reciprocal(conductor, target))`.
        coil: The coil.
        scalp: Of the same head.
        distance: From the scalp to the coil's centre, along the coil's axis: hair and
            casing. [m]
        radius: How far around the scalp's point nearest to the target to search. [m]
        clearance: What must remain between casing and scalp; a coil that would come
            nearer is moved back along its axis. [m]
        starts: From how many places to climb.
        current_rate: dI/dt of the values. [A/s]
        progress: Called with the share done and what is being done.

    Returns:
        The best pose, all optima, and how they were found.

    Raises:
        ValueError: An argument is out of range, or the coil cannot be placed there.
    """
    _check(distance, clearance, starts, current_rate)
    tell = progress or (lambda share, what: None)
    clock = _Clock()
    tell(0.0, "charting the scalp")
    patch = chart_of(scalp, objective.reciprocal.centre, radius)
    guard = smooth_clearance(coil, scalp, clearance)
    clock.lap("chart")
    tell(0.2, "tabulating the auxiliary field")
    field = jax.block_until_ready(_tabulated(objective, coil, scalp, patch, distance))
    clock.lap("auxiliary field")
    tell(0.6, "searching")
    landscape = _Landscape(
        objective,
        field,
        coil.sources(),
        patch,
        guard,
        jnp.asarray(distance),
        jnp.asarray(current_rate),
    )
    first = _first_look(landscape, starts)
    clock.lap("first look")
    maxima = _climb(landscape, jnp.asarray(first))
    clock.lap("climb")
    tell(0.9, "checking on the true scalp")
    optima = _on_true_scalp(landscape, maxima, coil, scalp, clearance)
    clock.lap("check")
    exact, found = optima[0].value, _interpolated(landscape, optima[0])
    tell(1.0, "done")
    return Search(
        best=optima[0],
        optima=tuple(optima),
        starts=len(first),
        evaluations=int(maxima.evaluations.sum()),
        converged=int(maxima.converged.sum()),
        current_rate=float(current_rate),
        interpolation_error=abs(found - exact) / abs(exact),
        seconds=clock.seconds,
    )


def _check(distance: float, clearance: float, starts: int, current_rate: float) -> None:
    for name, value, low, high, unit in (
        ("distance", distance, 0.0, 0.1, "m"),
        ("clearance", clearance, 0.0, 0.1, "m"),
        ("current_rate", current_rate, 1e-300, np.inf, "A/s"),
    ):
        if not (np.isfinite(value) and low <= value <= high):
            raise ValueError(
                f"`{name}` must lie between {low:g} and {high:g} {unit}, got {value!r}."
            )
    if starts < 1:
        raise ValueError(f"`starts` must be at least 1, got {starts!r}.")


class _Clock:
    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._last
        self._last = now


def _tabulated(
    objective: AbstractObjective,
    coil: AbstractCoil,
    scalp: Scalp,
    patch: Chart,
    distance: float,
) -> AuxiliaryField:
    sources = coil.sources()
    few, _ = equivalent(objective.reciprocal, scalp)
    points = np.concatenate([sources.dipole_positions, sources.current_positions])
    corners = np.stack(
        np.meshgrid(*np.stack([points.min(axis=0), points.max(axis=0)]).T), axis=-1
    ).reshape(-1, 3)
    poses = jax.vmap(lambda x: patch.pose(x[:2] * _LENGTH, x[2] * _ANGLE, distance))(
        jnp.asarray(_lattice(patch.radius, 6e-3, 16))
    )
    reach = np.asarray(jax.vmap(lambda p: p.to_head(jnp.asarray(corners)))(poses))
    # A coil that must be lifted may leave by some way along its axis.
    lift = -15e-3 * np.asarray(poses.rotation)[:, None, :, 2]
    reach = np.concatenate([reach, reach + lift]).reshape(-1, 3)
    return tabulate(few, sources, reach.min(axis=0) - 2e-3, reach.max(axis=0) + 2e-3)


def _lattice(radius: float, step: float, angles: int) -> Float[ndarray, "start 3"]:
    """Positions on a triangular lattice in a disc, times angles, in scaled unknowns."""
    n = int(radius / step) + 1
    i, j = np.meshgrid(np.arange(-2 * n, 2 * n + 1), np.arange(-2 * n, 2 * n + 1))
    u, v = step * (i + j / 2).ravel(), step * np.sqrt(3) / 2 * j.ravel()
    inside = np.hypot(u, v) <= radius * (1 + 1e-9)
    positions = np.stack([u[inside], v[inside]], axis=1) / _LENGTH
    turns = 2 * np.pi * np.arange(angles) / angles / _ANGLE
    return np.concatenate(
        [np.repeat(positions, angles, axis=0), np.tile(turns, len(positions))[:, None]],
        axis=1,
    )


def _first_look(landscape: _Landscape, starts: int) -> Float[ndarray, "start 3"]:
    """Rate a lattice of poses with a simplified coil, and pick the best apart."""
    merged = _merged(landscape.sources)
    simple = eqx.tree_at(lambda whole: whole.sources, landscape, merged)
    is_grid = lambda leaf: isinstance(leaf, SplineGrid)
    simple = jax.tree.map(
        lambda leaf: leaf.rough() if is_grid(leaf) else leaf, simple, is_leaf=is_grid
    )
    lattice = _lattice(landscape.chart.radius, _COARSE_STEP, _COARSE_ANGLES)
    values = np.asarray(_rate(simple, jnp.asarray(lattice)))
    chosen: list[int] = []
    for index in np.argsort(-values):
        apart = all(
            np.linalg.norm(lattice[index, :2] - lattice[other, :2]) * _LENGTH > 12e-3
            or _turn(lattice[index, 2], lattice[other, 2]) > 0.8
            for other in chosen
        )
        if apart:
            chosen.append(int(index))
        if len(chosen) == starts:
            break
    return lattice[chosen]


@eqx.filter_jit
def _rate(
    landscape: _Landscape, points: Float[Array, "point 3"]
) -> Float[Array, "point"]:
    return jax.vmap(landscape)(points)


@eqx.filter_jit
def _climb(landscape: _Landscape, starts: Float[Array, "start 3"]) -> Maxima:
    return maximise(landscape, landscape.project, starts)


@eqx.filter_jit
def _exact(
    reciprocal: Reciprocal,
    coil: AbstractCoil,
    pose: Pose,
    current_rate: Float[Array, ""],
) -> Float[Array, "direction"]:
    return reciprocal.mean_field(coil, pose, current_rate)


def _merged(sources: Sources) -> Sources:
    """Join neighbouring sources to one at their centre of gravity."""

    def merge(positions: Array, vectors: Array) -> tuple[Array, Array]:
        if not len(positions):
            return positions, vectors
        p, v = np.asarray(positions), np.asarray(vectors)
        cell = np.unique(np.floor(p / _MERGED), axis=0, return_inverse=True)[1].ravel()
        weight = np.linalg.norm(v, axis=1) + 1e-300
        count = cell.max() + 1
        total = np.bincount(cell, weight, count)[:, None]
        add = lambda x: np.stack([np.bincount(cell, c, count) for c in x.T], axis=1)
        return jnp.asarray(add(p * weight[:, None]) / total), jnp.asarray(add(v))

    return Sources(
        *merge(sources.dipole_positions, sources.dipole_moments),
        *merge(sources.current_positions, sources.current_vectors),
    )


def _turn(a: float, b: float) -> float:
    """The angle between two scaled angles. [rad]"""
    difference = (a - b) * _ANGLE
    return abs((difference + np.pi) % (2 * np.pi) - np.pi)


def _on_true_scalp(
    landscape: _Landscape,
    maxima: Maxima,
    coil: AbstractCoil,
    scalp: Scalp,
    clearance: float,
) -> list[Optimum]:
    """Set the different optima on the true scalp and rate them exactly."""
    points, values = np.asarray(maxima.points), np.asarray(maxima.values)
    different: list[int] = []
    for index in np.argsort(-values):
        if all(
            np.linalg.norm(points[index, :2] - points[other, :2]) * _LENGTH
            > _SAME_POSITION
            or _turn(points[index, 2], points[other, 2]) > _SAME_ANGLE
            for other in different
        ):
            different.append(int(index))
    samples = casing_samples(coil)
    optima = []
    for index in different:
        pose, gap = _settled(landscape, points[index], samples, scalp, clearance)
        mean = _exact(
            landscape.objective.reciprocal, coil, pose, landscape.current_rate
        )
        gradient = np.asarray(maxima.gradients[index])
        optima.append(
            Optimum(
                pose,
                float(landscape.objective.value(mean)),
                scalp.distance_along(pose.translation, pose.rotation[:, 2]),
                gap,
                (
                    float(np.linalg.norm(gradient[:2])) / (_LENGTH * 1e3),
                    float(abs(gradient[2])) / np.degrees(_ANGLE),
                ),
            )
        )
    return sorted(optima, key=lambda optimum: -optimum.value)


def _settled(
    landscape: _Landscape,
    x: Float[ndarray, "3"],
    samples: Float[ndarray, "point 3"],
    scalp: Scalp,
    clearance: float,
) -> tuple[Pose, float]:
    """Put the coil at the wanted distance from the true scalp, and clear of it."""
    near = landscape.chart.pose(
        jnp.asarray(x[:2] * _LENGTH), jnp.asarray(x[2] * _ANGLE), landscape.distance
    )
    axis = near.rotation[:, 2]
    now = scalp.distance_along(near.translation, axis)
    if np.isfinite(now):
        wanted = float(landscape.distance)
        near = Pose(near.rotation, near.translation + (now - wanted) * axis)
    return lifted(near, samples, scalp, clearance)


def _interpolated(landscape: _Landscape, optimum: Optimum) -> float:
    mean = landscape.field.mean_field(
        landscape.sources, optimum.pose, landscape.current_rate
    )
    return float(landscape.objective.value(mean))
