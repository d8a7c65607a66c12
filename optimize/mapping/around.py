"""What a mesh does not tell apart: places within half an edge of each other.

Fields of first order are constant in an element, so that those of two places less than a
millimetre apart may differ by a fifth. That neither likelihoods nor samples of the pulses
show.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import KDTree


HALF_AN_EDGE = np.sqrt(3)  # In standard deviations of a place evenly along it.
_TAIL = 3.5  # Standard deviations, beyond which a Gaussian is nothing.


@dataclass(frozen=True, eq=False)
class Around:
    """Places whose fields a mesh does not tell from those of others.

    Attributes:
        positions: [m]
        areas: That each place stands for, of any unit.
        reach: Within which they are. [m]
    """

    positions: Float[ndarray, "place 3"]
    areas: Float[ndarray, "place"]
    reach: float

    def one_of(self, places: Int[ndarray, "draw"], seed: int = 1) -> ndarray:
        """Choose a place within reach of each, by area."""
        if self.reach <= 0:
            return places
        rng, chosen = np.random.default_rng(seed), places.copy()
        tree = KDTree(self.positions)
        for place in np.unique(places):
            near = np.array(tree.query_ball_point(self.positions[place], self.reach))
            of = np.flatnonzero(places == place)
            shares = self.areas[near] / self.areas[near].sum()
            chosen[of] = rng.choice(near, len(of), p=shares)
        return chosen


def spread(
    probability: Float[ndarray, "place"],
    positions: Float[ndarray, "place 3"],
    areas: Float[ndarray, "place"],
    width: float,
) -> Float[ndarray, "place"]:
    """Give what each place has to those around it, as a Gaussian does."""
    if width <= 0:
        return probability
    spread = np.zeros(len(probability))
    giving = np.flatnonzero(probability > 1e-6 * probability.max())
    around = KDTree(positions).query_ball_point(positions[giving], _TAIL * width)
    for place, near in zip(giving, around, strict=True):
        apart = np.linalg.norm(positions[near] - positions[place], axis=1)
        shares = areas[near] * np.exp(-((apart / width) ** 2) / 2)
        spread[near] += probability[place] * shares / shares.sum()
    return spread / spread.sum()
