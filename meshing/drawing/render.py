"""Pictures of triangle surfaces, drawn in NumPy.

VTK needs a system's OpenGL, which a fresh machine or a container does not have. A picture
of a head is a few hundred thousand small triangles, which a z-buffer over arrays draws in
about a second. Colour and light are worked out afterwards, once per pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage

from .raster import Camera, rasterize, twice_area


_SAMPLES = 2  # Per side of a pixel.

# Directions towards the lights, as the viewer sees them: right, up, to the viewer.
_KEY_LIGHT = np.array([-0.40, 0.55, 0.73])
_FILL_LIGHT = np.array([0.75, -0.10, 0.65])


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles with a colour.

    Attributes:
        vertices: Positions. [m]
        triangles: Counter-clockwise, seen from outside.
        palette: The colours that values 0 to 1 stand for, RGB from 0 to 1; one row is
            one colour for all.
        values: Place in the palette of each vertex.
        gloss: Strength of the highlight, from 0.
        opacity: 1 hides what lies behind it. A translucent surface is denser at its rim,
            as glass is.
    """

    vertices: Float[ndarray, "vertex 3"]
    triangles: Int[ndarray, "triangle 3"]
    palette: Float[ndarray, "shade 3"]
    values: Float[ndarray, "vertex"] | None = None
    gloss: float = 0.0
    opacity: float = 1.0

    @cached_property
    def normals(self) -> Float[ndarray, "vertex 3"]:
        """Outward unit normals, averaged over a vertex's triangles by area."""
        return vertex_normals(self.vertices, self.triangles)


def vertex_normals(
    vertices: Float[ndarray, "vertex 3"], triangles: Int[ndarray, "triangle 3"]
) -> Float[ndarray, "vertex 3"]:
    """Average the normals of the triangles at each vertex, weighted by area."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = np.cross(b - a, c - a)
    normals = np.stack(
        [
            np.bincount(triangles.ravel(), np.repeat(area[:, i], 3), len(vertices))
            for i in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.where(length > 0, length, 1.0)


@dataclass(frozen=True, eq=False)
class Layer:
    """One picture before it is put together with others, at full sampling.

    Attributes:
        colour: RGB, 0 to 1.
        alpha: Opacity, 0 where nothing is.
        depth: Distance behind the camera's centre, infinite where nothing is. [m]
        normal: Unit normals, along right, up and to the viewer.
    """

    colour: Float[ndarray, "row column 3"]
    alpha: Float[ndarray, "row column"]
    depth: Float[ndarray, "row column"]
    normal: Float[ndarray, "row column 3"]


def render(camera: Camera, surfaces: Sequence[Surface]) -> Float[ndarray, "row col 4"]:
    """Draw surfaces, lit from the upper left of the viewer.

    Args:
        camera: The view.
        surfaces: What to draw. Translucent ones show their front only.

    Returns:
        Red, green, blue and opacity, 0 to 1, not premultiplied, of the camera's shape.
    """
    height, width = camera.shape
    fine = Camera(
        camera.right,
        camera.up,
        camera.centre,
        camera.pixel / _SAMPLES,
        (height * _SAMPLES, width * _SAMPLES),
    )
    solid = [surface for surface in surfaces if surface.opacity >= 1]
    layers = [_draw(fine, [surface]) for surface in surfaces if surface.opacity < 1]
    if solid:
        layers.append(_occluded(_draw(fine, solid), fine.pixel))
    colour, alpha = _composite(layers, fine.shape)
    return _shrink(colour, alpha)


def coverage(camera: Camera, surface: Surface) -> Bool[ndarray, "row column"]:
    """Say which pixels of a picture a surface covers."""
    hits = rasterize(camera.project(surface.vertices), surface.triangles, camera.shape)
    covered = np.zeros(camera.shape, bool)
    covered.flat[hits.pixel] = True
    return covered


def _draw(camera: Camera, surfaces: Sequence[Surface]) -> Layer:
    """Draw surfaces that share one z-buffer."""
    starts = np.cumsum([0] + [len(surface.vertices) for surface in surfaces])
    triangles = np.concatenate(
        [s.triangles + first for s, first in zip(surfaces, starts, strict=False)]
    )
    corners = np.concatenate([camera.project(s.vertices) for s in surfaces])
    # The back of a closed surface is never seen, and is half of it.
    triangles = triangles[twice_area(corners[triangles]) < 0]
    hits = rasterize(corners, triangles, camera.shape)
    normals = np.concatenate([s.normals for s in surfaces]) @ camera.axes.T
    normal = hits.interpolate(normals.astype(np.float32), triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    values = np.concatenate(
        [np.zeros(len(s.vertices)) if s.values is None else s.values for s in surfaces]
    )
    value = hits.interpolate(values.astype(np.float32), triangles)
    which = np.searchsorted(starts, triangles[hits.triangle, 0], side="right") - 1

    count = camera.shape[0] * camera.shape[1]
    colour = np.zeros((count, 3), np.float32)
    alpha = np.zeros(count, np.float32)
    depth = np.full(count, np.inf)
    facing = np.zeros((count, 3), np.float32)
    depth[hits.pixel] = hits.depth
    facing[hits.pixel] = normal
    for number, surface in enumerate(surfaces):
        mine = which == number if len(surfaces) > 1 else slice(None)
        pixel = hits.pixel[mine]
        colour[pixel] = _shade(
            normal[mine], _pick(surface.palette, value[mine]), surface.gloss
        )
        rim = 1 - np.clip(normal[mine, 2], 0, 1)
        alpha[pixel] = surface.opacity + (1 - surface.opacity) * rim**3
    return Layer(
        colour.reshape(*camera.shape, 3),
        alpha.reshape(camera.shape),
        depth.reshape(camera.shape),
        facing.reshape(*camera.shape, 3),
    )


def _pick(
    palette: Float[ndarray, "shade 3"], values: Float[ndarray, "hit"]
) -> Float[ndarray, "hit 3"]:
    """Look colours up, between the palette's rows in proportion."""
    fine = np.linspace(0, len(palette) - 1, 1024)
    table = np.stack(
        [np.interp(fine, np.arange(len(palette)), channel) for channel in palette.T],
        axis=1,
    ).astype(np.float32)
    return table[np.rint(np.clip(values, 0, 1) * 1023).astype(np.int64)]


