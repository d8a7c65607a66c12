"""A picture of a coil: its winding, casing and axes, and the field on a plane beneath."""

import os
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy import ndarray
from scipy.spatial import ConvexHull, KDTree, QhullError

from ... import coils
from ...coils import (
    CircularTurns,
    Coil,
    Description,
    StraightSegments,
)
from ...meshing.drawing.palette import field_palette
from ...meshing.drawing.paper import (
    FAINT,
    HEIGHT,
    INK,
    PAPER,
    WIDTH,
    fit,
    letter,
    line,
    page,
    panel,
    save,
    write,
)
from ...meshing.drawing.raster import Camera
from ...meshing.drawing.render import Surface, render


_OBLIQUE = (30, 110, 1180, 790)
_PLANE = (1250, 150, 700, 560)
_BAR = (1290, 800, 560, 22)
_REACH = 0.1  # From the coil's axis to the plane's edge. [m]
_STEPS = 101  # Points along an edge of the plane.
_CASING = np.array([[0.55, 0.60, 0.66]])
_SOURCES, _NORTH, _SOUTH = "#7a4a12", "#b3261e", "#1a56a8"
_AXES = {"x": "#b3261e", "y": "#2e7d32", "z": "#1a56a8"}
_AXIS = 0.06  # [m]
_HANDLE = 0.08  # Beyond the winding's edge. [m]


@dataclass(frozen=True, eq=False)
class _Winding:
    """What makes the field.

    Attributes:
        lines: Wires. [m]
        dots: Dipoles. [m]
        moments: Of these. [A m² / A]
    """

    lines: Float[ndarray, "line 2 3"]
    dots: Float[ndarray, "dot 3"]
    moments: Float[ndarray, "dot 3"]

    @property
    def points(self) -> Float[ndarray, "point 3"]:
        """All of it as points, or the origin where nothing is known. [m]"""
        found = np.concatenate([self.lines.reshape(-1, 3), self.dots])
        return found if len(found) else np.zeros((1, 3))


