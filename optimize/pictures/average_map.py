"""Small pictures of maps on fsaverage, which many of stand side by side."""

import base64
import functools
import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy import ndarray
from PIL import Image

from ... import meshing
from ...meshing.average import HEMISPHERES
from ...meshing.drawing.palette import field_palette


_WIDTH, _HEIGHT, _DPI = 2.2, 1.5, 100  # Of a view. [inch]
_COLOURS = 48
_UNKNOWN = (0.80, 0.84, 0.88)
_SULCI = 0.12  # How much darker the floor of a sulcus is.
_TILT = np.radians(12)  # A little from above, so that both gyri and their order show.


@functools.cache
def _view(number: int) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """A hemisphere from its side: corners on paper, light, sulci; hidden ones left out."""
    side = HEMISPHERES[number]
    cortex = meshing.average_cortex(side)
    surface = cortex.inflated
    turn = -1.0 if side == "L" else 1.0
    # From the side: x on paper runs along the head, the left one looks to the left.
    x, y, z = (surface.vertices - surface.vertices.mean(axis=0)).T
    towards = turn * x * np.cos(_TILT) + z * np.sin(_TILT)
    up = z * np.cos(_TILT) - turn * x * np.sin(_TILT)
    points = np.stack([turn * y, up], axis=1)
    normals = surface.normals
    facing = turn * normals[:, 0] * np.cos(_TILT) + normals[:, 2] * np.sin(_TILT)
    seen = np.flatnonzero(facing > 0)
    depth = towards[surface.triangles[seen]].mean(axis=1)
    order = seen[np.argsort(depth)]
    sulci = (cortex.depth[surface.triangles[order]].mean(axis=1) > 0).astype(float)
    light = 0.72 + 0.28 * facing[order]
    return points[surface.triangles[order]], surface.triangles[order], light, sulci


def draw_map(
    values: Float[ndarray, "vertex"],
    counts: Sequence[int],
    limits: tuple[float, float],
    signed: bool = False,
) -> str:
    """Draw a map on both hemispheres, from their sides.

    Args:
        values: At the vertices, of the left hemisphere first; NaN is gray.
        counts: Vertices of each hemisphere.
        limits: Of the colours.
        signed: Whether the colours are to tell positive from negative.

    Returns:
        A PNG, in base64.
    """
    figure = Figure(figsize=(2 * _WIDTH, _HEIGHT), dpi=_DPI)
    FigureCanvasAgg(figure)
    ends = np.cumsum([0, *counts])
    for number in range(len(counts)):
        part = values[ends[number] : ends[number + 1]]
        axes = figure.add_axes((0.5 * number, 0.0, 0.5, 1.0))
        polygons, triangles, light, sulci = _view(number)
        colours = _colours(part[triangles].mean(axis=1), limits, signed)
        colours = colours * (light * (1 - _SULCI * sulci))[:, None]
        axes.add_collection(
            PolyCollection(
                list(polygons),
                facecolors=np.clip(colours, 0, 1),
                edgecolors="face",
                linewidths=0.2,
            )
        )
        axes.set_xlim(polygons[..., 0].min(), polygons[..., 0].max())
        axes.set_ylim(polygons[..., 1].min(), polygons[..., 1].max())
        axes.set_aspect("equal")
        axes.axis("off")
    return _png(figure)


def draw_scale(limits: tuple[float, float], unit: str, signed: bool = False) -> str:
    """Draw what the colours mean.

    Args:
        limits: Of the colours.
        unit: Of the values.
        signed: As of `draw_map`.

    Returns:
        A PNG, in base64.
    """
    figure = Figure(figsize=(3.2, 0.5), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.04, 0.55, 0.92, 0.35))
    axes.imshow(
        np.linspace(0, 1, 256)[None],
        aspect="auto",
        cmap=ListedColormap(_table(signed).tolist()),
        extent=(*limits, 0, 1),
    )
    axes.set_yticks([])
    axes.tick_params(labelsize=7, length=2)
    axes.set_xlabel(unit, fontsize=7, labelpad=1)
    return _png(figure)


def _colours(
    values: Float[ndarray, "triangle"], limits: tuple[float, float], signed: bool
) -> Float[ndarray, "triangle 3"]:
    low, high = limits
    span = (high - low) or 1.0
    share = np.clip((np.nan_to_num(values) - low) / span, 0, 1)
    table = _table(signed)
    found = table[np.round(share * (len(table) - 1)).astype(int)]
    found[np.isnan(values)] = _UNKNOWN
    return found


@functools.cache
def _table(signed: bool) -> Float[ndarray, "colour 3"]:
    if not signed:
        return np.asarray(field_palette())
    # Blue over gray to the palette's end, equally light on both sides.
    warm = np.asarray(field_palette())[::2]
    return np.concatenate([warm[::-1][:, ::-1], warm])


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    with Image.open(buffer) as drawn:
        # Few colours are enough, and make a page of many people small.
        few = drawn.convert("RGB").quantize(_COLOURS)
    buffer = io.BytesIO()
    few.save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
