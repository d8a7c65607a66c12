"""The best placement whose handle keeps to a rule, or comes as near as is worth it."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import Pose
from .batches import batched_derivatives, batched_poses
from .climb import Maxima
from .handle import Handle, handle_angle, sides, wrapped
from .problem import Problem
from .unknowns import ANGLE


# The scalp's triangles may turn a coil a little, and change its value a little.
_MARGIN = np.radians(2.0)
_SLACK = 5e-4  # Of the best value.
_ROUNDS = 6  # To halve what a handle is beyond the rule: to 3° of 180.

Climb = Callable[
    [Float[ndarray, "start n"], Callable[[ndarray], ndarray]],
    Maxima,
]


def preferred(
    problem: Problem, maxima: Maxima, handle: Handle, climb: Climb, size: int
) -> tuple[Maxima, int]:
    """Climb again, with the handle held to a rule.

    Where no placement within the rule is worth enough, the rule is widened until one is:
    so the handle is as near to it as the share that may be given up allows.

    Args:
        problem: The objective over places.
        maxima: Where the free climbs ended.
        handle: The rule.
        climb: From starts, and with what brings points back into a window of angles.
        size: Of the batches for which the problem is compiled.

    Returns:
        Where the climbs ended, and which of them is the best; it may be that of a free
        climb, where nothing else is worth enough.
    """
    best = float(maxima.values.max())
    floor = best - (handle.cost - min(_SLACK, handle.cost / 2)) * abs(best)
    starts = _either_way(problem, maxima, size)
    narrow = max(handle.within - _MARGIN, 0.0)

    def held(beyond: float) -> Maxima:
        low, high = _window(problem, starts, handle.angle, narrow + beyond, size)
        return climb(starts, _clipped(low, high))

    found = held(0.0)
    if found.values.max() >= floor:
        return found, int(np.argmax(found.values))
    least, most = 0.0, np.pi - narrow
    found = maxima
    for _ in range(_ROUNDS):
        middle = (least + most) / 2
        tried = held(middle)
        if tried.values.max() >= floor:
            most, found = middle, tried
        else:
            least = middle
    return found, int(np.argmax(found.values))


def _either_way(
    problem: Problem, maxima: Maxima, size: int
) -> Float[ndarray, "size n"]:
    """The best ends of the climbs, each as it is and with the coil turned round."""
    order = np.argsort(-maxima.values, kind="stable")
    there = maxima.points[order]
    round_ = there.copy()
    round_[:, 2] += np.pi / ANGLE
    every = np.stack([there, round_], axis=1).reshape(-1, there.shape[1])
    values, _ = batched_derivatives(problem, every, size)
    # The best one in both ways, whatever the other is worth: a sign may matter.
    rest = 2 + np.argsort(-values[2:], kind="stable")
    chosen = np.concatenate([[0, 1], rest])
    return every[np.resize(chosen, size)]


def _window(
    problem: Problem,
    points: Float[ndarray, "start n"],
    angle: float,
    within: float,
    size: int,
) -> tuple[Float[ndarray, "start"], Float[ndarray, "start"]]:
    """The lowest and highest scaled angles at which each start keeps to a rule."""
    near = batched_poses(problem, points, size)
    ends = np.array(
        [
            _ends(Pose(rotation, translation), angle, within)
            for rotation, translation in zip(
                np.asarray(near.rotation), np.asarray(near.translation), strict=True
            )
        ]
    )
    low, high = (points[:, 2] + turn / ANGLE for turn in ends.T)
    return low, high


def _ends(pose: Pose, angle: float, within: float) -> tuple[float, float]:
    """From where to where a coil may be turned about its axis. [rad]"""
    found = handle_angle(np.asarray(pose.rotation))
    off = {
        side: wrapped(side * found - angle)
        for side in sides(np.asarray(pose.translation))
    }
    side = min(off, key=lambda each: abs(off[each]))
    # Right-handed about the coil's axis, a turn takes the handle to the left.
    turns = [-side * (end - off[side]) for end in (-within, within)]
    return min(turns), max(turns)


def _clipped(
    low: Float[ndarray, "start"], high: Float[ndarray, "start"]
) -> Callable[[ndarray], ndarray]:
    def clip(points: ndarray) -> ndarray:
        kept = points.copy()
        kept[:, 2] = np.clip(points[:, 2], low, high)
        return kept

    return clip
