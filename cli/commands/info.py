"""`tmsgrad head info`: what a head is."""

import argparse
from pathlib import Path

from ... import meshing
from ..inputs.heads import read_head
from ..results.head_results import Folder, HeadResult
from ..runtime.progress import Progress


def head_info(options: argparse.Namespace) -> dict:
    """Describe a head and the quality of its elements."""
    progress = Progress()
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    labels = ()
    if options.head.split(":")[0] == "template" and not Path(options.head).exists():
        labels = meshing.kept_template_labels()
    progress.close()
    subject = meshing.subject_of(options.head)
    folder = None if subject is None else Folder.of(subject)
    result = HeadResult.of(head, *labels, folder=folder)
    result.describe()
    return result.to_json()
