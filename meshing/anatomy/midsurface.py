"""The surface halfway through the cortex's gray matter, from labels.

It lies where white matter is as near as what is outside of the brain, which labels of
about a millimetre tell to a fraction of that. Sulci whose banks touch in the labels have
no surface. Gray matter of the depth, ventricles, brain stem and cerebellum are told by
their place in MNI space. The surfaces are for normals and for drawing fields on: their
vertices are nobody else's, so that labels of FreeSurfer's do not fit them.
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from ..images.label_files import LabelImage
from ..isosurface import isosurface
from ..surface import Surface
from .grids import Volume, positions, upright_grid
from .registering import Alignment
from .shells import voxel_sides


_WHITE, _GRAY = 1, 2
_VOXEL = 1.5  # That the surface is looked for on. [mm]
_BLUR = 0.8  # Of the distances, which come in steps of voxels. Standard deviation. [mm]
_ROOM = 6.0  # Around the brain. [mm]
_NEAR = 1.5  # How far from gray matter the surface may be. [mm]
# Centres and radii of ellipsoids on both sides, in MNI space: basal ganglia, thalamus and
# the ventricles between; the ventricles' back. [mm]
_DEPTH = (((14, -5, 6), (18, 32, 20)), ((24, -42, 10), (9, 25, 14)))
# The brain stem: |x| below, y between, z below. [mm]
_STEM = 16.0, (-45.0, -8.0), -8.0
_TENT_FROM = -25.0  # The tentorium lies behind this y. [mm]


def midsurfaces(labels: LabelImage, alignment: Alignment) -> dict[str, Surface]:
    """Find the cortex's mid-surface on both sides.

    Args:
        labels: Tissues, white matter being 1 and gray matter 2.
        alignment: Of the head with the template.

    Returns:
        The left one as `lh` and the right one as `rh`, normals outwards. They are open
        where the hemispheres are joined, and at the brain stem; a side without cortex is
        not there.
    """
    labels = _around_brain(labels)
    if not (labels.labels == _GRAY).any():
        return {}
    shape, grid = upright_grid(labels.labels.shape, labels.affine, _VOXEL)
    field = Volume(_between(labels, alignment), labels.affine).on(shape, grid)
    vertices, triangles = isosurface(field.astype(np.float64))
    if len(triangles) == 0:
        return {}
    places = vertices @ grid[:3, :3].T + grid[:3, 3]
    mni = alignment.mni_of(places)
    kept = ~_other(mni) & _near_gray(labels, places)
    found = {}
    for name, side in (("lh", mni[:, 0] <= 0), ("rh", mni[:, 0] > 0)):
        # What lies across the middle is of one side only.
        chosen = kept[triangles].all(axis=1) & (side[triangles].sum(axis=1) >= 2)
        surface = _largest(places, triangles[chosen])
        if surface is not None:
            found[name] = surface
    return found


def _around_brain(image: LabelImage) -> LabelImage:
    """Cut off what is far from the brain."""
    brain = np.isin(image.labels, (_WHITE, _GRAY))
    room = np.ceil(_ROOM / voxel_sides(image.affine)).astype(int)
    (box,) = ndimage.find_objects(brain.astype(np.uint8)) or (None,)
    if box is None:
        return image
    low = np.array([max(s.start - r, 0) for s, r in zip(box, room, strict=True)])
    high = [s.stop + r for s, r in zip(box, room, strict=True)]
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return LabelImage(image.labels[part], affine)


def _between(labels: LabelImage, alignment: Alignment) -> Float[ndarray, "i j k"]:
    """How much farther outside of the brain is than white matter is. [mm]"""
    shape, affine = labels.labels.shape, labels.affine
    mni = alignment.mni_of(positions(shape, affine))
    deep = _deep(mni).reshape(shape)
    white = (labels.labels == _WHITE) | deep
    brain = white | (labels.labels == _GRAY)
    voxel = voxel_sides(affine)
    found = _depth(brain, voxel) + _depth(white, voxel)
    return np.asarray(ndimage.gaussian_filter(found, _BLUR / voxel), np.float32)


def _depth(where: Bool[ndarray, "i j k"], voxel: ndarray) -> Float[ndarray, "i j k"]:
    """How deep voxels lie within some, negative outside. [mm]"""
    if where.all() or not where.any():
        return np.full(where.shape, 1e3 if where.any() else -1e3)
    half = float(voxel.mean()) / 2
    inside = np.asarray(ndimage.distance_transform_edt(where, voxel))
    outside = np.asarray(ndimage.distance_transform_edt(~where, voxel))
    return np.where(where, inside - half, half - outside)


def _deep(mni: Float[ndarray, "point 3"]) -> Bool[ndarray, "point"]:
    """Whether places are within the hemispheres' depth, where there is no cortex."""
    place = np.abs(mni) * [1, 0, 0] + mni * [0, 1, 1]
    found = np.zeros(len(mni), bool)
    for centre, radii in _DEPTH:
        found |= (((place - centre) / radii) ** 2).sum(axis=1) < 1
    return found


def _other(mni: Float[ndarray, "point 3"]) -> Bool[ndarray, "point"]:
    """Whether places are in the cerebellum or the brain stem.

    The tentorium's height was fitted between the cortex of the atlas of Desikan and
    Killiany in MNI space and the gray matter below it.
    """
    x, y, z = np.abs(mni[:, 0]), mni[:, 1], mni[:, 2]
    u, v = x / 50, (y + 60) / 30
    tent = -15 + 12.0 - 34.7 * u + 7.3 * v + 12.4 * u**2 - 8.3 * v**2 - 18.8 * u * v
    wide, (back, front), top = _STEM
    stem = (x < wide) & (y > back) & (y < front) & (z < top)
    return ((y < _TENT_FROM) & (z < tent)) | stem


def _near_gray(
    labels: LabelImage, places: Float[ndarray, "point 3"]
) -> Bool[ndarray, "point"]:
    away = ndimage.distance_transform_edt(
        labels.labels != _GRAY, voxel_sides(labels.affine)
    )
    return Volume(np.asarray(away, np.float32), labels.affine).at(places) < _NEAR


def _largest(places: ndarray, triangles: ndarray) -> Surface | None:
    """The largest connected part, from mm to m; None of nothing."""
    if len(triangles) == 0:
        return None
    used, corners = np.unique(triangles, return_inverse=True)
    corners = corners.reshape(-1, 3)
    start, end = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
    count = len(used)
    joined = sparse.coo_array((np.ones(len(start), bool), (start, end)), (count, count))
    _, part = csgraph.connected_components(joined, directed=False)
    largest = part[corners[:, 0]] == np.bincount(part[corners[:, 0]]).argmax()
    inner, corners = np.unique(corners[largest], return_inverse=True)
    return Surface(1e-3 * places[used[inner]], corners.reshape(-1, 3).astype(np.int32))
