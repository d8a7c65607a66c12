"""Slices through a head, with its tissues and their surfaces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy import ndarray

from ..drawing.paper import save
from ..head import TISSUE_NAMES, HeadMesh
from ..images.voxels import VoxelGrid, elements_on_grid
from ..notebook import TISSUE_COLOURS


_PIXEL = 0.5e-3  # [m]
_MARGIN = 5e-3  # [m]
# The axis across each slice, what grows to the right and upwards, and the letters there.
_VIEWS = (
    ("axial", 2, 0, 1, "LRPA"),
    ("coronal", 1, 0, 2, "LRIS"),
    ("sagittal", 0, 1, 2, "PAIS"),
)
_AROUND = ((0.02, 0.5), (0.98, 0.5), (0.5, 0.02), (0.5, 0.97))


def write_slices(
    path: Path, head: HeadMesh, at: Float[ndarray, "3"], name: str
) -> None:
    """Draw three slices through a point.

    Args:
        path: The picture, .png, replaced when it exists.
        head: The head.
        at: Where they meet. [m]
        name: Of the head.
    """
    figure = Figure(figsize=(15, 5.8), dpi=100, facecolor="white")
    for number, view in enumerate(_VIEWS):
        axes = figure.add_axes((0.01 + 0.33 * number, 0.1, 0.31, 0.8))
        _draw_slice(axes, head, at.tolist(), view)
    there = list(head.tissues)
    figure.legend(
        handles=[
            Patch(
                facecolor=TISSUE_COLOURS[tag],
                edgecolor="#333333",
                label=TISSUE_NAMES[tag],
            )
            for tag in there
        ],
        loc="lower center",
        ncol=len(there),
        frameon=False,
        fontsize=10,
    )
    figure.suptitle(f"{name} · tmsgrad · for research use only", size=12)
    save(figure, path, f"{name}: tmsgrad head show")


def _draw_slice(axes: Axes, head: HeadMesh, at: Sequence[float], view) -> None:
    name, across, right, up, letters = view
    low, high = head.nodes.min(axis=0) - _MARGIN, head.nodes.max(axis=0) + _MARGIN
    tags = slice_tags(head, across, at[across], low, high)
    image = (tags if right < up else tags.T).T
    spots = [
        1e3 * np.linspace(low[axis], high[axis], n)
        for axis, n in ((right, image.shape[1]), (up, image.shape[0]))
    ]
    axes.imshow(
        to_rgba_array(list(TISSUE_COLOURS.values()))[image, :3],
        extent=(spots[0][0], spots[0][-1], spots[1][0], spots[1][-1]),
        origin="lower",
        interpolation="nearest",
    )
    for tag in np.unique(image[image > 0]).tolist():
        inside = (image == tag).astype(float)
        if 0 < inside.mean() < 1:
            axes.contour(*spots, inside, [0.5], colors="#333333", linewidths=0.5)
    axes.axvline(1e3 * at[right], color="#c0392b", linewidth=0.6, linestyle=":")
    axes.axhline(1e3 * at[up], color="#c0392b", linewidth=0.6, linestyle=":")
    middle = {"ha": "center", "va": "center", "size": 11, "transform": axes.transAxes}
    for letter, spot in zip(letters, _AROUND, strict=True):
        axes.text(*spot, letter, **middle)
    axes.set_title(f"{name}, {'xyz'[across]} = {at[across] * 1e3:.1f} mm", size=11)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8)


def slice_tags(
    head: HeadMesh,
    across: int,
    place: float,
    low: Float[ndarray, "3"],
    high: Float[ndarray, "3"],
) -> Int[ndarray, "first second"]:
    """Find the tissue at each pixel of a slice, 0 outside.

    Args:
        head: The head.
        across: The axis that the slice is perpendicular to.
        place: Where, along it. [m]
        low: The corner of the picture, along all axes. [m]
        high: The opposite corner. [m]

    Returns:
        Tags along the two other axes, in order.
    """
    count = np.maximum(np.ceil((high - low) / _PIXEL).astype(int), 2)
    affine = np.diag([*((high - low) / (count - 1)), 1.0])
    affine[:3, 3] = low
    affine[across, 3] = place
    count[across] = 1
    grid = VoxelGrid(affine, (int(count[0]), int(count[1]), int(count[2])))
    found = elements_on_grid(head, grid)
    return np.where(found >= 0, head.tags[found], 0).squeeze(across)
