"""Pictures of a validation report, as PNG for a page that needs nothing else."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure


_DPI = 110
_COLOURS = {"P1": "#b3541e", "P1 + recovery": "#2a7f62", "P2": "#0a66c2"}


def pictures(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Draw what studies left.

    Args:
        found: `Workbench.pictures`.

    Returns:
        Pairs of a caption and a PNG as base64, for those that are there.
    """
    drawn: list[tuple[str, Callable[[Any], Figure], str]] = [
        (
            "accuracy",
            _accuracy,
            "Error of E in a layered sphere under a figure-of-eight coil, in the brain's "
            "outer shell (filled) and at its surface (open).",
        ),
        (
            "simnibs",
            _scatter,
            "|E| by tmsgrad against |E| by SimNIBS 4.5 on the same mesh, and their "
            "relative difference, element by element.",
        ),
        (
            "cortex",
            _cortex,
            "The cortex as the coil sees it (template head, default mesh): |E|, and how "
            "far first-order elements, raw and recovered, are from second order.",
        ),
        (
            "refinement",
            _refinement,
            "Mean |E| in the target on template heads of several sizes, and the distance "
            "of first from second order in gray matter.",
        ),
    ]
    return [
        (caption, _png(draw(found[name])))
        for name, draw, caption in drawn
        if name in found
    ]


def _paper(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(4.6 * count, 3.7), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def _png(figure: Figure) -> str:
    store = io.BytesIO()
    figure.savefig(store, format="png")
    return base64.b64encode(store.getvalue()).decode("ascii")


def _accuracy(rows: Sequence[Mapping[str, Any]]) -> Figure:
    figure, (by_edge, by_time) = _paper(2)
    for method, colour in _COLOURS.items():
        mine = [row for row in rows if row["method"] == method]
        if not mine:
            continue
        for axes, key in ((by_edge, "edge [mm]"), (by_time, "seconds")):
            order = sorted(mine, key=lambda row, key=key: row[key])
            x = [row[key] for row in order]
            axes.loglog(
                x, [row["error"] for row in order], "o-", color=colour, label=method
            )
            outside = [row["error at the surface"] for row in order]
            axes.loglog(x, outside, "o--", color=colour, mfc="none")
    by_edge.set(xlabel="mean edge [mm]", ylabel="relative L2 error")
    by_time.set(xlabel="assembly and first field [s]", ylabel="relative L2 error")
    by_edge.legend(frameon=False)
    return figure


def _scatter(heads: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    figure, axes = _paper(2 * len(heads))
    for (name, (ours, theirs)), i in zip(heads.items(), range(len(heads)), strict=True):
        left, right = axes[2 * i : 2 * i + 2]
        left.hexbin(
            theirs, ours, gridsize=80, bins="log", cmap="viridis", linewidths=0.1
        )
        top = float(theirs.max())
        left.plot([0, top], [0, top], color="#999999", lw=0.8)
        left.set(xlabel="SimNIBS |E| [V/m]", ylabel="tmsgrad |E| [V/m]", title=name)
        apart = np.maximum(np.abs(ours / theirs - 1), 1e-17)
        right.hist(np.log10(apart), bins=60, color="#0a66c2")
        right.set(xlabel="log10 relative difference", ylabel="elements", title=name)
    return figure


def _cortex(maps: Mapping[str, np.ndarray]) -> Figure:
    figure, axes = _paper(len(maps))
    errors = [image for name, image in maps.items() if " - " in name]
    top = float(np.nanpercentile(np.concatenate([x.ravel() for x in errors]), 99.5))
    for ax, (name, image) in zip(axes, maps.items(), strict=True):
        scale = LogNorm(top / 300, top) if " - " in name else None
        shown = ax.imshow(
            image, origin="lower", cmap="inferno", norm=scale, interpolation="nearest"
        )
        ax.set(title=name, xticks=[], yticks=[])
        figure.colorbar(shown, ax=ax, shrink=0.85)
    return figure


def _refinement(rows: Sequence[Mapping[str, Any]]) -> Figure:
    figure, (value, error) = _paper(2)
    edges = [1e3 * row["edge"] for row in rows]
    for key, label, colour in (
        ("target", "P1", _COLOURS["P1"]),
        ("target recovered", "P1 + recovery", _COLOURS["P1 + recovery"]),
        ("target P2", "P2", _COLOURS["P2"]),
    ):
        pairs = [
            (edge, row[key])
            for edge, row in zip(edges, rows, strict=True)
            if key in row
        ]
        value.plot(*zip(*pairs, strict=True), "o-", color=colour, label=label)
    value.set(xlabel="mean edge in gray matter [mm]", ylabel="mean |E| in target [V/m]")
    value.legend(frameon=False)
    for key, label, colour in (
        ("raw", "P1 against P2", _COLOURS["P1"]),
        ("recovered", "recovered against P2", _COLOURS["P1 + recovery"]),
        ("estimate", "estimated", "#777777"),
    ):
        pairs = [
            (edge, row[key])
            for edge, row in zip(edges, rows, strict=True)
            if key in row
        ]
        error.loglog(*zip(*pairs, strict=True), "o-", color=colour, label=label)
    error.set(xlabel="mean edge in gray matter [mm]", ylabel="relative L2, gray matter")
    error.legend(frameon=False)
    return figure
