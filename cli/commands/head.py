"""`tmsgrad head info`, `head check` and `head convert`."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ... import meshing
from ..inputs.heads import HeadRequest, is_template
from ..results.head_results import ConvertedHead, Folder, HeadCheckResult, HeadResult
from ..runtime.progress import Progress


def head_info(options: argparse.Namespace) -> HeadResult:
    """Describe a head and the quality of its elements."""
    request, progress = HeadRequest.of(options), Progress()
    head = request.read(progress)
    labels = ()
    if is_template(request.source):
        labels = meshing.kept_template_labels()
    progress.close()
    subject = meshing.subject_of(request.source)
    folder = None if subject is None else Folder.of(subject)
    return HeadResult.of(head, *labels, folder=folder)


def head_check(options: argparse.Namespace) -> HeadCheckResult:
    """Look for what may be wrong with a head, and say where."""
    request, progress = HeadRequest(options.head), Progress()
    path = Path(request.source)
    if is_template(request.source):
        head = request.read(progress)
    else:
        progress.stage("head", f"head {request.source}")
        head = meshing.read_head(path)  # Errors of its check are what is asked for.
    progress.stage("check", "checking")
    findings = meshing.check(head)
    if path.is_dir():
        findings += meshing.check_subject(meshing.read_subject(path), head)
    progress.close()
    counts = len(head.nodes), len(head.tags)
    return HeadCheckResult(request.source, *counts, tuple(findings))


@dataclass(frozen=True)
class ConvertRequest:
    """What `tmsgrad head convert` is asked for.

    Attributes:
        head: The head.
        out: The file.
    """

    head: HeadRequest
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ConvertRequest":
        """Take it from the options."""
        return cls(HeadRequest.of(options), options.out)


def head_convert(options: argparse.Namespace) -> ConvertedHead:
    """Write a head in another format."""
    request, progress = ConvertRequest.of(options), Progress()
    write = meshing.head_writer(request.out)
    head = request.head.read(progress)
    progress.stage("output", f"writing {request.out}")
    write(head)
    progress.close()
    return ConvertedHead(request.out, len(head.nodes), len(head.tags))
