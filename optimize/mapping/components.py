"""What of the field may be what acts: its size, or its part along or across the cortex."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class PulseFields:
    """The field of pulses at places of the cortex.

    Attributes:
        vectors: E. [V/m]
        normals: Of the cortex, outwards, of length 1.
    """

    vectors: Float[ndarray, "pulse place 3"]
    normals: Float[ndarray, "place 3"]

    @property
    def magnitude(self) -> Float[ndarray, "place pulse"]:
        """|E|. [V/m]"""
        return np.linalg.norm(self.vectors, axis=2).T.astype(float)

    @property
    def inward(self) -> Float[ndarray, "place pulse"]:
        """The component into the cortex; negative where it points outwards. [V/m]"""
        return -np.einsum("ijk,jk->ji", self.vectors, self.normals).astype(float)

    @property
    def outward(self) -> Float[ndarray, "place pulse"]:
        """The component out of the cortex. [V/m]"""
        return -self.inward

    @property
    def tangential(self) -> Float[ndarray, "place pulse"]:
        """The size of what lies along the cortex. [V/m]"""
        return np.sqrt(np.maximum(self.magnitude**2 - self.inward**2, 0.0))
