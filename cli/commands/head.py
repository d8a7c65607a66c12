"""`tmsgrad head mesh`, `head check` and `head convert`."""

import argparse
import sys
from pathlib import Path

from ... import meshing
from ...meshing import Finding, LabelImage, Tidied
from ..inputs.findings import stop_at_errors
from ..inputs.heads import TEMPLATE, read_head
from ..results.head_results import HeadCheckResult, HeadResult, MeshedResult
from ..runtime.notices import listening
from ..runtime.progress import Progress


_ROUGH = "rough"  # The only error that a label image can have.
_INSTEAD = (
    "No head was written. Rough labels cannot be meshed well: smooth them, give larger "
    "--islands, or another number of --tetrahedra. "
)


def head_mesh(options: argparse.Namespace) -> dict:
    """Make a head of a label image."""
    write = meshing.head_writer(options.out)
    progress = Progress()
    progress.stage("labels", f"labels {options.labels}")
    image, tidied, findings = _read_labels(options)
    of_image = [name for name in options.force if name == _ROUGH]
    stop_at_errors(options.labels, findings, of_image, _INSTEAD)
    if str(tidied) != str(Tidied(0.0, {}, 0.0)):
        print(f"tmsgrad: {tidied}.", file=sys.stderr)
    progress.stage("mesh", "meshing")
    with listening() as heard:
        head = _mesh(image, options, progress)
    progress.stage("check", "checking the head")
    found = meshing.check(head)
    of_mesh = [name for name in options.force if name != _ROUGH]
    stop_at_errors(options.labels, found, of_mesh, _INSTEAD)
    progress.stage("output", f"writing {options.out}")
    write(head)
    progress.close()
    result = MeshedResult(
        *(options.out, HeadResult.of(head, image.labels, image.affine), tidied),
        *(tuple(heard), (*findings, *found), progress.seconds),
    )
    result.describe()
    return result.to_json()


def _read_labels(
    options: argparse.Namespace,
) -> tuple[LabelImage, Tidied, list[Finding]]:
    path = Path(options.labels)
    known = meshing.LABEL_TABLES.get(options.table)
    if known is meshing.SPM_LABELS and path.name.startswith("c1"):
        image = meshing.read_spm_maps(path)
    else:
        table = meshing.read_label_table(options.table) if known is None else known
        image = meshing.read_labels(path, table)
    findings = meshing.check_frames(path) + meshing.check_labels(image)
    try:
        if options.neck is not None:
            image = meshing.crop_neck(image, options.neck * 1e-3)
        image, tidied = meshing.tidy_labels(
            image, options.islands * 1e-9, options.fill_air
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return image, tidied, findings


def _mesh(
    image: LabelImage, options: argparse.Namespace, progress: Progress
) -> meshing.HeadMesh:
    try:
        return meshing.mesh_labels(
            image.labels, image.affine, options.tetrahedra, progress, options.size
        )
    except ValueError as error:
        raise ValueError(f"{options.labels}: {error}") from error


def head_check(options: argparse.Namespace) -> dict:
    """Look for what may be wrong with a head, and say where."""
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    path = Path(options.head)
    if options.head.split(":")[0] == TEMPLATE and not path.exists():
        head = read_head(options.head, progress)
    else:
        head = meshing.read_head(path)
    progress.stage("check", "checking")
    findings = meshing.check(head)
    if path.is_dir():
        findings += meshing.check_subject(meshing.read_subject(path), head)
    progress.close()
    result = HeadCheckResult(
        options.head, len(head.nodes), len(head.tags), tuple(findings)
    )
    result.describe()
    return result.to_json()


def head_convert(options: argparse.Namespace) -> dict:
    """Write a head in another format."""
    write = meshing.head_writer(options.out)
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    progress.stage("output", f"writing {options.out}")
    write(head)
    progress.close()
    print(f"{len(head.nodes)} nodes, {len(head.tags)} tetrahedra: {options.out}")
    return {
        "head": options.out,
        "nodes": len(head.nodes),
        "tetrahedra": len(head.tags),
    }
