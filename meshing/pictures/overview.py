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
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import ndimage

from ..drawing.marks import (
    CORNER,
    LETTERS,
    checked_target,
    draw_centre,
    draw_colour_bar,
    draw_facts,
    draw_legend,
    draw_scale,
    draw_target,
    draw_triad,
    head_line,
    write_letters,
)
from ..drawing.paper import INK, fit, page, panel, save
from ..drawing.raster import Camera
from ..drawing.render import Surface, coverage, render
from ..drawing.studio import picture
from ..head import HeadMesh
from .hull import CoilHull
from .scene import Scene


CORD = 0.004  # Part of the vertices that may be outside: the spinal cord's end.

# Left, top, width and height. [pixel]
_BESIDE_COIL = (30, 128, 770, 690)
_ON_SCALP = (820, 128, 700, 690)
_STANDARD = ((1550, 128, 420, 325), (1550, 493, 420, 325))

_SIDES = {"R": "right", "L": "left", "A": "front", "P": "back"}


@picture
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
    figure = draw_overview(
        *(head, magnitude, pose, coil_points),
        target=checked_target(target_centre, target_radius),
        title=title,
        subtitle=subtitle,
        facts=facts,
    )
    save(figure, path, title or "tmsgrad overview")


def draw_overview(
    head: HeadMesh,
    magnitude: ArrayLike,
    pose: ArrayLike,
    coil_points: ArrayLike | CoilHull,
    *,
    target: tuple[Float[ndarray, "3"], float] | None = None,
    title: str = "",
    subtitle: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> Figure:
    """Draw what `write_overview` writes, with the same arguments and errors.

    A target is its centre and radius. [m]
    """
    if len(facts) > 8:
        raise ValueError(f"`facts` has {len(facts)} entries; there is room for 8.")
    scene = Scene.build(head, magnitude, pose, coil_points)
    figure = page(title, subtitle)
    draw_beside_coil(figure, scene, target, camera_of_coil(scene))
    draw_on_scalp(figure, scene, camera_of_scalp(scene))
    for place, letter in zip(_STANDARD, ("S", _side(scene)), strict=True):
        _draw_standard(figure, scene, target, place, letter)
    draw_colour_bar(figure, scene.highest)
    draw_legend(figure, target, scene.casing)
    draw_facts(figure, facts)
    return figure


def camera_of_coil(scene: Scene) -> Camera:
    """Look at the cortex along the axis of the coil."""
    # Seen from the top, the front is up.
    upright = "A" if abs(scene.outwards[2]) > 0.9 else "S"
    return fit(
        *(scene.outwards, LETTERS[upright], _BESIDE_COIL),
        *(scene.cortex.vertices, 0.90, CORD),
    )


def draw_beside_coil(figure: Figure, scene: Scene, target, camera: Camera) -> None:
    """Draw the cortex, and where coil and target are."""
    place = _BESIDE_COIL
    axes = panel(figure, place, render(camera, [scene.cortex]))
    _draw_coil_outline(axes, camera, scene)
    draw_target(axes, camera, target)
    draw_triad(axes, camera)
    draw_scale(axes, camera)
    head_line(figure, place, "Cortex, seen along the axis of the coil")


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
    return fit(_oblique(scene.pose), LETTERS["S"], _ON_SCALP, points, 0.94)


def draw_on_scalp(figure: Figure, scene: Scene, camera: Camera) -> None:
    """Draw the head with the coil."""
    place = _ON_SCALP
    image = render(camera, [scene.scalp, scene.coil])
    axes = panel(figure, place, image)
    left, right = image[-CORNER:, :CORNER, 3], image[-CORNER:, -CORNER:, 3]
    draw_triad(axes, camera, on_right=bool(right.sum() < left.sum()))
    head_line(figure, place, "Coil on the scalp")


def _draw_standard(figure: Figure, scene: Scene, target, place, letter: str) -> None:
    left, top, width, height = place
    inner = (left + 26, top + 24, width - 52, height - 48)  # Letters stand around it.
    upright = "A" if letter == "S" else "S"
    camera = fit(
        LETTERS[letter], LETTERS[upright], inner, scene.cortex.vertices, 0.95, CORD
    )
    axes = panel(figure, inner, render(camera, [scene.cortex]))
    _draw_coil_outline(axes, camera, scene)
    draw_target(axes, camera, target)
    write_letters(figure, camera, inner)
    side = _SIDES.get(letter)
    head_line(figure, place, f"From the {side}" if side else "From above")


def _side(scene: Scene) -> str:
    """The letter of the side that the coil is at, but for top and bottom."""
    return max(_SIDES, key=lambda letter: float(scene.outwards @ LETTERS[letter]))


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
    draw_outline(axes, camera, scene.coil)
    draw_centre(axes, camera, scene.pose)


def draw_outline(
    axes: Axes, camera: Camera, coil: Surface, colour: str = INK, style: str = "solid"
) -> None:
    """Draw the outline of a coil, and what it covers behind all else."""
    covered = coverage(camera, coil).astype(float)
    # Its fill stays behind the cortex, whose colours mean something.
    # A line through a mask of zeros and ones would have steps.
    soft = ndimage.gaussian_filter(covered, 1.5)
    height, width = camera.shape
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    if soft.max() > 0.5:
        axes.contourf(x, y, soft, levels=[0.5, 2.0], colors=["#e7e9eb"], zorder=-1)
    if soft.min() < 0.5 < soft.max():
        for ink, thick, dashes in (("white", 3.2, "solid"), (colour, 1.3, style)):
            axes.contour(
                *(x, y, soft),
                levels=[0.5],
                colors=[ink],
                linewidths=thick,
                linestyles=dashes,
            )
