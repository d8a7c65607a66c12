"""The field along fibres: its component along streamlines, and how that changes.

A long straight fibre is driven by the activating function -dE_t/ds, of which E_t is the
component of the field along it: where it is positive the membrane is depolarised [Roth and
Basser 1990, IEEE Trans. Biomed. Eng. 37:588-597]. At an end, which lets no current pass,
the membrane is depolarised where the field points out of the fibre, in proportion to E_t
itself. Both say where a fibre may be excited, and neither whether it is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ..meshing import HeadMesh, Tractogram
from .sampling import sampler


_STEP = 1e-3  # Between points of streamlines. [m]
_BRAIN = (1, 2)  # White and gray matter.
WINDOW = 2e-3  # Each way: finer than the mesh there is nothing to be seen. [m]


@dataclass(frozen=True, eq=False)
class FibreField:
    """The field along streamlines.

    Attributes:
        tracts: The streamlines.
        along: E_t at their points, positive towards the last point. [V/m]
        activating: -dE_t/ds at their points. [V/m²]
        magnitude: |E| at their points. [V/m]
    """

    tracts: Tractogram
    along: Float[ndarray, "point"]
    activating: Float[ndarray, "point"]
    magnitude: Float[ndarray, "point"]

    @property
    def outward(self) -> Float[ndarray, "line 2"]:
        """E_t at the first and last point, positive out of the fibre. [V/m]"""
        starts = self.tracts.starts
        return np.stack([-self.along[starts[:-1]], self.along[starts[1:] - 1]], axis=1)

    @property
    def strongest(self) -> Int[ndarray, "line"]:
        """The point of each streamline with the largest |E_t|."""
        return _largest(np.abs(self.along), self.tracts.starts)

    @property
    def most_activated(self) -> Int[ndarray, "line"]:
        """The point of each streamline with the largest activating function."""
        return _largest(self.activating, self.tracts.starts)


def along_fibres(
    tracts: Tractogram, vectors: ArrayLike, window: float = WINDOW
) -> FibreField:
    """Take a field along streamlines.

    Tangents go through the neighbours of each point. The derivative is the mean of dE_t/ds
    from `window` before to `window` after, within the streamline: the difference of E_t,
    linear between points, over the distance. It is exact where E_t is linear.

    Args:
        tracts: The streamlines.
        vectors: The field at `tracts.points`, (points, 3). [V/m]
        window: Each way; should not be less than half the points' distance. [m]

    Raises:
        ValueError: The field is not one finite vector at each point, a streamline has
            no length, or the window is not positive.
    """
    field = np.asarray(vectors, dtype=np.float64)
    if field.shape != tracts.points.shape or not np.isfinite(field).all():
        raise ValueError(
            "`vectors` must be a finite vector at each of the "
            f"{len(tracts.points)} points, got the shape {field.shape}."
        )
    if not window > 0:
        raise ValueError(f"`window` must be positive, got {window!r}.")
    along = np.sum(field * tangents(tracts), axis=1)
    arc, lengths = tracts.arc, tracts.lengths
    owners = tracts.owners
    before = np.maximum(arc - window, 0.0)
    after = np.minimum(arc + window, lengths[owners])
    # One axis for all streamlines; half a gap keeps each from its neighbour.
    begin = np.concatenate([[0.0], np.cumsum(lengths + 1.0)])[owners]
    rise = np.interp(begin + after, begin + arc, along)
    rise -= np.interp(begin + before, begin + arc, along)
    slope = rise / (after - before)
    return FibreField(tracts, along, -slope, np.linalg.norm(field, axis=1))


def tangents(tracts: Tractogram) -> Float[ndarray, "point 3"]:
    """Unit vectors along streamlines, from the point before to the point after each.

    Raises:
        ValueError: Both are at one place.
    """
    points, count = tracts.points, np.arange(len(tracts.points))
    first, last = tracts.starts[:-1], tracts.starts[1:] - 1
    before, after = count - 1, count + 1
    before[first], after[last] = first, last
    chord = points[after] - points[before]
    length = np.linalg.norm(chord, axis=1, keepdims=True)
    if not (length > 0).all():
        wrong = int(tracts.owners[np.argmin(length)])
        raise ValueError(
            f"{tracts.name}: streamline {wrong} (from 0) turns back on itself or stands "
            "still, so that it has no direction; take `tracts.resampled(1e-3)`."
        )
    return chord / length


def _largest(
    values: Float[ndarray, "point"], starts: Int[ndarray, "bound"]
) -> Int[ndarray, "line"]:
    top = np.maximum.reduceat(values, starts[:-1])
    counts = np.diff(starts)
    place = np.where(
        values == np.repeat(top, counts), np.arange(len(values)), len(values)
    )
    return np.minimum.reduceat(place, starts[:-1])


@dataclass(frozen=True, eq=False)
class Fibres:
    """Streamlines as a field is wanted along them.

    Attributes:
        tracts: What lies in white and gray matter, with points 1 mm apart.
        numbers: Of each in the tractogram, from 0.
        taken: How many streamlines of the tractogram were looked at.
    """

    tracts: Tractogram
    numbers: Int[ndarray, "line"]
    taken: int


def fibres_in_brain(head: HeadMesh, tracts: Tractogram, most: int) -> Fibres:
    """Take the longest part of each streamline that lies in white and gray matter.

    What leaves gray matter for the fluid, where the field is another, would otherwise be
    the strongest place of many.

    Args:
        head: The head.
        tracts: In its frame.
        most: Streamlines; of more, evenly chosen ones are taken.
    """
    numbers = np.arange(0, len(tracts), max(1, -(-len(tracts) // most)))
    even = tracts.chosen(numbers).resampled(_STEP)
    tags = np.asarray(head.tags)[np.asarray(sampler(head, even.points).tetrahedra)]
    brain = np.isin(tags, _BRAIN)
    # A run ends where the tissue or the streamline changes.
    owners = even.owners
    breaks = np.flatnonzero((np.diff(brain) != 0) | (np.diff(owners) != 0)) + 1
    first = np.concatenate([[0], breaks])
    count = np.diff(np.concatenate([first, [len(brain)]]))
    first, count = first[brain[first]], count[brain[first]]
    order = np.lexsort((-count, owners[first]))
    _, best = np.unique(owners[first][order], return_index=True)
    runs = order[best]
    runs = runs[count[runs] > 2]
    lines = [even.points[first[run] : first[run] + count[run]] for run in runs]
    found = Tractogram.of(lines, tracts.name)
    return Fibres(found, numbers[owners[first[runs]]], len(numbers))
