"""How a head's labels come about: by SAMSEG, from the atlas, or as another program's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import meshing
from ...meshing import Finding, LabelImage
from ...meshing.anatomy import doors, plausible, samseg, t1
from ...meshing.anatomy.atlas import Atlas, picture_of
from ...meshing.anatomy.classes import classify, light_at
from ...meshing.anatomy.grids import Volume
from ...meshing.anatomy.installing import Samseg
from ...meshing.anatomy.registering import Alignment, align
from ...meshing.anatomy.second_image import align_scans, scalps_apart
from ...meshing.anatomy.shells import voxel_volume
from ...meshing.anatomy.t1 import Scan
from ..runtime.progress import Progress


# Where the template has the soft tissue of a face, in MNI space. [mm]
_FACE_LOW, _FACE_HIGH = np.array([-45.0, 60.0, -75.0]), np.array([45.0, 120.0, -30.0])


@dataclass(frozen=True, eq=False)
class Segmented:
    """Labels of a head, and how the template lies over it.

    Attributes:
        labels: As they came.
        alignment: Of the template.
        way: How they were made.
        findings: About them.
    """

    labels: LabelImage
    alignment: Alignment
    way: str
    findings: tuple[Finding, ...]


def template_atlas() -> Atlas:
    """The template's tissues as an atlas."""
    return Atlas.of(LabelImage(*meshing.kept_template_labels()))


def by_atlas(scan: Scan, second: Scan | None, progress: Progress) -> Segmented:
    """Lay the template over a T1, and classify by brightness.

    Raises:
        ValueError: The second image lies beside the head, or is of another.
    """
    channels, weights, findings = [scan.volume], [1.0], []
    if second is not None:
        channel, share, told = _laid_over(scan, second, progress)
        findings += [*told, *plausible.check_reach(str(second.file), share)]
        channels.append(channel)
        # What one large voxel says, several of the T1's would say again.
        larger = voxel_volume(second.affine) / voxel_volume(scan.affine)
        weights.append(min(1.0, 1.0 / larger))
    atlas = template_atlas()
    progress.stage("registration", "laying the template over the head")
    alignment = align(
        *(scan.volume, scan.inside, atlas.picture(), atlas.brain()),
        progress=_shown(progress),
    )
    progress.stage("classes", "tissues by brightness")
    labels, bias = classify(
        *(channels, scan.inside, atlas, alignment, _shown(progress), weights)
    )
    findings += [*plausible.check_bias(bias), *face_findings(scan, alignment)]
    return Segmented(labels, alignment, "atlas", tuple(findings))


def _laid_over(
    scan: Scan, second: Scan, progress: Progress
) -> tuple[Volume, float, list[Finding]]:
    """A second image on the T1's grid, how much of the head it holds, and whose it may be.

    Raises:
        ValueError: It cannot be, or there is no head in an image.
    """
    progress.stage("second image", f"laying {second.file} over the T1")
    for each in (scan, second):
        if not each.inside.any():
            raise ValueError(f"{each.file}: there is no head in the image.")
    moved = align_scans(scan.volume, scan.inside, second.volume, second.inside)
    apart = scalps_apart(scan.volume, scan.inside, moved, second.inside)
    channel = light_at(moved, scan.volume)
    share = float(np.isfinite(channel.values[scan.inside]).mean())
    return channel, share, plausible.check_person(str(second.file), apart)


def by_samseg(
    program: Samseg,
    scan: Scan,
    second: Scan | None,
    folder: Path,
    threads: int,
    thorough: bool,
    progress: Progress,
) -> Segmented:
    """Have SAMSEG segment a head.

    Raises:
        ValueError: The memory does not suffice, the second image is of another head or of
            a part of this one, or SAMSEG fails.
    """
    lacking = samseg.memory_lacking(scan.inside.size)
    if lacking is not None:
        raise ValueError(lacking)
    images: list[Path] = [scan.file]
    findings: list[Finding] = []
    if second is not None:
        images.append(second.file)
        _, share, findings = _laid_over(scan, second, progress)
        plausible.check_whole(str(second.file), share)
    progress.stage("segmentation", "SAMSEG")
    labels = samseg.run_samseg(
        program, images, folder, threads, thorough, _shown(progress)
    )
    alignment = _aligned(labels, progress)
    findings += face_findings(scan, alignment)
    return Segmented(labels, alignment, "samseg", tuple(findings))


def by_labels(
    path: str, segmenter: str, scan: Scan | None, progress: Progress
) -> Segmented:
    """Take labels of another program; where they are of the brain alone, add a head.

    Raises:
        ValueError: The labels are of the brain alone, and there is no T1.
    """
    progress.stage("labels", f"labels {path}")
    labels = doors.read_segmentation(path, segmenter)
    if not doors.lacks_head(labels):
        return Segmented(labels, _aligned(labels, progress), "labels", ())
    if scan is None:
        raise ValueError(
            f"{path}: the labels hold no skull or no scalp. Give the T1, too: the rest of "
            "the head is then made of it."
        )
    rest = by_atlas(scan, None, progress)
    joined = doors.around_brain(labels, rest.labels)
    return Segmented(joined, rest.alignment, "labels and atlas", rest.findings)


def _aligned(labels: LabelImage, progress: Progress) -> Alignment:
    progress.stage("registration", "laying the template over the head")
    atlas = template_atlas()
    return align(
        *(picture_of(labels), labels.labels > 0, atlas.picture(), atlas.brain()),
        progress=_shown(progress),
    )


def face_findings(scan: Scan, alignment: Alignment) -> list[Finding]:
    """Look for a face and for ears, where the template's lie."""
    labels, affine = meshing.kept_template_labels()
    at = np.argwhere(labels == 5)[::11]
    points = at @ affine[:3, :3].T + affine[:3, 3]
    chosen = ((points > _FACE_LOW) & (points < _FACE_HIGH)).all(axis=1)
    share = t1.face_share(scan, alignment.head_of(points[chosen]))
    fiducials = meshing.TEMPLATE_FIDUCIALS
    ears = np.array([fiducials.left, fiducials.right]) * 1e3
    left, right = alignment.head_of(ears)
    return [*t1.check_face(share), *t1.check_place(scan, left, right)]


def brightness_on(image: LabelImage, scan: Scan) -> Volume:
    """The T1 on the grid of labels."""
    if doors.on_grid_of(image, scan.volume):
        return scan.volume
    shape, affine = image.labels.shape, image.affine
    return Volume(scan.volume.on(shape, affine), affine)


def _shown(progress: Progress):
    return lambda share, what: progress(share, what)
