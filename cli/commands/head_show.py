"""`tmsgrad head show`: slices through a head, with its tissues and their surfaces."""

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy import ndarray

from ... import meshing
from ...meshing import TISSUE_NAMES, HeadMesh, VoxelGrid
from ..inputs.heads import read_head
from ..pictures.paper import picture_path, save
from ..runtime.progress import Progress


_PIXEL = 0.5e-3  # [m]
_MARGIN = 5e-3  # [m]
_COLOURS = {
    0: "#ffffff",
    1: "#e6e1d3",
    2: "#a89d93",
    3: "#6fa8d6",
    4: "#f3d9a0",
    5: "#dcae96",
    6: "#5d7f5a",
    7: "#efc77b",
    8: "#d98c5f",
    9: "#b03a3a",
    10: "#a85c64",
}
# The axis across each slice, what grows to the right and upwards, and the letters there.
_VIEWS = (
    ("axial", 2, 0, 1, "LRPA"),
    ("coronal", 1, 0, 2, "LRIS"),
    ("sagittal", 0, 1, 2, "PAIS"),
)
_PLACE = "xyz"


def head_show(options: argparse.Namespace) -> dict:
    """Draw slices through a head."""
    out = picture_path(options.out)
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    progress.stage("picture", "drawing")
    at = _middle(head) if options.at is None else np.asarray(options.at) * 1e-3
    _check_place(head, at)
    write_slices(out, head, at, Path(options.head).name)
    progress.close()
    place = ", ".join(f"{x * 1e3:.1f}" for x in at)
    print(f"slices at ({place}) mm: {out}")
    return {"picture": str(out), "at_mm": (at * 1e3).tolist()}


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
    low, high = head.nodes.min(axis=0) - _MARGIN, head.nodes.max(axis=0) + _MARGIN
    for number, (view, across, right, up, letters) in enumerate(_VIEWS):
        axes = figure.add_axes((0.01 + 0.33 * number, 0.1, 0.31, 0.8))
        tags = slice_tags(head, across, at[across], low, high)
        image = tags if right < up else tags.T
        left, far, bottom, top = (
            float(1e3 * x) for x in (low[right], high[right], low[up], high[up])
        )
        palette = np.array([_rgb(_COLOURS[tag]) for tag in range(11)])
        axes.imshow(
            palette[image.T],
            extent=(left, far, bottom, top),
            origin="lower",
            interpolation="nearest",
        )
        spots = [
            1e3 * np.linspace(low[axis], high[axis], n)
            for axis, n in ((right, image.shape[0]), (up, image.shape[1]))
        ]
        for tag in np.unique(image[image > 0]).tolist():
            inside = (image == tag).T.astype(float)
            if 0 < inside.mean() < 1:
                axes.contour(*spots, inside, [0.5], colors="#333333", linewidths=0.5)
        for line, place in ((axes.axvline, at[right]), (axes.axhline, at[up])):
            line(1e3 * place, color="#c0392b", linewidth=0.6, linestyle=":")
        for letter, spot in zip(
            letters, ((0.02, 0.5), (0.98, 0.5), (0.5, 0.02), (0.5, 0.97)), strict=True
        ):
            axes.text(
                *spot,
                letter,
                transform=axes.transAxes,
                ha="center",
                va="center",
                size=11,
            )
        axes.set_title(f"{view}, {_PLACE[across]} = {at[across] * 1e3:.1f} mm", size=11)
        axes.set_aspect("equal")
        axes.tick_params(labelsize=8)
    there = list(head.tissues)
    figure.legend(
        handles=[
            Patch(facecolor=_COLOURS[tag], edgecolor="#333333", label=TISSUE_NAMES[tag])
            for tag in there
        ],
        loc="lower center",
        ncol=len(there),
        frameon=False,
        fontsize=10,
    )
    figure.suptitle(f"{name} · tmsgrad · for research use only", size=12)
    save(figure, path, f"{name}: tmsgrad head show")


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
    found = meshing.elements_on_grid(head, grid)
    return np.where(found >= 0, head.tags[found], 0).squeeze(across)


def _middle(head: HeadMesh) -> Float[ndarray, "3"]:
    """The middle of the brain, or of the head where there is none."""
    brain = np.isin(head.tags, (1, 2))
    chosen = brain if brain.any() else np.ones(len(head.tags), bool)
    return np.average(head.centroids[chosen], axis=0, weights=head.volumes[chosen])


def _check_place(head: HeadMesh, at: Float[ndarray, "3"]) -> None:
    low, high = head.nodes.min(axis=0), head.nodes.max(axis=0)
    if not ((at >= low) & (at <= high)).all():
        spans = " × ".join(
            f"{a * 1e3:.0f}…{b * 1e3:.0f}" for a, b in zip(low, high, strict=True)
        )
        place = ", ".join(f"{x * 1e3:g}" for x in at)
        raise ValueError(
            f"--at ({place}) mm lies outside the head, which spans {spans} mm."
        )


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
