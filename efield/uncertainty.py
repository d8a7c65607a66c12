"""How uncertain a field is when conductivities are: to first order, and by sampling.

Sobol indices show what share of the variance a tissue explains alone (first-order), and
with all its interactions (total) [Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018,
table 2, b and f].
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray
from scipy import special

from ..meshing import Progress
from .conductor import Conductor
from .forward import solve_rate
from .linear import AbstractSolver
from .sensitivity import Summary, field_derivatives, summary_gradient
from .surrogate import FieldSurrogate
from .variables import UncertainTissues, sobol


DRAWS = 1024
_CONFIDENCE = 0.95
_ELEMENTS_AT_ONCE = 8192


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What is known of a result whose inputs are uncertain.

    Arrays have the shape of the result; those by input have one axis more, the first.

    Attributes:
        inputs: What is uncertain.
        mean: Of the result.
        deviation: Its standard deviation.
        low: The lower end of the interval that holds 95%.
        high: The upper end.
        alone: By input: the share of the variance that it explains alone.
        total: By input: the share that it has a part in.
        draws: How many were taken; 0 for first order.
    """

    inputs: tuple[str, ...]
    mean: Float[ndarray, "*result"]
    deviation: Float[ndarray, "*result"]
    low: Float[ndarray, "*result"]
    high: Float[ndarray, "*result"]
    alone: Float[ndarray, "input *result"]
    total: Float[ndarray, "input *result"]
    draws: int

    @property
    def relative(self) -> Float[ndarray, "*result"]:
        """The standard deviation relative to the mean."""
        return np.asarray(self.deviation / np.abs(self.mean))


def first_order(
    conductor: Conductor,
    tissues: UncertainTissues,
    rate: Float[Array, "node 3"],
    summary: Summary,
    *,
    solver: AbstractSolver | None = None,
) -> Uncertainty:
    """Propagate uncertain conductivities by exact derivatives at their means.

    Costs one solve for the field and one adjoint solve where the result is one number,
    and a solve for each tissue where it is many, such as |E| in every element.

    Args:
        conductor: The head, with the conductivity that `tissues` was made with.
        tissues: Its uncertain conductivities.
        rate: ∂A/∂t of the placement at `conductor.nodes`, see `rates`. [V/m]
        summary: A differentiable function of the field's `vectors`, such as
            `lambda field: field.mean_magnitude(target)`.
        solver: As for `solve`.

    Returns:
        Mean, deviation and a normal interval. The mean is the result at the means.

    Raises:
        RuntimeError: The solver failed.
    """
    centre = tissues.at_means(conductor)
    solved = solve_rate(centre, rate[None], solver=solver)
    field = jax.tree.map(lambda x: x[0], solved)
    shape = jax.eval_shape(summary, field).shape
    if shape == ():
        value, gradient = summary_gradient(
            centre, tissues, rate, field, summary, solver=solver
        )
    else:
        slopes = field_derivatives(centre, tissues, rate, field, solver=solver)
        value, forward = jax.linearize(summary, field)
        gradient = jnp.stack(
            [forward(_tangent(field, slopes, i)) for i in range(len(tissues.tags))]
        )
    spread = tissues.deviations.reshape(-1, *[1] * len(shape))
    return _linear(tissues.names, np.asarray(value), np.asarray(gradient) * spread)


def sample(
    surrogate: FieldSurrogate, summary: Summary, draws: int = DRAWS, seed: int = 0
) -> Uncertainty:
    """Propagate uncertain conductivities by drawing them.

    Args:
        surrogate: Of the placement's field; see `FieldSurrogate.within` for summaries of
            a region.
        summary: A function of the field's `vectors`.
        draws: How many. Indices need as many more for each tissue.
        seed: Of the Sobol sequence.
    """
    tissues = surrogate.tissues
    evaluate = lambda shares: surrogate.evaluate(tissues.values_at(shares), summary)
    return sampled(tissues.names, evaluate, draws, seed)


