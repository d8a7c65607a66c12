"""Curves fitted at all places together: Levenberg and Marquardt's method, in one program.

Each place has three or four parameters and as many residuals as there are pulses, so all
places take the same steps at once, each with its own damping [Marquardt 1963,
doi:10.1137/0111030]. Weak guesses of the parameters are residuals as well: where pulses say
nothing of a plateau, it stays near the largest responses. Noise with heavy tails weighs
residuals anew in each step.
"""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from .curves import AbstractCurve, Guess
from .noise import (
    TAILS,
    errors_from_constant,
    errors_of,
    log_likelihood,
    scale_of,
    trust,
)


NOISE = 0.8  # Of logarithms, that a guess is weighed by.
_ABOVE = 4.0  # Times the baseline, that a threshold's response is thought to be.
_ROUNDS = 24
_AGAIN = 8  # From the parameters of a fit that is nearly the same.
_AT_ONCE = 512  # Places: what they take stays in the cache.
_LEAST, _MOST = 1e-6, 1e8  # Damping.
_COMPARED = 128  # Places, by which the tail of the noise is chosen.
_TINY = 1e-12


class Fit(eqx.Module):
    """Curves at places.

    Attributes:
        curve: Of which kind.
        parameters: At each place, of relative fields.
        references: What fields are relative to. [V/m]
        errors: Sums of squared differences of logarithms, as `noise` states them.
        spread: The same without a curve.
        pulses: How many there were.
        response: Whose field is the threshold.
        tail: Of the noise; 0 is normal.
    """

    curve: AbstractCurve
    parameters: Float[ndarray, "place parameter"]
    references: Float[ndarray, "place"]
    errors: Float[ndarray, "place"]
    spread: float
    pulses: int
    response: float
    tail: float = 0.0

    def at(self, places: Int[ndarray, "chosen"]) -> "Fit":
        """Take some of the places."""
        return replace(
            self,
            parameters=self.parameters[places],
            references=self.references[places],
            errors=self.errors[places],
        )

    @property
    def guess_below(self) -> float:
        """Under which logarithm the baseline is thought to be."""
        return _below(self.response)

    @property
    def explained(self) -> Float[ndarray, "place"]:
        """R²: the share of the variance of logarithms that the curve explains.

        With heavy tails that of the likelihood, which for normal noise is the same
        [Cox & Snell's, as Nagelkerke 1991 has it, doi:10.1093/biomet/78.3.691].
        """
        return 1 - self.errors / self.spread

    @property
    def log_likelihood(self) -> Float[ndarray, "place"]:
        """Of the pulses, with the noise that is best at each place, but for a constant."""
        return -self.pulses / 2 * np.log(self.errors / self.pulses)

    @property
    def noise(self) -> Float[ndarray, "place"]:
        """Standard deviation of logarithms about the curve, or that of noise as likely."""
        free = max(self.pulses - self.parameters.shape[1], 1)
        return np.sqrt(self.errors / free)

    @property
    def thresholds(self) -> Float[ndarray, "place"]:
        """The field that evokes `response` in half of the pulses; NaN where none. [V/m]"""
        return fields_for(self.curve, self.parameters, self.references, self.response)


def fit(
    curve: AbstractCurve,
    fields: Float[ndarray, "place pulse"],
    responses: Float[ndarray, "pulse"],
    response: float,
    tail: float = 0.0,
) -> Fit:
    """Fit a curve at each place, by the likelihood of logarithms.

    Args:
        curve: The kind.
        fields: At each place, for each pulse. [V/m]
        responses: Of each pulse, positive.
        response: Whose field is the threshold; it stands out of the baseline.
        tail: Of the noise, of `noise.TAILS`; 0 is normal: least squares.
    """
    logs = np.log(responses)
    references = np.abs(fields).mean(axis=1)
    weights = np.ones(len(logs))
    guess = curve.guess(logs, _below(response))
    relative = _single(fields / references[:, None])
    found, errors = _all(
        *(curve, guess, relative, _single(logs), _single(weights), _single(tail)),
        heavy=tail > 0,
    )
    return Fit(
        *(curve, np.asarray(found, np.float64), references),
        *(np.asarray(errors, np.float64), errors_from_constant(logs, tail)),
        *(len(logs), response, tail),
    )


