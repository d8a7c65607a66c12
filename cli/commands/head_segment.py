"""`tmsgrad head segment`: a folder with a head, from a T1 or from labels."""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import meshing
from ...disk.as_json import write_json
from ...meshing import Finding, HeadMesh, LabelImage
from ...meshing.anatomy import folder as files, installing, plausible
from ...meshing.anatomy.cleaning import Cleaned, CleanRules, clean_labels
from ...meshing.anatomy.fiducials import find_fiducials
from ...meshing.anatomy.midsurface import midsurfaces
from ...meshing.anatomy.spongy import split_bone
from ...meshing.anatomy.t1 import Scan, check_scan, check_second, read_scan
from ...meshing.drawing.segmentation import write_segmentation
from ..inputs.findings import stop_at_errors
from ..inputs.segmenting import (
    Segmented,
    brightness_on,
    by_atlas,
    by_labels,
    by_samseg,
)
from ..results.head_results import HeadResult
from ..results.segmented_result import InstalledResult, SegmentedResult
from ..runtime import machine
from ..runtime.notices import dispensable, listening, note
from ..runtime.ownership import none_left_empty, owned
from ..runtime.progress import Progress


_LOCK, _WORK = ".tmsgrad.lock", "segmentation"


@dataclass(frozen=True)
class SegmentRequest:
    """What `tmsgrad head segment` is asked for.

    Attributes:
        t1: The T1, or None where labels are all there is.
        t2: A T2 of the same person, or None.
        labels: Labels of another program, or None.
        segmenter: That program.
        by: samseg or atlas; None for the better one that is there.
        samseg: Where it is, or None.
        thorough: Whether SAMSEG runs with its own settings.
        threads: For SAMSEG.
        out: The folder.
        tetrahedra: About how many.
        neck: Where the head ends below the brain, or None. [m]
        rules: Of the clean-up.
        force: Checks whose errors do not stop.
    """

    t1: Path | None
    t2: Path | None
    labels: str | None
    segmenter: str
    by: str | None
    samseg: str | None
    thorough: bool
    threads: int
    out: Path
    tetrahedra: int
    neck: float | None
    rules: CleanRules
    force: tuple[str, ...]

    @property
    def asks_samseg(self) -> bool:
        """Whether SAMSEG is to segment."""
        return installing.asked_for(self.by, self.samseg, self.thorough)

    @classmethod
    def of(cls, options: argparse.Namespace) -> "SegmentRequest":
        """Take it from the options.

        Raises:
            ValueError: Options contradict each other, or one is missing.
        """
        if options.out is None:
            raise ValueError("--out is missing: name the folder that the head goes to.")
        if options.t1 is None and options.labels is None:
            raise ValueError("give a T1, or labels by --labels and --from.")
        if (options.labels is None) != (options.segmenter is None):
            raise ValueError("--labels and --from go together: whose labels are they?")
        if options.labels is not None and (options.by or options.samseg or options.t2):
            raise ValueError("--by, --samseg and --t2 have no effect on --labels.")
        if options.by == "atlas" and (options.samseg or options.thorough):
            raise ValueError("--samseg and --thorough have no effect on --by atlas.")
        path = lambda word: None if word is None else Path(word)
        return cls(
            *(path(options.t1), path(options.t2), options.labels),
            *(options.segmenter or "", options.by, options.samseg, options.thorough),
            *(machine.threads() or 1, Path(options.out), options.tetrahedra),
            neck=None if options.neck is None else options.neck * 1e-3,
            rules=CleanRules(options.skull * 1e-3, options.scalp * 1e-3),
            force=tuple(options.force),
        )


def head_segment(
    options: argparse.Namespace,
) -> SegmentedResult | InstalledResult:
    """Make a head of a T1 or of labels, or install the segmenter."""
    if options.install:
        return _install()
    request, progress = SegmentRequest.of(options), Progress()
    with listening() as heard:
        images = _images(request, progress)
        with none_left_empty(request.out):
            request.out.mkdir(parents=True, exist_ok=True)
            with owned(request.out / _LOCK, f"--out {request.out}"):
                return _segment(request, images, heard, progress)


@dataclass(frozen=True, eq=False)
class _Images:
    """What was read, and what speaks against it."""

    t1: Scan | None = None
    t2: Scan | None = None
    findings: Sequence[Finding] = ()


def _install() -> InstalledResult:
    home, progress = installing.environment(), Progress()
    home.parent.mkdir(parents=True, exist_ok=True)
    with owned(home.with_name(f".{home.name}.lock"), str(home)):
        found = installing.installed()
        if found is not None:
            note(f"it was there already; to install it anew, remove {home} first.")
            return InstalledResult(str(found.program))
        _, words = installing.installation()
        note(f"downloading {words}, to {home}.")
        progress.stage("installation", "installing SAMSEG")
        found = installing.install(progress)
        progress.close()
    return InstalledResult(str(found.program))


