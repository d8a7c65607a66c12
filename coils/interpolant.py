"""A coil's potential from a table: built once, then as fast as its points can be read.

The potential is smooth away from the windings. Cubic B-splines through its values on a
grid in the coil's frame err by the fourth power of the spacing, h⁴ |∂⁴A| / 384 along each
axis [de Boor, *A Practical Guide to Splines*, ch. V]. Below the coil the field varies over
lengths that grow with the distance from the windings, and so does the spacing of the grid
along z: it is uniform in u with z = s + d sinh(u), s the height of the lowest winding.

Coefficients are kept in single precision, padded to four components: so a table of half the
size is read in whole vectors. Sums are of the precision of the points.
"""

import functools
import hashlib
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..disk import replacing
from ..disk.arrays import open_archive
from .coil import AbstractCoil
from .joining import evaluated, joined
from .sources import Sources
from .splines import cubic, spline_coefficients


_MOST_SAMPLES = 1 << 24
# Points outside the table are summed directly; a handful of them costs nothing.
_OUTSIDE_AT_ONCE = 4096
_FORMAT = 2
# Fourth derivatives are sought at so many points, most of them next to the windings.
_PROBES = 4000


class Interpolant(AbstractCoil):
    """A coil whose potential is read from a table, where the table reaches.

    It has the coil's sources and hull, so it takes the coil's place anywhere. Points
    outside the box are summed directly: a few at little cost, more than 4096 at the cost
    of all (and under `jax.vmap` always; use `jax.lax.map`). Differentiable in the points;
    not in the coil, whose table is built beforehand.

    Attributes:
        coil: What was tabulated.
        coefficients: Of the spline, in single precision; the last of four components is
            zero. [T m / A]
        lowest: Corner of the box, in the frame of the coil. [m]
        highest: The opposite corner. [m]
        source_height: s, above the box. [m]
        scale: d. [m]
        error: The largest error found at the middles of cells, where it is worst, per the
            largest |A| in the box. All cells of the two layers nearest to the windings are
            looked at, and some of the others, which err less.
    """

    coil: AbstractCoil
    coefficients: Float[Array, "cx cy cz 4"]
    lowest: Float[Array, "3"]
    highest: Float[Array, "3"]
    source_height: float = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    error: float = eqx.field(static=True)

    @eqx.filter_jit
    def vector_potential(
        self, points: Float[Array, "point 3"]
    ) -> Float[Array, "point 3"]:
        """Read the vector potential at 1 A from the table. [T m / A]"""
        inside = ((points >= self.lowest[None]) & (points <= self.highest[None])).all(1)
        held = jnp.clip(points, self.lowest[None], self.highest[None])
        values = cubic(self.coefficients, self._places(held))[:, :3]
        count = points.shape[0]
        few = min(_OUTSIDE_AT_ONCE, count)

        def mend() -> Float[Array, "point 3"]:
            rows = jnp.nonzero(~inside, size=few, fill_value=count)[0]
            taken = points.at[rows].get(mode="clip")
            return values.at[rows].set(self.coil.vector_potential(taken), mode="drop")

        def sum_all() -> Float[Array, "point 3"]:
            direct = self.coil.vector_potential(points)
            return jnp.where(inside[:, None], values, direct)

        outside = count - jnp.sum(inside)
        case = jnp.where(outside == 0, 0, jnp.where(outside <= few, 1, 2))
        return jax.lax.switch(case, [lambda: values, mend, sum_all])

    def sources(self) -> Sources:
        """Take the sources of the coil."""
        return self.coil.sources()

    @property
    def surface_points(self) -> Float[Array, "point 3"]:
        """The hull of the coil. [m]"""
        return self.coil.surface_points

    def _places(self, points: Float[Array, "point 3"]) -> Float[Array, "point 3"]:
        counts = np.array(self.coefficients.shape[:3]) - 3.0
        low, high = self._warped(self.lowest[None]), self._warped(self.highest[None])
        return (
            (self._warped(points) - low)
            / (high - low)
            * jnp.asarray(counts, points.dtype)[None]
        )

    def _warped(self, points: Float[Array, "point 3"]) -> Float[Array, "point 3"]:
        depth = (points[:, 2] - self.source_height) / self.scale
        # arcsinh, which for positive numbers loses no digit so, and takes half the time.
        depth = jnp.log(depth + jnp.sqrt(depth**2 + 1))
        return jnp.stack([points[:, 0], points[:, 1], depth], axis=1)


