"""How good a head's elements are, and how well they keep the volumes of the tissues."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from .head import TISSUE_NAMES, HeadMesh


_AT_ONCE = 1 << 13  # Elements, so that temporary arrays stay in the cache.


@dataclass(frozen=True)
class Quality:
    """Figures of a head's elements and tissues.

    Attributes:
        nodes: How many there are.
        tetrahedra: How many there are.
        smallest_radius_ratio: Three times the radius of the inscribed over that of the
            circumscribed sphere, 1 for a regular tetrahedron: the least of all.
        mean_radius_ratio: Its mean over all elements.
        smallest_dihedral_angle: The least angle between two faces of an element. [rad]
        dihedral_angle_per_mille: The angle that the smallest dihedral angle of one in a
            thousand elements stays below. [rad]
        dihedral_angle_percent: The same for one in a hundred. [rad]
        volumes: The volume of each tissue, by its name. [m³]
        image_volumes: The same in the label image, where one was given. [m³]
    """

    nodes: int
    tetrahedra: int
    smallest_radius_ratio: float
    mean_radius_ratio: float
    smallest_dihedral_angle: float
    dihedral_angle_per_mille: float
    dihedral_angle_percent: float
    volumes: dict[str, float]
    image_volumes: dict[str, float] | None = None

    @property
    def volume_errors(self) -> dict[str, float]:
        """Mesh volume over image volume, less one, of each tissue of the image.

        Empty without an image; -1 for a tissue that the mesh has lost.
        """
        return {
            tissue: self.volumes.get(tissue, 0.0) / volume - 1
            for tissue, volume in (self.image_volumes or {}).items()
        }


def quality(
    head: HeadMesh, labels: ArrayLike | None = None, affine: ArrayLike | None = None
) -> Quality:
    """Measure a head's elements and tissues.

    Args:
        head: The head.
        labels: The label image that it was made from, (i, j, k), 0 for air.
        affine: The image's matrix from voxel indices to millimetres, (4, 4).

    Returns:
        The figures.

    Raises:
        ValueError: One of `labels` and `affine` is given without the other, or has a
            shape that does not fit.
    """
    ratio, angle = np.empty(len(head.tetrahedra)), np.empty(len(head.tetrahedra))
    for start in range(0, len(ratio), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        corners = head.nodes[head.tetrahedra[part]]
        ratio[part] = radius_ratios(corners)
        angle[part] = dihedral_angles(corners).min(axis=1)
    per_mille, percent = np.quantile(angle, [0.001, 0.01])
    totals = np.bincount(head.tags, head.volumes)
    return Quality(
        nodes=len(head.nodes),
        tetrahedra=len(head.tetrahedra),
        smallest_radius_ratio=float(ratio.min()),
        mean_radius_ratio=float(ratio.mean()),
        smallest_dihedral_angle=float(angle.min()),
        dihedral_angle_per_mille=float(per_mille),
        dihedral_angle_percent=float(percent),
        volumes=_by_name(totals),
        image_volumes=_image_volumes(labels, affine),
    )


def radius_ratios(corners: Float[ndarray, "tet 4 3"]) -> Float[ndarray, "tet"]:
    """Three times the inscribed over the circumscribed radius of each tetrahedron.

    The inscribed radius is 3 V over the sum of face areas; the circumscribed one is
    |u² v×w + v² w×u + w² u×v| / (12 V) for the edges u, v, w from one corner.
    """
    a, b, c, d = _by_component(corners)
    u, v, w = b - a, c - a, d - a
    uv, vw, wu = _cross(u, v), _cross(v, w), _cross(w, u)
    volume = np.abs(_dot(uv, w)) / 6
    area = (_norm(uv) + _norm(vw) + _norm(wu) + _norm(uv + vw + wu)) / 2
    to_centre = _norm(_dot(u, u) * vw + _dot(v, v) * wu + _dot(w, w) * uv)
    # The radii's quotient, cleared of divisions by the volume of a flat element.
    return 3 * (3 * volume) * (12 * volume) / (area * to_centre)


def dihedral_angles(corners: Float[ndarray, "tet 4 3"]) -> Float[ndarray, "tet 6"]:
    """The angles between the faces of each tetrahedron. [rad]"""
    a, b, c, d = _by_component(corners)
    faces = (
        _cross(d - b, c - b),
        _cross(c - a, d - a),
        _cross(d - a, b - a),
        _cross(b - a, c - a),
    )
    unit = [x / _norm(x) for x in faces]
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    # Accurate for small angles, unlike the arccosine.
    sine = [_norm(_cross(unit[i], unit[j])) for i, j in pairs]
    cosine = [-_dot(unit[i], unit[j]) for i, j in pairs]
    return np.stack([np.arctan2(s, c) for s, c in zip(sine, cosine, strict=True)], 1)


def _by_component(corners: Float[ndarray, "tet 4 3"]) -> Float[ndarray, "4 3 tet"]:
    """The corners with their components apart: on these, NumPy is thrice as fast."""
    return np.ascontiguousarray(corners.transpose(1, 2, 0))


def _cross(u: Float[ndarray, "3 tet"], v: Float[ndarray, "3 tet"]) -> ndarray:
    return np.stack(
        [
            u[1] * v[2] - u[2] * v[1],
            u[2] * v[0] - u[0] * v[2],
            u[0] * v[1] - u[1] * v[0],
        ]
    )


def _dot(u: Float[ndarray, "3 tet"], v: Float[ndarray, "3 tet"]) -> ndarray:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def _norm(u: Float[ndarray, "3 tet"]) -> ndarray:
    return np.sqrt(_dot(u, u))


def _by_name(totals: ndarray) -> dict[str, float]:
    present = np.flatnonzero(totals).tolist()
    return {TISSUE_NAMES[tag]: float(totals[tag]) for tag in present if tag}


def _image_volumes(
    labels: ArrayLike | None, affine: ArrayLike | None
) -> dict[str, float] | None:
    if labels is None and affine is None:
        return None
    if labels is None or affine is None:
        raise ValueError(
            "`labels` and `affine` belong together: give both, or neither of them."
        )
    image, matrix = np.asarray(labels), np.asarray(affine, dtype=np.float64)
    if image.ndim != 3 or matrix.shape != (4, 4):
        raise ValueError(
            "`labels` must have three dimensions and `affine` the shape (4, 4), got "
            f"{image.shape} and {matrix.shape}."
        )
    tags, counts = np.unique(image, return_counts=True)
    voxel = abs(np.linalg.det(matrix[:3, :3])) * 1e-9
    return {
        TISSUE_NAMES[int(tag)]: float(count * voxel)
        for tag, count in zip(tags, counts, strict=True)
        if int(tag) in TISSUE_NAMES
    }
