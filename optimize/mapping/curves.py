"""Recruitment curves: how a response grows with the field at a place.

A response is a size, such as the amplitude of a motor evoked potential from peak to peak;
its logarithm varies about that of the curve by about as much everywhere, as responses vary
by a factor. Fields are relative to a reference, such as their mean over the pulses, so that
one guess serves all places; parameters are logarithms, so that they stay positive.

The sigmoid is that of Kukke et al. 2014 (doi:10.1109/TNSRE.2014.2307096) as Numssen et al.
2021 (doi:10.1016/j.neuroimage.2021.118654) regress it on fields, with a baseline.
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.nn import log_sigmoid, sigmoid, softplus
from jaxtyping import Array, Float
from numpy import ndarray


_KNEE = 0.02  # Over which a line leaves its baseline, in relative fields.
_LOW, _HIGH = 0.05, 0.95  # Quantiles of responses that stand for baseline and plateau.
_MIDDLES = (0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.2)
_STEEPNESS = (4.0, 10.0, 25.0)


class Guess(eqx.Module):
    """What is thought of parameters before a fit, weakly.

    Attributes:
        centre: Of each parameter.
        width: Its standard deviation.
        starts: Where fits may begin.
    """

    centre: Float[Array, "parameter"]
    width: Float[Array, "parameter"]
    starts: Float[Array, "start parameter"]


class AbstractCurve(eqx.Module):
    """The logarithm of the response, as a function of parameters and relative field.

    Attributes:
        name: In words.
        names: Of the parameters.
    """

    name: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def __call__(
        self, parameters: Float[Array, "parameter"], field: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Evaluate the logarithm of the response."""

    @abc.abstractmethod
    def guess(self, logs: Float[ndarray, "pulse"], below: float) -> Guess:
        """Guess parameters from logarithms of responses, with a baseline below one."""

    @abc.abstractmethod
    def field_for(
        self, parameters: Float[Array, "parameter"], log: float
    ) -> Float[Array, ""]:
        """Find the relative field of a response; NaN where no field has it."""