def interpolate(
    coil: AbstractCoil,
    *,
    lowest: tuple[float, float, float] = (-0.2, -0.2, 3.5e-3),
    highest: tuple[float, float, float] = (0.2, 0.2, 0.35),
    tolerance: float = 1e-4,
    cache: str | os.PathLike[str] | None = None,
) -> Interpolant:
    """Tabulate a coil's potential in a box below it.

    The spacing is refined until the error at the middles of cells is below the tolerance.

    Args:
        coil: What to tabulate, in its present shape and drive.
        lowest: Corner of the box, in the frame of the coil. By default just above the
            scalp, from which coils are held 4 mm away. [m]
        highest: The opposite corner; by default beyond a whole head. [m]
        tolerance: Of the error, per the largest |A| in the box.
        cache: A folder for tables. One that fits the coil, box and tolerance is taken
            from there; a damaged one is built anew.

    Raises:
        ValueError: The box is empty, reaches among the windings, or would need too many
            samples.
    """
    box = np.array([lowest, highest], dtype=np.float64)
    if not np.isfinite(box).all() or not (box[1] > box[0]).all():
        raise ValueError(f"the box from {lowest} to {highest} is empty.")
    if not 0 < tolerance < 1:
        raise ValueError(f"`tolerance` must lie between 0 and 1, got {tolerance}.")
    height = _source_height(coil, box)
    file = None if cache is None else Path(cache) / f"{_key(coil, box, tolerance)}.npz"
    stored = None if file is None else _load(file)
    if stored is None:
        stored = _build(coil, box, height, tolerance)
        if file is not None:
            _save(file, *stored)
    coefficients, error = stored
    return Interpolant(
        coil=coil,
        coefficients=jnp.asarray(coefficients),
        lowest=jnp.asarray(box[0]),
        highest=jnp.asarray(box[1]),
        source_height=height,
        scale=_scale(box, height),
        error=error,
    )


def _source_height(coil: AbstractCoil, box: np.ndarray) -> float:
    sources = coil.sources()
    places = np.concatenate([sources.dipole_positions, sources.current_positions])
    among = ((places > box[0]) & (places < box[1])).all(axis=1)
    if among.any():
        raise ValueError(
            f"{among.sum()} of {len(places)} sources of the coil lie inside the box from "
            f"{box[0].tolist()} to {box[1].tolist()}, where its field is not smooth. Take "
            "a box below the windings."
        )
    beneath = ((places > box[0] - 0.02) & (places < box[1] + 0.02)).all(axis=1)
    near = places[beneath] if beneath.any() else places
    return float(min(near[:, 2].max(), box[0, 2]))


def _scale(box: np.ndarray, height: float) -> float:
    return max(float(box[0, 2] - height), 5e-3)


def _build(
    coil: AbstractCoil, box: np.ndarray, height: float, tolerance: float
) -> tuple[np.ndarray, float]:
    scale = _scale(box, height)
    potential = functools.partial(evaluated, joined(coil))
    warped = box.copy()
    warped[:, 2] = np.arcsinh((box[:, 2] - height) / scale)
    steps = _steps(potential, warped, height, scale, tolerance)
    for _ in range(6):
        counts = np.maximum(np.ceil((warped[1] - warped[0]) / steps), 7).astype(int)
        if np.prod((counts + 1).astype(float)) > _MOST_SAMPLES:
            break
        axes = [
            np.linspace(warped[0, a], warped[1, a], counts[a] + 1) for a in range(3)
        ]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        samples = _evaluate(potential, grid, height, scale)
        coefficients = np.zeros((*(counts + 3), 4), np.float32)
        coefficients[..., :3] = spline_coefficients(samples)
        error = _error(potential, coefficients, axes, height, scale)
        error /= float(np.linalg.norm(samples, axis=-1).max())
        if error <= tolerance:
            return coefficients, error
        # The error falls with the fourth power; somewhat finer, not to come back again.
        steps *= max(0.3, 0.9 * (tolerance / error) ** 0.25)
    raise ValueError(
        f"a table with an error of {tolerance:g} would need more than {_MOST_SAMPLES} "
        "samples: the windings are too near for such a box. Raise the tolerance, or put "
        "the box further from the windings."
    )