def _segment(
    request: SegmentRequest, images: _Images, heard: list[str], progress: Progress
) -> SegmentedResult:
    scan, findings = images.t1, list(images.findings)
    segmented = _labels(request, images, progress)
    source = str(request.t1 or request.labels)
    stop_at_errors(source, list(segmented.findings), _relevant(request, "defaced"))
    findings += segmented.findings
    progress.stage("clean-up", "closing the layers of the head")
    labels, cleaned, spongy = _cleaned(request, segmented, scan)
    found = plausible.check_volumes(labels) + meshing.check_labels(labels)
    if scan is not None:
        light = brightness_on(labels, scan).values
        found += plausible.check_contrast(labels, light)
    stop_at_errors(source, found, _relevant(request, "rough", "contrast"))
    findings += found
    progress.stage("mesh", "meshing")
    head = meshing.mesh_labels(
        labels.labels, labels.affine, request.tetrahedra, progress
    )
    found = meshing.check(head)
    stop_at_errors(source, found, _relevant(request, "sliver", "overlap", "parts"))
    findings += found
    shifts = _write(request, segmented, labels, head, scan, progress)
    progress.close()
    result = SegmentedResult(
        *(str(request.out), segmented.way, cleaned, spongy),
        *(HeadResult.of(head, labels.labels, labels.affine), shifts),
        *(tuple(findings), tuple(heard), progress.to_json()),
    )
    write_json(request.out / "segmentation.json", result.to_json())
    return result


def _relevant(request: SegmentRequest, *names: str) -> list[str]:
    return [name for name in request.force if name in names]


def _images(request: SegmentRequest, progress: Progress) -> _Images:
    """Read the T1 and the T2, and check them."""
    if request.t1 is None:
        return _Images()
    progress.stage("image", f"image {request.t1}")
    scan = read_scan(request.t1)
    findings = check_scan(scan)
    names = "voxels", "size", "stripped"
    stop_at_errors(str(request.t1), findings, _relevant(request, *names))
    if request.t2 is None:
        return _Images(scan, None, findings)
    second = read_scan(request.t2)
    return _Images(scan, second, [*findings, *check_second(second)])


def _labels(request: SegmentRequest, images: _Images, progress: Progress) -> Segmented:
    scan, second = images.t1, images.t2
    if request.labels is not None:
        return by_labels(request.labels, request.segmenter, scan, progress)
    assert scan is not None
    if shutil.which("charm") and request.by is None:
        note(
            "SimNIBS' charm is installed. It gives better labels: run it, and give its "
            "m2m_ folder to the commands as it is."
        )
    program = None
    if request.asks_samseg:
        program = installing.find_samseg(request.samseg)
    if program is None and request.asks_samseg:
        raise ValueError(
            "SAMSEG was not found. `tmsgrad head segment --install` makes an environment "
            "with it; --samseg says where it is."
        )
    if program is None:
        return by_atlas(scan, second, progress)
    return by_samseg(
        *(program, scan, second, request.out / _WORK),
        *(request.threads, request.thorough, progress),
    )


def _cleaned(
    request: SegmentRequest, segmented: Segmented, scan: Scan | None
) -> tuple[LabelImage, Cleaned, float]:
    labels = segmented.labels
    if request.neck is not None:
        labels = meshing.crop_neck(labels, request.neck)
    labels, cleaned = clean_labels(labels, request.rules)
    if scan is None or not (labels.labels == 4).any():
        return labels, cleaned, 0.0
    labels, spongy = split_bone(labels, brightness_on(labels, scan).values)
    return labels, cleaned, spongy


def _write(
    request: SegmentRequest,
    segmented: Segmented,
    labels: LabelImage,
    head: HeadMesh,
    scan: Scan | None,
    progress: Progress,
) -> dict[str, float]:
    """Write the folder; give how far fiducials lie from the warped template's."""
    out = request.out
    progress.stage("output", f"writing {out}")
    if scan is not None:
        files.write_t1(out, scan.file)
    files.write_labels(out / files.LABELS, labels)
    files.write_mni(out, segmented.alignment, labels)
    meshing.write_head(out / f"{_name(out)}.msh", head)
    scalp = meshing.scalp(head)
    shifts = {}
    with dispensable("EEG positions"):
        found = find_fiducials(scalp, segmented.alignment)
        named = meshing.dense_eeg_positions(scalp, found.points)
        points = [np.array(point) for point in vars(found.points).values()]
        ends = dict(zip(("Nz", "Iz", "LPA", "RPA"), points, strict=True))
        files.write_cap(out, ends | named)
        shifts = found.shifts
    with dispensable("surfaces of the cortex"):
        files.write_surfaces(out, midsurfaces(labels, segmented.alignment))
    with dispensable("a picture"):
        write_segmentation(out / "segmentation.png", labels, scan, _name(out))
    return shifts


def _name(out: Path) -> str:
    return out.resolve().name.removeprefix("m2m_")
