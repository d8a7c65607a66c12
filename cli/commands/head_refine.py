"""`tmsgrad head refine`: a head with elements as fine as a target's field needs."""

import argparse
from dataclasses import dataclass

from ... import efield, meshing
from ...optimize import Domain, Face
from ..inputs.coils import read_coil
from ..inputs.frame import Frame
from ..inputs.heads import HeadRequest
from ..inputs.refining import refine
from ..inputs.targets import Target, TargetRequest
from ..results.refined_result import RefinedHeadResult
from ..runtime.notices import heard, listening
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .optimize_prepare import check_target


_DOMAIN = Domain(distance=Face(), radius=30e-3)


@dataclass(frozen=True)
class RefineRequest:
    """What `tmsgrad head refine` is asked for.

    Attributes:
        head: The head.
        coil: As the command line names it.
        target: Where the field is to be exact.
        to: The bar over its value, at most.
        out: The file.
    """

    head: HeadRequest
    coil: str
    target: TargetRequest
    to: float
    out: str

    @classmethod
    def of(cls, options: argparse.Namespace) -> "RefineRequest":
        """Take it from the options, and print where a place of MNI space is.

        Raises:
            ValueError: The target is not known.
            FileNotFoundError: There is no such file.
        """
        return cls(
            *(HeadRequest.of(options), options.coil, TargetRequest.of(options)),
            *(options.to, options.out),
        )


def head_refine(options: argparse.Namespace) -> RefinedHeadResult:
    """Refine a head, and write it."""
    set_up()
    write, progress = meshing.head_writer(options.out), Progress()
    with listening():
        request = RefineRequest.of(options)
        origin = Provenance.of(options, request.target.settled)
        frame, target = _read(request, origin, progress)
        finer, _, figures = refine(frame, target, _DOMAIN, request.to)
        progress.stage("output", f"writing {request.out}")
        write(finer.head)
        progress.close()
        return RefinedHeadResult(
            *(request.out, len(finer.head.nodes), len(finer.head.tags), figures),
            *(tuple(heard()), progress.to_json()),
        )


def _read(
    request: RefineRequest, origin: Provenance, progress: Progress
) -> tuple[Frame, Target]:
    coil = read_coil(request.coil)
    head = request.head.read(progress, request.target.places)
    target = request.target.find(head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    check_target(scalp.surface, target)
    progress.stage("assembly", "finite elements")
    conductor = efield.assemble(head, efield.isotropic(head))
    frame = Frame(
        *(request.head.source, head, scalp, request.coil, coil, conductor, None),
        *(progress, origin),
    )
    return frame, target
