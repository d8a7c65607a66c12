"""The picture of a field in slices: |E| over a T1, or over the head's own tissues."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy import ndarray
from scipy import ndimage

from ..drawing.marks import (
    LETTERS,
    draw_centre,
    draw_colour_bar,
    draw_facts,
    draw_legend,
    draw_scale,
    draw_target,
    head_line,
    write_letters,
)
from ..drawing.palette import field_palette
from ..drawing.paper import FAINT, INK, page, panel, save
from ..drawing.raster import Camera, look
from ..drawing.shapes import coil_body
from ..drawing.studio import picture
from ..head import HeadMesh
from ..images.voxels import VoxelGrid, elements_on_grid
from .hull import CoilHull
from .scene import highest_shown


_PLACES = tuple((30 + 660 * number, 128, 620, 690) for number in range(3))
# The axis across, whence one looks at it, what is up, and the name.
VIEWS = ((2, "S", "A", "axial"), (1, "P", "S", "coronal"), (0, "R", "S", "sagittal"))
_BRAIN = (1, 2)
# White matter to scalp, where there is no T1.
_GRAYS = {1: 0.82, 2: 0.68, 3: 0.45, 4: 0.92, 5: 0.6, 6: 0.5, 7: 0.9, 8: 0.88}
_MARGIN = 12e-3  # [m]
# An image from 0 to 1, and where its voxels lie. [m]
Brightness = tuple[Float[ndarray, "i j k"], Float[ndarray, "4 4"]]
_FADE = 0.25  # Of the highest value: below, the field lets the image through.


@picture
def write_field_slices(
    path: Path,
    head: HeadMesh,
    magnitude: Float[ndarray, "tet"],
    at: Float[ndarray, "3"],
    *,
    coil: tuple[Float[ndarray, "4 4"], CoilHull] | None = None,
    target: tuple[Float[ndarray, "3"], float] | None = None,
    image: nibabel.Nifti1Image | None = None,
    title: str = "",
    subtitle: str = "",
    facts: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw three slices through a point with |E| in white and gray matter.

    The colours are those of the overview: from 0 to the 99.9th percentile of gray matter.
    What is cut of the coil is outlined; its centre is marked wherever it is.

    Args:
        path: The file to write, .png, 2000 x 1000 pixels.
        head: The head, with gray matter.
        magnitude: |E| in each tetrahedron. [V/m]
        at: Where the slices meet. [m]
        coil: Its pose [m] and its hull.
        target: Its centre and radius. [m]
        image: A T1 in the head's coordinates, drawn behind.
        title: One line, in bold.
        subtitle: One line below it.
        facts: Names and values to print below, at most eight.

    Raises:
        OSError: The file cannot be written.
    """
    highest = highest_shown(head, magnitude)
    figure = page(title, subtitle)
    behind = None if image is None else brightness(image)
    body = None if coil is None else _placed_body(*coil)
    for each in draw_sections(figure, head, at, magnitude / highest, behind):
        axes, camera = each.axes, each.camera
        edges = [] if body is None else list(cut(*body, camera)[..., :2])
        for colour, thick in (("white", 3.2), (INK, 1.3)):
            axes.add_collection(LineCollection(edges, colors=colour, linewidths=thick))
        if coil is not None:
            draw_centre(axes, camera, coil[0])
        if target is not None and abs((target[0] - at)[each.across]) <= target[1]:
            draw_target(axes, camera, target)
        (column, row, _), (height, width) = camera.project(at[None])[0], camera.shape
        lines = [[(0, row), (width, row)], [(column, 0), (column, height)]]
        axes.add_collection(
            LineCollection(lines, colors=FAINT, linewidths=0.6, linestyles=":")
        )
    draw_colour_bar(figure, highest)
    draw_legend(figure, target)
    draw_facts(figure, facts)
    save(figure, path, title)


@dataclass(frozen=True, eq=False)
class Section:
    """A slice on the paper.

    Attributes:
        axes: Of its panel, which count pixels.
        camera: That looks along its normal.
        across: The axis that it is perpendicular to.
    """

    axes: Axes
    camera: Camera
    across: int


def draw_sections(
    figure: Figure,
    head: HeadMesh,
    at: Float[ndarray, "3"],
    share: Float[ndarray, "tet"],
    behind: Brightness | None = None,
) -> Iterator[Section]:
    """Draw three slices through a point, and give each one for what lies on it.

    Args:
        figure: A page.
        head: The head.
        at: Where the slices meet. [m]
        share: From 0 to 1 in each tetrahedron, shown in the brain.
        behind: An image to draw behind, in place of tissues.
    """
    for place, (across, viewer, up, name) in zip(_PLACES, VIEWS, strict=True):
        left, top, width, height = place
        inner = (left + 26, top + 24, width - 52, height - 48)
        camera = section_camera(head, at, LETTERS[viewer], LETTERS[up], inner)
        axes = panel(figure, inner, section_image(head, share, camera, behind))
        yield Section(axes, camera, across)
        if across == 2:
            draw_scale(axes, camera)
        write_letters(figure, camera, inner)
        where = f"{'xyz'[across]} = {at[across] * 1e3:.1f} mm"
        head_line(figure, place, f"{name}, {where}")


