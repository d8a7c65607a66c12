"""Label images to heads, by a lattice that is cut along the tissues' surfaces.

The lattice is body-centred cubic and finer towards surfaces (`lattice`), it is cut where
labels change (`lattice_cut`, in the manner of isosurface stuffing [Labelle and Shewchuk
2007, doi:10.1145/1276377.1276448] for several materials), and the worst elements are
bettered (`improve`). NumPy and SciPy alone do it, and the same input gives the same mesh
on every run.
"""

import warnings
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from ..head import TISSUE_NAMES, HeadMesh, signed_volumes, tissue_tag
from ..progress import Progress, silent
from .cut import cut
from .improve import improve
from .label_field import LabelField
from .lattice import coarse_lattice
from .refine import Sizes, refine


_FEWEST, _MOST = 1_000, 20_000_000  # Tetrahedra that may be asked for.
# Tags whose surfaces shape the field in the brain most, and second most.
_BRAIN, _BONE = (1, 2, 3, 9), (4, 7, 8)


def mesh_labels(
    labels: ArrayLike,
    affine: ArrayLike,
    tetrahedra: int = 1_000_000,
    progress: Progress | None = None,
    largest_edges: Mapping[str, float] | None = None,
) -> HeadMesh:
    """Fill a label image with tetrahedra that conform to its tissues.

    Elements are smallest where the surfaces between tissues are most curved or tissues
    are thin. Tissues that do not touch in the image do not touch in the mesh.

    Args:
        labels: Tissue of each voxel, (i, j, k), whole numbers; 0 is air, other numbers
            are tags as SimNIBS has them.
        affine: Voxel indices to millimetres, (4, 4), as image files have it. Millimetres
            as an exception: this is what readers of images hand over.
        tetrahedra: About how many to make; 300,000 for a quick look, 4,000,000 for a
            very fine head.
        progress: Called now and then with the share of the work that is done, 0 to 1,
            and what is being done.
        largest_edges: About how long edges of the elements may be in some tissues, by
            their names; finer elements than there would be may make more of them. [m]

    Returns:
        The head, in metres, in the space that `affine` leads to.

    Raises:
        ValueError: `labels` is not a three-dimensional image of whole numbers, has fewer
            than two labels or an unknown one, or is so rough that elements stay flat;
            `affine` is not a regular matrix of that kind; `tetrahedra` is out of range;
            `largest_edges` names a tissue that is not there, or asks for too many
            elements.
    """
    image = _checked_labels(labels)
    matrix = _checked_affine(affine)
    if not _FEWEST <= tetrahedra <= _MOST:
        raise ValueError(
            f"`tetrahedra` is {tetrahedra}, but must be from {_FEWEST:,} to {_MOST:,}."
        )
    report = progress or silent
    report(0.0, "measuring distances in the label image")
    voxel = np.linalg.norm(matrix[:3, :3], axis=0)
    field = LabelField(image, voxel)
    _check_present(field)
    report(0.15, "refining the lattice")
    lattice = coarse_lattice(field, _cube(field, tetrahedra))
    refine(lattice, field, _sizes(field, largest_edges or {}), tetrahedra, _MOST)
    report(0.5, "cutting the lattice along surfaces")
    pieces = cut(lattice.points, lattice.tetrahedra, field)
    _warn_of_lost(field, pieces[2])
    report(0.65, "improving elements")
    points, elements, tags = improve(*pieces, field)
    report(0.95, "checking the mesh")
    head = _to_head(points / voxel, elements, field.values[tags], matrix)
    report(1.0, "done")
    return head


def _checked_labels(labels: ArrayLike) -> Int[ndarray, "i j k"]:
    image = np.asarray(labels)
    if image.dtype.kind not in "iu":
        raise ValueError(
            f"`labels` is of the type {image.dtype}, but labels are whole numbers. If all "
            "values are whole, convert with `.astype(int)`; a probability map must be "
            "made into labels first."
        )
    if image.ndim != 3:
        raise ValueError(
            f"`labels` must be a three-dimensional image, got the shape {image.shape}."
        )
    if image.size == 0:
        raise ValueError(f"`labels` is empty, its shape is {image.shape}.")
    values = np.unique(image).tolist()
    unknown = sorted(set(values) - set(TISSUE_NAMES) - {0})
    if unknown:
        shown = ", ".join(map(str, unknown[:8])) + (" …" if len(unknown) > 8 else "")
        raise ValueError(
            f"`labels` holds {shown}; known are 0 for air and the tissues 1 to 10, as in "
            "SimNIBS. Relabel the image."
        )
    if values == [0]:
        raise ValueError(
            "`labels` holds nothing but air (0): there is nothing to mesh."
        )
    if len(values) == 1:
        raise ValueError(
            f"`labels` holds one label only, {values[0]}, so it has no surface. Is it a "
            "label image of a head? Air around the head must be 0."
        )
    return image.astype(np.int32)


