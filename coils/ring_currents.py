"""A coil as point currents on rings about its axis, to turn it in its plane at no cost.

Below a coil each component of its vector potential is harmonic, so that point currents
along the head side of the winding can take the winding's place (the method of fundamental
solutions [Fairweather & Karageorghis 1998, doi:10.1023/A:1018981221740]). Where they stand
on rings, each with the same number of equal angles, turning the coil by such an angle
moves every current to the place of another: the potential of a target, once known at the
rings, gives the values of all turns by one discrete Fourier transform, and of all angles
between by another.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float
from numpy import ndarray
from threadpoolctl import threadpool_limits

from .coil import AbstractCoil
from .dipoles import MU0_OVER_4PI
from .joining import evaluated, joined
from .sources import Sources


_SPACING = 8e-3  # Between rings. [m]
_ARC, _NEAR_ARC = 15e-3, 9e-3  # Between currents of the widest ring. [m]
_FLAT = (
    15e-3  # A coil that reaches farther down may lie close to the head all over. [m]
)
_LEAST_ANGLES, _MOST_ANGLES = 24, 96
_GAP = 14e-3  # From the rings to where the field is matched. [m]
_REACH = 1.4  # How far out the field is matched, in radii of the coil.
_FLATTEST = 0.15  # Radius of curvature of the flattest head beneath a coil. [m]
_STEP = 4e-3  # Between circles where the field is matched. [m]
_RIDGE = 1e-9  # Relative to the largest singular value.
_WIDTH = 0.1  # Of a coil that does not say where its sources are. [m]


class Rings(eqx.Module):
    """Point currents on rings about the z axis that stand for a coil.

    Attributes:
        radii: Of the rings. [m]
        heights: Their z. [m]
        currents: The current element at each angle, along the radius, the angle and z,
            at 1 A. [A m / A]
        error: Of their vector potential, 14 mm and farther below: root mean square,
            relative to that of the coil.
    """

    radii: Float[Array, "ring"]
    heights: Float[Array, "ring"]
    currents: Float[Array, "ring angle 3"]
    error: float = eqx.field(static=True)

    @property
    def positions(self) -> Float[Array, "ring angle 3"]:
        """Where the currents are, in the frame of the coil. [m]"""
        cos, sin = _directions(self.currents.shape[1])
        x, y = (
            self.radii[:, None] * jnp.asarray(part, self.radii.dtype)[None]
            for part in (cos, sin)
        )
        return jnp.stack([x, y, jnp.broadcast_to(self.heights[:, None], x.shape)], -1)

    def sources(self) -> Sources:
        """Take the currents as sources of a coil."""
        return Sources.of_currents(
            self.positions.reshape(-1, 3),
            from_cylinder(self.currents).reshape(-1, 3),
        )

    def turned(
        self, potential: Float[Array, "direction ring angle 3"], angles: int
    ) -> Float[Array, "direction angles"]:
        """Contract the coil, turned about its z axis, with a potential at the rings.

        Args:
            potential: A vector potential at `positions`, in the frame of the coil before
                it is turned. [T m]
            angles: Into how many equal angles a full turn is divided; at least as many
                as a ring has.

        Returns:
            Σ dl·a for each angle, the first being no turn, right-handed about z. [T m²]
        """
        count = self.currents.shape[1]
        currents = jnp.fft.rfft(self.currents, axis=1)
        spectrum = jnp.fft.rfft(to_cylinder(potential), axis=2)
        product = jnp.einsum("rmc,drmc->dm", jnp.conj(currents), spectrum)
        # Half of the highest frequency belongs to its negative.
        if count % 2 == 0 and angles > count:
            product = product.at[:, -1].multiply(0.5)
        return jnp.fft.irfft(product, angles, axis=1) * (angles / count)


def rings(coil: AbstractCoil) -> Rings:
    """Fit point currents on rings to a coil's vector potential below it.

    Args:
        coil: Any coil, with its head side towards positive z.

    Returns:
        Currents at a few hundred places.

    Raises:
        ValueError: The coil's field below it is that of no currents above.
    """
    coil = joined(coil)
    radii, heights = _places(coil)
    widest = radii.max()
    arc = _ARC if np.ptp(heights) < _FLAT else _NEAR_ARC
    count = 8 * int(np.ceil(2 * np.pi * widest / arc / 8))
    count = int(np.clip(count, _LEAST_ANGLES, _MOST_ANGLES))
    circles = _circles(radii, heights)
    # Far out, where the potential is weak and no target is, less counts.
    weights = np.sqrt(circles[:, 0] * _STEP) / (1 + (circles[:, 0] / widest) ** 2)
    systems, targets = [], []
    # Between the angles of the currents the field must be right, too.
    for offset in (0.0, 0.5):
        cos, sin = _directions(count, offset)
        r, z = circles[:, :1], circles[:, 1:]
        points = np.stack(np.broadcast_arrays(r * cos, r * sin, z), axis=-1)
        wanted = np.asarray(
            evaluated(coil, jnp.asarray(points.reshape(-1, 3))), dtype=np.float64
        ).reshape(points.shape)
        wanted = weights[:, None, None] * np.asarray(to_cylinder(wanted, offset))
        targets.append(np.fft.rfft(wanted, axis=1))
        potentials = _potentials(points, radii, heights, offset)
        potentials *= weights[:, None, None, None, None]
        systems.append(np.fft.rfft(potentials, axis=1))
    target = np.concatenate(targets)
    # Threads that wait for each other at every small matrix make it a hundred times slower
    # on cores that are shared.
    with threadpool_limits(1, user_api="blas"):
        currents, missed = _fit(np.concatenate(systems), target)
    size = np.linalg.norm(target)
    error = float(missed / size) if size > 0 else 0.0
    if not error < 0.05:
        raise ValueError(
            f"no currents behind z = {heights.max() * 1e3:.0f} mm give the field of this "
            f"{type(coil).__name__}: they miss it by {error:.0%}. Is its head side towards "
            "positive z?"
        )
    return Rings(
        jnp.asarray(radii),
        jnp.asarray(heights),
        jnp.asarray(np.fft.irfft(currents, count, axis=1)),
        error,
    )


def to_cylinder(vectors: Any, offset: float = 0.0) -> Any:
    """Write vectors at equal angles, (..., angle, 3), along radius, angle and z.

    The first angle is `offset` of the step between them.
    """
    return _rotated(vectors, 1, offset)


def from_cylinder(vectors: Any) -> Any:
    """Undo `to_cylinder`."""
    return _rotated(vectors, -1, 0.0)


def _rotated(vectors: Any, sign: int, offset: float) -> Any:
    xp = np if isinstance(vectors, ndarray) else jnp
    trigonometric = _directions(vectors.shape[-2], offset)
    cos, sin = (xp.asarray(x, vectors.dtype) for x in trigonometric)
    shape = (1,) * (vectors.ndim - 2) + cos.shape
    cos, sin = cos.reshape(shape), sign * sin.reshape(shape)
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return xp.stack([x * cos + y * sin, y * cos - x * sin, z], axis=-1)


def _directions(count: int, offset: float = 0.0) -> tuple[ndarray, ndarray]:
    angles = 2 * np.pi * (np.arange(count) + offset) / count
    return np.cos(angles), np.sin(angles)


def _places(
    coil: AbstractCoil,
) -> tuple[Float[ndarray, "ring"], Float[ndarray, "ring"]]:
    """Radii and heights of rings along the head side of the winding."""
    try:
        sources = coil.sources()
    except (
        ValueError
    ):  # It is known by its field alone, which has no sources below z = 0.
        radii = np.arange(0.5 * _SPACING, _WIDTH, _SPACING)
        return radii, np.zeros_like(radii)
    points = np.concatenate([sources.dipole_positions, sources.current_positions])
    radius, height = np.hypot(points[:, 0], points[:, 1]), points[:, 2]
    # Of all sources those that no other one hides from the head.
    bins = np.arange(0.5 * _SPACING, radius.max() + _SPACING, _SPACING)
    near = np.abs(radius[None] - bins[:, None]) <= 0.75 * _SPACING
    lowest = np.where(near, height[None], -np.inf).max(axis=1)
    known = np.isfinite(lowest)
    lowest = np.interp(bins, bins[known], lowest[known])
    places = [np.stack([bins, lowest], axis=1)]
    # Between rings of very different heights, as in a cup, the wall needs rings, too.
    for a, b in zip(places[0][:-1], places[0][1:], strict=True):
        extra = int(np.linalg.norm(b - a) / (1.5 * _SPACING))
        shares = np.arange(1, extra + 1)[:, None] / (extra + 1)
        places.append(a + shares * (b - a))
    radii, heights = np.concatenate(places).T
    return radii, heights


def _circles(
    radii: Float[ndarray, "ring"], heights: Float[ndarray, "ring"]
) -> Float[ndarray, "circle 2"]:
    """Radii and heights of circles at the gap below all rings."""
    r = np.arange(0.5 * _STEP, min(_REACH * radii.max(), 0.9 * _FLATTEST), _STEP)
    across = np.abs(r[:, None] - radii[None])
    below = heights + np.sqrt(np.maximum(_GAP**2 - across**2, 0))
    z = np.where(across < _GAP, below, -np.inf).max(axis=1)
    head = z[0] + _FLATTEST - np.sqrt(_FLATTEST**2 - r**2)
    return np.stack([r, np.maximum(z, head)], axis=1)


def _potentials(
    points: Float[ndarray, "circle angle 3"],
    radii: Float[ndarray, "ring"],
    heights: Float[ndarray, "ring"],
    offset: float,
) -> Float[ndarray, "circle angle 3 ring 3"]:
    """The potential at all points of unit currents at the first angle of each ring."""
    arm = points[:, :, None] - np.stack([radii, 0 * radii, heights], axis=-1)
    scaled = MU0_OVER_4PI / np.linalg.norm(arm, axis=-1)
    units = np.eye(3) * scaled[..., None, None]  # circle, angle, ring, unit, 3
    units = to_cylinder(np.moveaxis(units, 1, -2), offset)
    return units.transpose(0, 3, 4, 1, 2)


def _fit(
    system: Complex[ndarray, "circle m 3 ring 3"],
    target: Complex[ndarray, "circle m 3"],
) -> tuple[Complex[ndarray, "ring m 3"], float]:
    """Solve for the currents of each angular frequency by itself."""
    circles, frequencies, _, count, _ = system.shape
    shape = (3 * circles, 3 * count)
    matrices = [
        np.ascontiguousarray(system[:, m]).reshape(shape) for m in range(frequencies)
    ]
    # The eigenvalues of the smaller product are the squares of the singular values.
    largest = max(
        np.linalg.eigvalsh(np.conj(matrix.T) @ matrix)[-1] for matrix in matrices
    )
    ridge = _RIDGE * np.sqrt(largest) * np.eye(shape[1])
    currents, missed = [], 0.0
    for m, matrix in enumerate(matrices):
        right = target[:, m].reshape(-1)
        q, r = np.linalg.qr(np.concatenate([matrix, ridge]))
        mine = np.linalg.solve(r, np.conj(q[: shape[0]].T) @ right)
        missed += float(np.linalg.norm(matrix @ mine - right)) ** 2
        currents.append(mine.reshape(count, 3))
    return np.stack(currents, axis=1), float(np.sqrt(missed))
