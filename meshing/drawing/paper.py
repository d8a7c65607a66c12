"""Paper to draw on: text, lines and panels, counted in pixels.

Lines and letters are drawn by matplotlib's Agg canvas, so that no display, OpenGL or font
of the system is needed.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy import ndarray
from numpy.typing import ArrayLike

from ...disk import replacing
from .raster import Camera, look


WIDTH, HEIGHT = 2000, 1000  # [pixel]
DPI = 100
PAPER, INK, FAINT = "#ffffff", "#1d2126", "#6b737c"

_FADE = 50  # [pixel]


def paper(width: int = WIDTH, height: int = HEIGHT) -> Figure:
    """Make an empty picture. [pixel]"""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)  # The figure keeps it.
    return figure


def page(title: str, subtitle: str) -> Figure:
    """Make a picture with a bold line and one below it, and nothing else yet."""
    figure = paper()
    write(figure, 32, 42, title, WIDTH - 64, size=22, weight="bold")
    write(figure, 32, 72, subtitle, WIDTH - 64, size=13, color=FAINT)
    return figure


def panel(figure: Figure, place, image: Float[ndarray, "row col channel"]) -> Axes:
    """Put an image on the figure, pixel by pixel; its axes count pixels."""
    left, top, width, height = place
    across, down = figure.get_size_inches() * DPI
    axes = figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down),
        frameon=False,
    )
    axes.set_axis_off()
    if image.shape[2] == 4 and image[-1, :, 3].any():
        # What is cut off below, as the neck, fades away.
        image = image.copy()
        image[..., 3] *= np.clip(np.arange(height, 0, -1) / _FADE, 0, 1)[:, None]
    axes.imshow(
        image,
        extent=(0, width, height, 0),
        interpolation="nearest",
        aspect="auto",
        origin="upper",
    )
    axes.set(xlim=(0, width), ylim=(height, 0))
    return axes


def line(
    axes: Axes, columns, rows, colour: str, thick: float, clip: bool = True
) -> None:
    """Draw a line through pixels of a panel."""
    axes.plot(
        columns,
        rows,
        color=colour,
        linewidth=thick,
        linestyle="-",
        marker="",
        solid_capstyle="butt",
        clip_on=clip,
    )


def letter(axes: Axes, column: float | int, row: float | int, sign: str) -> None:
    """Write one letter with a bright rim."""
    written = text(
        axes, column, row, sign, size=13, weight="bold", ha="center", va="center"
    )
    written.set_path_effects([withStroke(linewidth=3, foreground=PAPER)])


def text(axes: Axes, column: float | int, row: float | int, words: str, **style):
    """Write at a pixel of a panel."""
    return axes.text(column, row, words, **_style(style))


def write(
    figure: Figure,
    column: float | int,
    row: float | int,
    words: str,
    room: float | int = WIDTH,
    **style,
) -> None:
    """Write on the figure, from a point of the baseline, smaller if there is no room."""
    style = _style(style)
    across, down = figure.get_size_inches() * DPI
    written = figure.text(column / across, 1 - row / down, words, **style)
    width = written.get_window_extent().width
    if width > room:
        written.set_fontsize(style["size"] * room / width)


def _style(style: dict) -> dict:
    # Sizes are pixels here, points there. What a user's matplotlibrc says must not matter.
    size = style.pop("size") * 72 / DPI
    fixed = {
        "family": "DejaVu Sans",
        "usetex": False,
        "parse_math": False,
        "color": INK,
    }
    return fixed | style | {"size": size}


def pixels(figure: Figure) -> UInt8[ndarray, "row column 3"]:
    """Draw the picture: red, green and blue."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def save(figure: Figure, path: Path, title: str) -> None:
    """Write the picture as PNG, whole or not at all."""
    with replacing(path) as file:
        FigureCanvasAgg(figure).print_png(
            file, metadata={"Title": title, "Software": "tmsgrad"}
        )


def save_chart(figure: Figure, path: Path, title: str) -> None:
    """Write a chart of any size as PNG, whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, format="png", metadata={"Title": title})


def fit(
    viewer: ArrayLike,
    up: ArrayLike,
    place: tuple[int, int, int, int],
    points: Float[ndarray, "point 3"],
    share: float,
    spare: float = 0.0,
) -> Camera:
    """Set the camera such that points, but for a spare part, fill a share of a panel."""
    shape = (place[3], place[2])
    trial = look(viewer, up, np.zeros(3), 1.0, shape)
    right, above = trial.axes[:2] @ points.T
    (left, end), (low, high) = np.quantile([right, above], [spare, 1 - spare], axis=1).T
    middle = trial.right * (left + end) / 2 + trial.up * (low + high) / 2
    pixel = max((end - left) / shape[1], (high - low) / shape[0]) / share
    return look(viewer, up, middle, float(pixel), shape)
