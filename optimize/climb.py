"""A quasi-Newton method for few unknowns, from many starts at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike


_FIRST_RADIUS, _LARGEST_RADIUS = 0.7, 1.5  # Of the trust region, in scaled unknowns.
_FLATTEST = 1e-4  # Least curvature, relative to the largest.
_SKIPPED = 1e-8  # Updates whose denominator is relatively smaller are left out.


@dataclass(frozen=True)
class Maxima:
    """Where the climbs ended.

    Attributes:
        points: In scaled unknowns.
        values: Of the function.
        gradients: At the points.
        converged: Whether the climb ended by its tolerance.
        evaluations: Of value and gradient together.
        history: The best value so far after each round, for each start.
    """

    points: Float[ndarray, "start n"]
    values: Float[ndarray, "start"]
    gradients: Float[ndarray, "start n"]
    converged: Bool[ndarray, "start"]
    evaluations: Int[ndarray, "start"]
    history: Float[ndarray, "round start"]


def climb(
    value_and_gradient: Callable[[ndarray], tuple[ArrayLike, ArrayLike]],
    starts: Float[ndarray, "start n"],
    curvature: Float[ndarray, "n"],
    project: Callable[[ndarray], ndarray] = lambda points: points,
    *,
    tolerance: float = 1e-3,
    gain: float = 1e-6,
    steps: int = 40,
) -> Maxima:
    """Maximise a function from several starts.

    A trust-region method with symmetric rank-one updates of the Hessian [Nocedal &
    Wright, *Numerical Optimization*, 2nd ed., alg. 6.2], whose eigenvalues are made
    negative so that every step ascends.

    Args:
        value_and_gradient: Of a batch of points, (start, n), of unknowns scaled to have
            steps of order one.
        starts: Where to begin.
        curvature: A first guess of the second derivatives along the unknowns, relative
            to the value, positive for a maximum.
        project: Of a batch, back into the domain.
        tolerance: A step shorter than this is the last.
        gain: And so is one that promises a smaller relative gain.
        steps: At most so many.
    """
    x = project(np.array(starts, dtype=np.float64))
    value, gradient = _evaluated(value_and_gradient, x)
    count = np.ones(len(x), dtype=int)
    done = np.zeros(len(x), dtype=bool)
    radius = np.full(len(x), _FIRST_RADIUS)
    hessian = -np.abs(value)[:, None, None] * np.diag(curvature)
    history = [value]
    while not done.all() and len(history) <= steps:
        new = project(x + _newton_step(gradient, hessian, radius))
        move = new - x
        length = np.linalg.norm(move, axis=1)
        bend = np.einsum("si,sij,sj->s", move, hessian, move)
        predicted = np.einsum("si,si->s", gradient, move) + bend / 2
        new_value, new_gradient = _evaluated(value_and_gradient, new)
        count += ~done
        won = new_value - value
        good = (won > 0) & ~done
        fit = won / np.where(predicted > 0, predicted, np.inf)
        _update(hessian, move, new_gradient - gradient, ~done)
        grown = np.where(fit > 0.5, np.minimum(2 * radius, _LARGEST_RADIUS), radius)
        free = length < 0.99 * radius  # Else the radius made it short.
        radius = np.where(good, grown, np.minimum(radius, length) / 2)
        small = (length < tolerance) | (predicted < gain * np.abs(value))
        done |= (free & small) | (radius < 1e-2 * tolerance)
        x = np.where(good[:, None], new, x)
        value = np.where(good, new_value, value)
        gradient = np.where(good[:, None], new_gradient, gradient)
        history.append(value)
    return Maxima(x, value, gradient, done, count, np.stack(history))


def _evaluated(
    value_and_gradient: Callable, points: ndarray
) -> tuple[ndarray, ndarray]:
    value, gradient = (np.asarray(part) for part in value_and_gradient(points))
    bad = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1))
    if bad.any():
        raise FloatingPointError(
            f"the objective or its gradient is not finite at {points[bad][0].tolist()} "
            "(scaled unknowns)."
        )
    return value.astype(np.float64), gradient.astype(np.float64)


def _newton_step(gradient: ndarray, hessian: ndarray, radius: ndarray) -> ndarray:
    eigenvalues, axes = np.linalg.eigh(hessian)
    size = np.abs(eigenvalues)
    size = np.maximum(size, _FLATTEST * size.max(axis=1, keepdims=True))
    # A step much longer than the trust region says no more than its direction.
    steep = np.linalg.norm(gradient, axis=1, keepdims=True)
    size = np.maximum(size, np.maximum(1e-6 * steep, np.finfo(float).tiny))
    along = np.einsum("sij,si->sj", axes, gradient) / size
    move = np.einsum("sij,sj->si", axes, along)
    length = np.linalg.norm(move, axis=1)
    return move * np.minimum(1, radius / np.where(length > 0, length, 1))[:, None]


def _update(hessian: ndarray, move: ndarray, change: ndarray, use: ndarray) -> None:
    """Correct Hessians, in place, so that they explain how the gradient changed."""
    rest = change - np.einsum("sij,sj->si", hessian, move)
    size = np.einsum("si,si->s", rest, move)
    length = np.linalg.norm(rest, axis=1)
    use = use & (np.abs(size) > length * np.linalg.norm(move, axis=1) * _SKIPPED)
    # What rounding alone explains is no curvature.
    use &= length > _SKIPPED * np.linalg.norm(change, axis=1)
    outer = rest[:, :, None] * rest[:, None, :]
    hessian += np.where(use, 1 / np.where(use, size, 1), 0)[:, None, None] * outer