def _checked_affine(affine: ArrayLike) -> Float[ndarray, "4 4"]:
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"`affine` must have the shape (4, 4), got {matrix.shape}.")
    if not np.isfinite(matrix).all() or not np.array_equal(matrix[3], [0, 0, 0, 1]):
        raise ValueError(
            f"`affine` must be finite with the last row 0 0 0 1, got {matrix.tolist()}."
        )
    length = np.linalg.norm(matrix[:3, :3], axis=0)
    if not length.all() or abs(np.linalg.det(matrix[:3, :3] / length)) < 0.1:
        raise ValueError(
            "`affine` is singular or nearly so: its axes do not span space. Got "
            f"{matrix.tolist()}."
        )
    return matrix


def _cube(field: LabelField, tetrahedra: int) -> float:
    """The edge of the coarsest cubes: a tenth of what uniform cubes would need."""
    volume = float(np.prod(field.upper - field.lower))
    return float(np.cbrt(12 * volume / (0.08 * tetrahedra)))


def _sizes(field: LabelField, largest_edges: Mapping[str, float]) -> Sizes:
    """How sizes relate between tissues, and which are asked for. [mm]"""
    brain = np.isin(field.values, _BRAIN)
    bone = np.isin(field.values, _BONE)
    limit = np.full(len(field.values), np.inf)
    for tissue, edge in largest_edges.items():
        chosen = field.values == tissue_tag(tissue)
        if not chosen.any():
            raise ValueError(
                f"`largest_edges` names {tissue}, of which `labels` holds nothing."
            )
        if not edge > 0:
            raise ValueError(
                f"`largest_edges` gives {edge} for {tissue}, but must be positive."
            )
        limit[chosen] = edge * 1e3
    # The lattice's elements of edge a have the volume a³ / 12.
    least = float((12 * field.volumes / limit**3).sum())
    if least > _MOST:
        raise ValueError(
            f"`largest_edges` needs about {least:.2g} tetrahedra, more than {_MOST:,}. "
            "Allow longer ones."
        )
    return Sizes(
        edge=np.where(brain | bone, 6.0, 9.0),
        error=np.select([brain, bone], [0.75, 0.9], 1.1),
        limit=limit,
    )


def _check_present(field: LabelField) -> None:
    if not field.present[1:].any():
        names = ", ".join(TISSUE_NAMES[tag] for tag in field.values[1:].tolist())
        raise ValueError(
            f"`labels` holds {names} in specks and threads of single voxels only, of "
            "which nothing is left in a mesh. Give an image with finer voxels."
        )


def _warn_of_lost(field: LabelField, tags: ndarray) -> None:
    lost = np.setdiff1d(np.arange(1, len(field.values)), tags)
    if len(lost):
        names = ", ".join(TISSUE_NAMES[tag] for tag in field.values[lost].tolist())
        warnings.warn(
            f"The mesh has no {names}: what `labels` holds of it is too small for "
            "elements of this size, or consists of specks and threads of single voxels.",
            stacklevel=3,
        )


def _to_head(
    indices: ndarray, elements: ndarray, tags: ndarray, matrix: ndarray
) -> HeadMesh:
    nodes = (indices @ matrix[:3, :3].T + matrix[:3, 3]) * 1e-3
    if np.linalg.det(matrix[:3, :3]) < 0:
        elements = elements[:, [0, 1, 3, 2]]
    flat = int((signed_volumes(nodes, elements) <= 0).sum())
    if flat:
        raise ValueError(
            f"`labels` is so rough that {flat} tetrahedra stay flat. Smooth it, remove "
            "its specks, or ask for more tetrahedra."
        )
    return HeadMesh(nodes, elements, tags)
