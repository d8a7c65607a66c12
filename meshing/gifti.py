"""Surfaces of the cortex: GIfTI files, and resampling between spheres."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage, GiftiMetaData
from numpy import ndarray
from scipy.spatial import KDTree

from ..disk import gifti, whole_file
from .cortex import cortex_faces
from .files import MM_PER_M
from .head import HeadMesh
from .surface import Surface


_CANDIDATES = 24  # Triangles of a sphere tried for a direction.
_ROUND = 0.02  # Relative spread of the radii of a registration sphere.


def gray_matter_surface(head: HeadMesh) -> tuple[Surface, Int[ndarray, "vertex"]]:
    """Take the outer surface of gray matter, towards all but white matter.

    Args:
        head: The head.

    Returns:
        The surface, and the node of the head that each of its vertices is.

    Raises:
        ValueError: The head has no gray matter with such a surface.
    """
    nodes, corners = np.unique(cortex_faces(head), return_inverse=True)
    triangles = corners.reshape(-1, 3).astype(np.int32)
    return Surface(head.nodes[nodes], triangles), nodes


def write_surface(path: str | os.PathLike[str], surface: Surface) -> None:
    """Write a surface as GIfTI, in mm, whole or not at all.

    Args:
        path: A name that ends in `.gii`, `.surf.gii` by custom.
        surface: The surface.

    Raises:
        ValueError: The name ends otherwise.
        OSError: The file cannot be written.
    """
    points = (surface.vertices * MM_PER_M).astype(np.float32)
    image = GiftiImage(
        darrays=[
            GiftiDataArray(points, intent="NIFTI_INTENT_POINTSET"),
            GiftiDataArray(
                surface.triangles.astype(np.int32), intent="NIFTI_INTENT_TRIANGLE"
            ),
        ]
    )
    _save(Path(path), image)


def write_surface_values(
    path: str | os.PathLike[str],
    values: Mapping[str, Float[ndarray, "vertex"]],
    about: Mapping[str, str] | None = None,
) -> None:
    """Write values at the vertices of a surface as GIfTI, in single precision.

    Args:
        path: A name that ends in `.gii`, `.func.gii` by custom.
        values: Arrays by name; the file holds them in this order.
        about: What else the file says of itself, such as the unit.

    Raises:
        ValueError: The name ends otherwise.
        OSError: The file cannot be written.
    """
    arrays = [
        GiftiDataArray(
            np.asarray(column, dtype=np.float32),
            intent="NIFTI_INTENT_SHAPE",
            meta=GiftiMetaData({"Name": name}),
        )
        for name, column in values.items()
    ]
    image = GiftiImage(darrays=arrays, meta=GiftiMetaData(dict(about or {})))
    _save(Path(path), image)


def read_surface_values(
    path: str | os.PathLike[str],
) -> dict[str, Float[ndarray, "vertex"]]:
    """Read values at the vertices of a surface, by the names that the file gives them.

    Args:
        path: As `write_surface_values` writes it.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is damaged, holds other things than numbers at vertices, or names
            two arrays alike.
    """
    file = Path(path)
    try:
        image = gifti.opened(file)
    except ValueError as error:
        raise ValueError(f"{file}: {error}.") from None
    found: dict[str, ndarray] = {}
    for number, each in enumerate(image.darrays, 1):
        name = dict(each.meta).get("Name", f"array {number}")
        values = np.asarray(each.data, dtype=np.float64)
        if values.ndim != 1 or name in found:
            raise ValueError(
                f"{file}: the array {name!r} is none of numbers at vertices, or stands "
                "there twice."
            )
        found[name] = values
    if len({len(values) for values in found.values()}) > 1:
        raise ValueError(f"{file}: its arrays are of several surfaces.")
    return found


def _save(target: Path, image: GiftiImage) -> None:
    if not target.name.endswith(".gii"):
        raise ValueError(f"{target}: the name of a GIfTI file ends in .gii.")
    with whole_file(target) as draft:
        image.to_filename(draft)


def resample(
    values: Float[ndarray, "vertex *component"],
    sphere: Surface,
    onto: Surface,
    nearest: bool = False,
) -> Float[ndarray, "other *component"]:
    """Take values from one surface to another through their registration spheres.

    Args:
        values: At the vertices of the first surface.
        sphere: Its registration sphere, such as `lh.sphere.reg`.
        onto: The registration sphere of the other, such as that of fsaverage.
        nearest: Take the value of the nearest vertex; by default the values at the corners
            of the triangle are weighted by its barycentric coordinates.

    Returns:
        At the vertices of the other surface.

    Raises:
        ValueError: A sphere is none, or there are not as many values as vertices.
    """
    if len(values) != len(sphere.vertices):
        raise ValueError(
            f"there are {len(values)} values, but the registration sphere has "
            f"{len(sphere.vertices)} vertices: it belongs to another surface."
        )
    start, end = _directions(sphere), _directions(onto)
    if nearest:
        return values[np.asarray(KDTree(start).query(end)[1])]
    corners = start[sphere.triangles]
    middle = corners.mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    count = min(_CANDIDATES, len(middle))
    tried = np.asarray(KDTree(middle).query(end, k=count)[1]).reshape(len(end), -1)
    best, weights = np.full(len(end), -np.inf), np.zeros((len(end), 3))
    chosen = np.zeros(len(end), np.int64)
    for column in tried.T:
        shares = _shares(corners[column], end)
        better = shares.min(axis=1) > best
        best[better] = shares.min(axis=1)[better]
        weights[better], chosen[better] = shares[better], column[better]
    weights = np.maximum(weights, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("vk,vk...->v...", weights, values[sphere.triangles[chosen]])


def _shares(
    corners: Float[ndarray, "point 3 3"], directions: Float[ndarray, "point 3"]
) -> Float[ndarray, "point 3"]:
    """Where rays from the origin cross the planes of triangles, barycentric."""
    flat = np.abs(np.linalg.det(corners)) < 1e-15
    safe = np.where(flat[:, None, None], np.eye(3)[None], corners)
    shares = np.linalg.solve(safe.transpose(0, 2, 1), directions[..., None])[..., 0]
    total = shares.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, shares / np.where(total > 0, total, 1.0), -np.inf)
    return np.where(flat[:, None], -np.inf, shares)


def _directions(sphere: Surface) -> Float[ndarray, "vertex 3"]:
    radii = np.linalg.norm(sphere.vertices, axis=1)
    if radii.min() <= 0 or np.ptp(radii) > _ROUND * radii.mean():
        raise ValueError(
            "a registration sphere must be round about the origin; its radii go from "
            f"{radii.min() * 1e3:.1f} to {radii.max() * 1e3:.1f} mm."
        )
    return sphere.vertices / radii[:, None]
