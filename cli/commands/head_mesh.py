"""`tmsgrad head mesh`: a head made of a label image."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import meshing
from ...meshing import Finding, HeadMesh, LabelImage, Tidied
from ..inputs.findings import stop_at_errors
from ..results.head_results import HeadResult, MeshedResult
from ..runtime.notices import listening
from ..runtime.progress import Progress


_ROUGH = "rough"  # The only error that a label image can have.
_INSTEAD = (
    "No head was written. Rough labels cannot be meshed well: smooth them, give larger "
    "--islands, or another number of --tetrahedra. "
)


@dataclass(frozen=True)
class MeshRequest:
    """What `tmsgrad head mesh` is asked for.

    Attributes:
        labels: The image.
        table: What its labels are, as the command line names it.
        out: The file.
        tetrahedra: About how many.
        size: Longest edges of elements, by tissue. [m]
        neck: Where the head ends below the brain, or None. [m]
        islands: Smaller pieces of a tissue are given to what is around them. [m³]
        fill_air: Whether air inside the head is filled.
        force: Checks whose errors do not stop.
    """

    labels: str
    table: str
    out: str
    tetrahedra: int
    size: Mapping[str, float]
    neck: float | None
    islands: float
    fill_air: bool
    force: tuple[str, ...]

    @classmethod
    def of(cls, options: argparse.Namespace) -> "MeshRequest":
        """Take it from the options."""
        return cls(
            *(options.labels, options.table, options.out, options.tetrahedra),
            size=options.size,
            neck=None if options.neck is None else options.neck * 1e-3,
            islands=options.islands * 1e-9,
            fill_air=options.fill_air,
            force=tuple(options.force),
        )


def head_mesh(options: argparse.Namespace) -> MeshedResult:
    """Make a head of a label image."""
    request, progress = MeshRequest.of(options), Progress()
    write = meshing.head_writer(request.out)
    progress.stage("labels", f"labels {request.labels}")
    image, tidied, findings = _read_labels(request)
    of_image = [name for name in request.force if name == _ROUGH]
    stop_at_errors(request.labels, findings, of_image, _INSTEAD)
    if str(tidied) != str(Tidied(0.0, {}, 0.0)):
        print(f"tmsgrad: {tidied}.", file=sys.stderr)
    progress.stage("mesh", "meshing")
    with listening() as heard:
        head = _mesh(image, request, progress)
    progress.stage("check", "checking the head")
    found = meshing.check(head)
    of_mesh = [name for name in request.force if name != _ROUGH]
    stop_at_errors(request.labels, found, of_mesh, _INSTEAD)
    progress.stage("output", f"writing {request.out}")
    write(head)
    progress.close()
    return MeshedResult(
        *(request.out, HeadResult.of(head, image.labels, image.affine), tidied),
        *(tuple(heard), (*findings, *found), progress.seconds),
    )


def _read_labels(request: MeshRequest) -> tuple[LabelImage, Tidied, list[Finding]]:
    path = Path(request.labels)
    known = meshing.LABEL_TABLES.get(request.table)
    if known is meshing.SPM_LABELS and path.name.startswith("c1"):
        image = meshing.read_spm_maps(path)
    else:
        table = meshing.read_label_table(request.table) if known is None else known
        image = meshing.read_labels(path, table)
    findings = meshing.check_frames(path) + meshing.check_labels(image)
    try:
        if request.neck is not None:
            image = meshing.crop_neck(image, request.neck)
        image, tidied = meshing.tidy_labels(image, request.islands, request.fill_air)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return image, tidied, findings


def _mesh(image: LabelImage, request: MeshRequest, progress: Progress) -> HeadMesh:
    try:
        return meshing.mesh_labels(
            image.labels, image.affine, request.tetrahedra, progress, request.size
        )
    except ValueError as error:
        raise ValueError(f"{request.labels}: {error}") from error