def tail_of(
    before: Fit,
    fields: Float[ndarray, "place pulse"],
    responses: Float[ndarray, "pulse"],
) -> float:
    """Choose the tail of the noise by the data.

    That whose likelihood is the largest at any of the best places, where it is larger than
    that of normal noise by what one more parameter costs [Akaike 1974,
    doi:10.1109/TAC.1974.1100705].

    Args:
        before: A fit with normal noise.
        fields: As for it. [V/m]
        responses: As for it.
    """
    order = np.argsort(before.errors, kind="stable")[:_COMPARED]
    part = before.at(order)
    ones = np.ones((1, before.pulses))
    found = []
    for tail in TAILS:
        changed = replace(part, tail=tail)
        _, errors = refit(changed, fields[order], responses, ones)
        found.append(float(log_likelihood(errors, before.pulses, tail).max()))
    best = int(np.argmax(found))
    return TAILS[best] if found[best] > found[0] + 1 else 0.0


def _below(response: float) -> float:
    return float(np.log(response / _ABOVE))


def refit(
    before: Fit,
    fields: Float[ndarray, "place pulse"],
    responses: Float[ndarray, "pulse"],
    weights: Float[ndarray, "sample pulse"],
) -> tuple[Float[ndarray, "sample place parameter"], Float[ndarray, "sample place"]]:
    """Fit again with other weights of the pulses, from what was found before.

    Args:
        before: The fit with all weights equal.
        fields: As for it. [V/m]
        responses: As for it.
        weights: Of the pulses in each sample, of mean 1.

    Returns:
        Parameters, and weighted sums of squared differences of logarithms, as `noise`
        states them.
    """
    logs = np.log(responses)
    relative = _single(fields / before.references[:, None])
    found, errors = _again(
        *(
            before.curve,
            before.curve.guess(logs, before.guess_below),
            _single(before.parameters),
        ),
        *(relative, _single(logs), _single(weights), _single(before.tail)),
    )
    return np.asarray(found, np.float64), np.asarray(errors, np.float64)


def predicted(
    curve: AbstractCurve,
    parameters: Float[ndarray, "*batch parameter"],
    fields: Float[ndarray, "*batch pulse"],
) -> Float[ndarray, "*batch pulse"]:
    """Evaluate logarithms of responses to relative fields."""
    flat = parameters.reshape(-1, parameters.shape[-1])
    values = jax.vmap(curve)(_single(flat), _single(fields.reshape(len(flat), -1)))
    return np.asarray(values, np.float64).reshape(fields.shape)


def fields_for(
    curve: AbstractCurve,
    parameters: Float[ndarray, "*batch parameter"],
    references: Float[ndarray, "*batch"],
    response: float,
) -> Float[ndarray, "*batch"]:
    """Find the fields that evoke a response; NaN where none does. [V/m]"""
    flat = jnp.asarray(parameters.reshape(-1, parameters.shape[-1]))
    found = jax.vmap(lambda each: curve.field_for(each, float(np.log(response))))(flat)
    fields = np.asarray(found).reshape(references.shape) * references
    return np.where(fields > 0, fields, np.nan)


def _single(values) -> Float[Array, "..."]:
    return jnp.asarray(values, jnp.float32)


@eqx.filter_jit
def _all(curve, guess: Guess, fields, logs, weights, tail, *, heavy: bool):
    def one(row):
        costs = jax.vmap(
            lambda start: _cost(curve, guess, start, row, logs, weights, tail, heavy)
        )(guess.starts)
        start = guess.starts[jnp.argmin(costs)]
        return _descend(curve, guess, start, row, logs, weights, tail, _ROUNDS)

    return jax.lax.map(one, fields, batch_size=_AT_ONCE)


