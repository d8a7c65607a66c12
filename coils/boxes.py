"""A coil's potential at very many points, by polynomials in boxes that hold no source.

Away from its sources a potential is analytic. Along a line that passes a source at the
distance d it is singular at ±id. So interpolation at p Chebyshev points an axis errs by
ρ⁻ᵖ, ρ = g + √(1 + g²) with g = d/a, in a box whose half sides are a, with no source nearer
than d [Bernstein's ellipse; Trefethen 2013, *Approximation Theory and Approximation
Practice*, th. 8.2], times the potential's size on that ellipse. The points are laid in
boxes within boxes, each as large as makes the least work, and those too near to the sources
or too few are summed directly. The error is measured at some points each time, and more
points an axis are taken where it is too large.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int
from numpy import ndarray
from scipy.spatial import KDTree

from .coil import AbstractCoil
from .pose import Pose


_DIRECT = 1 << 31  # Pairs of points and sources that are summed within some seconds.
_MOST = 14  # Chebyshev points an axis; a box that needs more is cut.
_FEWEST = 64  # Points of a box that is cut.
_APART = 2e-3  # Sources are looked at so far apart, where distances are reckoned. [m]
_EASE = 30.0  # So much is the bound above the error, which is of the largest value.
_PROBES = 500  # Points at which the error is measured.
_STEPS = 3  # How often less is aimed at, by ten, where the error is too large.
_ROUND = 4096  # Evaluations are rounded up to that, so that little is compiled anew.


class Potential(NamedTuple):
    """A potential at points, and its error.

    Attributes:
        values: At each point, of a current of 1 A. [T m / A]
        error: The largest found at some of the points, per the largest value; zero where
            all was summed directly.
        summed: At how many points the sources were summed.
    """

    values: Float[Array, "point 3"]
    error: float
    summed: int


class _Box(NamedTuple):
    """Points that share a polynomial, or none where `counts` is None."""

    points: Int[ndarray, "inside"]
    middle: Float[ndarray, "3"]
    half: Float[ndarray, "3"]
    counts: tuple[int, int, int] | None

    @property
    def cost(self) -> int:
        """How many evaluations it needs."""
        return len(self.points) if self.counts is None else int(np.prod(self.counts))


def potential_is_slow(coil: AbstractCoil, count: int) -> bool:
    """Check whether to sum a coil's sources takes longer than boxes at so many points."""
    found = _source_places(coil)
    return found is not None and len(found) * count > _DIRECT


def potential_at_many(
    coil: AbstractCoil,
    points: Float[ArrayLike, "point 3"],
    pose: Pose,
    *,
    tolerance: float = 1e-5,
) -> Potential:
    """Evaluate the vector potential of 1 A at very many points; not differentiable.

    Args:
        coil: The coil. One without point sources is evaluated directly.
        points: Where, in the frame of the head. [m]
        pose: One placement of the coil.
        tolerance: Of the error, per the largest value at the points.

    Returns:
        The potential in the frame of the head, within the tolerance of direct summation
        at all points where that was checked.

    Raises:
        ValueError: The tolerance is not between 1e-12 and 1.
    """
    if not 1e-12 <= tolerance < 1:
        raise ValueError(f"`tolerance` must be 1e-12 to 1, got {tolerance!r}.")
    whole = jnp.asarray(points)
    places, sources = np.asarray(whole, np.float64), _source_places(coil)
    if sources is not None and len(places):
        near = KDTree(_thinned(np.asarray(pose.to_head(jnp.asarray(sources)))))
        aimed = min(_EASE * tolerance, 0.1)
        for _ in range(_STEPS):
            found = _by_boxes(coil, places, pose, _plan(places, near, aimed))
            if found is None:
                break
            if found.error <= tolerance:
                values = jnp.asarray(found.values, whole.dtype)
                return found._replace(values=values)
            aimed /= 10
    return Potential(coil.potential_at(whole, pose), 0.0, len(places))


def _source_places(coil: AbstractCoil) -> Float[ndarray, "source 3"] | None:
    try:
        found = coil.sources()
    except ValueError:  # Known by its field alone.
        return None
    both = [found.dipole_positions, found.current_positions]
    return np.concatenate([np.asarray(each) for each in both])


def _thinned(sources: Float[ndarray, "source 3"]) -> Float[ndarray, "kept 3"]:
    """Keep one source of those that lie in the same small cube."""
    _, first = np.unique(np.floor(sources / _APART), axis=0, return_index=True)
    return sources[first]


def _plan(
    places: Float[ndarray, "point 3"], sources: KDTree, tolerance: float
) -> list[_Box]:
    """Cut the points into boxes that need the fewest evaluations together."""

    def cut(inside: Int[ndarray, "inside"]) -> tuple[int, list[_Box]]:
        own = _box(inside, places[inside], sources, tolerance)
        if own.cost <= _FEWEST:
            return own.cost, [own]
        upper = places[inside] > own.middle
        octant = upper @ np.array([4, 2, 1])
        parts = [cut(inside[octant == k]) for k in np.unique(octant)]
        total = sum(cost for cost, _ in parts)
        if len(parts) == 1 or total >= own.cost:
            return own.cost, [own]
        return total, [box for _, boxes in parts for box in boxes]

    return cut(np.arange(len(places)))[1]


