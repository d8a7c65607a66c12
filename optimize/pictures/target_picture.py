"""The picture of a plan's first page: slices through target and peak, and two coils.

It is square, so that it stands beside the answers on a screen and below them on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy import ndarray

from ...meshing import HeadMesh
from ...meshing.drawing.marks import LETTERS, draw_centre, draw_target, write_letters
from ...meshing.drawing.palette import field_palette
from ...meshing.drawing.paper import (
    FAINT,
    INK,
    fit,
    line,
    panel,
    paper,
    save,
    text,
    write,
)
from ...meshing.drawing.raster import Camera
from ...meshing.drawing.render import Surface, render
from ...meshing.drawing.shapes import coil_body, compact, smooth
from ...meshing.drawing.studio import picture
from ...meshing.pictures.hull import CoilHull
from ...meshing.pictures.overview import draw_outline
from ...meshing.pictures.scene import highest_shown
from ...meshing.pictures.slices import (
    VIEWS,
    Brightness,
    brightness,
    cut,
    section_camera,
    section_image,
)


_SIZE = 1000  # [pixel]
_CUT_TARGET, _CUT_PEAK = (24, 60, 452, 410), (524, 60, 452, 410)
_ON_SCALP, _KEY = (24, 540, 452, 440), (524, 540, 452, 440)
_SKIN = np.array([[0.90, 0.86, 0.82]])
_LINES = ((INK, "solid"), ("#00786c", "dashed"))  # Ours, and the rule's.
_FACE = 0.13  # Below the highest point of the head, the scalp is not shown. [m]


@dataclass(frozen=True, eq=False)
class NamedPose:
    """A placement and what it is called.

    Attributes:
        name: In words.
        pose: Coil to head. [m]
    """

    name: str
    pose: Float[ndarray, "4 4"]


@dataclass(frozen=True, eq=False)
class Peak:
    """Where the field of the cortex is strongest.

    Attributes:
        place: Of it. [m]
        words: What is written of it.
        inside: Whether it lies in the target: then both slices are drawn through that.
    """

    place: Float[ndarray, "3"]
    words: str
    inside: bool


@picture
def write_target_picture(
    path: Path,
    head: HeadMesh,
    magnitude: Float[ndarray, "tet"],
    placements: Sequence[NamedPose],
    hull: CoilHull,
    target: tuple[Float[ndarray, "3"], float],
    peak: Peak,
    image: nibabel.Nifti1Image | None = None,
) -> None:
    """Draw slices through target and peak, and the outlines of one or two coils.

    Args:
        path: The file to write, .png, 1000 x 1000 pixels.
        head: The head, with gray matter.
        magnitude: |E| in each tetrahedron, of the first placement. [V/m]
        placements: Ours, and that of a rule to compare with, if there is one.
        hull: Of the coil.
        target: Its centre and radius. [m]
        peak: Where the field is strongest.
        image: A T1 in the head's coordinates, drawn behind.

    Raises:
        OSError: The file cannot be written.
    """
    figure, highest = paper(_SIZE, _SIZE), highest_shown(head, magnitude)
    behind = None if image is None else brightness(image)
    vertices, triangles, _ = coil_body(hull.points, hull.casing)
    coils = [_placed(vertices, triangles, each.pose) for each in placements]
    views = _views(placements[0].pose, target[0], peak)
    for place, (at, words, view) in zip((_CUT_TARGET, _CUT_PEAK), views, strict=True):
        axes, camera = _slice(
            figure, place, head, at, view, magnitude / highest, behind
        )
        for coil, (colour, _) in zip(coils, _LINES, strict=False):
            edges = list(cut(coil.vertices, coil.triangles, camera)[..., :2])
            for ink, thick in (("white", 3.2), (colour, 1.8)):
                axes.add_collection(LineCollection(edges, colors=ink, linewidths=thick))
        if abs((target[0] - at)[view[0]]) <= target[1]:
            draw_target(axes, camera, target)
        if abs((peak.place - at)[view[0]]) <= target[1]:
            _draw_peak(axes, camera, peak.place)
        millimetres = f"{'xyz'[view[0]]} = {at[view[0]] * 1e3:.0f} mm"
        _head_line(figure, place, f"{words}, {millimetres}")
    _draw_scalp(figure, head, placements, coils)
    _draw_key(figure, placements, target, peak, highest, hull.casing)
    save(figure, path, "Target, strongest field and coils")


_View = tuple[int, str, str, str]


def _views(
    pose: Float[ndarray, "4 4"], target: Float[ndarray, "3"], peak: Peak
) -> tuple[tuple[Float[ndarray, "3"], str, _View], ...]:
    """Choose two planes that meet the coil: through the target, and through the peak."""
    away = [abs((pose[:3, 3] - target)[view[0]]) for view in VIEWS]
    first, second, _ = (VIEWS[number] for number in np.argsort(away))
    if peak.inside:
        return (target, "target", first), (target, "target", second)
    return (target, "target", first), (peak.place, "strongest field", second)


def _slice(
    figure: Figure,
    place: tuple[int, int, int, int],
    head: HeadMesh,
    at: Float[ndarray, "3"],
    view: _View,
    share: Float[ndarray, "tet"],
    behind: Brightness | None,
) -> tuple[Axes, Camera]:
    left, top, width, height = place
    inner = (left + 22, top + 24, width - 44, height - 48)
    _, viewer, up, _ = view
    camera = section_camera(head, at, LETTERS[viewer], LETTERS[up], inner)
    axes = panel(figure, inner, section_image(head, share, camera, behind))
    write_letters(figure, camera, inner)
    return axes, camera


def _draw_scalp(
    figure: Figure,
    head: HeadMesh,
    placements: Sequence[NamedPose],
    coils: Sequence[Surface],
) -> None:
    """Draw the scalp as our coil sees it, with the outlines of the coils."""
    nodes, triangles, _ = compact(head.nodes, head.boundary())
    scalp = Surface(smooth(nodes, triangles, 4), triangles, _SKIN, np.zeros(len(nodes)))
    upper = nodes[nodes[:, 2] > nodes[:, 2].max() - _FACE]
    outwards = -placements[0].pose[:3, 2]
    upright = LETTERS["A"] if abs(outwards[2]) > 0.9 else LETTERS["S"]
    shown = np.concatenate([upper, *(coil.vertices for coil in coils)])
    camera = fit(outwards, upright, _ON_SCALP, shown, 0.96)
    axes = panel(figure, _ON_SCALP, render(camera, [scalp]))
    # Ours is drawn last, over the other.
    for each, coil, (colour, style) in reversed(
        list(zip(placements, coils, _LINES, strict=False))
    ):
        draw_outline(axes, camera, coil, colour, style)
        draw_centre(axes, camera, each.pose)
    _head_line(figure, _ON_SCALP, "coils on the scalp, from outside")


def _draw_key(
    figure: Figure,
    placements: Sequence[NamedPose],
    target: tuple[Float[ndarray, "3"], float],
    peak: Peak,
    highest: float,
    casing: bool,
) -> None:
    """Say what lines, signs and colours mean."""
    left, top, width, height = _KEY
    axes = panel(figure, _KEY, np.zeros((1, 1, 4)))
    axes.set(xlim=(0, width), ylim=(height, 0))
    row = 40
    for each, (colour, style) in zip(placements, _LINES, strict=False):
        axes.plot([0, 54], [row, row], color=colour, linewidth=2.6, linestyle=style)
        text(axes, 70, row, each.name, size=21, va="center")
        row += 44
    unit = Camera(
        np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.zeros(3), 1.0, (2 * row, 54)
    )
    draw_target(axes, unit, (np.zeros(3), 12.0))
    text(
        axes, 70, row, f"target, radius {target[1] * 1e3:.3g} mm", size=21, va="center"
    )
    row += 44
    _cross(axes, 27, row)
    text(axes, 70, row, peak.words, size=21, va="center")
    row += 44
    if not casing:
        text(axes, 0, row, "no casing known: windings drawn", size=19, color=FAINT)
    bar = (left, top + 310, width - 40, 26)
    panel(figure, bar, field_palette()[None])
    below = bar[1] + bar[3] + 26
    write(figure, left, bar[1] - 14, "|E| in the brain, V/m", size=20)
    write(figure, left, below, "0", size=20)
    write(
        *(figure, left + bar[2], below, f"{highest:.3g} (99.9% of gray matter below)"),
        size=20,
        ha="right",
    )


def _draw_peak(axes: Axes, camera: Camera, place: Float[ndarray, "3"]) -> None:
    column, row, _ = camera.project(place[None])[0]
    _cross(axes, column, row)


def _cross(axes: Axes, column: float | int, row: float | int) -> None:
    for colour, thick, arm in (("white", 4.6, 10), ("#5b1a8b", 2.4, 9)):
        for way in (1, -1):
            ends = [column - arm, column + arm], [row - way * arm, row + way * arm]
            line(axes, *ends, colour, thick)


def _head_line(figure: Figure, place: tuple[int, int, int, int], words: str) -> None:
    write(figure, place[0] + 2, place[1] - 22, words, place[2], size=22, weight="bold")


def _placed(
    vertices: Float[ndarray, "vertex 3"],
    triangles: ndarray,
    pose: Float[ndarray, "4 4"],
) -> Surface:
    placed = vertices @ pose[:3, :3].T + pose[None, :3, 3]
    return Surface(placed, triangles, _SKIN, np.zeros(len(placed)))
