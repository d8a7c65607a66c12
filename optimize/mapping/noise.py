"""Noise of logarithms about a curve: normal, or with the heavier tails of Student's t.

A tail is the inverse of the degrees of freedom: 0 is normal, 1/2 Student's t with two of
them. Curves are fitted to either by least squares whose weights follow from the residuals
[Lange, Little & Taylor 1989, doi:10.1080/01621459.1989.10478852].

What a fit leaves is stated as a sum of squares: that of normal noise as likely as the
residuals are, but for a constant of each tail. For a tail of 0 it is the sum of squares.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray
from scipy.special import gammaln


#: Which are compared with the data: normal, and 8, 4 and 2 degrees of freedom.
TAILS = (0.0, 0.125, 0.25, 0.5)
_SETTLED = 12  # Rounds after which a scale changes no more.
_ALONE = 40  # The same, of a constant and its scale.
_TINY = 1e-12


def trust(
    rest: Float[Array, "*pulse"], scale: Float[Array, ""], tail: Float[Array, ""]
) -> Float[Array, "*pulse"]:
    """Weigh residuals, so that least squares find what is most likely.

    Args:
        rest: Residuals.
        scale: Squared, of the noise.
        tail: Of the noise.
    """
    return (1 + tail) / (1 + tail * rest**2 / scale)


def scale_of(
    rest: Float[Array, "pulse"],
    weights: Float[Array, "pulse"],
    tail: Float[Array, ""],
    begin: Float[Array, ""],
) -> Float[Array, ""]:
    """Find the squared scale of noise that makes residuals most likely."""
    total = jnp.sum(weights)

    def again(_, scale):
        return jnp.sum(weights * trust(rest, scale, tail) * rest**2) / total

    return jax.lax.fori_loop(0, _SETTLED, again, begin)


def errors_of(
    rest: Float[Array, "pulse"],
    weights: Float[Array, "pulse"],
    tail: Float[Array, ""],
    scale: Float[Array, ""],
) -> Float[Array, ""]:
    """State residuals as a sum of squares, as this module's head says."""
    total = jnp.sum(weights)
    some = jnp.maximum(tail, 1e-6)
    logs = jnp.sum(weights * jnp.log1p(some * rest**2 / scale)) / total
    heavy = total * scale * jnp.exp(logs * (1 + some) / some - 1)
    return jnp.where(tail > 0, heavy, jnp.sum(weights * rest**2))


def errors_from_constant(logs: Float[ndarray, "pulse"], tail: float) -> float:
    """State what is left of logarithms without a curve, as a sum of squares."""
    middle, scale = float(np.median(logs)), float(np.var(logs)) + _TINY
    for _ in range(_ALONE):
        weights = (1 + tail) / (1 + tail * (logs - middle) ** 2 / scale)
        middle = float(weights @ logs / weights.sum())
        scale = float(weights @ (logs - middle) ** 2 / len(logs)) + _TINY
    return float(errors_alone(logs - middle, tail))


def errors_alone(
    rest: Float[ndarray, "*place pulse"], tail: float
) -> Float[ndarray, "*place"]:
    """State residuals as a sum of squares, with the scale that suits them."""
    if tail == 0:
        return np.asarray((rest**2).sum(axis=-1))
    square = rest**2
    scale = np.median(square, axis=-1, keepdims=True) + _TINY
    for _ in range(_ALONE):
        weighted = square * (1 + tail) / (1 + tail * square / scale)
        scale = weighted.mean(axis=-1, keepdims=True) + _TINY
    logs = np.log1p(tail * square / scale).mean(axis=-1)
    mean = scale[..., 0] * np.exp(logs * (1 + tail) / tail - 1)
    return np.asarray(square.shape[-1] * mean)


def log_likelihood(
    errors: Float[ndarray, "*place"], count: int, tail: float
) -> Float[ndarray, "*place"]:
    """Give the logarithm of the likelihood, with the constant that tails differ by."""
    if tail == 0:
        constant = -0.5 * np.log(2 * np.pi)
    else:
        free = 1 / tail
        constant = gammaln((free + 1) / 2) - gammaln(free / 2)
        constant -= 0.5 * np.log(free * np.pi)
    return np.asarray(count * (constant - 0.5 * (np.log(errors / count) + 1)))
