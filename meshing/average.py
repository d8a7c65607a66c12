"""fsaverage, the cortex that maps of many people are compared on, and the way to it.

The surfaces are those of FreeSurfer's fsaverage5 with 10,242 vertices in each hemisphere
[Fischl et al. 1999, doi:10.1002/(SICI)1097-0193(1999)8:4<272::AID-HBM10>3.0.CO;2-4], which
nilearn carries. Values come to it by registration spheres (`resample`), which align the
folds of a person with those of the average, or, for a head without them, by `onto_average`:
through MNI space to the nearest place in gray matter, which aligns brains only as far as
MNI space does.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from nibabel.gifti.gifti import GiftiImage
from numpy import ndarray
from scipy.spatial import KDTree

from .files import MM_PER_M
from .surface import Surface
from .template_labels import MNI305_TO_MNI152, check_there, package_folder


Hemisphere = Literal["L", "R"]
HEMISPHERES: tuple[Hemisphere, ...] = ("L", "R")
DENSITY = "10k"  # Vertices of a hemisphere, as BIDS names it.
REACH = 5e-3  # From a vertex of the average to a person's cortex. [m]

_SIDES = {"L": "left", "R": "right"}
_SAME_SIDE = -2e-3  # How far the other hemisphere is let in at the midline. [m]


@dataclass(frozen=True, eq=False)
class AverageCortex:
    """A hemisphere of fsaverage.

    Attributes:
        hemisphere: `L` or `R`.
        middle: Halfway between its white and its pial surface, in MNI152 space.
        inflated: The same vertices, for pictures.
        sphere: Its registration sphere.
        depth: Of sulci, positive in them, in FreeSurfer's unit.
    """

    hemisphere: Hemisphere
    middle: Surface
    inflated: Surface
    sphere: Surface
    depth: Float[ndarray, "vertex"]

    @cached_property
    def areas(self) -> Float[ndarray, "vertex"]:
        """A third of the triangles at each vertex of the middle surface. [m²]"""
        a, b, c = self.middle.corners
        each = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
        corners = self.middle.triangles.ravel()
        return np.bincount(corners, np.repeat(each, 3), len(self.middle.vertices))


def average_cortex(hemisphere: Hemisphere) -> AverageCortex:
    """Read a hemisphere of fsaverage.

    Args:
        hemisphere: `L` or `R`.

    Raises:
        ModuleNotFoundError: nilearn is missing.
        FileNotFoundError: It is there, but not with the files that are needed.
    """
    side = _SIDES[hemisphere]
    white, pial, inflated, sphere = (
        _surface(f"{name}_{side}") for name in ("white", "pial", "infl", "sphere")
    )
    matrix = MNI305_TO_MNI152
    middle = (white.vertices + pial.vertices) / 2
    placed = middle * MM_PER_M @ matrix[:, :3].T + matrix[:, 3]
    depth = np.asarray(_image(f"sulc_{side}").darrays[0].data, dtype=np.float64)
    return AverageCortex(
        hemisphere, replace(pial, vertices=placed / MM_PER_M), inflated, sphere, depth
    )


def onto_average(
    values: Float[ndarray, "value *component"],
    points: Float[ndarray, "point 3"],
    cortex: AverageCortex,
    to_head: Callable[[Float[ndarray, "point 3"]], Float[ndarray, "point 3"]],
    reach: float = REACH,
) -> Float[ndarray, "other *component"]:
    """Take values from a person's cortex to fsaverage, through MNI space.

    Each vertex of the average goes to the head and takes the value of the nearest point
    there, on its own side of the midline.

    Args:
        values: At points of the person's cortex.
        points: Those, of one hemisphere or both. [m]
        cortex: The hemisphere of fsaverage.
        to_head: From MNI152 space to the head. [m]
        reach: How far the nearest point may be. [m]

    Returns:
        At the vertices of fsaverage, NaN where nothing is within reach.

    Raises:
        ValueError: There are not as many values as points.
    """
    if len(values) != len(points):
        raise ValueError(f"there are {len(values)} values for {len(points)} points.")
    wanted = np.asarray(to_head(cortex.middle.vertices))
    chosen = np.flatnonzero(_on_side(points, wanted, to_head))
    result = np.full((len(wanted), *values.shape[1:]), np.nan)
    if len(chosen):
        away, nearest = KDTree(points[chosen]).query(wanted)
        near = np.asarray(away) <= reach
        result[near] = values[chosen[np.asarray(nearest)[near]]]
    return result


def _on_side(
    points: Float[ndarray, "point 3"],
    wanted: Float[ndarray, "vertex 3"],
    to_head: Callable,
) -> Bool[ndarray, "point"]:
    """Which points lie on a hemisphere's side of the plane that halves MNI space.

    The plane in the head is that through the images of three points of it.
    """
    plane = np.array([[0.0, -40e-3, 0.0], [0.0, 40e-3, 0.0], [0.0, 0.0, 40e-3]])
    a, b, c = np.asarray(to_head(plane))
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal)
    if (wanted - a).mean(axis=0) @ normal < 0:
        normal = -normal
    return (points - a) @ normal > _SAME_SIDE


def _surface(name: str) -> Surface:
    image = _image(name)
    points = np.asarray(image.agg_data("pointset"), dtype=np.float64)
    triangles = np.asarray(image.agg_data("triangle"), dtype=np.int32)
    return Surface(points / MM_PER_M, triangles)


def _image(name: str) -> GiftiImage:
    folder = package_folder("nilearn") / "datasets" / "data" / "fsaverage5"
    path = folder / f"{name}.gii.gz"
    check_there(path, "nilearn")
    return GiftiImage.from_bytes(gzip.decompress(path.read_bytes()))
