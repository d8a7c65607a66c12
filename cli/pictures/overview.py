"""The overview: one picture that says what a coil at a pose does to a head.

Left, the cortex as the coil sees it, with |E|; in the middle, the coil on the scalp;
right, two standard views with orientation letters; below, the colour bar and the facts.
The surfaces are drawn by `render`, lines and letters by matplotlib's Agg canvas, so that
no display, OpenGL or font of the system is needed.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import ndimage

from ...meshing import HeadMesh
from .hull import CoilHull
from .palette import field_palette
from .paper import (
    FAINT as _FAINT,
    HEIGHT as HEIGHT,
    INK as _INK,
    PAPER as _PAPER,
    WIDTH as WIDTH,
    fit as _fit,
    letter as _letter,
    line as _line,
    panel as _panel,
    paper as _paper,
    save as _save,
    text as _text,
    write as _write,
)
from .raster import Camera
from .render import coverage, render
from .scene import Scene


_TARGET = "#0a66c2"
_CORNER = 116  # [pixel]
_CORD = 0.004  # Part of the vertices that may be outside: the spinal cord's end.

# Left, top, width and height. [pixel]
_BESIDE_COIL = (30, 128, 770, 690)
_ON_SCALP = (820, 128, 700, 690)
_STANDARD = ((1550, 128, 420, 325), (1550, 493, 420, 325))
_COLOUR_BAR = (110, 872, 560, 22)
_FACTS = (850, 862, 1120, 110)

# Where the letters are, in the head file's coordinates (x to the right, y to the front).
_LETTERS = {
    "R": np.array([1.0, 0.0, 0.0]),
    "L": np.array([-1.0, 0.0, 0.0]),
    "A": np.array([0.0, 1.0, 0.0]),
    "P": np.array([0.0, -1.0, 0.0]),
    "S": np.array([0.0, 0.0, 1.0]),
    "I": np.array([0.0, 0.0, -1.0]),
}
_SIDES = {"R": "right", "L": "left", "A": "front", "P": "back"}


def write_overview(
    path: str | os.PathLike[str],
    head: HeadMesh,
    magnitude: ArrayLike,
    pose: ArrayLike,
    coil_points: ArrayLike | CoilHull,
    *,
    target_centre: ArrayLike | None = None,
    target_radius: float | None = None,
    title: str = "",
    subtitle: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw |E| on the cortex, the coil and its handle on the scalp, and the target.

    The colour of a point of the cortex is the mean |E| of the gray-matter tetrahedra at
    it, from 0 to the 99.9th percentile of gray matter (by volume); surfaces are smoothed
    by about a millimetre. The casing is modelled around `coil_points`. The file is a PNG
    of 2000 x 1000 pixels; it appears whole or not at all.

    Args:
        path: The file to write.
        head: The head; x points to its right, y to the front, z up.
        magnitude: |E| in each tetrahedron, (tetrahedra,). [V/m]
        pose: Coil to head, 4 x 4: columns x, y, z, centre; z into the head, the handle
            towards -y. [m]
        coil_points: Points of the casing in the coil's frame, (points, 3) [m]; or a hull,
            which says whether there is a casing: windings are drawn without a handle.
        target_centre: Centre of the target, if there is one. [m]
        target_radius: Its radius. [m]
        title: One line, in bold.
        subtitle: One line below it.
        facts: Names and values to print below, at most eight.

    Raises:
        ValueError: An argument has the wrong shape, is not finite or does not fit.
        OSError: The file cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`path` is {path}, but folder {path.parent} not found. Make it first."
        )
    target = checked_target(target_centre, target_radius)
    if len(facts) > 8:
        raise ValueError(f"`facts` has {len(facts)} entries; there is room for 8.")
    scene = Scene.build(head, magnitude, pose, coil_points)
    figure = _paper()
    _write(figure, 32, 42, title, WIDTH - 64, size=22, weight="bold")
    _write(figure, 32, 72, subtitle, WIDTH - 64, size=13, color=_FAINT)
    draw_beside_coil(figure, scene, target, camera_of_coil(scene))
    draw_on_scalp(figure, scene, camera_of_scalp(scene))
    for place, letter in zip(_STANDARD, ("S", _side(scene)), strict=True):
        _draw_standard(figure, scene, target, place, letter)
    draw_colour_bar(figure, scene.highest)
    draw_legend(figure, target, scene.casing)
    draw_facts(figure, facts)
    _save(figure, path, title or "tmsgrad overview")


def camera_of_coil(scene: Scene) -> Camera:
    """Look at the cortex along the axis of the coil."""
    # Seen from the top, the front is up.
    upright = "A" if abs(scene.outwards[2]) > 0.9 else "S"
    return _fit(
        *(scene.outwards, _LETTERS[upright], _BESIDE_COIL),
        *(scene.cortex.vertices, 0.90, _CORD),
    )


def draw_beside_coil(figure: Figure, scene: Scene, target, camera: Camera) -> None:
    """Draw the cortex, and where coil and target are."""
    place = _BESIDE_COIL
    axes = _panel(figure, place, render(camera, [scene.cortex]))
    _draw_coil_outline(axes, camera, scene)
    _draw_target(axes, camera, target)
    _draw_triad(axes, camera)
    _draw_scale(axes, camera)
    _head_line(figure, place, "Cortex, seen along the axis of the coil")


def camera_of_scalp(
    scene: Scene, coil: Float[ndarray, "vertex 3"] | None = None
) -> Camera:
    """Look at the coil on the scalp, from its side.

    Args:
        scene: What is drawn.
        coil: Vertices that must be seen, by default those of the scene's coil. [m]
    """
    coil = scene.coil.vertices if coil is None else coil
    # The neck may leave the picture, the face and the coil may not.
    lowest = scene.cortex.vertices[:, 2].min() - 0.05
    shown = scene.scalp.vertices[scene.scalp.vertices[:, 2] > lowest]
    points = np.concatenate([shown, coil])
    return _fit(_oblique(scene.pose), _LETTERS["S"], _ON_SCALP, points, 0.94)


def draw_on_scalp(figure: Figure, scene: Scene, camera: Camera) -> None:
    """Draw the head with the coil."""
    place = _ON_SCALP
    image = render(camera, [scene.scalp, scene.coil])
    axes = _panel(figure, place, image)
    left, right = image[-_CORNER:, :_CORNER, 3], image[-_CORNER:, -_CORNER:, 3]
    _draw_triad(axes, camera, on_right=bool(right.sum() < left.sum()))
    _head_line(figure, place, "Coil on the scalp")


def _draw_standard(figure: Figure, scene: Scene, target, place, letter: str) -> None:
    left, top, width, height = place
    inner = (left + 26, top + 24, width - 52, height - 48)  # Letters stand around it.
    upright = "A" if letter == "S" else "S"
    camera = _fit(
        _LETTERS[letter], _LETTERS[upright], inner, scene.cortex.vertices, 0.95, _CORD
    )
    axes = _panel(figure, inner, render(camera, [scene.cortex]))
    _draw_coil_outline(axes, camera, scene)
    _draw_target(axes, camera, target)
    _write_letters(figure, camera, inner)
    side = _SIDES.get(letter)
    _head_line(figure, place, f"From the {side}" if side else "From above")


def _side(scene: Scene) -> str:
    """The letter of the side that the coil is at, but for top and bottom."""
    return max(_SIDES, key=lambda letter: float(scene.outwards @ _LETTERS[letter]))


def _oblique(pose: Float[ndarray, "4 4"]) -> Float[ndarray, "3"]:
    """Choose whence to look at the coil: from its side, from the front, a little above."""
    azimuth, height = np.meshgrid(np.arange(0, 360, 3), np.arange(-12, 60, 3))
    azimuth, height = np.deg2rad(azimuth.ravel()), np.deg2rad(height.ravel())
    viewer = np.stack(
        [
            np.cos(height) * np.cos(azimuth),
            np.cos(height) * np.sin(azimuth),
            np.sin(height),
        ],
        axis=1,
    )
    _, along_handle, inwards = pose[:3, :3].T
    score = (
        -(((-viewer @ inwards - 0.55) / 0.3) ** 2)
        - 2.0 * (viewer @ along_handle) ** 2
        + 0.5 * viewer[:, 1]
        - ((height - np.deg2rad(16)) / np.deg2rad(18)) ** 2
    )
    return viewer[np.argmax(score)]


def _draw_coil_outline(axes: Axes, camera: Camera, scene: Scene) -> None:
    covered = coverage(camera, scene.coil).astype(float)
    # Its fill stays behind the cortex, whose colours mean something.
    # A line through a mask of zeros and ones would have steps.
    soft = ndimage.gaussian_filter(covered, 1.5)
    height, width = camera.shape
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    if soft.max() > 0.5:
        axes.contourf(x, y, soft, levels=[0.5, 2.0], colors=["#e7e9eb"], zorder=-1)
    if soft.min() < 0.5 < soft.max():
        for colour, thick in (("white", 3.2), (_INK, 1.3)):
            axes.contour(x, y, soft, levels=[0.5], colors=[colour], linewidths=thick)
    _draw_centre(axes, camera, scene.pose)


def _draw_centre(axes: Axes, camera: Camera, pose: Float[ndarray, "4 4"]) -> None:
    column, row, _ = camera.project(pose[None, :3, 3])[0]
    for colour, thick, arm in (("white", 3.2, 9), (_INK, 1.3, 8)):
        _line(axes, [column - arm, column + arm], [row, row], colour, thick)
        _line(axes, [column, column], [row - arm, row + arm], colour, thick)


def _draw_target(axes: Axes, camera: Camera, target) -> None:
    if target is None:
        return
    centre, radius = target
    column, row, _ = camera.project(centre[None])[0]
    size = max(radius / camera.pixel, 4.0)
    for colour, thick in (("white", 4.5), (_TARGET, 2.2)):
        axes.add_patch(
            Circle((column, row), size, fill=False, edgecolor=colour, linewidth=thick)
        )


def _draw_triad(axes: Axes, camera: Camera, on_right: bool = False) -> None:
    """Draw where the head's axes point, those towards the viewer rather than away."""
    height, width = camera.shape
    column = width - _CORNER / 2 if on_right else _CORNER / 2
    origin, length = np.array([column, height - _CORNER / 2]), 40.0
    for pair in ("RL", "AP", "SI"):
        letter = max(pair, key=lambda end: float(camera.viewer @ _LETTERS[end]) + 1e-3)
        if abs(camera.viewer @ _LETTERS[letter]) < 0.15:
            letter = {"RL": "R", "AP": "A", "SI": "S"}[pair]
        direction = np.array([camera.right, -camera.up]) @ _LETTERS[letter]
        tip = origin + length * direction
        if np.linalg.norm(direction) < 0.3:
            continue
        axes.add_patch(
            FancyArrowPatch(
                tuple(origin),
                tuple(tip),
                arrowstyle="-|>",
                mutation_scale=10,
                shrinkA=0,
                shrinkB=0,
                color=_FAINT,
                linewidth=1.4,
            )
        )
        at = tip + 13 * direction / np.linalg.norm(direction)
        _letter(axes, at[0], at[1], letter)