def sampled(
    inputs: tuple[str, ...],
    evaluate: Callable[[Float[ndarray, "draw input"]], Float[ndarray, "draw *result"]],
    draws: int,
    seed: int,
) -> Uncertainty:
    """Propagate independent inputs by drawing them.

    Args:
        inputs: Their names.
        evaluate: A function of the shares at which each input's quantile is taken.
        draws: How many. Indices need as many more for each input, and once more.
        seed: Of the Sobol sequence.
    """
    count = len(inputs)
    shares = sobol(2 * count, draws, seed)
    first, second = shares[:, :count], shares[:, count:]
    a, b = evaluate(first), evaluate(second)
    both = np.concatenate([a, b])
    variance = np.maximum(both.var(axis=0), np.finfo(float).tiny)
    alone, total = [], []
    for index in range(count):
        mixed = first.copy()
        mixed[:, index] = second[:, index]
        other = evaluate(mixed)
        alone.append(np.mean((b - both.mean(axis=0)) * (other - a), axis=0) / variance)
        total.append(np.mean((a - other) ** 2, axis=0) / 2 / variance)
    ends = 50 * (1 - _CONFIDENCE)
    low, high = np.percentile(both, [ends, 100 - ends], axis=0)
    return Uncertainty(
        inputs,
        np.asarray(both.mean(axis=0)),
        np.asarray(both.std(axis=0)),
        np.asarray(low),
        np.asarray(high),
        np.clip(np.stack(alone), 0, 1),
        np.clip(np.stack(total), 0, 1),
        draws,
    )


def sample_magnitude(
    surrogate: FieldSurrogate,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Float[ndarray, "kept"], ...]:
    """Draw conductivities, and find how uncertain |E| is in each element.

    Args:
        surrogate: Of the placement's field.
        draws: How many.
        seed: Of the Sobol sequence.
        progress: Called with the share done and what is being done.

    Returns:
        Mean, standard deviation and both ends of the 95% interval, in each element that
        the surrogate keeps. [V/m]
    """
    tissues = surrogate.tissues
    shares = surrogate.coefficients(tissues.draws(draws, seed))
    ends = 50 * (1 - _CONFIDENCE)
    parts = []
    count = surrogate.vectors.shape[1]
    for start in range(0, count, _ELEMENTS_AT_ONCE):
        block = np.asarray(surrogate.vectors[:, start : start + _ELEMENTS_AT_ONCE])
        drawn = shares @ block.reshape(len(block), -1)
        magnitude = np.linalg.norm(drawn.reshape(len(shares), -1, 3), axis=2)
        low, high = np.percentile(magnitude, [ends, 100 - ends], axis=0)
        parts.append((magnitude.mean(axis=0), magnitude.std(axis=0), low, high))
        if progress is not None:
            progress(min(1.0, (start + len(low)) / count), "|E| of all draws")
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _linear(
    inputs: tuple[str, ...],
    value: Float[ndarray, "*result"],
    effects: Float[ndarray, "input *result"],
) -> Uncertainty:
    """A linear function of independent inputs, by the effect of a deviation of each."""
    variance = np.sum(effects**2, axis=0)
    deviation = np.asarray(np.sqrt(variance))
    shares = effects**2 / np.maximum(variance, np.finfo(float).tiny)
    reach = special.ndtri(0.5 + _CONFIDENCE / 2) * deviation
    return Uncertainty(
        inputs,
        value,
        deviation,
        np.asarray(value - reach),
        np.asarray(value + reach),
        shares,
        shares,
        0,
    )


def _tangent(field, slopes, index: int):
    """The derivative of a field by one tissue, as `jax.linearize` wants it."""
    none = jax.tree.map(
        lambda x: (
            np.zeros(x.shape, jax.dtypes.float0)
            if jnp.issubdtype(x.dtype, jnp.integer)
            else jnp.zeros_like(x)
        ),
        field.report,
    )
    one = jax.tree.map(lambda x: x[index], slopes)
    return type(field)(one.vectors, one.potential, none, one.corners)