def write_coil_picture(
    path: str | os.PathLike[str], coil: Coil, *, field: str, depth: float
) -> float:
    """Draw a coil as PNG of 2000 x 1000 pixels, whole or not at all.

    Args:
        path: The file.
        coil: At its present settings and rates.
        field: Whose magnitude is drawn on the plane: "A" or "B".
        depth: Of the plane, below the coil's origin. [m]

    Returns:
        The largest magnitude on the plane, at 1 A. [T m] or [T]

    Raises:
        ValueError: The field vanishes on the plane.
        OSError: The file cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path}: folder {path.parent} not found. Make it first."
        )
    shown = coils.describe(coil, depths=())
    winding = _winding(coil)
    plane, highest = _plane(coil, field, depth, winding)
    figure = page(shown.name, _subtitle(shown))
    _draw_oblique(figure, _hull(coil), winding, plane)
    _draw_plane(figure, winding, plane, f"|{field}| {depth * 1e3:g} mm below")
    _draw_bar(figure, field, highest)
    _draw_facts(figure, shown)
    save(figure, path, f"{shown.name}: tmsgrad coil show")
    return highest


def _subtitle(shown: Description) -> str:
    parts = ", ".join(f"{count} {kind}" for kind, count in shown.elements.items())
    brand = f"{shown.brand}: " if shown.brand else ""
    return (
        f"{brand}{parts}; as sources {shown.dipole_count} dipoles and "
        f"{shown.current_count} currents"
    )


def _plane(
    coil: Coil, field: str, depth: float, winding: _Winding
) -> tuple[Surface, float]:
    x = np.linspace(-_REACH, _REACH, _STEPS)
    flat = np.stack(np.meshgrid(x, x, [depth], indexing="ij"), axis=-1).reshape(-1, 3)
    points = jnp.asarray(flat)
    of = coils.magnetic_field if field == "B" else coils.evaluated
    values = of(coils.joined(coil), points)
    size = np.linalg.norm(np.asarray(values, float), axis=1)
    size = np.where(np.isfinite(size), size, 0)
    # Where the plane cuts the winding the field is that next to a wire or a dipole, without
    # bound: it does not set the scale.
    apart = np.ones(len(size), dtype=bool)
    if len(winding.points):
        step = 2 * _REACH / (_STEPS - 1)
        apart = np.asarray(KDTree(winding.points).query(flat)[0]) > 2.5 * step
    highest = float(size[apart].max(initial=0)) or float(size.max())
    if not highest > 0:
        raise ValueError(
            f"{coil.name!r} has no field {depth * 1e3:g} mm below its origin: a sampled "
            "grid is zero outside. Choose another depth."
        )
    index = np.arange(_STEPS**2).reshape(_STEPS, _STEPS)
    a, b, c, d = (
        index[:-1, :-1].ravel(),
        index[1:, :-1].ravel(),
        index[1:, 1:].ravel(),
        index[:-1, 1:].ravel(),
    )
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)])
    return Surface(
        flat, triangles, field_palette(), np.minimum(size / highest, 1)
    ), highest


def _draw_oblique(
    figure: Figure, hull: Surface | None, winding: _Winding, plane: Surface
) -> None:
    viewer, up = np.array([0.45, -0.75, -0.62]), np.array([0.0, 0.0, -1.0])
    tip = _handle_tip(winding.points)
    points = [plane.vertices, winding.points, tip[None]]
    points += [] if hull is None else [hull.vertices]
    camera = fit(viewer, up, _OBLIQUE, np.concatenate(points), 0.92)
    # The field lies flat beneath: it is drawn as it is, without light.
    axes = panel(figure, _OBLIQUE, render(camera, [plane]))
    if hull is not None:
        height, width = camera.shape
        axes.imshow(render(camera, [hull]), extent=(0, width, height, 0), aspect="auto")
        axes.set(xlim=(0, width), ylim=(height, 0))
    _draw_winding(axes, camera, winding)
    _draw_frame(axes, camera, tip)
    write(figure, _OBLIQUE[0] + 2, _OBLIQUE[1] - 10, "Coil, from its handle and above",
          size=12, weight="bold")  # fmt: skip


def _draw_plane(figure: Figure, winding: _Winding, plane: Surface, words: str) -> None:
    camera = fit(
        np.array([0.0, 0.0, -1.0]),
        np.array([0.0, 1.0, 0.0]),
        _PLANE,
        plane.vertices,
        0.98,
    )
    axes = panel(figure, _PLANE, render(camera, [plane]))
    _draw_winding(axes, camera, winding, 0.35)
    _draw_frame(axes, camera, _handle_tip(winding.points))
    _draw_scale(axes, camera)
    words += ", seen from behind the coil"
    write(figure, _PLANE[0] + 2, _PLANE[1] - 14, words, size=12, weight="bold")


def _hull(coil: Coil) -> Surface | None:
    """The casing: its own triangles, else the hull of its points."""
    surface = coil.casing_surface()
    if surface is None:
        if coil.casing is None:
            return None
        points = np.asarray(coil.casing)
        try:
            surface = points, ConvexHull(points).simplices
        except QhullError:
            return None
    points, triangles = surface
    return Surface(points, triangles, _CASING, np.zeros(len(points)), opacity=0.35)


def _winding(coil: Coil) -> _Winding:
    lines, dots = [np.zeros((0, 2, 3))], [np.zeros((0, 3))]
    moments = [np.zeros((0, 3))]
    whole = coils.joined(coil)
    assert isinstance(whole, Coil)
    for held, pose in whole.placed_elements():
        held = coils.as_segments(held) if isinstance(held, CircularTurns) else held
        if isinstance(held, StraightSegments):
            moved = held if pose is None else held.placed(pose)
            lines.append(_segments(moved))
            continue
        try:
            sources = held.sources()
        except ValueError:  # A grid: nothing is known of what makes its field.
            continue
        sources = sources if pose is None else sources.placed(pose)
        dots.append(np.asarray(sources.dipole_positions))
        moments.append(np.asarray(sources.dipole_moments))
    return _Winding(*(np.concatenate(each) for each in (lines, dots, moments)))


def _segments(held: StraightSegments) -> Float[ndarray, "line 2 3"]:
    middles, halves = np.asarray(held.midpoints), np.asarray(held.vectors) / 2
    return np.stack([middles - halves, middles + halves], axis=1)


def _draw_winding(
    axes: Axes, camera: Camera, winding: _Winding, opacity: float = 1.0
) -> None:
    if len(winding.lines):
        ends = camera.project(winding.lines.reshape(-1, 3))[:, :2].reshape(-1, 2, 2)
        drawn = LineCollection(
            list(ends), colors=_SOURCES, linewidths=1.3, alpha=0.8 * opacity
        )
        axes.add_collection(drawn)
    if len(winding.dots) == 0:
        return
    places = camera.project(winding.dots)
    order = np.argsort(-places[:, 2])
    sizes = np.linalg.norm(winding.moments, axis=1)
    area = 2 + 14 * np.sqrt(sizes / max(float(sizes.max()), 1e-300))
    colours = np.where(winding.moments[:, 2] >= 0, _NORTH, _SOUTH)
    axes.scatter(
        places[order, 0],
        places[order, 1],
        s=area[order],
        c=list(colours[order]),
        linewidths=0,
        alpha=0.7 * opacity,
    )


def _handle_tip(points: Float[ndarray, "point 3"]) -> Float[ndarray, "3"]:
    lowest = min(float(points[:, 1].min()), -0.02)
    return np.array([0.0, lowest - _HANDLE, float(np.median(points[:, 2]))])


def _draw_frame(axes: Axes, camera: Camera, tip: Float[ndarray, "3"]) -> None:
    """Draw the axes at the origin, and the handle's direction."""
    start = tip + np.array([0.0, _HANDLE, 0.0])
    _arrow(axes, camera, start, tip, INK, "handle", 3.0)
    for axis, (name, colour) in enumerate(_AXES.items()):
        end = _AXIS * np.eye(3)[axis]
        _arrow(axes, camera, np.zeros(3), end, colour, name, 2.0)


