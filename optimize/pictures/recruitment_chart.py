"""A chart of responses over intensity, with curves and thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray

from ...meshing.drawing.paper import FAINT, save_chart
from ...meshing.drawing.studio import picture


_DOTS, _CURVE, _BAND = "#9db4c8", "#0a5cad", "#d8e4ef"
_PANEL = (5.2, 4.4)  # [inch]
_MOST = 4  # Panels in a row.


@dataclass(frozen=True, eq=False)
class Drawn:
    """One panel.

    Attributes:
        name: Of the responses.
        intensities: Of the rows.
        responses: Of the rows.
        along: Intensities of the curve.
        curve: There.
        logarithmic: Whether responses are drawn by their logarithms.
        threshold: Or None.
        interval: Of it, or None; an end may be 0 or infinite.
    """

    name: str
    intensities: Float[ndarray, "row"]
    responses: Float[ndarray, "row"]
    along: Float[ndarray, "step"]
    curve: Float[ndarray, "step"]
    logarithmic: bool
    threshold: float | None
    interval: tuple[float, float] | None


@picture
def write_recruitment(
    path: Path, panels: Sequence[Drawn], unit: str, title: str
) -> None:
    """Draw each column of responses over intensity in a panel of its own.

    Args:
        path: The file to write, .png.
        panels: One for each column.
        unit: Of intensities, as the axis names it.
        title: One line.

    Raises:
        OSError: The file cannot be written.
    """
    columns = min(len(panels), _MOST)
    rows = -(-len(panels) // columns)
    size = (max(_PANEL[0] * columns, 8.0), _PANEL[1] * rows)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    for number, each in enumerate(panels):
        _panel(figure.add_subplot(rows, columns, number + 1), each, unit)
    figure.suptitle(title, x=0.01, ha="left")
    save_chart(figure, path, title)


def _panel(axes, each: Drawn, unit: str) -> None:
    most = float(each.along.max())
    if each.interval is not None:
        low, high = each.interval
        axes.axvspan(low, min(high, most), color=_BAND, label="95 % interval")
    axes.plot(each.intensities, each.responses, "o", color=_DOTS, markersize=4)
    axes.plot(each.along, each.curve, color=_CURVE, linewidth=2.2)
    if each.threshold is not None and each.threshold <= most:
        axes.axvline(
            each.threshold,
            color=FAINT,
            linestyle=":",
            label=f"threshold, {each.threshold:.3g}",
        )
    if each.logarithmic:
        axes.set_yscale("log")
    axes.set_xlim(0, most)
    axes.set_xlabel(unit)
    axes.set_ylabel(each.name)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="best")
    axes.grid(visible=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
