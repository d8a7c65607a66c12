"""An animation: |E| on the cortex from pose to pose, as from angle to angle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray
from PIL import Image

from ...disk import replacing
from ..drawing.marks import checked_target, draw_colour_bar, draw_facts, draw_legend
from ..drawing.paper import FAINT, WIDTH, paper, pixels, write
from ..drawing.shapes import coil_body
from ..drawing.studio import picture
from ..head import HeadMesh
from .hull import CoilHull
from .overview import camera_of_coil, camera_of_scalp, draw_beside_coil, draw_on_scalp
from .scene import Scene, highest_shown


_SHRUNK = 2  # A frame has 2000 x 1000 pixels over this,
_SHOWN = (14, 30, 1530, 980)  # of which this box is kept. [pixel]
_COLOURS = 255
_LONGEST, _TURN = 0.25, 4.0  # A frame, and all of them where they are many. [s]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of an animation.

    Attributes:
        magnitude: |E| in each tetrahedron. [V/m]
        pose: Coil to head. [m]
        facts: Names and values to print below.
    """

    magnitude: Float[ndarray, "tet"]
    pose: Float[ndarray, "4 4"]
    facts: Sequence[tuple[str, str]]


@picture
def write_animation(
    path: Path,
    head: HeadMesh,
    frames: Sequence[Frame],
    coil_points: CoilHull,
    *,
    target: tuple[Float[ndarray, "3"], float] | None,
    title: str,
    subtitle: str,
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> None:
    """Draw frames as a GIF that repeats.

    All frames are seen from where the first one is, and have one scale of colours. The
    file appears whole or not at all.

    Args:
        path: The file to write.
        head: The head.
        frames: At least two.
        coil_points: Points of the casing in the coil's frame. [m]
        target: Centre and radius, or None. [m]
        title: One line, in bold.
        subtitle: One line below it.
        progress: Called with the share done and what is being done.
    """
    centre, radius = target or (None, None)
    place = checked_target(centre, radius)
    highest = max(highest_shown(head, frame.magnitude) for frame in frames)
    hull = CoilHull.around(coil_points)
    body = coil_body(hull.points, hull.casing)[0]
    coils = np.concatenate(
        [body @ frame.pose[:3, :3].T + frame.pose[None, :3, 3] for frame in frames]
    )
    cameras, pictures = None, []
    for number, frame in enumerate(frames):
        scene = Scene.build(head, frame.magnitude, frame.pose, hull, highest)
        cameras = cameras or (camera_of_coil(scene), camera_of_scalp(scene, coils))
        figure = paper()
        write(figure, 32, 62, title, WIDTH * 3 / 4 - 64, size=24, weight="bold")
        write(figure, 32, 92, subtitle, WIDTH * 3 / 4 - 64, size=15, color=FAINT)
        draw_beside_coil(figure, scene, place, cameras[0])
        draw_on_scalp(figure, scene, cameras[1])
        draw_colour_bar(figure, scene.highest)
        draw_legend(figure, place)
        draw_facts(figure, frame.facts, columns=2, width=660)
        pictures.append(_pixels(figure))
        progress((number + 1) / len(frames), f"drew {number + 1} of {len(frames)}")
    _save(pictures, path)


def _pixels(figure: Figure) -> Image.Image:
    image = Image.fromarray(pixels(figure)).crop(_SHOWN)
    size = (image.width // _SHRUNK, image.height // _SHRUNK)
    return image.resize(size, Image.Resampling.LANCZOS)


def _save(pictures: Sequence[Image.Image], path: Path) -> None:
    # One palette for all, so that what stays does not flicker.
    first, *others = pictures
    few = first.quantize(_COLOURS, dither=Image.Dither.NONE)
    painted = [
        each.quantize(palette=few, dither=Image.Dither.NONE) for each in pictures
    ]
    seconds = min(_LONGEST, _TURN / (1 + len(others)))
    with replacing(path) as file:
        painted[0].save(
            *(file, "GIF"),
            save_all=True,
            append_images=painted[1:],
            duration=round(1e3 * seconds),
            loop=0,
            optimize=False,
        )
