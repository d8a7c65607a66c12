"""Nasion, inion and preauricular points of a head, from the template's laid over it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..landmarks import TEMPLATE_FIDUCIALS, Fiducials
from ..scalp import Scalp
from .registering import Alignment


_REACH = (
    10e-3  # Above and below the template's nasion, where this head's is looked for. [m]
)
_STEPS = 41
_FAR = 0.1  # [m]
_DENT = 1e-3  # That a nasion is deep, at least. [m]


@dataclass(frozen=True)
class FoundFiducials:
    """The fiducials of a head.

    Attributes:
        points: On the scalp.
        shifts: How far the scalp lies from where the warped template has each point; a
            large shift is a point to look at. [m]
    """

    points: Fiducials
    shifts: dict[str, float]


def find_fiducials(scalp: Scalp, alignment: Alignment) -> FoundFiducials:
    """Find the fiducials of a head.

    The template's are taken to the head and to its scalp; the nasion goes to the deepest
    point of the dent between nose and forehead where there is one.

    Args:
        scalp: Of the head.
        alignment: Of the template with it.
    """
    points, shifts = {}, {}
    for name, place in vars(TEMPLATE_FIDUCIALS).items():
        moved = 1e-3 * alignment.head_of(1e3 * np.array(place)[None])[0]
        if name == "nasion":
            turn = alignment.matrix[:3, :3]
            moved = _dent(scalp, moved, turn / np.linalg.norm(turn, axis=0))
        nearest = scalp.nearest(moved)
        points[name] = tuple(float(x) for x in nearest)
        shifts[name] = float(np.linalg.norm(nearest - moved))
    return FoundFiducials(Fiducials(**points), shifts)


def _dent(
    scalp: Scalp, start: Float[ndarray, "3"], axes: Float[ndarray, "3 3"]
) -> Float[ndarray, "3"]:
    """The deepest point near another, seen along the way from the back to the front."""
    front, up = axes[:, 1], axes[:, 2]
    heights = np.linspace(-_REACH, _REACH, _STEPS)
    origins = start + _FAR * front + heights[:, None] * up
    hits = scalp.surface.cast(origins, np.broadcast_to(-front, origins.shape))
    if not np.isfinite(hits).all() or (hits > 2 * _FAR).any():
        return start
    share = np.linspace(0, 1, _STEPS)
    depth = hits - ((1 - share) * hits[0] + share * hits[-1])
    deepest = int(depth.argmax())
    if depth[deepest] < _DENT:
        return start
    return origins[deepest] - hits[deepest] * front
