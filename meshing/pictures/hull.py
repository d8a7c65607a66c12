"""What is drawn of a coil: its casing, or its windings where no casing is known."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class CoilHull:
    """Points of a coil that a picture models its body around.

    Attributes:
        points: In the frame of the coil. [m]
        casing: Whether they are those of a casing; windings get no handle.
    """

    points: Float[ndarray, "point 3"]
    casing: bool = True

    @classmethod
    def around(cls, given: "ArrayLike | CoilHull") -> "CoilHull":
        """Take points as those of a casing, and a hull as it is.

        Raises:
            ValueError: They are no points, or not in metres.
        """
        if isinstance(given, CoilHull):
            return given
        points = np.asarray(given, dtype=float)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
            raise ValueError(f"`coil_points` must be (points, 3), got {points.shape}.")
        if not np.isfinite(points).all() or np.abs(points).max() > 1.0:
            raise ValueError("`coil_points` must be finite and in metres, within 1 m.")
        return cls(points)