def _shade(
    normal: Float[ndarray, "hit 3"], albedo: Float[ndarray, "hit 3"], gloss: float
) -> Float[ndarray, "hit 3"]:
    """Light a surface: sky, key and fill light, and a highlight [Blinn 1977].

    A surface that faces the viewer keeps nearly its own colour, so that a colour bar can
    be trusted.
    """
    key, fill = (
        (light / np.linalg.norm(light)).astype(np.float32)
        for light in (_KEY_LIGHT, _FILL_LIGHT)
    )
    light = (
        0.46
        + 0.05 * normal[:, 1]
        + 0.56 * np.maximum(normal @ key, 0)
        + 0.20 * np.maximum(normal @ fill, 0)
    )
    colour = albedo * light[:, None]
    if gloss:
        half = key + np.array([0.0, 0.0, 1.0], np.float32)
        half /= np.linalg.norm(half)
        colour += gloss * np.maximum(normal @ half, 0)[:, None] ** 32
    return np.clip(colour, 0, 1)


def _occluded(layer: Layer, pixel: float) -> Layer:
    """Darken what lies in a groove or behind an edge."""
    every = slice(None, None, _SAMPLES)
    light = ambient_light(
        layer.depth[every, every], layer.normal[every, every], pixel * _SAMPLES
    )
    for axis in range(2):
        light = np.repeat(light, _SAMPLES, axis=axis)
    return replace(layer, colour=layer.colour * light[..., None])


