"""Brains on a grid of functional voxels: an ellipsoid without folds, or the template's.

On the template, networks live in gray matter and spread along it: the distance from a
patch's middle is that of the shortest way through voxels of gray matter of 1 mm, so what
lies across a sulcus is far. A functional voxel takes the mean over its volume of what gray
matter, white matter and cerebrospinal fluid do: partial volume.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy import ndarray
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from tmsgrad.meshing.template_labels import template_labels


_WHITE, _GRAY, _CSF = 1, 2, 3
_LOW, _HIGH = np.array([-76.0, -112.0, -72.0]), np.array([76.0, 80.0, 88.0])  # [mm]
_FARTHEST = 3.0  # Widths, beyond which a patch is nothing.
_LEAST_TISSUE = 0.3  # Of a voxel, that belongs to the brain's mask.


@dataclass(frozen=True, eq=False)
class Brain(ABC):
    """What the simulation needs to know of a brain.

    Attributes:
        mask: Functional voxels of the brain.
        affine: Their indices to MNI space. [mm]
        shares: Of gray matter, white matter and fluid in each voxel of the mask.
    """

    mask: ndarray
    affine: ndarray
    shares: ndarray

    @abstractmethod
    def nearest(self, point: ndarray) -> ndarray:
        """The place of gray matter next to a point. [mm]"""

    @abstractmethod
    def patch(self, centre: ndarray, width: float) -> ndarray:
        """A Gaussian of distance from a place, mean over each voxel of the mask."""


@dataclass(frozen=True, eq=False)
class Ellipsoid(Brain):
    """Gray matter alone, of the size of the MNI brain."""

    def nearest(self, point: ndarray) -> ndarray:
        return point

    def patch(self, centre: ndarray, width: float) -> ndarray:
        points = np.argwhere(self.mask) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return np.exp(-np.sum((points - centre) ** 2, axis=1) / (2 * width**2))


@dataclass(frozen=True, eq=False)
class Folded(Brain):
    """The template's gray matter.

    Attributes:
        places: Voxels of gray matter. [mm]
        ways: Between those that touch, their distance. [mm]
        means: From gray matter's voxels to functional voxels: their volume's mean.
    """

    places: ndarray
    ways: sparse.csr_array
    means: sparse.csr_array

    def nearest(self, point: ndarray) -> ndarray:
        return self.places[np.argmin(np.sum((self.places - point) ** 2, axis=1))]

    def patch(self, centre: ndarray, width: float) -> ndarray:
        return self.means @ self.on_cortex(centre, width)

    def on_cortex(self, centre: ndarray, width: float) -> ndarray:
        """The same, in each voxel of gray matter."""
        start = int(np.argmin(np.sum((self.places - centre) ** 2, axis=1)))
        limit = _FARTHEST * width
        # Only what can be reached is given to the search, which looks at all it has.
        apart = np.sum((self.places - self.places[start]) ** 2, axis=1)
        close = np.flatnonzero(apart <= limit**2)
        part = self.ways[close][:, close]
        at = int(np.searchsorted(close, start))
        apart = csgraph.dijkstra(part, directed=False, indices=at, limit=limit)
        values = np.zeros(len(self.places))
        values[close] = np.exp(-(apart**2) / (2 * width**2))
        return values


@cache
def ellipsoid(spacing: float = 4.0) -> Ellipsoid:
    """An ellipsoid like the MNI brain in voxels of so many millimetres."""
    affine, shape = _grid(spacing)
    points = np.moveaxis(np.indices(shape), 0, -1) * spacing + affine[:3, 3]
    middle, half = np.array([0.0, -18.0, 8.0]), np.array([70.0, 88.0, 68.0])
    mask = np.sum(((points - middle) / half) ** 2, axis=-1) <= 1
    shares = np.zeros((int(mask.sum()), 3))
    shares[:, 0] = 1.0
    return Ellipsoid(mask, affine, shares)


@cache
def folded(spacing: float = 4.0) -> Folded:
    """The template's brain in voxels of so many millimetres, which takes half a minute."""
    labels, fine = template_labels()
    affine, shape = _grid(spacing)
    where = [np.argwhere(labels == tag) + fine[:3, 3] for tag in (_GRAY, _WHITE, _CSF)]
    to_voxels = [_means(points, affine, shape) for points in where]
    shares = np.stack([m.sum(axis=1) for m in to_voxels], axis=1)
    tissue = (shares[:, 0] + shares[:, 1] >= _LEAST_TISSUE).reshape(shape)
    mask = np.asarray(ndimage.binary_fill_holes(ndimage.binary_closing(tissue)))
    inside = np.flatnonzero(mask)
    ways = _ways(labels == _GRAY)
    return Folded(mask, affine, shares[inside], where[0], ways, to_voxels[0][inside])


def _grid(spacing: float) -> tuple[ndarray, tuple[int, ...]]:
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = _LOW
    return affine, tuple(np.ceil((_HIGH - _LOW) / spacing).astype(int).tolist())


def _means(
    points: ndarray, affine: ndarray, shape: tuple[int, ...]
) -> sparse.csr_array:
    """From values in cubes of 1 mm to their mean over the volume of voxels."""
    spacing = affine[0, 0]
    at = (points - affine[:3, 3]) / spacing
    # A cube lies in one voxel, or in two along each axis, by its overlap.
    low = np.round(at - 0.5 / spacing).astype(int)
    high = np.round(at + 0.5 / spacing).astype(int)
    below = np.clip((low + 0.5 - at) * spacing + 0.5, 0.0, 1.0)
    rows, columns, values = [], [], []
    for corner in np.ndindex(2, 2, 2):
        index = np.where(corner, high, low)
        share = np.where(corner, 1 - below, below).prod(axis=1)
        kept = (share > 0) & ((index >= 0) & (index < shape)).all(axis=1)
        rows.append(np.ravel_multi_index(index[kept].T, shape))
        columns.append(np.flatnonzero(kept))
        values.append(share[kept] / spacing**3)
    matrix = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_array(matrix, shape=(int(np.prod(shape)), len(points)))


def _ways(gray: ndarray) -> sparse.csr_array:
    """Distances between voxels that share a face, an edge or a corner. [mm]"""
    number = np.full(np.array(gray.shape) + 2, -1)
    number[1:-1, 1:-1, 1:-1][gray] = np.arange(gray.sum())
    starts = np.argwhere(number >= 0)
    rows, columns, values = [], [], []
    for step in np.ndindex(3, 3, 3):
        offset = np.array(step) - 1
        if tuple(offset) <= (0, 0, 0):
            continue
        other = number[tuple((starts + offset).T)]
        rows.append(np.flatnonzero(other >= 0))
        columns.append(other[other >= 0])
        values.append(np.full(len(rows[-1]), np.linalg.norm(offset)))
    matrix = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    count = int(gray.sum())
    half = sparse.coo_array(matrix, shape=(count, count)).tocsr()
    return (half + half.T).tocsr()
