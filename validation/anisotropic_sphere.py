"""The exact field in a sphere whose layers conduct otherwise along the radius than across.

Of a coil outside, the field in such a sphere is that of an isotropic one (see `sphere`), so
that it cannot show whether a solver treats tensors rightly. The impressed field

    a = z r = r² cos θ r̂,

which no coil has, drives radial currents. With φ = f(r) cos θ and s = σ_t / σ_r of a layer,
∇·σ(a + ∇φ) = 0 is

    r² f'' + 2 r f' - 2 s f = -4 r³,    f = C r³ + Σ c r^ν,    C = -4 / (12 - 2 s),

with both ν = (-1 ± √(1 + 8 s)) / 2, the powers of de Munck 1988 (doi:10.1063/1.341864). The
potential and the radial current are continuous, the latter zero at the outside, and the
potential is finite at the centre.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..meshing import HeadMesh


def impressed_rate(points: Float[ndarray, "point 3"]) -> Float[ndarray, "point 3"]:
    """Evaluate ∂A/∂t = z r at points [m]; here in V/m where lengths are in m."""
    return points[:, 2:] * points


def anisotropic_sphere_field(
    points: Float[ndarray, "point 3"],
    radii: Sequence[float],
    radial: Sequence[float],
    tangential: Sequence[float],
) -> Float[ndarray, "point 3"]:
    """Evaluate the exact E = -∂A/∂t - ∇φ.

    Args:
        points: Inside the sphere around the origin, and not at it. [m]
        radii: Of the layers, from the inside. [m]
        radial: Conductivity of each along the radius. [S/m]
        tangential: Conductivity of each across it. [S/m]

    Returns:
        E for `impressed_rate`. [V/m]

    Raises:
        ValueError: The layers do not fit together, or tangential and radial conductivity
            are as 6 to 1, where another solution holds.
    """
    r_out, along, across = (np.asarray(x, float) for x in (radii, radial, tangential))
    if not len(r_out) == len(along) == len(across) or (np.diff(r_out) <= 0).any():
        raise ValueError("`radii` must grow, with two conductivities for each layer.")
    ratio = across / along
    if np.isclose(ratio, 6).any():
        raise ValueError("`tangential` must not be six times `radial`: resonance.")
    own = -4 / (12 - 2 * ratio)
    powers = (np.array([[-1.0], [1.0]]) * np.sqrt(1 + 8 * ratio) - 1) / 2
    weights = _weights(r_out, along, own, powers)
    r = np.linalg.norm(points, axis=1)
    layer = np.minimum(np.searchsorted(r_out, r), len(r_out) - 1)
    # Scaled by the layer's radius, so that powers neither overflow nor underflow.
    scaled = (r / r_out[layer]) ** powers[:, layer] * weights[:, layer]
    f = own[layer] * r**3 + scaled.sum(axis=0)
    slope = 3 * own[layer] * r**2 + (powers[:, layer] * scaled).sum(axis=0) / r
    unit = points / r[:, None]
    up = np.array([0.0, 0.0, 1.0])
    cosine = unit[:, 2:]
    # ∇(f cos θ) = f' cos θ r̂ + f/r (ẑ - cos θ r̂)
    gradient = slope[:, None] * cosine * unit + (f / r)[:, None] * (up - cosine * unit)
    return -impressed_rate(points) - gradient


def radial_tensors(
    head: HeadMesh, radial: Sequence[float], tangential: Sequence[float]
) -> Float[ndarray, "tet 3 3"]:
    """Make tensors that conduct along the radius of their element's centroid otherwise.

    Args:
        head: Layers around the origin, with the tags 1, 2, … from the inside.
        radial: Conductivity by layer along the radius. [S/m]
        tangential: Conductivity by layer across it. [S/m]
    """
    unit = head.centroids / np.linalg.norm(head.centroids, axis=1, keepdims=True)
    outer = unit[:, :, None] * unit[:, None, :]
    along = np.asarray(radial, float)[head.tags - 1, None, None]
    across = np.asarray(tangential, float)[head.tags - 1, None, None]
    return along * outer + across * (np.eye(3) - outer)


def _weights(
    radii: ndarray, along: ndarray, own: ndarray, powers: ndarray
) -> Float[ndarray, "2 layer"]:
    """Solve for what each layer has of both powers."""
    count = len(radii)
    matrix, rhs = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
    matrix[0, 0] = 1  # Nothing infinite at the centre.
    value = lambda layer, at: (at / radii[layer]) ** powers[:, layer]
    for layer, at in enumerate(radii):
        mine = slice(2 * layer, 2 * layer + 2)
        row = 2 * layer + 1
        current = along[layer] * powers[:, layer] * value(layer, at) / at
        matrix[row, mine] = current
        rhs[row] = -along[layer] * (1 + 3 * own[layer]) * at**2
        if layer + 1 < count:
            next_one = slice(2 * layer + 2, 2 * layer + 4)
            beyond = along[layer + 1] * powers[:, layer + 1] * value(layer + 1, at) / at
            matrix[row, next_one] = -beyond
            rhs[row] += along[layer + 1] * (1 + 3 * own[layer + 1]) * at**2
            matrix[row + 1, mine] = value(layer, at)
            matrix[row + 1, next_one] = -value(layer + 1, at)
            rhs[row + 1] = (own[layer + 1] - own[layer]) * at**3
    scale = np.abs(matrix).max(axis=1)
    return np.linalg.solve(matrix / scale[:, None], rhs / scale).reshape(-1, 2).T
