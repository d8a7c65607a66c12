"""Interpolation on a regular grid of vectors: linear, and by cubic B-splines.

The cubic spline interpolates the samples, has two continuous derivatives, and errs by the
fourth power of the spacing up to the faces of the grid: the slope there, which the spline
needs, is taken from six samples [de Boor, *A Practical Guide to Splines*, ch. IV].
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float
from scipy.linalg import solve_banded


# The slope at the first of six equidistant samples.
_SLOPE = np.array([-137 / 60, 5, -5, 10 / 3, -5 / 4, 1 / 5])


def spline_coefficients(
    samples: Float[np.ndarray, "x y z component"],
) -> Float[np.ndarray, "cx cy cz component"]:
    """Coefficients of the cubic B-spline through samples: two more along each axis.

    Raises:
        ValueError: An axis has fewer than six samples.
    """
    if min(samples.shape[:3]) < 6:
        raise ValueError(
            f"a cubic spline needs six samples along each axis, got {samples.shape[:3]}."
        )
    result = np.asarray(samples, dtype=np.float64)
    for axis in range(3):
        result = np.moveaxis(
            _coefficients_along_first(np.moveaxis(result, axis, 0)), 0, axis
        )
    return np.ascontiguousarray(result)


def _coefficients_along_first(samples: np.ndarray) -> np.ndarray:
    count = len(samples)
    right = np.empty((count + 2, *samples.shape[1:]))
    right[1:-1] = samples
    right[0] = np.tensordot(_SLOPE, samples[:6], 1)
    right[-1] = -np.tensordot(_SLOPE, samples[: -(6 + 1) : -1], 1)
    # Rows: c₂/2 - c₀/2 = slope; (c₀ + 4 c₁ + c₂)/6 = sample; ...; the last as the first.
    band = np.zeros((5, count + 2))
    band[1, 2:], band[2, 1:-1], band[3, :-2] = 1 / 6, 4 / 6, 1 / 6
    band[2, 0], band[1, 1], band[0, 2] = -1 / 2, 0, 1 / 2
    band[2, -1], band[3, -2], band[4, -3] = 1 / 2, 0, -1 / 2
    flat = solve_banded((2, 2), band, right.reshape(count + 2, -1))
    return flat.reshape(right.shape)


def linear(
    samples: Float[Array, "x y z component"], places: Float[Array, "point 3"]
) -> Float[Array, "point component"]:
    """Interpolate linearly along each axis.

    Args:
        samples: On the grid.
        places: In units of the spacing from the first sample, inside the grid.
    """
    first, fraction = _cells(places, np.array(samples.shape[:3]) - 2)
    weights = [[1 - f, f] for f in jnp.moveaxis(fraction, 1, 0)]
    return _weighted(samples, first, weights)


@jax.custom_jvp
def cubic(
    coefficients: Float[Array, "cx cy cz component"], places: Float[Array, "point 3"]
) -> Float[Array, "point component"]:
    """Evaluate a cubic spline.

    The derivative keeps nine numbers per point rather than the 64 coefficients each of
    them meets. Coefficients of single precision are added up in the precision of `places`,
    so that the spline stays smooth to that precision.

    Args:
        coefficients: By `spline_coefficients`. Four components are read faster than three.
        places: In units of the spacing from the first sample, inside the grid.
    """
    first, fraction = _cells(places, np.array(coefficients.shape[:3]) - 4)
    # The barrier keeps XLA from computing the weights for each component anew.
    first, weights = jax.lax.optimization_barrier(
        (first, [_basis(f) for f in jnp.moveaxis(fraction, 1, 0)])
    )
    return _weighted(coefficients, first, weights)


def _cubic_jvp(primals, tangents):
    coefficients, places = primals
    change, steps = tangents
    value = cubic(coefficients, places)
    tangent = jnp.zeros_like(value)
    # A zero that is known beforehand saves the derivative by the table, which is slow.
    if not isinstance(change, SymbolicZero):
        tangent = tangent + cubic(change, places)
    if not isinstance(steps, SymbolicZero):
        for axis, slope in enumerate(_cubic_slopes(coefficients, places)):
            tangent = tangent + slope * steps[:, axis, None]
    return value, tangent


cubic.defjvp(_cubic_jvp, symbolic_zeros=True)


def _cubic_slopes(
    coefficients: Float[Array, "cx cy cz component"], places: Float[Array, "point 3"]
) -> list[Float[Array, "point component"]]:
    """Derivatives along each axis of the grid, per spacing."""
    first, fraction = _cells(places, np.array(coefficients.shape[:3]) - 4)
    fractions = jnp.moveaxis(fraction, 1, 0)
    values, slopes = (
        [_basis(f) for f in fractions],
        [_basis_slope(f) for f in fractions],
    )
    # The barrier keeps XLA from sharing the gathered coefficients among the three axes:
    # it would store 64 vectors per point, which costs ten times as much as reading anew.
    return [
        _weighted(
            coefficients,
            *jax.lax.optimization_barrier(
                (first, [slopes[a] if a == axis else values[a] for a in range(3)])
            ),
        )
        for axis in range(3)
    ]


def _cells(places, last: np.ndarray):
    first = jnp.clip(jnp.floor(places), 0, jnp.asarray(last, places.dtype)[None])
    return first.astype(jnp.int32), places - first


def _weighted(table, first, weights) -> Array:
    """Add up the entries around each point; `first` is the lowest of them."""
    _, ny, nz, components = table.shape
    rows = table.reshape(-1, components)
    base = (first[:, 0] * ny + first[:, 1]) * nz + first[:, 2]
    precision = weights[0][0].dtype
    total = jnp.zeros((len(base), components), precision)
    for i, wx in enumerate(weights[0]):
        plane = 0
        for j, wy in enumerate(weights[1]):
            line = 0
            for k, wz in enumerate(weights[2]):
                index = base + ((i * ny + j) * nz + k)
                entry = rows.at[index].get(mode="promise_in_bounds")
                line = line + wz[:, None] * entry.astype(precision)
            plane = plane + wy[:, None] * line
        total = total + wx[:, None] * plane
    return total


def _basis(f):
    return [
        (1 - f) ** 3 / 6,
        (4 - 6 * f**2 + 3 * f**3) / 6,
        (1 + 3 * f + 3 * f**2 - 3 * f**3) / 6,
        f**3 / 6,
    ]


def _basis_slope(f):
    return [
        -((1 - f) ** 2) / 2,
        (3 * f**2 - 4 * f) / 2,
        (1 + 2 * f - 3 * f**2) / 2,
        f**2 / 2,
    ]