def _write_letters(figure: Figure, camera: Camera, place) -> None:
    left, top, width, height = place
    x, y = left + width / 2, top + height / 2 + 5
    for column, row, direction in (
        (left - 12, y, -camera.right),
        (left + width + 12, y, camera.right),
        (x, top - 7, camera.up),
        (x, top + height + 17, -camera.up),
    ):
        letter = max(_LETTERS, key=lambda name: float(direction @ _LETTERS[name]))
        _write(figure, column, row, letter, size=13, weight="bold", ha="center")


def _draw_scale(axes: Axes, camera: Camera) -> None:
    height, width = camera.shape
    length = 0.05 / camera.pixel
    right, row = width - 24, height - 24
    _line(axes, [right - length - 2, right + 2], [row, row], "white", 5.2)
    _line(axes, [right - length, right], [row, row], _INK, 2.4)
    middle = right - length / 2
    text = _text(axes, middle, row - 8, "50 mm", size=11, ha="center", va="bottom")
    text.set_path_effects([withStroke(linewidth=3, foreground=_PAPER)])


def draw_colour_bar(
    figure: Figure, highest: float, what: str = "|E| in gray matter"
) -> None:
    """Draw which colour means what."""
    left, top, width, height = _COLOUR_BAR
    axes = _panel(figure, _COLOUR_BAR, field_palette()[None])
    axes.add_patch(
        Rectangle(
            (0, 0),
            width,
            height,
            fill=False,
            edgecolor=_FAINT,
            linewidth=0.8,
            clip_on=False,
        )
    )
    ticks = np.array(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(0, highest))
    for tick in ticks[(ticks >= 0) & (ticks <= highest)]:
        column = left + width * tick / highest
        _write(figure, column, top + height + 22, f"{tick:.4g}", size=12, ha="center")
        _line(axes, [column - left] * 2, [height, height + 6], _FAINT, 0.9, False)
    _write(figure, left + width + 14, top + height - 5, "V/m", size=13)
    _write(figure, left, top - 10, what, size=12, weight="bold")
    _write(
        figure,
        left + width,
        top - 10,
        f"up to the 99.9th percentile, {highest:.3g} V/m",
        size=11,
        color=_FAINT,
        ha="right",
    )