class Linear(AbstractCurve):
    """A baseline, and a straight line from a field on."""

    name: ClassVar[str] = "linear"
    names: ClassVar[tuple[str, ...]] = ("baseline", "slope", "onset")

    def __call__(
        self, parameters: Float[Array, "parameter"], field: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Evaluate the logarithm of the response."""
        base, slope, onset = parameters
        above = _KNEE * softplus((field - jnp.exp(onset)) / _KNEE)
        return jnp.logaddexp(base, slope + jnp.log(above + 1e-30))

    def guess(self, logs: Float[ndarray, "pulse"], below: float) -> Guess:
        """Guess parameters from logarithms of responses, with a baseline below one."""
        low, high = _ends(logs, below)
        starts = [(low, high, np.log(m)) for m in (0.05, *_MIDDLES)]
        return _guess((low, high, 0.0), (0.7, 2.0, 1.0), starts)

    def field_for(
        self, parameters: Float[Array, "parameter"], log: float
    ) -> Float[Array, ""]:
        """Find the relative field of a response; NaN where no field has it."""
        base, slope, onset = parameters
        above = (jnp.exp(log - slope) - jnp.exp(base - slope)) / _KNEE
        good = above > 0
        height = jnp.where(good, above, 1.0)
        beyond = height + jnp.log(-jnp.expm1(-height))  # The inverse of softplus.
        return jnp.where(good, jnp.exp(onset) + _KNEE * beyond, jnp.nan)


class Exponential(AbstractCurve):
    """A baseline, and a growth by the same factor for each V/m."""

    name: ClassVar[str] = "exponential"
    names: ClassVar[tuple[str, ...]] = ("baseline", "at reference", "growth")

    def __call__(
        self, parameters: Float[Array, "parameter"], field: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Evaluate the logarithm of the response."""
        base, scale, growth = parameters
        return jnp.logaddexp(base, scale + jnp.exp(growth) * (field - 1))

    def guess(self, logs: Float[ndarray, "pulse"], below: float) -> Guess:
        """Guess parameters from logarithms of responses, with a baseline below one."""
        low, high = _ends(logs, below)
        middle = float(np.median(logs))
        starts = [
            (low, level, np.log(growth))
            for level in (low, middle, high)
            for growth in (1.0, 3.0, 10.0)
        ]
        return _guess((low, middle, np.log(3.0)), (0.7, 2.0, 1.0), starts)

    def field_for(
        self, parameters: Float[Array, "parameter"], log: float
    ) -> Float[Array, ""]:
        """Find the relative field of a response; NaN where no field has it."""
        base, scale, growth = parameters
        above = jnp.exp(log) - jnp.exp(base)
        found = 1 + (jnp.log(jnp.maximum(above, 1e-300)) - scale) / jnp.exp(growth)
        return jnp.where(above > 0, found, jnp.nan)


class Sigmoid(AbstractCurve):
    """A baseline, and a growth that saturates.

    y = baseline + amplitude / (1 + exp(-steepness (field / middle - 1))).
    """

    name: ClassVar[str] = "sigmoid"
    names: ClassVar[tuple[str, ...]] = ("baseline", "amplitude", "middle", "steepness")

    def __call__(
        self, parameters: Float[Array, "parameter"], field: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Evaluate the logarithm of the response."""
        base, amplitude, middle, steepness = parameters
        exponent = jnp.exp(steepness) * (field * jnp.exp(-middle) - 1)
        return jnp.logaddexp(base, amplitude + log_sigmoid(exponent))

    def guess(self, logs: Float[ndarray, "pulse"], below: float) -> Guess:
        """Guess parameters from logarithms of responses, with a baseline below one."""
        return _sigmoid_guess(logs, below)

    def field_for(
        self, parameters: Float[Array, "parameter"], log: float
    ) -> Float[Array, ""]:
        """Find the relative field of a response; NaN where no field has it."""
        base, amplitude, middle, steepness = parameters
        share = (jnp.exp(log) - jnp.exp(base)) / jnp.exp(amplitude)
        return _of_share(share, middle, steepness)


class LogSigmoid(AbstractCurve):
    """A sigmoid of the logarithm, from the baseline to the plateau.

    So Goetz et al. 2014 (doi:10.1016/j.brs.2014.03.002) describe motor evoked potentials;
    the plateau is baseline + amplitude.
    """

    name: ClassVar[str] = "sigmoid of the logarithm"
    names: ClassVar[tuple[str, ...]] = Sigmoid.names

    def __call__(
        self, parameters: Float[Array, "parameter"], field: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Evaluate the logarithm of the response."""
        base, amplitude, middle, steepness = parameters
        exponent = jnp.exp(steepness) * (field * jnp.exp(-middle) - 1)
        return base + softplus(amplitude - base) * sigmoid(exponent)

    def guess(self, logs: Float[ndarray, "pulse"], below: float) -> Guess:
        """Guess parameters from logarithms of responses, with a baseline below one."""
        return _sigmoid_guess(logs, below)

    def field_for(
        self, parameters: Float[Array, "parameter"], log: float
    ) -> Float[Array, ""]:
        """Find the relative field of a response; NaN where no field has it."""
        base, amplitude, middle, steepness = parameters
        share = (log - base) / softplus(amplitude - base)
        return _of_share(share, middle, steepness)


def _of_share(
    share: Float[Array, ""], middle: Float[Array, ""], steepness: Float[Array, ""]
) -> Float[Array, ""]:
    """Find the relative field at which a sigmoid has a share of its amplitude."""
    good = (share > 0) & (share < 1)
    inside = jnp.where(good, share, 0.5)
    place = 1 + (jnp.log(inside) - jnp.log1p(-inside)) * jnp.exp(-steepness)
    return jnp.where(good, jnp.exp(middle) * place, jnp.nan)


def _sigmoid_guess(logs: Float[ndarray, "pulse"], below: float) -> Guess:
    low, high = _ends(logs, below)
    starts = [(low, high, np.log(m), np.log(k)) for m in _MIDDLES for k in _STEEPNESS]
    return _guess((low, high, 0.0, np.log(10.0)), (0.7, 1.0, 1.0, 0.8), starts)


def _ends(logs: Float[ndarray, "pulse"], below: float) -> tuple[float, float]:
    low, high = np.quantile(logs, (_LOW, _HIGH))
    return float(min(low, below)), float(high)


def _guess(centre, width, starts) -> Guess:
    return Guess(
        *(jnp.asarray(each, dtype=jnp.float32) for each in (centre, width, starts))
    )