def section_camera(
    head: HeadMesh,
    at: Float[ndarray, "3"],
    viewer: Float[ndarray, "3"],
    up: Float[ndarray, "3"],
    place: tuple[int, int, int, int],
) -> Camera:
    """Look at a plane through `at` such that the brain fills the panel, in all alike."""
    inside = head.of("white matter", "gray matter")
    brain = head.nodes[head.tetrahedra[inside]].reshape(-1, 3)
    low, high = brain.min(axis=0) - _MARGIN, brain.max(axis=0) + 2 * _MARGIN
    middle = (low + high) / 2
    middle = middle + ((at - middle) @ viewer) * viewer
    pixel = float(max(high - low)) / min(place[2:])
    return look(viewer, up, middle, pixel, (place[3], place[2]))


def section_image(
    head: HeadMesh,
    share: Float[ndarray, "tet"],
    camera: Camera,
    behind: Brightness | None = None,
) -> Float[ndarray, "row col 3"]:
    """Paint tissues or an image, and a value in the brain, seen by a camera."""
    height, width = camera.shape
    affine = np.eye(4)
    affine[:3, :3] = np.stack(
        [camera.right * camera.pixel, -camera.up * camera.pixel, camera.viewer * 1e-3],
        axis=1,
    )
    corner = np.array([(1 - width) / 2, (1 - height) / 2, 0.0])
    affine[:3, 3] = camera.centre + affine[:3, :3] @ corner
    grid = VoxelGrid(affine, (width, height, 1))
    found = elements_on_grid(head, grid)[..., 0].T
    inside = found >= 0
    tags = np.where(inside, head.tags[found], 0)
    if behind is None:
        shade = np.ones(found.shape)
        for tag, gray in _GRAYS.items():
            shade[tags == tag] = gray
    else:
        values, place = behind
        turn = np.linalg.inv(place) @ affine
        index = np.indices((width, height)).reshape(2, -1)
        at = turn[:3, :2] @ index + turn[:3, 3:]
        shade = ndimage.map_coordinates(values, at, order=1, cval=0.0)
        shade = shade.reshape(width, height).T
    # The weights of an interpolation add up to one, but for rounding.
    colours = np.repeat(np.clip(shade, 0, 1)[..., None], 3, axis=2)
    brain = np.isin(tags, _BRAIN)
    level = np.clip(share[found[brain]], 0, 1)
    painted = field_palette()[np.minimum((level * 256).astype(int), 255)]
    cover = 0.85 * np.clip(level / _FADE, 0, 1)[:, None]
    colours[brain] = cover * painted + (1 - cover) * colours[brain]
    return colours


def brightness(
    image: nibabel.Nifti1Image,
) -> Brightness:
    """Give an image as brightness from 0 to 1, and where it lies. [m]"""
    values = np.asarray(image.dataobj, dtype=float)
    values = values.reshape((*values.shape[:3], -1))[..., 0]
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, [1, 99.5])
    affine = np.array(image.affine, dtype=float)
    affine[:3] *= 1e-3
    return np.clip((values - low) / ((high - low) or 1.0), 0, 1), affine


def _placed_body(
    pose: Float[ndarray, "4 4"], hull: CoilHull
) -> tuple[Float[ndarray, "vertex 3"], Int[ndarray, "triangle 3"]]:
    vertices, triangles, _ = coil_body(hull.points, hull.casing)
    return vertices @ pose[:3, :3].T + pose[None, :3, 3], triangles


def cut(
    vertices: Float[ndarray, "vertex 3"],
    triangles: Int[ndarray, "triangle 3"],
    camera: Camera,
) -> Float[ndarray, "line 2 3"]:
    """Cut a surface by the plane through a camera's centre.

    Args:
        vertices: Of the surface. [m]
        triangles: Its triangles.
        camera: Which looks along the plane's normal.

    Returns:
        The ends of a line for each triangle that is cut, as `Camera.project` gives them.
    """
    corners = camera.project(vertices)[triangles]
    depth = corners[..., 2] + 1e-9  # So that no corner lies in the plane.
    one = np.sum(depth > 0, axis=1)
    crossed = (one == 1) | (one == 2)
    corners, depth, one = corners[crossed], depth[crossed], one[crossed]
    # The corner that is alone on its side.
    alone = np.argmax((depth > 0) == (one == 1)[:, None], axis=1)
    row = np.arange(len(alone))
    ends = []
    for step in (1, 2):
        other = (alone + step) % 3
        here, there = depth[row, alone], depth[row, other]
        share = (here / (here - there))[:, None]
        start = corners[row, alone]
        ends.append(start + share * (corners[row, other] - start))
    return np.stack(ends, axis=1)
