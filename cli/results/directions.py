"""Directions in words."""

from jaxtyping import Float
from numpy import ndarray


def in_words(direction: Float[ndarray, "3"]) -> str:
    """Name a direction in the head by its parts that matter, the largest first."""
    sides = (("left", "right"), ("backwards", "forwards"), ("down", "up"))
    parts = sorted(
        (
            (abs(x), names[int(x > 0)])
            for x, names in zip(direction, sides, strict=True)
        ),
        reverse=True,
    )
    return " and ".join(name for size, name in parts if size > 0.38)
