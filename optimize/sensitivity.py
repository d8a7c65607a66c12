"""How far a coil may be off before a placement loses a twentieth of its value."""

from collections.abc import Callable

import equinox as eqx
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .unknowns import ANGLE, LENGTH


LOSS = 0.05

_STEP = 0.02  # Of the differences of gradients, in scaled unknowns.
_ROUNDS = 7
_FARTHEST = 4.0  # In scaled unknowns.


class Sensitivity(eqx.Module):
    """What displacements lose 5% of an optimum's value.

    The direction is the worst one by the Hessian; how far is where the value itself, at
    displaced placements, is 5% lower, or 40 mm and 80° where it is not by then.

    Attributes:
        position: Along the scalp, into the worst direction. [m]
        angle: In the plane of the coil. [rad]
        tilt: About the worst axis, or None where the search did not tilt. [rad]
        loss: The shares lost there, as evaluated: of position, angle and tilt.
        by_hessian: What the Hessian alone gives, in that order. [m], [rad]
        hessian: By position [m], angle and tilts [rad]. [V/m per …]
    """

    position: float
    angle: float
    tilt: float | None
    loss: tuple[float, ...]
    by_hessian: tuple[float, ...]
    hessian: Float[ndarray, "n n"]


def sensitivity_at(
    value_and_gradient: Callable[[ndarray], tuple[ndarray, ndarray]],
    point: Float[ndarray, "n"],
    value: float,
) -> Sensitivity:
    """Measure how fast a function falls off around its maximum.

    Args:
        value_and_gradient: Of any number of points of scaled unknowns.
        point: The maximum.
        value: The function there, not zero.
    """
    count = len(point)
    steps = _STEP * np.concatenate([np.eye(count), -np.eye(count)])
    gradients = value_and_gradient(point + steps)[1]
    hessian = (gradients[:count] - gradients[count:]) / (2 * _STEP)
    hessian = (hessian + hessian.T) / 2
    lost = LOSS * abs(value)
    groups = [slice(0, 2), slice(2, 3)] + ([slice(3, 5)] if count == 5 else [])
    guesses, found, losses = [], [], []
    for group in groups:
        bends, axes = np.linalg.eigh(-hessian[group, group])
        direction = np.zeros(count)
        direction[group] = axes[:, -1]
        guess = np.sqrt(2 * lost / bends[-1]) if bends[-1] > 0 else 1.0
        guesses.append(min(guess, _FARTHEST))
        distance, loss = _reach(
            value_and_gradient, point, direction, value, guesses[-1]
        )
        found.append(distance)
        losses.append(loss)
    units = [LENGTH, ANGLE, ANGLE][: len(groups)]
    scales = np.array([LENGTH, LENGTH, ANGLE, ANGLE, ANGLE])[:count]
    reach = [float(a * b) for a, b in zip(found, units, strict=True)]
    return Sensitivity(
        reach[0],
        reach[1],
        reach[2] if len(reach) > 2 else None,
        tuple(losses),
        tuple(float(a * b) for a, b in zip(guesses, units, strict=True)),
        hessian / np.outer(scales, scales),
    )


def _reach(
    value_and_gradient: Callable,
    point: ndarray,
    direction: ndarray,
    value: float,
    guess: float,
) -> tuple[float, float]:
    """Find where a line through a maximum, to its worse side, has lost the share."""
    ends = np.array([guess, -guess])
    before, shares = ends, np.zeros(2)
    for _ in range(_ROUNDS):
        values = value_and_gradient(point + ends[:, None] * direction)[0]
        shares = (value - values) / abs(value)
        if np.all(np.abs(shares / LOSS - 1) < 1e-3):
            break
        # The root of what is lost grows about as the distance.
        grown = np.sqrt(LOSS / np.maximum(shares, 1e-3 * LOSS))
        ends, before = (
            np.clip(ends * np.clip(grown, 0.3, 3.0), -_FARTHEST, _FARTHEST),
            ends,
        )
    else:
        ends = before
    # Where one side is flat as far as is looked, the other one counts.
    off = np.abs(shares / LOSS - 1)
    nearer = int(np.argmin(np.where(off < 0.05, np.abs(ends), _FARTHEST + off)))
    return float(abs(ends[nearer])), float(shares[nearer])
