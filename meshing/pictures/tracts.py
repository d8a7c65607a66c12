"""The picture of streamlines: in front of three slices of the head."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.collections import LineCollection
from numpy import ndarray

from ..drawing.marks import draw_colour_bar
from ..drawing.palette import field_palette
from ..drawing.paper import page, save
from ..drawing.studio import picture
from ..head import HeadMesh
from ..tracts import Tractogram
from .slices import draw_sections


_MOST = 400  # Streamlines; more hide each other.
_PLAIN = "#23699c"


@picture
def write_tract_slices(
    path: Path,
    head: HeadMesh,
    at: Float[ndarray, "3"],
    tracts: Tractogram,
    *,
    painted: Float[ndarray, "tet"] | None = None,
    values: Float[ndarray, "point"] | None = None,
    title: str = "",
    subtitle: str = "",
) -> None:
    """Draw streamlines in front of three slices through a point.

    Args:
        path: The file to write, .png, 2000 x 1000 pixels.
        head: The head.
        at: Where the slices meet. [m]
        tracts: Of which up to 400 are drawn, evenly chosen.
        painted: From 0 to 1 in each tetrahedron, shown in the brain.
        values: At the streamlines' points, shown as colours from 0 up. [V/m]
        title: One line, in bold.
        subtitle: One line below it.
    """
    figure = page(title, subtitle)
    share = np.zeros(len(head.tags)) if painted is None else painted
    highest = 1.0 if values is None else float(np.quantile(values, 0.999)) or 1.0
    step = -(-len(tracts) // _MOST)
    drawn = np.arange(0, len(tracts), step)
    for section in draw_sections(figure, head, at, share):
        pixels = section.camera.project(tracts.points)[:, :2]
        for number in drawn:
            rows = slice(*tracts.starts[number : number + 2])
            line = pixels[rows]
            colours = _PLAIN
            if values is not None:
                level = np.clip(values[rows][:-1] / highest, 0, 1)
                colours = field_palette()[np.minimum((level * 256).astype(int), 255)]
            section.axes.add_collection(
                LineCollection(
                    list(np.stack([line[:-1], line[1:]], axis=1)),
                    colors=colours,
                    linewidths=0.9,
                    alpha=0.5 if values is None else 0.9,
                )
            )
    if values is not None:
        draw_colour_bar(figure, highest, "|E| along the fibres")
    save(figure, path, title)