def _box(
    inside: Int[ndarray, "inside"],
    places: Float[ndarray, "inside 3"],
    sources: KDTree,
    tolerance: float,
) -> _Box:
    """Lay the smallest box around points, and say how many Chebyshev points it needs."""
    low, high = places.min(axis=0), places.max(axis=0)
    middle = (low + high) / 2
    half = np.maximum((high - low) / 2, 1e-9)
    counts = _counts(half, _gap(middle, half, sources), tolerance)
    if counts is not None and np.prod(counts) >= len(inside):
        counts = None
    return _Box(inside, middle, half, counts)


def _gap(
    middle: Float[ndarray, "3"], half: Float[ndarray, "3"], sources: KDTree
) -> float:
    """The distance from a box to the nearest source, or a bound from below. [m]"""
    nearest, _ = sources.query(middle)
    reach = float(np.linalg.norm(half))
    if nearest > 4 * reach:
        return nearest - reach
    near = sources.query_ball_point(middle, nearest + 2 * reach)
    beyond = np.maximum(np.abs(sources.data[near] - middle) - half, 0)
    return float(np.linalg.norm(beyond, axis=1).min())


def _counts(
    half: Float[ndarray, "3"], gap: float, tolerance: float
) -> tuple[int, int, int] | None:
    gap -= _APART  # One source stands for others about it.
    if gap <= 0:
        return None
    needed = np.ceil(-np.log(tolerance) / np.arcsinh(gap / half)).astype(int)
    if needed.max() > _MOST:
        return None
    x, y, z = np.maximum(needed, 2).tolist()
    return x, y, z


def _by_boxes(
    coil: AbstractCoil, places: Float[ndarray, "point 3"], pose: Pose, boxes: list[_Box]
) -> Potential | None:
    """Evaluate by a plan, and measure the error; None where all is summed directly."""
    laid = [each for each in boxes if each.counts is not None]
    if not laid:
        return None
    rest = [each.points for each in boxes if each.counts is None]
    alone = np.concatenate([np.zeros(0, dtype=int), *rest])
    inner = np.setdiff1d(np.arange(len(places)), alone)
    rng = np.random.default_rng(0)
    probes = rng.choice(inner, min(_PROBES, len(inner)), replace=False)
    grids = [_grid(each) for each in laid]
    wanted = np.concatenate([places[alone], places[probes], *grids])
    found = _summed(coil, wanted, pose)
    values = np.empty((len(places), 3))
    values[alone], start = found[: len(alone)], len(alone) + len(probes)
    for box, grid in zip(laid, grids, strict=True):
        values[box.points] = _read(box, found[start : start + len(grid)], places)
        start += len(grid)
    expected = found[len(alone) : len(alone) + len(probes)]
    off = np.linalg.norm(values[probes] - expected, axis=1).max()
    largest = np.linalg.norm(values, axis=1).max()
    return Potential(jnp.asarray(values), float(off / largest), len(wanted))


def _summed(
    coil: AbstractCoil, places: Float[ndarray, "point 3"], pose: Pose
) -> Float[ndarray, "point 3"]:
    count = -(-len(places) // _ROUND) * _ROUND
    filled = places[np.arange(count) % len(places)]
    return np.asarray(_potential(coil, jnp.asarray(filled), pose))[: len(places)]


@eqx.filter_jit
def _potential(coil: AbstractCoil, places: Array, pose: Pose) -> Array:
    return coil.potential_at(places, pose)


def _chebyshev(count: int) -> Float[ndarray, "count"]:
    return np.cos((np.arange(count) + 0.5) * np.pi / count)


def _grid(box: _Box) -> Float[ndarray, "node 3"]:
    """Chebyshev points of a box. [m]"""
    assert box.counts is not None
    axes = np.meshgrid(*(_chebyshev(n) for n in box.counts), indexing="ij")
    return box.middle + box.half * np.stack(axes, axis=-1).reshape(-1, 3)


def _read(
    box: _Box, values: Float[ndarray, "node 3"], places: Float[ndarray, "point 3"]
) -> Float[ndarray, "inside 3"]:
    """Evaluate the polynomial of a box at its points."""
    assert box.counts is not None
    x, y, z = box.counts
    inner = (places[box.points] - box.middle) / box.half
    shares = [_lagrange(n, inner[:, k]) for k, n in enumerate(box.counts)]
    first = (shares[0] @ values.reshape(x, -1)).reshape(-1, y, z * 3)
    second = np.einsum("py,pyc->pc", shares[1], first).reshape(-1, z, 3)
    return np.einsum("pz,pzc->pc", shares[2], second)


def _lagrange(count: int, at: Float[ndarray, "point"]) -> Float[ndarray, "point count"]:
    """Evaluate the polynomials that are one at one Chebyshev point, by their series."""
    nodes = np.polynomial.chebyshev.chebvander(_chebyshev(count), count - 1)
    here = np.polynomial.chebyshev.chebvander(at, count - 1)
    weights = np.full(count, 2.0 / count)
    weights[0] = 1.0 / count
    return (here * weights) @ nodes.T
