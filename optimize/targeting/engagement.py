"""Whether a map of the person's own, such as of TMS during images, engages the target.

The mean of the map in a ball as large as the target's cluster is ranked among the same
everywhere in the search region. A high rank says that the target lies where the map is
strong; it does not say that the map is due to the stimulation.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

from .clusters import SearchGrid
from .functional import FunctionalTarget


ENGAGED = 0.8  # Share of the region that the target is to exceed. Ours.
_LEAST = 5e-3  # Radius of the balls, at least. [m]


@dataclass(frozen=True, eq=False)
class Engagement:
    """How strong a map is in the target.

    Attributes:
        name: Of the map.
        mean: In the ball about the target.
        rank: Share of the search region whose balls have less.
        strongest: Where the ball of the largest mean is. [m]
        distance: From there to the target. [m]
        radius: Of the balls. [m]
    """

    name: str
    mean: float
    rank: float
    strongest: Float[ndarray, "3"]
    distance: float
    radius: float

    @property
    def engaged(self) -> bool:
        """Whether the target is among the strongest fifth of the region."""
        return self.rank >= ENGAGED


def engagement(
    values: Float[ndarray, "voxel"],
    target: FunctionalTarget,
    grid: SearchGrid,
    name: str,
) -> Engagement:
    """Rank a map in the target among the places of the search region.

    Args:
        values: Of the map, at every voxel of the mask; what responds is positive.
        target: That is checked.
        grid: Of the search region.
        name: Of the map, for messages.

    Raises:
        ValueError: The map is not finite, or the same everywhere in the region.
    """
    here = values[grid.region]
    if not np.isfinite(here).all() or np.ptp(here) == 0:
        raise ValueError(
            f"{name}: the map is the same or not finite all over the search region: is it "
            "in the space of the images?"
        )
    volume = len(target.cluster) * float(np.prod(grid.spacing))
    radius = max((3 * volume / (4 * np.pi)) ** (1 / 3), _LEAST)
    tree = KDTree(grid.positions)
    near = tree.query_ball_point(grid.positions, radius)
    means = np.array([here[each].mean() for each in near])
    mean = float(here[tree.query_ball_point(_within(target, tree), radius)].mean())
    best = int(np.argmax(means))
    apart = float(np.linalg.norm(grid.positions[best] - target.centre))
    rank = float((means < mean).mean())
    return Engagement(name, mean, rank, grid.positions[best], apart, float(radius))


def _within(target: FunctionalTarget, tree: KDTree) -> Float[ndarray, "3"]:
    """The voxel of the region that is nearest to the target's centre."""
    return np.asarray(tree.data)[int(tree.query(target.centre)[1])]
