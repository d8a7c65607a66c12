"""T1s that are made: a head of ellipsoids with a neck and a nose, in MNI's place."""

import nibabel
import numpy as np
from scipy import ndimage

from tmsgrad import meshing
from tmsgrad.cli.inputs import segmenting
from tmsgrad.meshing import LabelImage
from tmsgrad.meshing.anatomy import installing, registering
from tmsgrad.meshing.anatomy.atlas import Atlas


LIGHT = np.array([2, 110, 78, 25, 18, 95, 30, 15, 40, 20, 60], float)


def made_head(voxel=2.0, white=True):
    """Labels of white and gray matter, CSF, bone and scalp, and air around them."""
    low, high = np.array([-92.0, -122.0, -90.0]), np.array([92.0, 116.0, 98.0])
    shape = np.ceil((high - low) / voxel).astype(int) + 1
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = low
    at = np.moveaxis(np.indices(tuple(shape.tolist())), 0, -1) * voxel + low
    centre, axes = np.array([0.0, -16.0, 12.0]), np.array([64.0, 82.0, 56.0])
    labels = np.zeros(shape, np.uint8)
    neck = np.linalg.norm((at[..., :2] - (0, -24)) / (58.0, 66.0), axis=-1) < 1
    labels[neck & (at[..., 2] < -20)] = 5
    face = np.linalg.norm((at - (0, 40, -46)) / (52.0, 56.0, 46.0), axis=-1) < 1
    labels[face] = 5
    for tag, more in ((5, 17), (4, 10), (3, 4), (2, 0), (1, -12)):
        size = axes + more
        labels[np.linalg.norm((at - centre) / size, axis=-1) < 1] = tag
    if not white:
        labels[labels == 1] = 2
    return LabelImage(labels, affine)


def as_template(monkeypatch):
    """Have the made head as the template, and no segmenter; give its labels."""
    labels = made_head()
    atlas = lambda: Atlas.of(labels, csf=20.0)
    monkeypatch.setattr(segmenting, "template_atlas", atlas)
    kept = lambda: (labels.labels, labels.affine)
    monkeypatch.setattr(meshing, "kept_template_labels", kept)
    monkeypatch.setattr(installing, "find_samseg", lambda given=None: None)
    # The template is the head itself, which an affine map finds.
    monkeypatch.setattr(registering, "_ROUNDS", (8, 4))
    return labels


def made_t1(labels, seed=0, noise=2.0, bias=1.0):
    """How a T1 of labels looks: blurred, with noise and a slope of brightness."""
    light = ndimage.gaussian_filter(LIGHT[labels.labels], 0.5)
    slope = np.linspace(1, bias, labels.labels.shape[0])[:, None, None]
    random = np.random.default_rng(seed)
    noisy = light * slope + noise * random.normal(size=light.shape)
    return np.abs(noisy).astype(np.float32)


def write_image(path, values, affine, **forms):
    """Write an image with both forms, or others for `qform`."""
    image = nibabel.Nifti1Image(values, affine)
    image.set_sform(affine, code=1)
    image.set_qform(forms.get("qform", affine), code=1)
    image.header.set_xyzt_units(forms.get("unit", "mm"))
    nibabel.save(image, path)
    return path
