"""A chart of the outputs that several rules give."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ...meshing.drawing.paper import FAINT, INK, save_chart


_BAR, _MATCHED = "#9db4c8", "#0a5cad"


def write_dose_chart(
    path: Path,
    rows: Sequence[tuple[str, float]],
    interval: tuple[float, float] | None,
    title: str,
    machine: str = "the stimulator",
) -> None:
    """Draw a bar for each rule; the last one is matched, with its interval.

    Args:
        path: The file to write, .png.
        rows: Rules and their outputs, as shares of the maximum.
        interval: That holds 95% of the matched outputs, or None.
        title: One line.
        machine: What has the maximum.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=(10, 1.2 + 0.55 * len(rows)), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    names, outputs = zip(*rows, strict=True)
    places = range(len(rows))
    colours = [*[_BAR] * (len(rows) - 1), _MATCHED]
    axes.barh(places, [100 * each for each in outputs], color=colours, height=0.6)
    for place, output in zip(places, outputs, strict=True):
        axes.annotate(
            f"{output:.0%}",
            (100 * output, place),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color="white" if place == len(rows) - 1 else INK,
        )
    if interval is not None:
        low, high = (100 * end for end in interval)
        axes.plot([low, high], [len(rows) - 1] * 2, color=INK, linewidth=2.5)
    axes.axvline(100, color=FAINT, linestyle=":", linewidth=1.5)
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"% of the maximum of {machine} (dotted: all that it has)")
    axes.set_title(title, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save_chart(figure, path, title)
