"""How a head's labels come about: by SAMSEG, from the atlas, or as another program's."""

from collections.abc import Sequence
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
from ...meshing.anatomy.registering import Alignment, align, align_scans
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
        ValueError: The second image lies beside the head.
    """
    atlas = template_atlas()
    progress.stage("registration", "laying the template over the head")
    alignment = align(
        *(scan.volume, scan.inside, atlas.picture(), atlas.brain()),
        progress=_shown(progress),
    )
    progress.stage("classes", "tissues by brightness")
    channels, findings = [scan.volume], []
    if second is not None:
        moved = align_scans(scan.volume, scan.inside, second.volume, second.inside)
        channels.append(light_at(moved, scan.volume))
        there = np.isfinite(channels[1].values[scan.inside])
        findings += plausible.check_reach(str(second.file), float(there.mean()))
    labels, bias = classify(channels, scan.inside, atlas, alignment, _shown(progress))
    findings += [*plausible.check_bias(bias), *face_findings(scan, alignment)]
    return Segmented(labels, alignment, "atlas", tuple(findings))


def by_samseg(
    program: Samseg,
    scan: Scan,
    images: Sequence[Path],
    folder: Path,
    threads: int,
    thorough: bool,
    progress: Progress,
) -> Segmented:
    """Have SAMSEG segment a head.

    Raises:
        ValueError: The memory does not suffice, or SAMSEG fails.
    """
    lacking = samseg.memory_lacking(scan.inside.size)
    if lacking is not None:
        raise ValueError(lacking)
    progress.stage("segmentation", "SAMSEG")
    labels = samseg.run_samseg(
        program, images, folder, threads, thorough, _shown(progress)
    )
    alignment = _aligned(labels, progress)
    return Segmented(labels, alignment, "samseg", tuple(face_findings(scan, alignment)))


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
