"""What a coil is, in numbers, and what looks wrong with it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.spatial import KDTree

from .coil import AbstractCoil, Coil, Part
from .described import Description, Drive, FieldPeak, Motion
from .grids import SampledPotential
from .interpolant import Interpolant
from .joining import sources_of_elements
from .motions import Rotation
from .sources import Sources


# Where peaks are looked for: below the coil, as far as the cortex is.
_DEPTHS = (0.01, 0.02, 0.03, 0.04)
# Nearer to a source there is no tissue, and the field of a point or thin wire has no bound.
_CLEAR = 8e-3  # [m]


def describe(coil: AbstractCoil, depths: tuple[float, ...] = _DEPTHS) -> Description:
    """Say what a coil is.

    Args:
        coil: Any coil or element.
        depths: Of the planes on which peaks are looked for. [m]
    """
    coil = coil if isinstance(coil, Coil) else Coil((coil,), name=type(coil).__name__)
    sources = _sources(coil)
    casing = _casing(coil)
    moment, magnitude = _moments(sources)
    places = None if sources is None else _places(sources)
    return Description(
        name=coil.name,
        brand=coil.details.brand,
        elements=_count(coil),
        dipole_count=0 if sources is None else len(sources.dipole_positions),
        current_count=0 if sources is None else len(sources.current_positions),
        has_sources=sources is not None,
        moment=_triple(moment),
        moment_magnitude=magnitude,
        source_box=_box(places),
        casing_box=_box(casing),
        casing_points=0 if casing is None else len(casing),
        max_current_rate=coil.max_current_rate,
        stimulators=tuple(each.name for each in coil.stimulators if each.name),
        settings=tuple((e.initial, e.lowest, e.highest) for e in coil.ranges),
        peaks=_peaks(coil, depths, places),
        warnings=_warnings(coil, sources, casing),
        has_casing=coil.has_casing,
        drives=tuple(Drive(e.name, e.max_current_rate) for e in coil.stimulators),
        motions=_motions(coil),
    )


def warnings_about(coil: Coil) -> tuple[str, ...]:
    """Say what looks wrong with a coil, in words; nothing where all looks right."""
    return _warnings(coil, _sources(coil), _casing(coil))


def _warnings(
    coil: Coil, sources: Sources | None, casing: np.ndarray | None
) -> tuple[str, ...]:
    if sources is None:
        return ()
    places = _places(sources)
    strengths = np.concatenate(
        [
            np.linalg.norm(sources.dipole_moments, axis=1),
            np.linalg.norm(sources.current_vectors, axis=1) * 1e-2,
        ]
    )
    found = []
    reach = float(np.abs(places).max())
    if reach > 0.6:
        found.append(
            f"Sources lie up to {reach:.3g} m from the centre: are the positions in "
            "millimetres?"
        )
    elif reach < 5e-3:
        found.append(
            f"All sources lie within {reach * 1e3:.3g} mm of the centre: are the positions "
            "scaled twice?"
        )
    if strengths.sum() > 0 and _above(places, strengths):
        found.append(
            "The winding lies at z > 0, on the head's side: does z point away from "
            "the head? It must point into it."
        )
    open_ends = _open_current(coil) if len(sources.current_positions) else 0.0
    if open_ends > 0.01:
        found.append(
            f"The current is not closed: its path ends {open_ends * 1e3:.3g} mm from its "
            "start. Leads or the end of the winding are missing."
        )
    if casing is not None:
        found += _casing_warnings(places, casing)
    return tuple(found)


def _above(places: np.ndarray, strengths: np.ndarray) -> bool:
    return bool(np.quantile(places[strengths > 0][:, 2], 0.05) > 1e-3)


def _casing_warnings(places: np.ndarray, casing: np.ndarray) -> list[str]:
    low, high = casing.min(axis=0), casing.max(axis=0)
    if np.abs(casing).max() > 1.0:
        return ["The casing reaches further than 1 m: is it in millimetres?"]
    inside = ((places > low - 2e-3) & (places < high + 2e-3)).all(axis=1).mean()
    if inside < 0.5:
        return [
            f"Only {100 * inside:.0f}% of the sources lie within the casing: is it on the "
            "wrong side, or turned?"
        ]
    return []


def _open_current(coil: Coil) -> float:
    """How far the currents are from closing, over all elements of one stimulator. [m]"""
    sums: dict[int, np.ndarray] = {}
    for element, mine in zip(coil.elements, sources_of_elements(coil), strict=True):
        key = element.stimulator if isinstance(element, Part) else 0
        vectors = np.zeros((1, 3)) if mine is None else np.asarray(mine.current_vectors)
        sums[key] = sums.get(key, np.zeros(3)) + vectors.sum(axis=0)
    return max((float(np.linalg.norm(each)) for each in sums.values()), default=0.0)


def _peaks(
    coil: Coil, depths: tuple[float, ...], places: np.ndarray | None
) -> tuple[FieldPeak, ...]:
    if not depths:
        return ()
    x = np.linspace(-0.1, 0.1, 41)
    grid = np.stack(np.meshgrid(depths, x, x, indexing="ij"), axis=-1)
    points = grid[..., [1, 2, 0]].reshape(-1, 3)
    sizes = [
        np.linalg.norm(each, axis=1) for each in _fields(coil, jnp.asarray(points))
    ]
    counts = np.isfinite(sizes[0]) & np.isfinite(sizes[1])
    if places is not None:
        counts &= KDTree(places).query(points, distance_upper_bound=_CLEAR)[0] >= _CLEAR
    planes = [np.where(counts, each, 0).reshape(len(depths), -1) for each in sizes]
    return tuple(
        FieldPeak(
            depth,
            float(a.max()),
            _triple(plane[a.argmax()]),
            float(b.max()),
            _triple(plane[b.argmax()]),
        )
        for depth, plane, a, b in zip(
            depths, points.reshape(len(depths), -1, 3), *planes, strict=True
        )
    )


def magnetic_field(
    coil: AbstractCoil, points: Float[Array, "point 3"]
) -> Float[Array, "point 3"]:
    """Evaluate B = curl A of a current of 1 A.

    Args:
        coil: Any coil.
        points: In the frame of the coil, (points, 3). [m]

    Returns:
        B at each point, (points, 3). [T / A]
    """
    return _fields(coil, points)[1]


@eqx.filter_jit
def _fields(
    coil: AbstractCoil, points: Float[Array, "point 3"]
) -> tuple[Float[Array, "point 3"], Float[Array, "point 3"]]:
    """Evaluate A [T m / A] and B [T / A] of a current of 1 A."""

    def along(axis: Float[Array, "3"]):
        # One push forward of all points along each axis gives all derivatives.
        steps = jnp.broadcast_to(axis, points.shape)
        return jax.jvp(coil.vector_potential, (points,), (steps,))

    potential, (by_x, by_y, by_z) = jax.vmap(along, out_axes=(None, 0))(
        jnp.eye(3, dtype=points.dtype)
    )
    return potential, jnp.stack(
        [
            by_y[:, 2] - by_z[:, 1],
            by_z[:, 0] - by_x[:, 2],
            by_x[:, 1] - by_y[:, 0],
        ],
        axis=1,
    )


def _motions(coil: Coil) -> tuple[Motion, ...]:
    moved: dict[int, list[str]] = {}
    turning = set()
    for part in (each for each in coil.elements if isinstance(each, Part)):
        for motion in part.motions:
            moved.setdefault(motion.setting, []).append(part.name or "a part")
            if isinstance(motion, Rotation):
                turning.add(motion.setting)
    return tuple(
        Motion(
            setting in turning,
            tuple(dict.fromkeys(moved.get(setting, ()))),
            span.lowest,
            span.highest,
        )
        for setting, span in enumerate(coil.ranges)
    )


def _sources(coil: Coil) -> Sources | None:
    for element in coil.elements:
        held = element.element if isinstance(element, Part) else element
        if isinstance(held, SampledPotential):
            return None
    return coil.sources()


def _places(sources: Sources) -> Float[np.ndarray, "source 3"]:
    return np.concatenate([sources.dipole_positions, sources.current_positions])


def _casing(coil: Coil) -> Float[np.ndarray, "point 3"] | None:
    parts = any(isinstance(e, Part) and e.casing is not None for e in coil.elements)
    if coil.casing is None and not parts:
        return None
    return np.asarray(_surface_points(coil))


@eqx.filter_jit  # As a whole, as each of the parts has a shape of its own.
def _surface_points(coil: Coil) -> Float[Array, "point 3"]:
    return coil.surface_points


def _moments(sources: Sources | None) -> tuple[np.ndarray, float]:
    if sources is None:
        return np.zeros(3), 0.0
    dipoles = np.asarray(sources.dipole_moments)
    # Jackson, 3rd ed., eq. 5.54: m = ½ ∫ r × J.
    loops = np.cross(sources.current_positions, sources.current_vectors) / 2
    total = dipoles.sum(axis=0) + loops.sum(axis=0)
    return total, float(np.linalg.norm(dipoles, axis=1).sum())


def _count(coil: Coil) -> dict[str, int]:
    counts: dict[str, int] = {}
    for element in coil.elements:
        held = element.element if isinstance(element, Part) else element
        held = held.coil if isinstance(held, Interpolant) else held
        kind = type(held).__name__
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def _box(points: np.ndarray | None):
    if points is None or len(points) == 0:
        return None
    return _triple(points.min(axis=0)), _triple(points.max(axis=0))


def _triple(values) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
