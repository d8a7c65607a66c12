"""Values of elements in the voxels of an image.

A voxel takes the value of the element that holds its centre; outside the head it is NaN
in memory and zero in files, as in SimNIBS' images.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from ...disk import whole_file
from ..files import MM_PER_M
from ..head import HeadMesh
from .nifti import form_disagreement, load_nifti, warn_of_template


_MOST_VOXELS = 1 << 30
_AT_ONCE = 4_000_000  # Voxels tested against elements at once.
_TOLERANCE = 1e-9  # Of barycentric coordinates, for centres on a face.


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """The grid of an image.

    Attributes:
        affine: From voxel indices to positions. [m]
        shape: Voxels along each axis.
        header: Of the image, whose orientation codes written images take over.
    """

    affine: Float[ndarray, "4 4"]
    shape: tuple[int, int, int]
    header: nibabel.Nifti1Header | None = None


def read_grid(path: str | os.PathLike[str]) -> VoxelGrid:
    """Take the grid of an image, such as the T1 that a head was made of.

    Args:
        path: The image, .nii, .nii.gz or .mgz. Only its header is read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no NIfTI image, or says not where it is.
    """
    file = Path(path)
    image = load_nifti(file)
    warn_of_template(file, image)
    sides = tuple(int(n) for n in image.shape[:3])
    if len(sides) != 3 or float(np.prod(np.asarray(sides, float))) > _MOST_VOXELS:
        raise ValueError(f"{file}: an image of {tuple(image.shape)} is no volume.")
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] /= MM_PER_M
    return VoxelGrid(affine, (sides[0], sides[1], sides[2]), image.header)


def elements_on_grid(head: HeadMesh, grid: VoxelGrid) -> Int[ndarray, "i j k"]:
    """Find the tetrahedron that holds the centre of each voxel.

    Args:
        head: The head.
        grid: The voxels.

    Returns:
        Indices of tetrahedra, -1 outside the head. A centre on a face shared by elements
        belongs to the one with the largest index.
    """
    inverse = np.linalg.inv(grid.affine)
    places = head.nodes @ inverse[:3, :3].T + inverse[:3, 3]
    found = np.full(grid.shape, -1, dtype=np.int32)
    corners = places[head.tetrahedra]
    last = np.asarray(grid.shape) - 1
    slack = 1e-6  # A face through a centre must not lose it to rounding.
    low = np.maximum(np.ceil(corners.min(axis=1) - slack), 0).astype(np.int64)
    high = np.minimum(np.floor(corners.max(axis=1) + slack), last).astype(np.int64)
    sizes = np.maximum(high - low + 1, 0)
    counts = sizes.prod(axis=1)
    chosen = np.flatnonzero(counts)
    ends = np.cumsum(counts[chosen])
    begin = 0
    while begin < len(chosen):
        before = ends[begin - 1] if begin else 0
        end = max(int(np.searchsorted(ends, before + _AT_ONCE)), begin + 1)
        part = chosen[begin:end]
        _mark(found, part, corners[part], low[part], sizes[part])
        begin = end
    return found


def write_image(
    path: str | os.PathLike[str],
    grid: VoxelGrid,
    elements: Int[ndarray, "i j k"],
    values: Float[ndarray, "tet *components"],
    about: str = "",
) -> None:
    """Write values of elements as an image in single precision, zero outside the head.

    Args:
        path: The image, .nii or .nii.gz, replaced when it exists.
        grid: The voxels.
        elements: What `elements_on_grid` found.
        values: A number or a vector per tetrahedron.
        about: What the values are, with their unit, for the header's description.

    Raises:
        ValueError: The name does not end in .nii or .nii.gz.
        OSError: The file cannot be written.
    """
    file = Path(path)
    if not file.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"{file}: an image's name ends in .nii or .nii.gz.")
    inside = elements >= 0
    data = np.zeros((*grid.shape, *values.shape[1:]), dtype=np.float32)
    data[inside] = values[elements[inside]]
    affine = grid.affine.copy()
    affine[:3] *= MM_PER_M
    image = nibabel.Nifti1Image(data, affine)
    if grid.header is not None:
        # Programs that look at the other form must find the same place.
        code = int(grid.header["sform_code"]) or int(grid.header["qform_code"])
        image.set_sform(affine, code=code)
        image.set_qform(affine, code=code)
        if form_disagreement(image) is not None:  # It cannot shear.
            image.set_qform(None, code=0)
    image.header["descrip"] = about.encode()[:79]
    image.header.set_xyzt_units("mm")
    with whole_file(file) as draft:
        nibabel.save(image, draft)


def _mark(
    found: Int[ndarray, "i j k"],
    elements: Int[ndarray, "tet"],
    corners: Float[ndarray, "tet 4 3"],
    low: Int[ndarray, "tet 3"],
    sizes: Int[ndarray, "tet 3"],
) -> None:
    """Give voxels their elements, testing all voxels of each element's box."""
    counts = sizes.prod(axis=1)
    which = np.repeat(np.arange(len(elements)), counts)
    step = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    span = sizes[which]
    index = np.empty((len(which), 3), dtype=np.int64)
    index[:, 2] = step % span[:, 2]
    index[:, 1] = step // span[:, 2] % span[:, 1]
    index[:, 0] = step // (span[:, 2] * span[:, 1])
    index += low[which]
    inverse = np.linalg.inv(corners[:, 1:] - corners[:, :1])
    offsets = index - corners[which, 0]
    shares = np.einsum("vi,vij->vj", offsets, inverse[which])
    held = (shares >= -_TOLERANCE).all(axis=1) & (shares.sum(axis=1) <= 1 + _TOLERANCE)
    i, j, k = index[held].T
    found[i, j, k] = elements[which[held]]
