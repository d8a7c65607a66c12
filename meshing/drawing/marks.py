"""What pictures of a head share: letters, marks, the bar of colours, and facts below."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy import ndarray
from numpy.typing import ArrayLike

from .palette import field_palette
from .paper import FAINT, INK, PAPER, letter, line, panel, text, write
from .raster import Camera


_TARGET = "#0a66c2"
CORNER = 116  # [pixel]

# Left, top, width and height. [pixel]
_COLOUR_BAR = (110, 872, 560, 22)
_FACTS = (850, 862, 1120, 110)

# Where the letters are, in the head file's coordinates (x to the right, y to the front).
LETTERS = {
    "R": np.array([1.0, 0.0, 0.0]),
    "L": np.array([-1.0, 0.0, 0.0]),
    "A": np.array([0.0, 1.0, 0.0]),
    "P": np.array([0.0, -1.0, 0.0]),
    "S": np.array([0.0, 0.0, 1.0]),
    "I": np.array([0.0, 0.0, -1.0]),
}


def head_line(figure: Figure, place, words: str) -> None:
    """Write what a panel shows above it."""
    write(figure, place[0] + 2, place[1] - 12, words, size=12, weight="bold")


def draw_centre(axes: Axes, camera: Camera, pose: Float[ndarray, "4 4"]) -> None:
    """Mark the coil's centre by a cross."""
    column, row, _ = camera.project(pose[None, :3, 3])[0]
    for colour, thick, arm in (("white", 3.2, 9), (INK, 1.3, 8)):
        line(axes, [column - arm, column + arm], [row, row], colour, thick)
        line(axes, [column, column], [row - arm, row + arm], colour, thick)


def draw_target(axes: Axes, camera: Camera, target) -> None:
    """Draw a ring around the target, where there is one."""
    if target is None:
        return
    centre, radius = target
    column, row, _ = camera.project(centre[None])[0]
    size = max(radius / camera.pixel, 4.0)
    for colour, thick in (("white", 4.5), (_TARGET, 2.2)):
        axes.add_patch(
            Circle((column, row), size, fill=False, edgecolor=colour, linewidth=thick)
        )


def draw_triad(axes: Axes, camera: Camera, on_right: bool = False) -> None:
    """Draw where the head's axes point, those towards the viewer rather than away."""
    height, width = camera.shape
    column = width - CORNER / 2 if on_right else CORNER / 2
    origin, length = np.array([column, height - CORNER / 2]), 40.0
    for pair in ("RL", "AP", "SI"):
        sign = max(pair, key=lambda end: float(camera.viewer @ LETTERS[end]) + 1e-3)
        if abs(camera.viewer @ LETTERS[sign]) < 0.15:
            sign = {"RL": "R", "AP": "A", "SI": "S"}[pair]
        direction = np.array([camera.right, -camera.up]) @ LETTERS[sign]
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
                color=FAINT,
                linewidth=1.4,
            )
        )
        at = tip + 13 * direction / np.linalg.norm(direction)
        letter(axes, at[0], at[1], sign)


def write_letters(figure: Figure, camera: Camera, place) -> None:
    """Write the head's sides around a panel."""
    left, top, width, height = place
    x, y = left + width / 2, top + height / 2 + 5
    for column, row, direction in (
        (left - 12, y, -camera.right),
        (left + width + 12, y, camera.right),
        (x, top - 7, camera.up),
        (x, top + height + 17, -camera.up),
    ):
        letter = max(LETTERS, key=lambda name: float(direction @ LETTERS[name]))
        write(figure, column, row, letter, size=13, weight="bold", ha="center")


def draw_scale(axes: Axes, camera: Camera) -> None:
    """Draw how long 50 mm are."""
    height, width = camera.shape
    length = 0.05 / camera.pixel
    right, row = width - 24, height - 24
    line(axes, [right - length - 2, right + 2], [row, row], "white", 5.2)
    line(axes, [right - length, right], [row, row], INK, 2.4)
    middle = right - length / 2
    words = text(axes, middle, row - 8, "50 mm", size=11, ha="center", va="bottom")
    words.set_path_effects([withStroke(linewidth=3, foreground=PAPER)])


def draw_colour_bar(
    figure: Figure, highest: float, what: str = "|E| in gray matter"
) -> None:
    """Draw which colour means what."""
    left, top, width, height = _COLOUR_BAR
    axes = panel(figure, _COLOUR_BAR, field_palette()[None])
    axes.add_patch(
        Rectangle(
            (0, 0),
            width,
            height,
            fill=False,
            edgecolor=FAINT,
            linewidth=0.8,
            clip_on=False,
        )
    )
    ticks = np.array(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(0, highest))
    for tick in ticks[(ticks >= 0) & (ticks <= highest)]:
        column = left + width * tick / highest
        write(figure, column, top + height + 22, f"{tick:.4g}", size=12, ha="center")
        line(axes, [column - left] * 2, [height, height + 6], FAINT, 0.9, False)
    write(figure, left + width + 14, top + height - 5, "V/m", size=13)
    write(figure, left, top - 10, what, size=12, weight="bold")
    write(
        figure,
        left + width,
        top - 10,
        f"up to the 99.9th percentile, {highest:.3g} V/m",
        size=11,
        color=FAINT,
        ha="right",
    )


def draw_legend(figure: Figure, target, casing: bool = True) -> None:
    """Say what lines mean."""
    top = _COLOUR_BAR[1] + 76
    axes = panel(figure, (110, top, 560, 24), np.zeros((1, 1, 4)))
    line(axes, [0, 26], [12, 12], INK, 1.4)
    coil = "coil and handle" if casing else "windings: no casing known"
    text(axes, 34, 12, coil, size=11, color=FAINT, va="center")
    for arm in (([184, 200], [12, 12]), ([192, 192], [4, 20])):
        line(axes, *arm, INK, 1.4)
    text(axes, 208, 12, "centre of the coil", size=11, color=FAINT, va="center")
    if target is not None:
        axes.add_patch(
            Circle((368, 12), 8, fill=False, edgecolor=_TARGET, linewidth=2.2)
        )
        label = f"target, radius {target[1] * 1e3:.3g} mm"
        text(axes, 384, 12, label, size=11, color=FAINT, va="center")


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
        write(figure, x, y, name, room, size=11, color=FAINT)
        write(figure, x, y + 24, value, room, size=14)


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
