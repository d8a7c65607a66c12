"""Triangles with a uniform charge: their field, potential and flux, in closed form.

A triangle that carries one unit of charge per area, with ε₀ = 1, has at r the field
∫ (r - r')/|r - r'|³ / 4π. With the solid angle Ω of the triangle and the integrals L of
1/|r - r'| along its edges, whose outward normals in the plane are m, this is
(Σ m L - n Ω) / 4π [Wilton et al. 1984, doi:10.1109/TAP.1984.1143304]. Ω is
positive where the normal n points away from r [Van Oosterom & Strackee 1983,
doi:10.1109/TBME.1983.325207, eq. 8].
"""

import functools
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy import ndarray

from ..coils.dipoles import in_blocks


# Degree 5 on a triangle [Radon 1948]: barycentric coordinates and shares of the area.
_FAR, _NEAR = (6 + np.sqrt(15)) / 21, (6 - np.sqrt(15)) / 21
_ORBITS = [
    [1 - 2 * x if i == j else x for i in range(3)]
    for x in (_FAR, _NEAR)
    for j in range(3)
]
SEVEN = np.array([[1 / 3, 1 / 3, 1 / 3], *_ORBITS])
SHARES = np.array(
    [0.225, *3 * [(155 + np.sqrt(15)) / 1200], *3 * [(155 - np.sqrt(15)) / 1200]]
)

# A triangle's four quarters: corners in barycentric coordinates.
_A, _B, _C = np.eye(3)
_QUARTERS = np.array(
    [
        [_A, (_A + _B) / 2, (_A + _C) / 2],
        [_B, (_B + _C) / 2, (_A + _B) / 2],
        [_C, (_A + _C) / 2, (_B + _C) / 2],
        [(_A + _B) / 2, (_B + _C) / 2, (_A + _C) / 2],
    ]
)


@dataclass(frozen=True, eq=False)
class Panels:
    """Flat triangles between media.

    Attributes:
        corners: Such that normals point from `inner` to `outer`. [m]
        inner: Conductivity behind each. [S/m]
        outer: Conductivity before each; 0 outside of the conductor. [S/m]
    """

    corners: Float[ndarray, "panel 3 3"]
    inner: Float[ndarray, "panel"]
    outer: Float[ndarray, "panel"]

    @cached_property
    def areas(self) -> Float[ndarray, "panel"]:
        """[m²]"""
        return np.linalg.norm(self._doubled, axis=1) / 2

    @cached_property
    def normals(self) -> Float[ndarray, "panel 3"]:
        """Unit vectors."""
        return self._doubled / np.linalg.norm(self._doubled, axis=1, keepdims=True)

    @cached_property
    def centres(self) -> Float[ndarray, "panel 3"]:
        """[m]"""
        return self.corners.mean(axis=1)

    @cached_property
    def sizes(self) -> Float[ndarray, "panel"]:
        """Their longest edges. [m]"""
        edges = self.corners - np.roll(self.corners, 1, axis=1)
        return np.linalg.norm(edges, axis=2).max(axis=1)

    @cached_property
    def _doubled(self) -> Float[ndarray, "panel 3"]:
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return np.cross(b - a, c - a)

    def quartered(self, chosen: Bool[ndarray, "panel"]) -> "Panels":
        """Cut some into four; their neighbours need not follow."""
        parts = quarters(self.corners[chosen])
        joined = lambda x, new: np.concatenate([x[~chosen], new])
        return Panels(
            joined(self.corners, parts.reshape(-1, 3, 3)),
            joined(self.inner, np.repeat(self.inner[chosen], 4)),
            joined(self.outer, np.repeat(self.outer[chosen], 4)),
        )


def quarters(corners: Float[ndarray, "*panel 3 3"]) -> Float[ndarray, "*panel 4 3 3"]:
    """Cut triangles along the lines between the middles of their edges. [m]"""
    return np.einsum("qij,...jc->...qic", _QUARTERS, corners)


