"""Points on the casings of coils, close enough to stand for them."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .coil import AbstractCoil, Coil


_SAMPLE_SPACING = 4e-3  # On the casing; a scalp bulges less than 0.1 mm between. [m]


def casing_samples(
    coil: AbstractCoil, spacing: float = _SAMPLE_SPACING
) -> Float[ndarray, "point 3"]:
    """Sample the surface of a coil densely enough that no scalp passes between.

    Args:
        coil: With triangles of its casing, or just with points.
        spacing: The largest distance between neighbours on a triangle. [m]

    Returns:
        Points in the frame of the coil. [m]
    """
    points = np.asarray(coil.surface_points, dtype=np.float64)
    surface = coil.casing_surface() if isinstance(coil, Coil) else None
    if surface is None:
        return points
    every = np.concatenate([points, triangle_samples(*surface, spacing)])
    # Neighbouring triangles share their edges: one point per half spacing is enough.
    cell = np.round(every / (spacing / 2)).astype(np.int64)
    first = np.unique(cell, axis=0, return_index=True)[1]
    return every[np.sort(first)]


def triangle_samples(
    points: Float[ndarray, "point 3"],
    triangles: Int[ndarray, "triangle 3"],
    spacing: float = _SAMPLE_SPACING,
) -> Float[ndarray, "sample 3"]:
    """Sample the triangles whose edges are longer than a spacing. [m]"""
    corners = points[triangles].astype(np.float64)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    cuts = np.ceil(longest / spacing).astype(int)
    samples = [np.empty((0, 3))]
    for n in np.unique(cuts[cuts > 1]):
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        keep = i + j <= n
        shares = np.stack([i, j, n - i - j], axis=-1)[keep] / n
        samples.append(
            np.einsum("sk,tkc->tsc", shares, corners[cuts == n]).reshape(-1, 3)
        )
    return np.concatenate(samples)
