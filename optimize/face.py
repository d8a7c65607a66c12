"""Distances from the scalp to a coil's face, which is what touches a head."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ..coils import AbstractCoil


COVER = 4e-3  # That is taken to cover windings of which no casing is known. [m]
_ROUNDNESS = 70e-3  # Radius of a head where it is rather round. [m]
_PRESSED = 3e-3  # That a coil is pressed on the head, to be lifted until it rests. [m]
_FARTHEST = 0.1  # [m]


@dataclass(frozen=True)
class Face:
    """A distance from the scalp to the nearest point of a coil's face.

    The face is that of the casing. Coils whose file has none end at their windings, and
    something must cover these: a thickness is assumed for it, and results should say so.

    Attributes:
        distance: From the scalp to the face; 0 is contact. [m]
        cover: Assumed over windings that have no casing. [m]

    Raises:
        ValueError: A length is out of range.
    """

    distance: float = 0.0
    cover: float = COVER

    def __post_init__(self) -> None:
        """Check both lengths."""
        for name in ("distance", "cover"):
            value = getattr(self, name)
            if not (np.isfinite(value) and 0 <= value <= _FARTHEST):
                raise ValueError(
                    f"`{name}` of a `Face` must lie between 0 and {_FARTHEST:g} m, got "
                    f"{value!r}."
                )

    def covered(self, coil: AbstractCoil) -> float:
        """What lies between the face and the points that stand for the coil. [m]"""
        return 0.0 if coil.has_casing else self.cover

    def resting(
        self,
        coil: AbstractCoil,
        samples: Float[ndarray, "point 3"],
        clearance: float,
    ) -> tuple[float, float]:
        """Say how a coil comes to rest with its face at the distance.

        Args:
            coil: The coil.
            samples: Of its casing, or of its windings where there is none. [m]
            clearance: That must remain in any case. [m]

        Returns:
            A distance from the scalp to the coil's centre at which the coil is too near,
            so that it is lifted, and the clearance of the samples that it is lifted to.
            [m]
        """
        wanted = max(self.distance, clearance) + self.covered(coil)
        # On a sphere, what lies aside of the coil's axis would touch later.
        aside = np.minimum(np.hypot(samples[:, 0], samples[:, 1]), _ROUNDNESS)
        later = _ROUNDNESS - np.sqrt(_ROUNDNESS**2 - aside**2)
        return float((samples[:, 2] - later).max()) + wanted - _PRESSED, wanted
