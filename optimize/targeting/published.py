"""Coordinates that the literature names: seeds and search regions, in MNI space.

Coordinates marked `as quoted` are taken from citing literature as it is commonly quoted; we
have not checked them against the tables of the original. The seed, the four balls and their
radii are also those of contarg (github.com/nih-fmrif/contarg), which names Cash et al. as
their source.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True)
class Spheres:
    """A union of balls in MNI space.

    Attributes:
        name: By which it is chosen.
        centres: (x, y, z) of each. [mm]
        radius: [mm]
        source: Where it was published.
        checked: Whether we compared the numbers with that source.
    """

    name: str
    centres: tuple[tuple[float, float, float], ...]
    radius: float
    source: str
    checked: bool = False

    def inside(self, points: Float[ndarray, "point 3"]) -> ndarray:
        """Find which points of MNI space [m] lie in it."""
        middles = np.asarray(self.centres) * 1e-3
        apart = np.linalg.norm(points[:, None] - middles[None], axis=2)
        return (apart <= self.radius * 1e-3).any(axis=1)


_FOX_2012 = (
    "Fox et al. 2012, doi:10.1016/j.biopsych.2012.04.028, as quoted, not checked"
)
_FOX_2013 = "Fox et al. 2013, PMC3594474, as quoted, not checked"

SEEDS = {
    "sgACC": Spheres("sgACC", ((6.0, 16.0, -10.0),), 10.0, _FOX_2012),
}
SEARCH_REGIONS = {
    # Brodmann areas 9 and 46, the 5 cm site and F3.
    "left-dlpfc": Spheres(
        "left-dlpfc",
        (
            (-36.0, 39.0, 43.0),
            (-44.0, 40.0, 29.0),
            (-41.0, 16.0, 54.0),
            (-37.0, 26.0, 49.0),
        ),
        20.0,
        _FOX_2013,
    ),
}
