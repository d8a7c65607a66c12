"""The bodies of a coil whose parts move, and how near they come to each other."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ..coils import AbstractCoil, Coil, Part, Pose, triangle_samples
from ..coils.motions import combined
from ..efield.splines import SplineGrid
from ..meshing.surface import Surface
from .constraints import spread_out


POINTS = 160  # Of each body, for distances.
SOFTNESS = 0.3e-3  # Of the nearest point. [m]
MARGIN = 15e-3  # Beyond which distances are not exact. [m]
_GRID = 5e-3  # Of a casing's signed distance. [m]


class Body(eqx.Module):
    """A casing: points of it, and its signed distance at rest."""

    points: Float[Array, "point 3"]
    distance: SplineGrid
    element: int = eqx.field(static=True)  # -1 for the coil's own casing.


def nearest_bodies(
    coil: Coil, bodies: tuple[Body, ...], settings: Float[Array, "setting"]
) -> Float[Array, ""]:
    """Measure, softly, between the two nearest bodies: the signed distance. [m]"""
    gaps = [jnp.asarray(1.0)]
    poses = [pose_of(coil, each.element, settings) for each in bodies]
    for one, mine in zip(bodies, poses, strict=True):
        for other, its in zip(bodies, poses, strict=True):
            if one is not other:
                there = its.to_coil(mine.to_head(one.points))
                gap = other.distance(there)[:, 0]
                gaps.append(-SOFTNESS * jax.nn.logsumexp(-gap / SOFTNESS))
    return jnp.min(jnp.stack(gaps))


def rest_gap(coil: Coil, bodies: tuple[Body, ...]) -> Float[Array, ""]:
    """How near the bodies are as the coil comes, at most zero. [m]

    Hinges touch as the coil comes: nearer than that they must not be.
    """
    assert coil.settings is not None
    return jnp.minimum(nearest_bodies(coil, bodies, coil.settings), 0.0)


def sampled(coil: Coil) -> Coil:
    """Add points to the large triangles of all hulls, so that nothing passes between."""

    def more(points: Array | None, triangles: Array | None) -> Array | None:
        if points is None or triangles is None:
            return points
        extra = triangle_samples(np.asarray(points), np.asarray(triangles))
        return jnp.concatenate([points, jnp.asarray(extra, points.dtype)])

    def of(element: AbstractCoil) -> AbstractCoil:
        if not isinstance(element, Part) or element.casing is None:
            return element
        casing = element.casing
        points = more(casing.points, casing.triangles)
        assert points is not None
        return dataclasses.replace(
            element, casing=dataclasses.replace(casing, points=points)
        )

    return dataclasses.replace(
        coil,
        elements=tuple(of(each) for each in coil.elements),
        casing=more(coil.casing, coil.casing_triangles),
    )


def casings(coil: Coil) -> list[tuple[int, Surface]]:
    """The surfaces that must not cut each other, with their elements (-1: the coil)."""
    numbers = sorted({body for group in coil.details.apart for body in group})
    found = []
    for number in numbers:
        if number == 0:
            points, triangles = coil.casing, coil.casing_triangles
        else:
            part = coil.elements[number - 1]
            casing = part.casing if isinstance(part, Part) else None
            points = None if casing is None else casing.points
            triangles = None if casing is None else casing.triangles
        if points is not None and triangles is not None:
            surface = _outward(np.asarray(points, float), np.asarray(triangles))
            found.append((number - 1, surface))
    return found


def _outward(vertices: ndarray, triangles: ndarray) -> Surface:
    """Make a surface of a hull as files have it: triangles without area, or inside out."""
    a, b, c = vertices[triangles.T]
    triangles = triangles[np.linalg.norm(np.cross(b - a, c - a), axis=1) > 0]
    a, b, c = vertices[triangles.T] - vertices.mean(axis=0)
    inside_out = np.einsum("tc,tc->", a, np.cross(b, c)) < 0
    return Surface(vertices, triangles[:, ::-1] if inside_out else triangles)


def body(element: int, surface: Surface) -> Body:
    """Prepare a casing, whose element is numbered, for distances to it."""
    vertices = surface.vertices
    low = vertices.min(axis=0) - MARGIN
    steps = np.ceil((np.ptp(vertices, axis=0) + 2 * MARGIN) / _GRID)
    shape = (steps.astype(int) + 1).tolist()
    grid = low + _GRID * np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3)
    distance = surface.signed_distance(grid, MARGIN).reshape(*shape, 1)
    return Body(
        jnp.asarray(vertices[spread_out(vertices, POINTS)]),
        SplineGrid.fitted(low, _GRID, jnp.asarray(distance)),
        element,
    )


def pose_of(coil: Coil, element: int, settings: Float[Array, "setting"]) -> Pose:
    """Where the settings put an element; the coil's own casing (-1) stays."""
    part = coil.elements[element] if element >= 0 else None
    motions = part.motions if isinstance(part, Part) else ()
    return combined(motions, settings)