@eqx.filter_jit
def _again(curve, guess: Guess, parameters, fields, logs, weights, tail):
    def one(sample):
        step = lambda pair: _descend(
            curve, guess, pair[0], pair[1], logs, sample, tail, _AGAIN
        )
        return jax.lax.map(step, (parameters, fields), batch_size=_AT_ONCE)

    return jax.lax.map(one, weights)


def _cost(curve, guess: Guess, parameters, fields, logs, weights, tail, heavy: bool):
    """Rate a start; with heavy tails by a scale of its own."""
    rest = curve(parameters, fields) - logs
    guessed = jnp.sum(_off(guess, parameters) ** 2)
    if not heavy:
        return jnp.sum(weights * rest**2) + guessed
    scale = scale_of(rest, weights, tail, jnp.median(rest**2) + _TINY)
    return errors_of(rest, weights, tail, scale) + guessed


def _off(guess: Guess, parameters):
    return NOISE * (parameters - guess.centre) / guess.width


def _descend(curve, guess: Guess, start, fields, logs, weights, tail, rounds: int):
    """Go down from a start; returns parameters and what is left, without guesses."""
    count, total = len(start), jnp.sum(weights)
    own = (NOISE / guess.width) ** 2

    def step(state, _):
        parameters, rest, scale, damping = state
        slopes = jax.jacfwd(lambda p: curve(p, fields))(parameters)
        trusted = weights * trust(rest, scale, tail)
        weighted = trusted[:, None] * slopes
        matrix = weighted.T @ slopes + jnp.diag(own)
        downhill = weighted.T @ rest + own * (parameters - guess.centre)
        damped = matrix + damping * jnp.diag(jnp.diag(matrix))
        trial = parameters - _solved(damped, downhill, count)
        missed = curve(trial, fields) - logs
        # Of the same trust; to trust anew then makes both more likely still.
        cost = lambda p, left: jnp.sum(trusted * left**2) + jnp.sum(_off(guess, p) ** 2)
        better = cost(trial, missed) < cost(parameters, rest)
        damping = jnp.clip(jnp.where(better, damping / 5, damping * 4), _LEAST, _MOST)
        parameters = jnp.where(better, trial, parameters)
        rest = jnp.where(better, missed, rest)
        scale = jnp.sum(trusted * rest**2) / total + _TINY
        return (parameters, rest, scale, damping), None

    rest = curve(start, fields) - logs
    # Half of the squares are less than this: what a far one does not change.
    scale = jnp.where(tail > 0, jnp.median(rest**2), 1.0) + _TINY
    begin = (start, rest, scale, jnp.asarray(1e-2, start.dtype))
    (found, rest, scale, _), _ = jax.lax.scan(step, begin, None, length=rounds)
    return found, errors_of(rest, weights, tail, scale)


def _solved(matrix, right, count: int):
    """Solve a small positive definite system by its square root, written out.

    Libraries solve one small system after the other; this is arithmetic on all at once.
    """
    low = [[jnp.zeros(()) for _ in range(count)] for _ in range(count)]
    for i in range(count):
        for j in range(i + 1):
            value = matrix[i, j] - sum(low[i][k] * low[j][k] for k in range(j))
            low[i][j] = (
                jnp.sqrt(jnp.maximum(value, 1e-12)) if i == j else value / low[j][j]
            )
    half = []
    for i in range(count):
        half.append((right[i] - sum(low[i][k] * half[k] for k in range(i))) / low[i][i])
    found: list = [None] * count
    for i in reversed(range(count)):
        rest = sum(low[k][i] * found[k] for k in range(i + 1, count))
        found[i] = (half[i] - rest) / low[i][i]
    return jnp.stack(found)
