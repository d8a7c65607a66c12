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

_REASONS = {
    "step": "the next step would be too short to matter",
    "gain": "the next step would gain too little to matter",
    "radius": "no step was found that gains",
    "joined": "another climb is farther up the same hill",
    "steps": "the most steps were taken",
    "interrupted": "interrupted",
}


@dataclass(frozen=True)
class Maxima:
    """Where the climbs ended.

    Attributes:
        points: In scaled unknowns.
        values: Of the function.
        gradients: At the points.
        converged: Whether the climb ended by its tolerance.
        reasons: Why each climb ended.
        evaluations: Of value and gradient together.
        history: The best value so far after each round, for each start.
    """

    points: Float[ndarray, "start n"]
    values: Float[ndarray, "start"]
    gradients: Float[ndarray, "start n"]
    converged: Bool[ndarray, "start"]
    reasons: tuple[str, ...]
    evaluations: Int[ndarray, "start"]
    history: Float[ndarray, "round start"]


def climb(
    value_and_gradient: Callable[[ndarray, ndarray], tuple[ArrayLike, ArrayLike]],
    starts: Float[ndarray, "start n"],
    curvature: Float[ndarray, "n"],
    project: Callable[[ndarray], ndarray] = lambda points: points,
    *,
    scale: float | None = None,
    same: Callable[[ndarray, ndarray], bool] = lambda a, b: False,
    tolerance: float = 1e-3,
    gain: float = 1e-6,
    steps: int = 40,
) -> Maxima:
    """Maximise a function from several starts.

    A trust-region method with symmetric rank-one updates of the Hessian [Nocedal &
    Wright, *Numerical Optimization*, 2nd ed., alg. 6.2], whose eigenvalues are made
    negative so that every step ascends.

    An interruption by the keyboard ends the climbs where they are.

    Args:
        value_and_gradient: Of a batch of points, (start, n), of unknowns scaled to have
            steps of order one, where the second argument, (start,), says that they are
            wanted.
        starts: Where to begin.
        curvature: A first guess of the second derivatives along the unknowns, relative
            to the scale, positive for a maximum.
        project: Of a batch, back into the domain.
        scale: How much the function varies; by default its value at each start.
        same: Whether two points climb the same hill: the lower one then stops.
        tolerance: A step shorter than this is the last.
        gain: And so is one that promises a smaller gain, relative to the scale.
        steps: At most so many.
    """
    x = project(np.array(starts, dtype=np.float64))
    done = np.zeros(len(x), dtype=bool)
    value, gradient = _evaluated(value_and_gradient, x, ~done)
    size = np.abs(value) if scale is None else np.full(len(x), float(scale))
    count = np.ones(len(x), dtype=int)
    radius = np.full(len(x), _FIRST_RADIUS)
    hessian = -size[:, None, None] * np.diag(curvature)
    history = [value]
    reasons = np.full(len(x), _REASONS["steps"], dtype=object)
    while not done.all() and len(history) <= steps:
        new = project(x + _newton_step(gradient, hessian, radius))
        move = new - x
        length = np.linalg.norm(move, axis=1)
        bend = np.einsum("si,sij,sj->s", move, hessian, move)
        predicted = np.einsum("si,si->s", gradient, move) + bend / 2
        try:
            new_value, new_gradient = _evaluated(value_and_gradient, new, ~done)
        except KeyboardInterrupt:
            reasons[~done] = _REASONS["interrupted"]
            break
        count += ~done
        won = new_value - value
        good = (won > 0) & ~done
        fit = won / np.where(predicted > 0, predicted, np.inf)
        _update(hessian, move, new_gradient - gradient, ~done)
        grown = np.where(fit > 0.5, np.minimum(2 * radius, _LARGEST_RADIUS), radius)
        free = length < 0.99 * radius  # Else the radius made it short.
        radius = np.where(good, grown, np.minimum(radius, length) / 2)
        x = np.where(good[:, None], new, x)
        value = np.where(good, new_value, value)
        gradient = np.where(good[:, None], new_gradient, gradient)
        history.append(value)
        for why, ended in (
            ("step", free & (length < tolerance)),
            ("gain", free & (predicted < gain * size)),
            ("radius", radius < 1e-2 * tolerance),
        ):
            reasons[ended & ~done] = _REASONS[why]
            done |= ended
        for index in _joined(x, value, done, same):
            reasons[index], done[index] = _REASONS["joined"], True
    tolerated = [_REASONS[why] for why in ("step", "gain", "radius")]
    return Maxima(
        x,
        value,
        gradient,
        np.isin(reasons.astype(str), tolerated),
        tuple(reasons.tolist()),
        count,
        np.stack(history),
    )


def _joined(
    x: ndarray, value: ndarray, done: ndarray, same: Callable[[ndarray, ndarray], bool]
) -> list[int]:
    """Find the climbs that have come to a hill which another one climbs higher up."""
    return [
        int(index)
        for index in np.flatnonzero(~done)
        if any(
            value[other] > value[index] and same(x[index], x[other])
            for other in range(len(x))
        )
    ]


def _evaluated(
    value_and_gradient: Callable, points: ndarray, active: ndarray
) -> tuple[ndarray, ndarray]:
    value, gradient = (np.asarray(part) for part in value_and_gradient(points, active))
    bad = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1)) & active
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