def draw_legend(figure: Figure, target, casing: bool = True) -> None:
    """Say what lines mean."""
    top = _COLOUR_BAR[1] + 76
    axes = _panel(figure, (110, top, 560, 24), np.zeros((1, 1, 4)))
    _line(axes, [0, 26], [12, 12], _INK, 1.4)
    coil = "coil and handle" if casing else "windings: no casing known"
    _text(axes, 34, 12, coil, size=11, color=_FAINT, va="center")
    for line in (([184, 200], [12, 12]), ([192, 192], [4, 20])):
        _line(axes, *line, _INK, 1.4)
    _text(axes, 208, 12, "centre of the coil", size=11, color=_FAINT, va="center")
    if target is not None:
        axes.add_patch(
            Circle((368, 12), 8, fill=False, edgecolor=_TARGET, linewidth=2.2)
        )
        label = f"target, radius {target[1] * 1e3:.3g} mm"
        _text(axes, 384, 12, label, size=11, color=_FAINT, va="center")


def draw_facts(
    figure: Figure,
    facts: Sequence[tuple[str, str]],
    columns: int = 4,
    width: int = _FACTS[2],
) -> None:
    """Write names and values below the pictures."""
    left, top, _, height = _FACTS
    room = width / columns - 20
    for number, (name, value) in enumerate(facts):
        column, row = number % columns, number // columns
        x, y = left + column * width / columns, top + row * height / 2
        _write(figure, x, y, name, room, size=11, color=_FAINT)
        _write(figure, x, y + 24, value, room, size=14)


def _head_line(figure: Figure, place, words: str) -> None:
    _write(figure, place[0] + 2, place[1] - 12, words, size=12, weight="bold")


def checked_target(
    centre: ArrayLike | None, radius: float | None
) -> tuple[Float[ndarray, "3"], float] | None:
    """Check that a target has both, a centre and a radius. [m]"""
    if centre is None and radius is None:
        return None
    if centre is None or radius is None:
        raise ValueError(
            "`target_centre` and `target_radius` come together or not at all."
        )
    where = np.asarray(centre, dtype=float)
    if where.shape != (3,) or not np.isfinite(where).all():
        raise ValueError(f"`target_centre` must be three finite numbers, got {centre}.")
    if not 0 < radius < 1:
        raise ValueError(f"`target_radius` must be between 0 and 1 m, got {radius}.")
    return where, float(radius)
