"""Labels of other programs, and what they lack added."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..images.label_files import LabelImage, read_labels, read_spm_maps
from ..images.label_table import FREESURFER_LABELS, SIMNIBS_LABELS, LabelTable
from .grids import Volume


#: Tables of programs that write one image; SPM writes maps.
SEGMENTERS: Mapping[str, LabelTable] = {
    "charm": SIMNIBS_LABELS,
    "freesurfer": FREESURFER_LABELS,
    "synthseg": FREESURFER_LABELS,
    "samseg": FREESURFER_LABELS,
}
_AROUND = (4, 5, 7, 8)  # Bone and scalp.


def read_segmentation(path: str | os.PathLike[str], segmenter: str) -> LabelImage:
    """Read the labels of a program.

    Args:
        path: Its label image; of SPM the map c1*.nii.
        segmenter: charm, freesurfer, synthseg, samseg or spm.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no label image of that program.
    """
    if segmenter == "spm":
        return read_spm_maps(path)
    return read_labels(Path(path), SEGMENTERS[segmenter])


def lacks_head(image: LabelImage) -> bool:
    """Whether labels are of the brain alone, as FreeSurfer's and SynthSeg's are."""
    return not {4, 7, 8} & set(np.unique(image.labels).tolist()) or not bool(
        (image.labels == 5).any()
    )


def around_brain(brain: LabelImage, head: LabelImage) -> LabelImage:
    """Put a brain of one image into the head of another.

    Args:
        brain: White and gray matter and CSF, in the same space.
        head: All tissues, on the grid that the result has.

    Returns:
        The brain of the first; what the second alone takes for brain is CSF.
    """
    shape, affine = head.labels.shape, head.affine
    way = np.linalg.inv(brain.affine) @ affine
    placed = ndimage.affine_transform(
        brain.labels, way, output_shape=shape, order=0, output=np.uint8
    )
    labels = head.labels.copy()
    labels[np.isin(labels, (1, 2))] = 3
    inner = np.isin(placed, (1, 2, 3))
    # Fluid in the sulci is known to the head's own image only.
    labels[inner & ((placed != 3) | ~np.isin(labels, _AROUND))] = 3
    brain_there = np.isin(placed, (1, 2))
    labels[brain_there] = placed[brain_there]
    return LabelImage(labels, affine)


def on_grid_of(image: LabelImage, other: Volume) -> bool:
    """Whether labels lie voxel by voxel on an image."""
    return image.labels.shape == other.values.shape and np.allclose(
        image.affine, other.affine, atol=1e-2
    )
