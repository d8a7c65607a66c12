"""The picture of a motor map: R² on the cortex, and responses over the field."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ...meshing.drawing.marks import LETTERS, draw_triad, head_line
from ...meshing.drawing.palette import field_palette
from ...meshing.drawing.paper import (
    FAINT,
    HEIGHT,
    INK,
    WIDTH,
    fit,
    page,
    panel,
    save,
    write,
)
from ...meshing.drawing.render import Surface, render
from ...meshing.drawing.studio import picture
from ..mapping import CortexPatch


_MAP = (30, 128, 900, 760)
_CHART = (1080, 150, 860, 700)
_DOTS, _CURVE = "#9db4c8", "#0a5cad"


@dataclass(frozen=True, eq=False)
class Scatter:
    """Responses over the field at the optimum, and the curve there, for a picture.

    Attributes:
        field: Of the pulses. [V/m]
        response: Of the pulses. [V]
        along: Fields. [V/m]
        curve: Of the median response to these. [V]
        threshold: [V/m]
        criterion: Of the threshold. [V]
    """

    field: Float[ndarray, "pulse"]
    response: Float[ndarray, "pulse"]
    along: Float[ndarray, "step"]
    curve: Float[ndarray, "step"]
    threshold: float
    criterion: float


@picture
def write_response_map(
    path: Path,
    patch: CortexPatch,
    explained: Float[ndarray, "place"],
    region: Bool[ndarray, "place"],
    scatter: Scatter,
    *,
    title: str,
    subtitle: str,
) -> None:
    """Draw a map on the cortex from outside, and responses over the field.

    Args:
        path: The file to write, 2000 x 1000 pixels.
        patch: Of the cortex.
        explained: R² at each place.
        region: That holds what responds.
        scatter: At the optimum.
        title: One line, in bold.
        subtitle: One line below it.
    """
    figure = page(title, subtitle)
    _draw_map(figure, patch, explained, region)
    _draw_chart(figure, scatter)
    save(figure, path, title)


def _draw_map(figure, patch: CortexPatch, explained, region) -> None:
    surface = patch.surface
    outwards = patch.areas @ patch.normals
    top = max(float(explained.max()), 1e-6)
    shade = np.clip(explained / top, 0, 1)
    viewer = outwards / np.linalg.norm(outwards)
    upright = LETTERS["A"] if abs(viewer[2]) > 0.9 else LETTERS["S"]
    camera = fit(viewer, upright, _MAP, surface.vertices, 0.94)
    drawn = Surface(surface.vertices, surface.triangles, field_palette(), shade)
    axes = panel(figure, _MAP, render(camera, [drawn]))
    column, row, _ = camera.project(surface.vertices[region]).T
    axes.plot(column, row, ".", color="black", markersize=3)
    draw_triad(axes, camera)
    head_line(figure, _MAP, "R² on the cortex; dots: 95 % region")
    panel(figure, (110, 925, 700, 20), field_palette()[None])
    for share in (0.0, 0.5, 1.0):
        write(
            figure, 110 + 700 * share, 968, f"{share * top:.2g}", size=12, ha="center"
        )


def _draw_chart(figure, scatter: Scatter) -> None:
    left, top, width, height = _CHART
    axes = figure.add_axes(
        (left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
    )
    axes.semilogy(scatter.field, 1e3 * scatter.response, "o", color=_DOTS, markersize=5)
    axes.semilogy(scatter.along, 1e3 * scatter.curve, color=_CURVE, linewidth=2.5)
    axes.axhline(1e3 * scatter.criterion, color=FAINT, linestyle=":", linewidth=1.5)
    if np.isfinite(scatter.threshold):
        axes.axvline(scatter.threshold, color=FAINT, linestyle=":", linewidth=1.5)
    axes.set_xlabel("field at the optimum, V/m (dotted: threshold)", color=INK)
    axes.set_ylabel("response, mV", color=INK)
    axes.set_xlim(left=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
