"""Label images of small heads, for several test files."""

import nibabel
import numpy as np


# White matter, gray matter, CSF, bone and scalp. [voxel]
RADII = (10.0, 13.0, 15.0, 18.0, 21.0)


def five_balls(count=48, radii=RADII):
    at = np.stack(np.meshgrid(*3 * [np.arange(count)], indexing="ij"), axis=-1)
    distance = np.linalg.norm(at - (count - 1) / 2, axis=-1)
    labels = np.zeros(distance.shape, np.uint8)
    for tag, radius in reversed(list(enumerate(radii, start=1))):
        labels[distance <= radius] = tag
    return labels


def affine(voxel=4.0, count=48):
    """Voxels of such a size that the balls are as large as a head, in the middle."""
    matrix = np.diag([voxel, voxel, voxel, 1.0])
    matrix[:3, 3] = -voxel * (count - 1) / 2
    return matrix


def write_nifti(path, values, matrix=None, unit="mm", qform=None):
    image = nibabel.Nifti1Image(values, affine() if matrix is None else matrix)
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine if qform is None else qform, 1)
    image.header.set_xyzt_units(unit)
    image.to_filename(path)
    return path