def _arrow(axes, camera, start, end, colour: str, name: str, thick: float) -> None:
    ends = camera.project(np.stack([start, end]))[:, :2]
    length = np.linalg.norm(ends[1] - ends[0])
    if length < 12:  # It points along the view.
        return
    for shade, width in ((PAPER, thick + 2), (colour, thick)):
        axes.add_patch(
            FancyArrowPatch(
                tuple(ends[0]),
                tuple(ends[1]),
                arrowstyle="-|>",
                mutation_scale=16,
                shrinkA=0,
                shrinkB=0,
                color=shade,
                linewidth=width,
                zorder=4,
            )
        )
    at = ends[1] + 16 * (ends[1] - ends[0]) / length
    letter(axes, at[0], at[1], name)


def _draw_scale(axes: Axes, camera: Camera) -> None:
    height, width = camera.shape
    length = 0.05 / camera.pixel
    right, row = width - 90, height - 16
    line(axes, [right - length, right], [row, row], INK, 2.4)
    letter(axes, right - length / 2, row - 14, "50 mm")


def _draw_bar(figure: Figure, field: str, highest: float) -> None:
    left, top, width, height = _BAR
    panel(figure, _BAR, field_palette()[None])
    unit = "T/A" if field == "B" else "T m/A"
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        words = f"{share * highest:.3g}"
        write(figure, left + width * share, top + height + 22, words, size=12,
              ha="center")  # fmt: skip
    words = f"|{field}| at a current of 1 A, {unit}"
    write(figure, left, top - 10, words, size=12, weight="bold")


def _draw_facts(figure: Figure, shown: Description) -> None:
    limit = shown.max_current_rate
    moment = ", ".join(f"{each:.3g}" for each in shown.moment)
    facts = [
        ("dI/dt at most", "unknown" if limit is None else f"{limit * 1e-6:.4g} A/µs"),
        ("moment at 1 A", f"({moment}) A m²" if shown.has_sources else "unknown"),
        ("casing", _size(shown.casing_box)),
        ("sources", _size(shown.source_box)),
    ]
    for number, (name, value) in enumerate(facts):
        left = 40 + number * (WIDTH - 80) / len(facts)
        write(figure, left, HEIGHT - 52, name, 440, size=11, color=FAINT)
        write(figure, left, HEIGHT - 26, value, 440, size=14)


def _size(box) -> str:
    if box is None:
        return "none"
    sides = (f"{(b - a) * 1e3:.0f}" for a, b in zip(*box, strict=True))
    return " × ".join(sides) + " mm"
