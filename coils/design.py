"""What a commercial coil is made of, and how it is built from that."""

import dataclasses

import numpy as np

from .. import coils


@dataclasses.dataclass(frozen=True)
class Wing:
    """One spiral of a winding.

    Attributes:
        turns: How many.
        inner: Inner diameter, between the edges of the conductor. [m]
        outer: Outer diameter. [m]
        centre: Of the spiral, amid the conductor's height. [m]
        axis: Around which a positive current turns by the right hand.
    """

    turns: int
    inner: float
    outer: float
    centre: tuple[float, float, float]
    axis: tuple[float, float, float]

    def radii(self, width: float) -> np.ndarray:
        """Radii of the turns' middles, for a conductor of that width. [m]"""
        first, last = (self.inner + width) / 2, (self.outer - width) / 2
        return np.linspace(first, last, self.turns)


@dataclasses.dataclass(frozen=True)
class Certainty:
    """How certain the numbers of a design are.

    Each is one of `measured` (fitted to a measured field), `quoted` (repeated as the
    maker's or a paper's, its original not seen) or `assumed` (by analogy with like coils).
    """

    turns: str
    diameters: str
    placement: str
    conductor: str


@dataclasses.dataclass(frozen=True)
class Design:
    """A commercial coil as published.

    Attributes:
        name: How the catalogue calls it.
        title: Maker and model.
        wings: The spirals, in series.
        conductor: Width (along the radius) and height of the wire. [m]
        face: From the middle of the conductor's height to the casing's face. [m]
        casing: How far the casing reaches beyond the winding's outer edge, and its
            thickness. [m]
        max_current_rate: The largest dI/dt published for it, or None. [A/s]
        sources: Where the numbers come from.
        certainty: How sure each of them is.
    """

    name: str
    title: str
    wings: tuple[Wing, ...]
    conductor: tuple[float, float]
    face: float
    casing: tuple[float, float]
    max_current_rate: float | None
    sources: tuple[str, ...]
    certainty: Certainty

    def build(self) -> "coils.Coil":
        """Lay the winding: two filaments per turn, and a casing around it."""
        return coils.build(self)
