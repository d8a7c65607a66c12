"""A tracker that is none: a coil that wanders about a placement, with noise and gaps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True)
class Walk:
    """How a coil wanders.

    Attributes:
        reach: How far it goes from where it begins. [m]
        turn: How far it turns. [rad]
        period: Of the slowest way round. [s]
        noise: Of the tracker, standard deviation of each coordinate. [m]
        dropouts: Share of the time that the tool is not seen.
        gap: How long it is not seen at a time. [s]
        seed: Of all that is random.

    Raises:
        ValueError: A number is out of range.
    """

    reach: float = 15e-3
    turn: float = 0.5
    period: float = 12.0
    noise: float = 0.2e-3
    dropouts: float = 0.02
    gap: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, most in (
            ("reach", 0.1),
            ("turn", np.pi),
            ("noise", 0.01),
            ("dropouts", 0.9),
        ):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(
                    f"`{name}` of a walk must lie between 0 and {most:.4g}, got "
                    f"{getattr(self, name)!r}."
                )
        if not (self.period > 0 and self.gap > 0):
            raise ValueError("`period` and `gap` of a walk must be positive.")


def walk(
    start: Float[ndarray, "4 4"], radius: float, rate: float, how: Walk
) -> Iterator[Float[ndarray, "4 4"] | None]:
    """Let a coil wander about a placement, rolling on a ball that stands for the head.

    Args:
        start: Coil to head, lengths in m.
        radius: Of the ball, whose nearest point the coil's centre is above. [m]
        rate: Poses in a second. [Hz]
        how: It wanders.

    Yields:
        Poses at the rate, without an end; None where the tool is not seen.
    """
    rng = np.random.default_rng(how.seed)
    phases = rng.uniform(0, 2 * np.pi, 3)
    pivot = start[:3, 3] + radius * start[:3, 2]
    length = max(1, round(how.gap * rate))
    chance = how.dropouts / (1 - how.dropouts) / length
    unseen, number = 0, 0
    while True:
        if number and unseen == 0 and rng.random() < chance:
            unseen = length
        if unseen:
            unseen -= 1
            yield None
        else:
            yield _at(start, pivot, number / rate, phases, how, rng)
        number += 1


def _at(start, pivot, time, phases, how: Walk, rng) -> Float[ndarray, "4 4"]:
    angle = 2 * np.pi * time / how.period
    begin = np.sin(phases)
    x, y, spin = (
        np.sin(angle * speed + phase) - first
        for speed, phase, first in zip((1.0, 1.7, 0.6), phases, begin, strict=True)
    )
    size = how.reach / 2 / np.linalg.norm(start[:3, 3] - pivot)
    roll = _rotation(start[:3, 0], size * y) @ _rotation(start[:3, 1], size * x)
    found = np.eye(4)
    turned = _rotation(start[:3, 2], how.turn * spin / 2) @ start[:3, :3]
    found[:3, :3] = roll @ turned
    found[:3, 3] = (
        pivot + roll @ (start[:3, 3] - pivot) + how.noise * rng.normal(size=3)
    )
    return found


def _rotation(axis: Float[ndarray, "3"], angle: float) -> Float[ndarray, "3 3"]:
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
