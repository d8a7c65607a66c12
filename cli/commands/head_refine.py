"""`tmsgrad head refine`: a head with elements as fine as a target's field needs."""

import argparse

from ... import efield, meshing
from ...optimize import Domain, Face
from ..inputs.coils import read_coil
from ..inputs.frame import Frame
from ..inputs.heads import read_head
from ..inputs.refining import refine
from ..inputs.targets import Target, TargetRequest
from ..runtime.notices import heard, listening
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .optimize_prepare import check_target


_DOMAIN = Domain(distance=Face(), radius=30e-3)


def head_refine(options: argparse.Namespace) -> dict:
    """Refine a head, and write it."""
    set_up()
    write, progress = meshing.head_writer(options.out), Progress()
    with listening():
        wanted = TargetRequest.of(options)
        frame, target = _read(options, wanted, progress)
        finer, _, figures = refine(frame, target, _DOMAIN, options.to)
        progress.stage("output", f"writing {options.out}")
        write(finer.head)
        progress.close()
        figures.describe()
        print(f"written to       {options.out}")
        return {
            "head": options.out,
            "nodes": len(finer.head.nodes),
            "tetrahedra": len(finer.head.tags),
            "refinement": figures.to_json(),
            "warnings": list(heard()),
            "seconds": progress.to_json(),
        }


def _read(
    options: argparse.Namespace, wanted: TargetRequest, progress: Progress
) -> tuple[Frame, Target]:
    coil = read_coil(options.coil)
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, None, options.force, wanted.places)
    target = wanted.find(head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    check_target(scalp, target)
    progress.stage("assembly", "finite elements")
    conductor = efield.assemble(head, efield.isotropic(head))
    origin = Provenance.of(options, wanted.settled)
    frame = Frame(
        *(options.head, head, scalp, options.coil, coil, conductor, None),
        *(progress, origin),
    )
    return frame, target
