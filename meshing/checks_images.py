"""What may be wrong with label images and with where images are."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from .checks import Finding, Severity
from .head import HeadMesh
from .images.label_files import LabelImage
from .images.mni import check_mni, read_mni
from .images.nifti import form_disagreement, open_nifti
from .subject import Subject


_WHITE, _GRAY, _CSF, _SCALP = 1, 2, 3, 5
_BONE = (4, 7, 8)
_COARSE = 2.0  # Voxels longer than this lose sulci and thin bone. [mm]
_OBLONG = 2.5  # Ratio of the longest to the shortest side of a voxel.
_CUT = 0.01  # Area in which a head may meet a side of its image, unless below. [m²]
_PROBES = 20_000  # Elements whose tissues are compared with a label image.
_SAME_LABELS = 0.5  # Share of them that agree at least; some 0.9 do.
# Of neighbouring voxels: the template has 5% at 1 mm, 32% at 8, 46% at 20 mm; random
# labels of five tissues have 80%.
_ROUGH, _FEWEST_PAIRS = 0.6, 100
_OUTSIDE = 0.01  # Share of a head's nodes that may lie outside its T1.


def check_labels(image: LabelImage) -> list[Finding]:
    """Look for what may be wrong with a label image before it is meshed.

    Args:
        image: The tissues.

    Returns:
        What was found, the worst first.
    """
    found = [*_rough(image), *_voxels(image), *_order(image), *_cut(image)]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def check_frames(path: str | os.PathLike[str]) -> list[Finding]:
    """Find where qform and sform of an image disagree about where it is.

    Args:
        path: The image.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no NIfTI image, or has neither of them.
    """
    file = Path(path)
    image = open_nifti(file)
    disagreement = form_disagreement(image)
    if disagreement is None:
        return []
    return [
        Finding(Severity.WARNING, "qform and sform", f"{file.name}: {disagreement}")
    ]


def check_subject(subject: Subject, head: HeadMesh) -> list[Finding]:
    """Look whether the images of a SimNIBS folder fit its mesh.

    Args:
        subject: The files.
        head: The mesh among them.

    Returns:
        What was found.
    """
    found = []
    for path in (subject.t1, subject.tensor):
        if path is not None:
            found += check_frames(path)
    found += check_space(subject, head)
    if subject.labels is not None:
        found += _labels(subject.labels, head)
    return found + list(_mni(subject, head))


def check_space(subject: Subject, head: HeadMesh) -> list[Finding]:
    """Look whether a mesh lies in the T1 of its SimNIBS folder, which is quick.

    Args:
        subject: The files.
        head: The mesh among them.
    """
    return [] if subject.t1 is None else list(_inside(subject.t1, head))


def _mni(subject: Subject, head: HeadMesh) -> Iterator[Finding]:
    """Whether the folder's way to MNI space is one, and of this head."""
    try:
        wrong = None
        transform = read_mni(subject)
        brain = np.unique(head.tetrahedra[head.of("white matter", "gray matter")])
        if len(brain):
            wrong = check_mni(transform, head.nodes[brain])
    except FileNotFoundError:
        return
    except ValueError as error:
        wrong = str(error)
    if wrong is not None:
        yield Finding(
            Severity.WARNING,
            "mni",
            f"{wrong.rstrip('.')}. MNI targets would be misplaced.",
        )


def _inside(path: Path, head: HeadMesh) -> Iterator[Finding]:
    image = open_nifti(path)
    inverse = np.linalg.inv(np.asarray(image.affine, dtype=np.float64))
    at = 1e3 * head.nodes @ inverse[:3, :3].T + inverse[:3, 3]
    beyond = ((at < -1) | (at > np.array(image.shape[:3]))).any(axis=1)
    share = float(beyond.mean())
    if share > _OUTSIDE:
        x, y, z = (float(c) for c in head.nodes[beyond].mean(axis=0))
        yield Finding(
            Severity.WARNING,
            "spaces",
            f"{share:.0%} of the head's nodes lie outside {path.name}: mesh and image "
            "are in different spaces, or the image is cropped.",
            (x, y, z),
        )