def solid_angle(
    corners: Float[Array, "3 3"], point: Float[Array, "3"]
) -> Float[Array, ""]:
    """The solid angle of a triangle; 0 in its plane."""
    a, b, c = corners - point[None]
    la, lb, lc = (jnp.sqrt(jnp.dot(x, x)) for x in (a, b, c))
    volume = jnp.dot(a, jnp.cross(b, c))
    rest = la * lb * lc + jnp.dot(a, b) * lc + jnp.dot(a, c) * lb + jnp.dot(b, c) * la
    return 2 * jnp.arctan2(volume, rest)


def _edges(
    corners: Float[Array, "3 3"], point: Float[Array, "3"]
) -> tuple[Float[Array, "3"], Float[Array, "3 3"], Float[Array, "3"]]:
    """The unit normal, and of each edge its outward normal and ∫ 1/|r - r'|."""
    ends = jnp.roll(corners, -1, axis=0)
    along = ends - corners
    lengths = jnp.sqrt(jnp.sum(along**2, axis=1))
    normal = jnp.cross(along[0], along[1])
    normal = normal / jnp.sqrt(jnp.dot(normal, normal))
    outward = jnp.cross(along / lengths[:, None], normal[None])
    far = jnp.sqrt(jnp.sum((corners - point[None]) ** 2, axis=1))
    around = far + jnp.roll(far, -1)
    # Infinite on an edge itself, where no field is asked for.
    return normal, outward, 2 * jnp.arctanh(lengths / around)


def unit_field(
    corners: Float[Array, "3 3"], point: Float[Array, "3"]
) -> Float[Array, "3"]:
    """The field of a triangle with one unit of charge per area."""
    normal, outward, integrals = _edges(corners, point)
    return (integrals @ outward - solid_angle(corners, point) * normal) / (4 * jnp.pi)


def unit_potential(
    corners: Float[Array, "3 3"], point: Float[Array, "3"]
) -> Float[Array, ""]:
    """The potential of a triangle with one unit of charge per area. [m]"""
    normal, outward, integrals = _edges(corners, point)
    towards = corners - point[None]
    height = jnp.dot(normal, towards[0])
    flat = jnp.dot(integrals, jnp.sum(outward * towards, axis=1))
    return (flat - height * solid_angle(corners, point)) / (4 * jnp.pi)


def summed(unit, corners: ndarray, densities: ndarray, points: ndarray) -> ndarray:
    """Sum `unit_field` or `unit_potential` of charged triangles at points.

    Args:
        unit: Which.
        corners: (panel, 3, 3). [m]
        densities: Charge per area of each triangle, over ε₀. [V/m]
        points: (point, 3), on no edge. [m]
    """
    return np.asarray(_summed(unit, *map(jnp.asarray, (corners, densities, points))))


@functools.partial(jax.jit, static_argnums=0)
def _summed(unit, corners: Array, densities: Array, points: Array) -> Array:
    every = jax.vmap(unit, (0, None))
    one = lambda point: jnp.tensordot(densities, every(corners, point), 1)
    return in_blocks(jax.vmap(one), points, 8 * len(corners))


def received(
    corners: Float[ndarray, "panel 3 3"], sources: Float[ndarray, "source point 3"]
) -> Float[ndarray, "source panel"]:
    """Share of what charges send out that passes through triangles, along their normals.

    Args:
        corners: Of the triangles. [m]
        sources: Points over which each charge is spread evenly. [m]
    """
    return np.asarray(_shares(jnp.asarray(corners), jnp.asarray(sources)))


@jax.jit
def _shares(corners: Array, sources: Array) -> Array:
    every = jax.vmap(jax.vmap(solid_angle, (None, 0)), (0, None))
    one = lambda points: jnp.mean(every(corners, points), axis=1) / (4 * jnp.pi)
    return jax.lax.map(one, sources, batch_size=8)


def received_in_pairs(
    corners: Float[ndarray, "pair 3 3"],
    sources: Float[ndarray, "pair point 3"],
    weights: Float[ndarray, "point"],
) -> Float[ndarray, "pair"]:
    """The same for pairs of one triangle and one charge, spread as weights say."""
    found = _pair_shares(*map(jnp.asarray, (corners, sources, weights)))
    return np.asarray(found)


@jax.jit
def _pair_shares(corners: Array, sources: Array, weights: Array) -> Array:
    every = jax.vmap(jax.vmap(solid_angle, (None, 0)))
    return every(corners, sources) @ weights / (4 * jnp.pi)
