"""The picture of a field on the cortex alone, where no coil is to be drawn."""

from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray
from numpy.typing import ArrayLike

from ..drawing.marks import (
    LETTERS,
    draw_colour_bar,
    draw_scale,
    draw_target,
    head_line,
    write_letters,
)
from ..drawing.paper import fit, page, panel
from ..drawing.raster import Camera
from ..drawing.render import Surface, render
from ..head import HeadMesh
from .overview import CORD
from .scene import checked_magnitude, cortex_surface, highest_shown


# Whence, what is up, and the words above.
VIEWS = (
    ("L", "S", "From the left"),
    ("S", "A", "From above"),
    ("R", "S", "From the right"),
)
PLACES = tuple((56 + 660 * number, 152, 568, 642) for number in range(3))


def draw_cortex(
    head: HeadMesh,
    magnitude: ArrayLike,
    *,
    target: tuple[Float[ndarray, "3"], float] | None = None,
    title: str = "",
    subtitle: str = "",
) -> Figure:
    """Draw |E| on the cortex from the left, from above and from the right.

    Colours are those of `write_overview`.

    Args:
        head: The head; x points to its right, y to the front, z up.
        magnitude: |E| in each tetrahedron, (tetrahedra,). [V/m]
        target: Its centre and radius, for a ring around it, or None. [m]
        title: One line, in bold.
        subtitle: One line below it.

    Raises:
        ValueError: `magnitude` has the wrong shape or is not finite, or the head has no
            gray matter.
    """
    values = checked_magnitude(head, magnitude)
    highest = highest_shown(head, values)
    cortex = cortex_surface(head, values, highest)
    figure = page(title, subtitle)
    for number, place in enumerate(PLACES):
        camera = camera_of(cortex, number)
        axes = panel(figure, place, render(camera, [cortex]))
        draw_target(axes, camera, target)
        draw_scale(axes, camera)
        write_letters(figure, camera, place)
        left, top, width, height = place
        above = (left - 26, top - 24, width + 52, height + 48)
        head_line(figure, above, VIEWS[number][2])
    draw_colour_bar(figure, highest)
    return figure


def camera_of(cortex: Surface, view: int) -> Camera:
    """Look at the cortex as one of `VIEWS` does."""
    viewer, up, _ = VIEWS[view]
    return fit(
        *(LETTERS[viewer], LETTERS[up], PLACES[view], cortex.vertices),
        *(0.95, CORD),
    )