def _labels(path: Path, head: HeadMesh) -> Iterator[Finding]:
    """Whether a mesh has the tissues of the label image that it should be made of."""
    image = open_nifti(path)
    inverse = np.linalg.inv(np.asarray(image.affine, dtype=np.float64))
    some = slice(None, None, max(1, len(head.tags) // _PROBES))
    at = 1e3 * head.centroids[some] @ inverse[:3, :3].T + inverse[:3, 3]
    voxel, shape = np.rint(at).astype(np.int64), np.array(image.shape[:3])
    inside = ((voxel >= 0) & (voxel < shape)).all(axis=1)
    labels = np.zeros(len(voxel))
    values = np.asarray(image.dataobj).reshape(image.shape[:3])
    labels[inside] = values[tuple(voxel[inside].T)]
    share = float(np.mean(labels == head.tags[some]))
    if share < _SAME_LABELS:
        yield Finding(
            Severity.WARNING,
            "labels",
            f"the mesh has the tissue of {path.name} in {share:.0%} of its elements only: "
            "they are of different people or spaces, or the tissues are exchanged.",
        )


def _rough(image: LabelImage) -> Iterator[Finding]:
    """Whether tissues change from voxel to voxel, as in noise, which nothing can mesh."""
    pairs = differing = 0
    for axis in range(3):
        along = np.moveaxis(image.labels, axis, 0)
        one, other = along[:-1], along[1:]
        inside = (one > 0) & (other > 0)
        pairs += np.count_nonzero(inside)
        differing += np.count_nonzero(inside & (one != other))
    if pairs >= _FEWEST_PAIRS and differing > _ROUGH * pairs:
        yield Finding(
            Severity.ERROR,
            "rough",
            f"{differing / pairs:.0%} of neighbouring voxels of the head are of different "
            "tissues, as in noise; of heads some 5% are with voxels of 1 mm, 40% of 10 mm.",
        )


def _voxels(image: LabelImage) -> Iterator[Finding]:
    voxel = np.linalg.norm(image.affine[:3, :3], axis=0)
    size = " × ".join(f"{x:.3g}" for x in voxel)
    if voxel.max() > _COARSE:
        yield Finding(
            Severity.WARNING,
            "voxels",
            f"voxels are {size} mm: CSF in sulci and thin bone are lost in such. 1 mm is "
            "what is usual.",
        )
    elif voxel.max() > _OBLONG * voxel.min():
        yield Finding(
            Severity.WARNING,
            "voxels",
            f"voxels are {size} mm: surfaces will be stepped along the long side.",
        )


def _order(image: LabelImage) -> Iterator[Finding]:
    """Whether white and gray matter are exchanged, and where gray matter meets bone."""
    area = contact_areas(image)
    if area[_WHITE, _CSF] > area[_GRAY, _CSF]:
        yield Finding(
            Severity.WARNING,
            "order of labels",
            f"white matter touches CSF over {area[_WHITE, _CSF] * 1e4:.3g} cm², gray "
            f"matter over {area[_GRAY, _CSF] * 1e4:.3g} only: are the two exchanged? "
            "SPM's c1 is gray matter (table `spm`).",
        )
    bone = float(area[_GRAY, list(_BONE)].sum())
    if bone > 0:
        yield Finding(
            Severity.NOTE,
            "leak",
            f"gray matter touches bone over {bone * 1e4:.3g} cm² in the image, and so it "
            "will in the mesh.",
        )
    scalp = float(area[_GRAY, _SCALP] + area[_WHITE, _SCALP])
    if scalp > 0:
        yield Finding(
            Severity.WARNING,
            "leak",
            f"the brain touches scalp over {scalp * 1e4:.3g} cm² in the image: current "
            "takes a short cut there. Correct the segmentation.",
        )


def contact_areas(image: LabelImage) -> Float[ndarray, "tag tag"]:
    """The area of the voxel faces between each two tissues, 0 being air. [m²]"""
    area = np.zeros((11, 11))
    step = image.affine[:3, :3] * 1e-3
    for axis in range(3):
        first, second = np.delete(np.arange(3), axis)
        face = float(np.linalg.norm(np.cross(step[:, first], step[:, second])))
        along = np.moveaxis(image.labels, axis, 0)
        one, other = along[:-1], along[1:]
        differ = one != other
        pair: Int[ndarray, face] = 11 * one[differ].astype(np.int64) + other[differ]
        area += face * np.bincount(pair, minlength=121).reshape(11, 11)
    return area + area.T


def _cut(image: LabelImage) -> Iterator[Finding]:
    """Sides of the image, other than the lower one, that cut the head off."""
    step = image.affine[:3, :3] * 1e-3
    for axis in range(3):
        first, second = np.delete(np.arange(3), axis)
        face = float(np.linalg.norm(np.cross(step[:, first], step[:, second])))
        for end, way in ((0, -1), (-1, 1)):
            out = way * step[:, axis] / np.linalg.norm(step[:, axis])
            area = face * np.count_nonzero(image.labels.take(end, axis))
            if area > _CUT or (area > 0 and out[2] > 0.7):
                if out[2] < -0.7:
                    continue
                side = np.array(
                    [("left", "right"), ("back", "front"), ("lower", "upper")]
                )[np.abs(out).argmax(), int(out[np.abs(out).argmax()] > 0)]
                yield Finding(
                    Severity.WARNING,
                    "cut off",
                    f"the {side} side of the image cuts the head off over "
                    f"{area * 1e4:.3g} cm². No coil may be placed there.",
                )
