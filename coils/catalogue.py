"""Commercial coils by name, built from published dimensions of their windings.

A published winding is a number of turns between an inner and an outer diameter; the turns
are laid as circles, evenly between the two. Each design says where its numbers come from
and how certain they are. The frame is that of `Pose`, with the origin on the casing's
lower face.
"""

import dataclasses
import difflib

import jax.numpy as jnp
import numpy as np
from scipy.spatial import ConvexHull

from .coil import Coil
from .loops import CircularTurns


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
class Design:
    """A commercial coil as published.

    Attributes:
        name: How the catalogue calls it.
        title: Maker and model.
        wings: The spirals, in series.
        conductor: Width (along the radius) and height of the wire. [m]
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
    casing: tuple[float, float]
    max_current_rate: float | None
    sources: tuple[str, ...]
    certainty: str

    def build(self) -> Coil:
        """Lay the winding: two filaments per turn, and a casing around it."""
        width, height = self.conductor
        # Two filaments at the Gauss points stand for the height to its fifth power.
        offsets = np.array([-1, 1]) * height / 2 / np.sqrt(3)
        turns = tuple(
            CircularTurns(
                np.array(wing.centre) + offset * np.array(wing.axis),
                np.array(wing.axis),
                wing.radii(width),
                1 / len(offsets),
            )
            for wing in self.wings
            for offset in offsets
        )
        points, triangles = self._casing()
        return Coil(
            turns, jnp.asarray(points), self.title, self.max_current_rate, triangles
        )

    def _casing(self):
        margin, thickness = self.casing
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        outlines = [
            (wing.outer / 2 + margin) * circle + np.array(wing.centre[:2])
            for wing in self.wings
        ]
        flat = np.concatenate(outlines)
        flat = flat[ConvexHull(flat).vertices]
        low = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)
        points = np.concatenate([low, low - np.array([0, 0, thickness])])
        return points, jnp.asarray(ConvexHull(points).simplices)


def names() -> tuple[str, ...]:
    """Names of all coils in the catalogue."""
    return tuple(_DESIGNS)


def design(name: str) -> Design:
    """Look a design up.

    Args:
        name: One of `names()`; case, spaces and underscores do not matter.

    Raises:
        ValueError: There is no such coil. The message lists all and the nearest.
    """
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    if key in _DESIGNS:
        return _DESIGNS[key]
    close = difflib.get_close_matches(key, _DESIGNS, n=1, cutoff=0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"no coil is called {name!r}.{hint} The catalogue has: {', '.join(_DESIGNS)}."
    )


def _figure_of_eight(turns, inner, outer, spacing, depth, left=-1) -> tuple[Wing, Wing]:
    """Two equal flat spirals side by side, the current in the left one about `left` z."""
    return (
        Wing(turns, inner, outer, (-spacing / 2, 0.0, -depth), (0.0, 0.0, float(left))),
        Wing(turns, inner, outer, (spacing / 2, 0.0, -depth), (0.0, 0.0, -float(left))),
    )


_LIST = (
    Design(
        name="magstim-70mm-double",
        title="Magstim 70 mm double coil",
        wings=_figure_of_eight(9, 56e-3, 87e-3, 90e-3, 9.3e-3),
        conductor=(1.75e-3, 6e-3),
        casing=(6e-3, 19e-3),
        max_current_rate=None,
        sources=("Magstim 200 operating manual: 2 × 9 turns, diameters 56 and 87 mm",),
        certainty="Turns and diameters are the maker's; the depth below the face is not.",
    ),
    Design(
        name="magstim-90mm-round",
        title="Magstim 90 mm round coil",
        wings=(Wing(14, 66e-3, 123e-3, (0.0, 0.0, -9.3e-3), (0.0, 0.0, 1.0)),),
        conductor=(1.75e-3, 6e-3),
        casing=(6e-3, 19e-3),
        max_current_rate=None,
        sources=("Magstim 200 operating manual: 14 turns, diameters 66 and 123 mm",),
        certainty="Turns and diameters are the maker's; the depth below the face is not.",
    ),
)
_DESIGNS = {each.name: each for each in _LIST}
