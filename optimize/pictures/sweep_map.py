"""The picture of a sweep: what each place on the scalp gives the target."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

from ...meshing import Scalp
from ...meshing.drawing.marks import LETTERS, draw_triad, head_line
from ...meshing.drawing.palette import field_palette
from ...meshing.drawing.paper import fit, page, panel, save, write
from ...meshing.drawing.render import Surface, render
from ...meshing.drawing.studio import picture


_PLACES = ((30, 128, 920, 760), (980, 128, 480, 760), (1490, 128, 480, 760))
_BARE = np.array([[0.86, 0.84, 0.82]])
_NEIGHBOURS = 4


@picture
def write_map(
    path: Path,
    scalp: Scalp,
    positions: Float[ndarray, "position 3"],
    values: Float[ndarray, "position"],
    *,
    title: str,
    subtitle: str,
) -> None:
    """Draw a map on the scalp, seen from its best place, from above and from the side.

    Args:
        path: The file to write, 2000 x 1000 pixels.
        scalp: The scalp.
        positions: Of the map. [m]
        values: The best of all angles at each. [V/m]
        title: One line, in bold.
        subtitle: One line below it.
    """
    surface = _surface(scalp, positions, values)
    best = positions[np.argmax(values)]
    outwards = scalp.normal(best[None])[0]
    figure = page(title, subtitle)
    views = (
        (outwards, "Seen along the axis of the best coil"),
        (LETTERS["S"], "From above"),
        (LETTERS["L" if best[0] < 0 else "R"], "From the side"),
    )
    for place, (viewer, words) in zip(_PLACES, views, strict=True):
        upright = LETTERS["A"] if abs(viewer[2]) > 0.9 else LETTERS["S"]
        shown = scalp.surface.vertices
        camera = fit(viewer, upright, place, shown[shown[:, 2] > -0.06], 0.94)
        axes = panel(figure, place, render(camera, [surface]))
        column, row, _ = camera.project(best[None])[0]
        if viewer @ outwards > 0.2:
            axes.plot([column], [row], "+", color="black", markersize=16, mew=2.4)
        draw_triad(axes, camera)
        head_line(figure, place, words)
    bar = (110, 925, 700, 20)
    panel(figure, bar, field_palette()[None])
    low, high = float(values.min()), float(values.max())
    for share in (0.0, 0.5, 1.0):
        label = f"{low + share * (high - low):.3g}"
        write(figure, 110 + 700 * share, 968, label, size=12, ha="center")
    write(figure, 824, 941, "V/m; the cross is the best place", size=13)
    save(figure, path, title)


def _surface(
    scalp: Scalp,
    positions: Float[ndarray, "position 3"],
    values: Float[ndarray, "position"],
) -> Surface:
    tree = KDTree(positions)
    vertices, triangles = scalp.surface.vertices, scalp.surface.triangles
    count = min(_NEIGHBOURS, len(positions))
    apart, near = tree.query(vertices, count)
    apart, near = apart.reshape(-1, count), near.reshape(-1, count)
    weights = 1 / (apart + 1e-4) ** 2
    mixed = (weights * values[near]).sum(axis=1) / weights.sum(axis=1)
    span = float(np.ptp(values)) or 1.0
    # The palette's first colour is that of skin without a value.
    shade = 1 / 256 + 255 / 256 * (mixed - values.min()) / span
    spacing = np.median(
        np.asarray(tree.query(positions, min(2, len(positions)))[0]).T[-1]
    )
    shade[apart[:, 0] > max(2 * float(spacing), 4e-3)] = 0.0
    palette = np.concatenate([_BARE, field_palette()])
    return Surface(vertices, triangles, palette, np.clip(shade, 0, 1))
