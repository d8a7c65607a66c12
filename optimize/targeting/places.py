"""Where seeds and search regions are in functional images."""

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .bold import BoldSeries
from .maps import VolumeMap
from .published import Spheres


_LEAST_COVERED = 0.5  # Of a ball's volume, that must lie in the brain.
# The same where the series is of cortex alone, a sheet that fills a part of any ball. Ours.
_LEAST_OF_CORTEX = 0.1
_MNI_MIDDLE = np.array([0.0, -0.018, 0.012])  # Of the brain mask of MNI152, about. [m]
_MNI_OFF = 0.025  # [m]


def check_mni_brain(series: BoldSeries) -> None:
    """Check that a brain is about where that of the MNI template is.

    Raises:
        ValueError: It is not.
    """
    middle = series.positions.mean(axis=0)
    off = float(np.linalg.norm(middle - _MNI_MIDDLE))
    if off > _MNI_OFF:
        at = ", ".join(f"{x * 1e3:.0f}" for x in middle)
        raise ValueError(
            f"{series.name}: the middle of the brain is at ({at}) mm, {off * 1e3:.0f} mm "
            "from that of the MNI template: the images are in another space. Give a series "
            "in MNI space, or --space head --head M2M."
        )


def weights_in(
    series: BoldSeries,
    place: Spheres | VolumeMap,
    to_mni: Callable[[Float[ndarray, "voxel 3"]], Float[ndarray, "voxel 3"]],
) -> Float[ndarray, "voxel"]:
    """Weigh the voxels of the brain by a published place or a map.

    Args:
        series: The images.
        place: Balls in MNI space, or a map in the space of the images.
        to_mni: Takes positions of the images to MNI space. [m]

    Raises:
        ValueError: Too little of the place lies in the brain.
    """
    if isinstance(place, VolumeMap):
        if place.space != series.space and place.space:
            warnings.warn(
                f"{place.name}: the header says that the map is in the space "
                f"{place.space}, and that of {series.name} does not; it is taken as in the "
                "space of the images.",
                stacklevel=1,
            )
        found = place.at(series.positions)
        if not found.any():
            raise ValueError(
                f"{place.name}: nothing of it lies in the brain of {series.name}: they are "
                "in different spaces."
            )
        return found
    inside = place.inside(np.asarray(to_mni(series.positions)))
    volume = inside.sum() * abs(np.linalg.det(series.affine[:3, :3]))
    whole = 4 / 3 * np.pi * (place.radius * 1e-3) ** 3
    least = _LEAST_OF_CORTEX if series.cortex else _LEAST_COVERED
    if volume < least * whole:
        at = ", ".join(f"{x:g}" for x in place.centres[0])
        raise ValueError(
            f"{series.name}: only {volume / whole:.0%} of the ball {place.name}, MNI "
            f"({at}) mm with {place.radius:g} mm radius, lies in the brain: it is outside, "
            "or the images do not cover it."
        )
    return inside.astype(np.float64)
