"""Heads that the command line takes: files, folders and the template."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from numpy import ndarray

from ... import meshing
from ...meshing import HeadMesh
from ..runtime.notices import note
from ..runtime.progress import Progress
from .findings import NOWHERE, Places, stop_at_errors


TEMPLATE = "template"


@dataclass(frozen=True)
class HeadRequest:
    """The head that is asked for.

    Attributes:
        source: As the command line names it.
        force: Checks whose errors do not stop.
    """

    source: str
    force: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: argparse.Namespace) -> "HeadRequest":
        """Take it from the options."""
        return cls(options.head, tuple(options.force))

    def read(self, progress: Progress, places: Places = NOWHERE) -> HeadMesh:
        """Read it, as a stage of its own; errors are those of `read_head`."""
        progress.stage("head", f"head {self.source}")
        return read_head(self.source, progress, None, self.force, places)


def is_template(source: str) -> bool:
    """Whether a name is that of the template head, and of no file."""
    return source.partition(":")[0] == TEMPLATE and not Path(source).exists()


def read_head(
    source: str,
    progress: Callable[[float, str], None],
    search: tuple[Float[ndarray, "3"], float] | None = None,
    forced: Sequence[str] = (),
    places: Places = NOWHERE,
) -> HeadMesh:
    """Read a head from a file or folder, or make the template head, and check it.

    Warnings are written to standard error, errors of the check stop; `tmsgrad head
    check` says more.

    Args:
        source: A mesh file, an m2m_ folder, `template`, or `template:N` for about N
            tetrahedra.
        progress: For the template, which takes a while the first time.
        search: Around which point, and how far, a coil is to be placed: there, the scalp
            must have no holes. [m]
        forced: Names of checks whose errors do not stop, as of `--force`.
        places: Where coil and target are: warnings far from all are counted only. [m]

    Raises:
        ValueError: The head is malformed, a check finds an error in it, or the template's
            size is no number.
        FileNotFoundError: There is no such file.
    """
    if not is_template(source):
        head = meshing.read_head(source)
        place, reach = (None, 0.0) if search is None else search
        findings = meshing.check(head, place, reach)
        findings += _folder_findings(source, head)
        stop_at_errors(source, findings, forced, places=places)
        return head
    for check in forced:
        note(f"--force {check} has no effect: the template has no such error.")
    size = source.partition(":")[2]
    if not size:
        return meshing.template(progress=progress)
    if not size.isdigit():
        raise ValueError(
            f"{source}: the template's size must be a number of tetrahedra, such as "
            "template:500000."
        )
    return meshing.template(int(size), progress)


def _folder_findings(source: str, head: HeadMesh) -> list[meshing.Finding]:
    """What the T1 of an m2m_ folder says against the mesh in it."""
    subject = meshing.subject_of(source)
    return [] if subject is None else meshing.check_space(subject, head)
