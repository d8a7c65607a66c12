"""The exact potential of a current dipole in a sphere of layers, and its field outside.

By reciprocity these are what a coil and what electrodes would do at the dipole's place. In
the innermost layer, isotropic with σ, the potential of the moment q at r₀ beyond r₀ is

    φ = Σₙ Yₙ fₙ(r),    Yₙ = q·(n Pₙ r̂₀ + Pₙ' (r̂ - cos γ r̂₀)),
    fₙ = r₀ⁿ⁻¹ / (4π σ) r⁻ⁿ⁻¹ + aₙ rⁿ,

from 1/|r - r₀| = Σ r₀ⁿ / rⁿ⁺¹ Pₙ(cos γ) [Jackson, *Classical Electrodynamics*, 3rd ed., eq.
3.38]. In the layers around it fₙ has the powers (-1 ± √(1 + 4 n (n+1) σ_t/σ_r)) / 2
[de Munck 1988, doi:10.1063/1.341864]. Potential and radial current are continuous, the
latter zero outside. The magnetic field outside does not depend on the layers [Sarvas 1987,
doi:10.1088/0031-9155/32/1/004, eq. 25].
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils.dipoles import MU0_OVER_4PI


_SMALLEST = 1e-17  # Of (r₀ / r)ⁿ, where the sum ends.
_MOST_TERMS = 2000


def layered_potential(
    points: Float[ndarray, "point 3"],
    position: Float[ndarray, "3"],
    moment: Float[ndarray, "3"],
    radii: Sequence[float],
    radial: Sequence[float],
    tangential: Sequence[float] | None = None,
) -> Float[ndarray, "point"]:
    """Evaluate the potential of a current dipole in the innermost of concentric layers.

    Args:
        points: Within the sphere, farther from the centre than the dipole. [m]
        position: Of the dipole, not at the centre. [m]
        moment: [A m]
        radii: Of the layers, from the inside. [m]
        radial: Conductivity of each along the radius. [S/m]
        tangential: Conductivity of each across it, the same by default; the innermost must
            be isotropic. [S/m]

    Returns:
        φ, of zero mean over any sphere around the dipole. [V]

    Raises:
        ValueError: The layers do not fit together, the dipole is not in the innermost, or
            a point is not beyond it.
    """
    outer, along = np.asarray(radii, float), np.asarray(radial, float)
    across = along if tangential is None else np.asarray(tangential, float)
    r0, r = float(np.linalg.norm(position)), np.linalg.norm(points, axis=1)
    _check(outer, along, across, r0, r)
    degrees = np.arange(1, _terms(r0, min(r.min(), outer[0])) + 1)
    layer = np.minimum(np.searchsorted(outer, r), len(outer) - 1)
    from_centre, unit = position / r0, points / r[:, None]
    cosine = np.clip(unit @ from_centre, -1, 1)
    radially, tangentially = moment @ from_centre, unit @ moment
    tangentially = tangentially - cosine * radially
    powers = _powers(degrees, along, across)
    weights = _weights(degrees, outer, along, powers, r0)
    powers[:, 0, 0] = 0.0  # Without a weight, but it might overflow.
    own = np.where(layer == 0, 1 / (4 * np.pi * along[0] * r**2), 0.0)
    total = np.zeros(len(points))
    before, value, slope_before, slope = np.ones_like(cosine), cosine, 0 * cosine, 1.0
    for i, n in enumerate(degrees):
        scaled = (r / outer[layer]) ** powers[i][:, layer] * weights[i][:, layer]
        shape = n * value * radially + slope * tangentially
        total += shape * (scaled.sum(axis=0) + own * (r0 / r) ** (n - 1))
        # (n+1) Pₙ₊₁ = (2n+1) x Pₙ - n Pₙ₋₁,  Pₙ₊₁' = Pₙ₋₁' + (2n+1) Pₙ
        following = ((2 * n + 1) * cosine * value - n * before) / (n + 1)
        slope_before, slope = slope, slope_before + (2 * n + 1) * value
        before, value = value, following
    return total


def field_outside(
    points: Float[ndarray, "point 3"],
    position: Float[ndarray, "3"],
    moment: Float[ndarray, "3"],
) -> Float[ndarray, "point 3"]:
    """Evaluate the magnetic field of a current dipole in any sphere, outside of it.

    With a = p - r₀ and Sarvas' F = |a| (|p| |a| + p·a), B = μ₀/4π [F q×r₀ - (q×r₀·p)
    ∇F] / F².

    Args:
        points: Outside the sphere around the origin. [m]
        position: Of the dipole. [m]
        moment: [A m]

    Returns:
        B. [T]
    """
    a = points - position
    far, near = (np.linalg.norm(v, axis=1, keepdims=True) for v in (points, a))
    dot = np.sum(points * a, axis=1, keepdims=True)
    f = near * (far * near + dot)
    slope = (near**2 / far + dot / near + 2 * near + 2 * far) * points
    slope = slope - (near + 2 * far + dot / near) * position
    turned = np.cross(moment, position)
    return MU0_OVER_4PI * (f * turned - (points @ turned)[:, None] * slope) / f**2


def _check(
    outer: ndarray, along: ndarray, across: ndarray, dipole: float, points: ndarray
) -> None:
    if not len(outer) == len(along) == len(across) or (np.diff(outer) <= 0).any():
        raise ValueError("`radii` must grow, with conductivities for each layer.")
    if along[0] != across[0]:
        raise ValueError("the innermost layer must be isotropic.")
    if not 0 < dipole < outer[0]:
        raise ValueError(
            "`position` must lie in the innermost layer and not at the centre, got "
            f"{dipole * 1e3:.4g} mm from it."
        )
    if not points.min(initial=np.inf) > dipole:
        raise ValueError(
            f"a point is {points.min() * 1e3:.4g} mm from the centre and the dipole "
            f"{dipole * 1e3:.4g} mm: all points must be farther."
        )


def _terms(dipole: float, nearest: float) -> int:
    return min(_MOST_TERMS, int(np.log(_SMALLEST) / np.log(dipole / nearest)) + 1)


def _powers(
    degrees: ndarray, along: ndarray, across: ndarray
) -> Float[ndarray, "degree 2 layer"]:
    n = degrees[:, None] * (degrees[:, None] + 1.0)
    root = np.sqrt(1 + 4 * n * (across / along)[None])
    return np.stack([(-1 - root) / 2, (-1 + root) / 2], axis=1)


def _weights(
    degrees: ndarray, outer: ndarray, along: ndarray, powers: ndarray, dipole: float
) -> Float[ndarray, "degree 2 layer"]:
    """Solve for what each layer has of both powers of r over its radius."""
    count = len(outer)
    found = np.zeros((len(degrees), 2, count))
    for i, n in enumerate(degrees):
        matrix, rhs = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
        matrix[0, 0] = 1.0
        rhs[0] = (dipole / outer[0]) ** (n - 1) / (4 * np.pi * along[0] * outer[0] ** 2)
        for layer, at in enumerate(outer):
            mine, row = slice(2 * layer, 2 * layer + 2), 2 * layer + 1
            matrix[row, mine] = along[layer] * powers[i, :, layer]
            if layer + 1 == count:
                continue
            theirs = slice(2 * layer + 2, 2 * layer + 4)
            beyond = (at / outer[layer + 1]) ** powers[i, :, layer + 1]
            matrix[row, theirs] = -along[layer + 1] * powers[i, :, layer + 1] * beyond
            matrix[row + 1, mine], matrix[row + 1, theirs] = 1.0, -beyond
        scale = np.abs(matrix).max(axis=1)
        solved = np.linalg.solve(matrix / scale[:, None], rhs / scale)
        found[i] = solved.reshape(-1, 2).T
        found[i, 0, 0] = 0.0  # The dipole's own part is added by itself.
    return found
