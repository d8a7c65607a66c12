"""Coils whose turns are nested on a curved surface, such as the Brainsway H1.

A nest of closed turns is given by two of them, the first and the last: each turn lies
between the two in proportion to its number. A turn is the uniform cubic B-spline around its
corners [de Boor, *A Practical Guide to Splines*, ch. IX], which follows a wire that is bent
around a head with few numbers.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .coil import Coil
from .design import Certainty
from .wires import StraightSegments


_PER_CORNER = 6  # Segments of a turn from one corner to the next.
_AROUND = 6  # Points around the tube that stands for a turn's casing.

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

    def build(self) -> Coil:
        """Lay the wires, and a padded tube around each."""
        paths = np.concatenate([nest.paths() for nest in self.nests])
        ends = np.roll(paths, -1, axis=1)
        wires = StraightSegments.between(paths.reshape(-1, 3), ends.reshape(-1, 3))
        tubes = [_tube(path, self.casing) for path in paths]
        points = np.concatenate([tube for tube, _ in tubes])
        firsts = np.cumsum([0, *(len(tube) for tube, _ in tubes[:-1])])
        faces = [
            triangles + first
            for (_, triangles), first in zip(tubes, firsts, strict=True)
        ]
        return Coil(
            (wires,),
            jnp.asarray(points),
            self.title,
            self.max_current_rate,
            jnp.asarray(np.concatenate(faces)),
        )


def _tube(path: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Points [m] and triangles of a closed tube around a closed path."""
    along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    outwards = path - path.mean(axis=0)
    across = np.cross(along, outwards)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angles = 2 * np.pi * np.arange(_AROUND) / _AROUND
    rings = path[:, None] + radius * (
        np.cos(angles)[:, None] * across[:, None]
        + np.sin(angles)[:, None] * np.cross(across, along)[:, None]
    )
    here = np.arange(path.shape[0] * _AROUND).reshape(-1, _AROUND)
    beside, ahead = np.roll(here, -1, axis=1), np.roll(here, -1, axis=0)
    across_ahead = np.roll(ahead, -1, axis=1)
    triangles = np.stack(
        [
            np.stack([here, ahead, beside], axis=-1),
            np.stack([ahead, across_ahead, beside], axis=-1),
        ]
    )
    return rings.reshape(-1, 3), triangles.reshape(-1, 3)


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
