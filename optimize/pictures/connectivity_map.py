"""The picture of a functional target: the map of connectivity, the target, its rivals."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from scipy import ndimage

from ...meshing.drawing.paper import FAINT, INK, save_chart
from ...meshing.drawing.studio import picture


_STEP = 1e-3  # Between pixels. [m]
_ROWS = 3  # The target, and the first rivals.
_SPAN = 0.8  # Fisher's z at the ends of the colours.
# The axis across, those to the right and up, and the name.
_VIEWS = ((2, 0, 1, "axial"), (1, 0, 2, "coronal"), (0, 1, 2, "sagittal"))
_TARGET, _RIVAL = "#0b7d3e", "#8a4b00"


@picture
def write_connectivity(
    path: Path,
    z: Float[ndarray, "voxel"],
    mask: Bool[ndarray, "i j k"],
    affine: Float[ndarray, "4 4"],
    places: Sequence[tuple[str, Float[ndarray, "3"]]],
    title: str,
) -> None:
    """Draw slices through the target, and through its first rivals.

    Args:
        path: The file to write, .png.
        z: Connectivity of the voxels of the mask, Fisher's.
        mask: The voxels.
        affine: Voxel indices to positions. [m]
        places: What the places are, and where; the target first. [m]
        title: One line.

    Raises:
        OSError: The file cannot be written.
    """
    values = np.zeros(mask.shape)
    values[mask] = z
    volume = values, mask.astype(float), affine
    low, high = _extent(mask, affine)
    shown = places[:_ROWS]
    figure = Figure(figsize=(10, 0.9 + 3.1 * len(shown)), dpi=120, layout="constrained")
    grid = figure.subplots(len(shown), 3, squeeze=False)
    drawn = None
    for row, (name, at) in zip(grid, shown, strict=True):
        for axes, view in zip(row, _VIEWS, strict=True):
            drawn = _slice(axes, volume, at, view, (low, high))
            _mark(axes, places, at, view)
            where = f"{'xyz'[view[0]]} = {1e3 * at[view[0]]:.0f} mm"
            axes.set_title(f"{name}, {where}", loc="left", fontsize=9)
    if drawn is not None:
        label = "Fisher's z with the seed; negative is anticorrelated"
        figure.colorbar(drawn, ax=grid, label=label, shrink=0.7, aspect=30)
    figure.suptitle(title, x=0.01, ha="left")
    save_chart(figure, path, title)


def _slice(
    axes: Axes,
    volume: tuple[ndarray, ndarray, ndarray],
    at: Float[ndarray, "3"],
    view: tuple[int, int, int, str],
    extent: tuple[Float[ndarray, "3"], Float[ndarray, "3"]],
):
    """Draw a plane of the head's axes, wherever the axes of the voxels point."""
    across, right, up, _ = view
    values, inside, affine = volume
    low, high = extent
    columns = np.arange(low[right], high[right], _STEP)
    rows = np.arange(low[up], high[up], _STEP)
    points = np.empty((len(rows), len(columns), 3))
    points[..., across] = at[across]
    points[..., right], points[..., up] = columns[None], rows[:, None]
    back = np.linalg.inv(affine)
    index = np.moveaxis(points @ back[:3, :3].T + back[:3, 3], -1, 0)
    found = ndimage.map_coordinates(values, index, order=1)
    brain = ndimage.map_coordinates(inside, index, order=1) >= 0.5
    edges = [1e3 * each for each in (columns[0], columns[-1], rows[0], rows[-1])]
    drawn = axes.imshow(
        np.where(brain, found, np.nan),
        extent=(edges[0], edges[1], edges[2], edges[3]),
        origin="lower",
        cmap="RdBu_r",
        vmin=-_SPAN,
        vmax=_SPAN,
    )
    for side, sign in zip("LR" if right == 0 else "PA", (0.02, 0.98), strict=True):
        axes.text(
            *(sign, 0.5, side),
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=INK,
            fontweight="bold",
        )
    axes.set_axis_off()
    return drawn


def _mark(
    axes: Axes,
    places: Sequence[tuple[str, Float[ndarray, "3"]]],
    at: Float[ndarray, "3"],
    view: tuple[int, int, int, str],
) -> None:
    """Mark the places that lie near a plane; others are seen faintly through it."""
    across, right, up, _ = view
    for number, (_, place) in enumerate(places):
        near = abs(place[across] - at[across]) <= 6e-3
        colour = _RIVAL if number else _TARGET
        axes.plot(
            *(1e3 * place[right], 1e3 * place[up]),
            marker="s" if number else "o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=colour if near else FAINT,
            markeredgewidth=2.2 if near else 0.8,
        )


def _extent(
    mask: Bool[ndarray, "i j k"], affine: Float[ndarray, "4 4"]
) -> tuple[Float[ndarray, "3"], Float[ndarray, "3"]]:
    points = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    return points.min(axis=0) - 4e-3, points.max(axis=0) + 4e-3
