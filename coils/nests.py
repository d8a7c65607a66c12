"""Coils whose turns are nested on a curved surface, such as the Brainsway H1.

A nest of closed turns is given by two of them, the first and the last: each turn lies
between the two in proportion to its number. A turn is the uniform cubic B-spline around its
corners [de Boor, *A Practical Guide to Splines*, ch. IX], which follows a wire that is bent
around a head with few numbers.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from .. import coils
from .design import Certainty


_PER_CORNER = 6  # Segments of a turn from one corner to the next.

Corners = tuple[tuple[float, float, float], ...]


@dataclasses.dataclass(frozen=True)
class Nest:
    """Closed turns within each other, in the same direction.

    Attributes:
        turns: How many, two or more.
        first: Corners of the first, in the order of the current. [m]
        last: Corners of the last, as many. [m]
    """

    turns: int
    first: Corners
    last: Corners

    def paths(self) -> Float[np.ndarray, "turn step 3"]:
        """Points along each turn, which close. [m]"""
        share = np.linspace(0, 1, self.turns)[:, None, None]
        corners = (1 - share) * np.array(self.first) + share * np.array(self.last)
        t = np.arange(_PER_CORNER)[:, None] / _PER_CORNER
        weights = (
            (1 - t) ** 3 / 6,
            (4 - 6 * t**2 + 3 * t**3) / 6,
            (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6,
            t**3 / 6,
        )
        spans = sum(
            weight * np.roll(corners, 1 - number, axis=1)[:, :, None]
            for number, weight in enumerate(weights)
        )
        return np.asarray(spans).reshape(self.turns, -1, 3)


@dataclasses.dataclass(frozen=True)
class NestedDesign:
    """A commercial coil of nested turns.

    Attributes:
        name: How the catalogue calls it.
        title: Maker and model.
        nests: In series.
        casing: Radius of the padding around each turn. [m]
        max_current_rate: The largest dI/dt stated for it, or None. [A/s]
        sources: Where the numbers come from.
        certainty: How sure each of them is.
    """

    name: str
    title: str
    nests: tuple[Nest, ...]
    casing: float
    max_current_rate: float | None
    sources: tuple[str, ...]
    certainty: Certainty

    def build(self) -> "coils.Coil":
        """Lay the wires, and a padded tube around each."""
        return coils.build(self)


def _metres(*corners: tuple[int, int, int]) -> Corners:
    """Take corners in mm."""
    return tuple((1e-3 * x, 1e-3 * y, 1e-3 * z) for x, y, z in corners)


# Fitted to the field 10 to 60 mm from the wires on the head's side, and loosely to where
# the wires are: those of the design are 8 mm off, in the root mean square.
_OUTERMOST = _metres(
    (42, -125, -91), (73, -135, 56), (99, 42, 24), (11, 10, -43),
    (-85, 32, 10), (-87, 4, 97), (-108, -135, 101), (-129, -121, -100),
)  # fmt: skip
_NARROWEST = _metres(
    (20, -99, -107), (55, -107, 10), (33, -4, -27), (-22, -25, -23),
    (-36, -12, -28), (-78, -3, 17), (-135, -85, -47), (-62, -56, -60),
)  # fmt: skip
_FRONT = _metres(
    (23, -101, -119), (46, -72, -16), (17, -34, -39), (39, 69, 43),
    (-76, 28, 64), (-76, -3, -3), (-100, -76, -102), (-51, -96, -24),
)  # fmt: skip
_INNERMOST = _metres(
    (5, -77, -95), (-11, -52, -16), (-13, -53, -17), (-10, -7, -35),
    (-54, 24, 10), (-66, -57, -33), (-65, -16, -78), (-91, -166, -46),
)  # fmt: skip
BRAINSWAY_H1 = NestedDesign(
    "brainsway-h1", "Brainsway H1",
    (Nest(7, _OUTERMOST, _NARROWEST), Nest(5, _FRONT, _INNERMOST)),
    5e-3, 114.7e6,
    (
        "field of the flexible H1 that comes with SimNIBS, there built from X-ray images "
        "of the coil, to which our turns are fitted; dI/dt limit as in that file",
    ),
    Certainty("measured", "measured", "measured", "assumed"),
)  # fmt: skip