def _steps(
    potential, warped: np.ndarray, height: float, scale: float, tolerance: float
) -> np.ndarray:
    """Spacing along each axis of the grid, from fourth derivatives at random points."""
    rng = np.random.default_rng(0)
    places = rng.uniform(*warped, size=(_PROBES, 3))
    # The largest derivatives are where the box is nearest to the windings.
    places[: _PROBES // 2, 2] = warped[0, 2]
    sizes = np.linalg.norm(_evaluate(potential, places, height, scale), axis=1)
    gap = float(scale * np.sinh(warped[0, 2]))
    reach = np.array([gap, gap, gap / np.hypot(gap, scale)]) / 8
    steps = np.empty(3)
    for axis in range(3):
        stencil = places[:, None] + (reach * np.eye(3)[axis]) * np.arange(5)[:, None]
        values = _evaluate(potential, stencil, height, scale)
        fourth = np.einsum("psc,s->pc", values, [1.0, -4, 6, -4, 1])
        curved = np.linalg.norm(fourth, axis=1).max() / sizes.max()
        # Each axis may err by half of the tolerance: nowhere do all err the most at once.
        steps[axis] = reach[axis] * (192 * tolerance / max(curved, 1e-12)) ** 0.25
    return steps


def _evaluate(potential, grid: np.ndarray, height: float, scale: float) -> np.ndarray:
    points = grid.reshape(-1, 3).copy()
    points[:, 2] = height + scale * np.sinh(points[:, 2])
    return np.asarray(potential(jnp.asarray(points))).reshape(grid.shape)


def _error(potential, coefficients, axes, height: float, scale: float) -> float:
    """The largest error at the middles of cells: all next to the windings, and others."""
    middles = [(axis[1:] + axis[:-1]) / 2 for axis in axes]
    counts = [len(axis) for axis in middles]
    nearest = np.indices((*counts[:2], 2)).reshape(3, -1)
    others = np.random.default_rng(0).integers(
        0, np.array(counts)[:, None], (3, _PROBES)
    )
    cells = np.concatenate([nearest, others], axis=1)
    middle = np.stack([m[c] for m, c in zip(middles, cells, strict=True)], axis=1)
    expected = _evaluate(potential, middle, height, scale)
    places = jnp.asarray(cells.T + 0.5)
    actual = np.asarray(eqx.filter_jit(cubic)(jnp.asarray(coefficients), places))
    return float(np.linalg.norm(actual[:, :3] - expected, axis=1).max())


def _key(coil: AbstractCoil, box: np.ndarray, tolerance: float) -> str:
    digest = hashlib.sha256(repr((_FORMAT, tolerance)).encode())
    sources = coil.sources()
    for array in (*jax.tree.leaves(sources), box):
        digest.update(np.ascontiguousarray(array, dtype=np.float64).tobytes())
        digest.update(repr(np.shape(array)).encode())
    return digest.hexdigest()[:32]


def _load(file: Path) -> tuple[np.ndarray, float] | None:
    try:
        with open_archive(file) as stored:
            table, error = stored["coefficients"], float(stored["error"])
            checked = stored["checksum"].tobytes() == _checksum(table)
    except (OSError, ValueError):
        return None
    return (table, error) if checked else None


def _save(file: Path, coefficients: np.ndarray, error: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    checksum = np.frombuffer(_checksum(coefficients), dtype=np.uint8)
    with replacing(file, durable=False) as opened:
        np.savez(opened, coefficients=coefficients, error=error, checksum=checksum)


def _checksum(table: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(table).tobytes()).digest()
