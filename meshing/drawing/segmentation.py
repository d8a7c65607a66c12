"""Slices through a T1 with the borders of its tissues, to be looked at by a person."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy import ndarray

from ..anatomy.atlas import picture_of
from ..anatomy.grids import Volume, upright_grid
from ..anatomy.t1 import Scan
from ..head import TISSUE_NAMES
from ..images.label_files import LabelImage
from .paper import save


_VOXEL = 1.0  # [mm]
_SLICES = 4  # Of each of the three directions.
_COLOURS = {
    1: "#4aa3ff",
    2: "#ff5a4d",
    3: "#3ddc97",
    4: "#ffd23f",
    5: "#ff6fe0",
    6: "#c77dff",
    7: "#ffd23f",
    8: "#ff9f1c",
}
# Whose outer border is drawn in the colour of a tissue: its own and that of what lies
# inside, so that no border is drawn over another.
_WITHIN = {2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 3, 4, 7, 8), 7: (1, 2, 3, 4, 7, 8)}
# The axis across each slice, what grows to the right and upwards, and how the left and the
# right side are called.
_VIEWS = ((2, 0, 1, "L", "R"), (1, 0, 2, "L", "R"), (0, 1, 2, "P", "A"))


def write_segmentation(
    path: Path, labels: LabelImage, scan: Scan | None, name: str
) -> None:
    """Draw four slices in each direction, with the outer border of each tissue.

    Args:
        path: The picture, .png, replaced when it exists.
        labels: The tissues.
        scan: The T1 behind; without one, what a T1 of the labels would look like.
        name: Of the head.
    """
    shape, grid = upright_grid(labels.labels.shape, labels.affine, _VOXEL)
    behind = picture_of(labels) if scan is None else scan.volume
    light = behind.on(shape, grid)
    tags = {
        tag: Volume(_within(labels.labels, tag), labels.affine).on(shape, grid)
        for tag in np.unique(labels.labels[labels.labels > 0]).tolist()
    }
    head = np.argwhere(np.maximum.reduce(list(tags.values())) > 0.5)
    low, high = head.min(axis=0), head.max(axis=0)
    bright = float(np.percentile(light[light > 0], 99)) if (light > 0).any() else 1.0
    figure = Figure(figsize=(16, 13), dpi=100, facecolor="black")
    for row, view in enumerate(_VIEWS):
        across = view[0]
        places = np.linspace(low[across], high[across], _SLICES + 2)[1:-1].round()
        for column, place in enumerate(places.astype(int).tolist()):
            axes = figure.add_axes((0.25 * column, 0.04 + 0.31 * (2 - row), 0.245, 0.3))
            where = f"{'xyz'[across]} = {grid[across, 3] + place * _VOXEL:.0f} mm"
            box = tuple(
                slice(max(int(low[a]) - 4, 0), int(high[a]) + 5) for a in view[1:3]
            )
            slices = {tag: _slice(each, view, place, box) for tag, each in tags.items()}
            _draw(axes, _slice(light, view, place, box) / bright, slices)
            axes.text(0.02, 0.02, where, color="w", size=9, transform=axes.transAxes)
            for x, letter in ((0.02, view[3]), (0.94, view[4])):
                axes.text(x, 0.9, letter, color="w", size=11, transform=axes.transAxes)
    figure.legend(
        handles=[
            Line2D([], [], color=_COLOURS.get(tag, "w"), label=TISSUE_NAMES[tag])
            for tag in tags
        ],
        loc="lower center",
        ncol=len(tags),
        frameon=False,
        labelcolor="w",
    )
    figure.suptitle(f"{name} · tmsgrad · for research use only", color="w", size=12)
    save(figure, path, f"{name}: tmsgrad head segment")


def _within(labels: UInt8[ndarray, "i j k"], tag: int) -> Float[ndarray, "i j k"]:
    chosen = labels > 0 if tag == 5 else np.isin(labels, _WITHIN.get(tag, (tag,)))
    return chosen.astype(np.float32)


def _slice(
    volume: Float[ndarray, "i j k"], view, place: int, box: tuple[slice, ...]
) -> Float[ndarray, "row col"]:
    return np.take(volume, place, view[0])[box].T


def _draw(
    axes: Axes,
    light: Float[ndarray, "row col"],
    tags: dict[int, Float[ndarray, "row col"]],
) -> None:
    axes.imshow(light, cmap="gray", vmin=0, vmax=1, origin="lower")
    for tag, share in tags.items():
        if share.max() > 0.5 > share.min():
            colour = _COLOURS.get(tag, "w")
            axes.contour(share, [0.5], colors=colour, linewidths=0.7)
    axes.set_axis_off()
