"""What numbers a coil's file can hold in any format: else their unit is wrong."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .coil import AbstractCoil, Coil, Part
from .grids import SampledPotential
from .joining import sources_of_elements
from .sources import Sources


_REACH = 0.1  # From the coil's origin, that a coil must have a field within. [m]
# At 1e8 A/s, a tenth of a millivolt per metre.
_LEAST_POTENTIAL = 1e-12  # [T m / A]
_LEVELS = (-0.075, -0.025, 0.025, 0.075)  # Of the points looked at, on each axis. [m]
_RATES = (1e4, 1e11)  # The largest dI/dt of stimulators is some 1e8. [A/s]


def check_field(path: Path, coil: Coil) -> None:
    """Check that a coil has a field near its origin.

    Args:
        path: Of its file.
        coil: The coil; motions of its parts are not looked at.

    Raises:
        ValueError: There is none within 100 mm, or one that is not finite.
    """
    held = [each.element if isinstance(each, Part) else each for each in coil.elements]
    largest = max(
        _largest_sample(each) if sources is None else _largest_potential(sources)
        for each, sources in zip(held, sources_of_elements(coil), strict=True)
    )
    if not np.isfinite(largest):
        raise ValueError(
            f"{path}: the coil's field is not finite: its values are absurd."
        )
    if largest < _LEAST_POTENTIAL:
        raise ValueError(
            f"{path}: the coil has no field within {_REACH * 1e3:g} mm of its origin "
            f"(|A| is at most {largest:.2g} T m/A). Are lengths in another unit than the "
            "format's, or is the coil far from its origin, or all zero?"
        )


def checked_rate(where: str, value: float, words: str) -> float:
    """Check a largest dI/dt. [A/s]

    Args:
        where: The file and place, for messages.
        value: What came. [A/s]
        words: What the file says, with the unit that it must have.

    Raises:
        ValueError: No stimulator has such a one.
    """
    low, high = _RATES
    if not low <= value <= high:
        raise ValueError(
            f"{where}: {words} is {value:.4g} A/s, but stimulators make some 1e8 A/s "
            f"({low:g} to {high:g} are taken). Is it in another unit?"
        )
    return value


def _largest_potential(sources: Sources) -> float:
    """The largest |A| within reach of the origin, at 1 A. [T m / A]"""
    points = np.stack(np.meshgrid(*(_LEVELS,) * 3), axis=-1).reshape(-1, 3)
    total = np.zeros((len(points), 3))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for places, vectors, dipoles in (
            (sources.dipole_positions, sources.dipole_moments, True),
            (sources.current_positions, sources.current_vectors, False),
        ):
            vectors = np.asarray(vectors, dtype=np.float64)
            for number, point in enumerate(points):
                apart = point - np.asarray(places, dtype=np.float64)
                length = np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-3)
                # Jackson, 3rd ed., eq. 5.55 and 5.32.
                share = (
                    np.cross(vectors, apart) / length**3
                    if dipoles
                    else vectors / length
                )
                total[number] += 1e-7 * share.sum(axis=0)
    return float(np.linalg.norm(total, axis=1).max())


def _largest_sample(grid: AbstractCoil) -> float:
    """The largest sample in a cell of the grid that is within reach."""
    assert isinstance(grid, SampledPotential)
    samples, affine = np.asarray(grid.samples), np.asarray(grid.affine)
    step = np.linalg.norm(affine[:3, :3], axis=0)
    size = np.linalg.norm(samples, axis=-1)
    near = _distances(samples.shape[:3], affine) <= _REACH + np.linalg.norm(step)
    return float(size[near].max(initial=0.0))


def _distances(
    shape: tuple[int, ...], affine: Float[ndarray, "4 4"]
) -> Float[ndarray, "i j k"]:
    """Of a grid's points from the origin. [m]"""
    square = np.zeros(shape)
    i, j, k = (np.arange(n) for n in shape)
    for row in affine[:3]:
        along = row[0] * i[:, None, None] + row[1] * j[None, :, None]
        square += (along + row[2] * k[None, None, :] + row[3]) ** 2
    return np.sqrt(square)