def ambient_light(
    depth: Float[ndarray, "row column"],
    normal: Float[ndarray, "row column 3"],
    pixel: float,
    reach: float = 0.012,
) -> Float[ndarray, "row column"]:
    """Estimate how much of its sky each pixel sees, from the depths around it.

    The horizon is looked for in 12 directions, and counts as far as it stands above the
    surface's own plane: the light lost is the mean of the difference of the two sines
    [Bavoil, Sainz, Dimitrov, "Image-space horizon-based ambient occlusion", SIGGRAPH
    2008].

    Args:
        depth: Distance from the viewer, infinite where nothing is. [m]
        normal: Unit normals, along right, up and to the viewer.
        pixel: Side of a pixel. [m]
        reach: How far to look. [m]

    Returns:
        0 (none) to 1 (all of it).
    """
    known = np.isfinite(depth)
    if not known.any():
        return np.ones_like(depth)
    # Float32 holds a metre to 0.1 µm, and is twice as fast.
    filled = np.where(known, depth, depth[known].max() + 1.0).astype(np.float32)
    steep = np.maximum(normal[..., 2], 0.2).astype(np.float32)
    across, upwards = (-normal[..., i].astype(np.float32) / steep for i in range(2))
    pad = int(np.ceil(reach / pixel)) + 1
    around = np.pad(filled, pad, mode="edge")
    height, width = depth.shape
    blocked = np.zeros_like(filled)
    for turn in range(12):
        angle = turn * 2 * np.pi / 12
        # Other distances in other directions, or the edges of distant bodies show rings.
        steps = reach * np.array([0.1, 0.25, 0.5, 1.0]) * (1 - 0.12 * (turn * 5 % 4))
        horizon = np.zeros_like(filled)
        for step in steps:
            row = round(step / pixel * np.sin(angle))
            column = round(step / pixel * np.cos(angle))
            distance = np.float32(np.hypot(row, column) * pixel)
            if not distance:
                continue
            plane = (across * column - upwards * row) * np.float32(pixel)
            top, left = pad + row, pad + column
            rise = filled - around[top : top + height, left : left + width]
            sine = _sine(rise, distance) - _sine(plane, distance)
            # What stands far in front is another body, not the wall of this groove.
            fade = np.clip(1.5 - rise / np.float32(1.5 * reach), 0, 1)
            np.maximum(horizon, sine * fade, out=horizon)
        blocked += horizon
    light = np.clip(1 - blocked / 12, 0, 1)
    return np.where(known, ndimage.gaussian_filter(light, 1.2), np.float32(1))


def _sine(
    rise: Float[ndarray, "row column"], run: np.floating
) -> Float[ndarray, "row column"]:
    return rise / np.sqrt(rise * rise + run * run)  # np.hypot takes five times as long.


def _composite(
    layers: Sequence[Layer], shape: tuple[int, int]
) -> tuple[Float[ndarray, "row column 3"], Float[ndarray, "row column"]]:
    """Lay layers over one another, from the back; returns premultiplied colour."""
    if len(layers) == 1:
        return layers[0].colour * layers[0].alpha[..., None], layers[0].alpha
    colour, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    if not layers:
        return colour, alpha
    order = np.argsort(-np.stack([layer.depth for layer in layers]), axis=0)
    for place in order:
        for number, layer in enumerate(layers):
            over = np.where(place == number, layer.alpha, np.float32(0))
            colour = colour * (1 - over)[..., None] + layer.colour * over[..., None]
            alpha = alpha * (1 - over) + over
    return colour, alpha


def _shrink(
    colour: Float[ndarray, "row column 3"], alpha: Float[ndarray, "row column"]
) -> Float[ndarray, "_ _ 4"]:
    """Average the samples of each pixel."""
    height, width = (size // _SAMPLES for size in alpha.shape)
    boxes = (height, _SAMPLES, width, _SAMPLES)
    mean_alpha = alpha.reshape(boxes).mean(axis=(1, 3))
    mean = colour.reshape(*boxes, 3).mean(axis=(1, 3))
    mean /= np.maximum(mean_alpha, 1e-9)[..., None]
    return np.concatenate([np.clip(mean, 0, 1), mean_alpha[..., None]], axis=2)
