"""`tmsgrad reduce`: the field of any placement in a domain, as a sum of modes."""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import efield, meshing, optimize
from ...coils import Coil
from ...efield import AbstractReadout, Conductor, ReducedField
from ...efield.reduced.places import MESH, surface_places
from ...meshing import HeadMesh, Region, SurfaceFrame
from ..inputs.coils import read_coil
from ..inputs.conduction import Conduction
from ..inputs.heads import read_head
from ..results.reduced_result import ReducedResult
from ..runtime.interruption import ENDINGS
from ..runtime.ownership import owned_file
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up


_RADIUS = 45e-3  # Around a place. [m]
_LEAST, _MOST = 3e-3, 12e-3  # Distances of the coil's centre that any basis knows. [m]
_NEARER, _FARTHER = 1e-3, 8e-3  # Than where its face touches the scalp. [m]
_FACE = 40e-3  # From the coil's axis, within which its face touches. [m]
_SOLVES_PER_MODE = 3  # At most, so that a basis that does not converge ends.


@dataclass(frozen=True)
class ReduceRequest:
    """What `tmsgrad reduce` is asked for.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        coils: As the command line names them.
        conduction: Of the head.
        around: The place near which coils may be, or None for the upper head. [m]
        radius: How far around it. [m]
        tissue: Where the field is wanted.
        surface: A file, or `mesh`, where it is wanted on a surface; else None.
        frame: Of that file, or None.
        growth: Tolerance and limits.
        storage: Of the modes: float32, float16 or int8.
        out: File.
    """

    head: str
    force: tuple[str, ...]
    coils: tuple[str, ...]
    conduction: Conduction
    around: tuple[float, float, float] | None
    radius: float
    tissue: str
    surface: str | None
    frame: SurfaceFrame | None
    growth: efield.Growth
    storage: str
    out: Path

    @classmethod
    def of(cls, options: argparse.Namespace) -> "ReduceRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other.
        """
        out = Path(options.out)
        if out.suffix != ".h5":
            raise ValueError(f"--out {out}: the name of a basis ends in .h5.")
        if options.radius is not None and options.around is None:
            raise ValueError("--radius is of a place: give --around X,Y,Z with it.")
        if options.at is not None and options.tissue is not None:
            raise ValueError("--at is of gray matter's surface: leave out --tissue.")
        x = options.around
        return cls(
            head=options.head,
            force=tuple(options.force),
            coils=tuple(options.coil),
            conduction=Conduction.of(options),
            around=None if x is None else (x[0] * 1e-3, x[1] * 1e-3, x[2] * 1e-3),
            radius=_RADIUS if options.radius is None else options.radius * 1e-3,
            tissue=options.tissue or "gm",
            surface=options.at,
            frame=_frame(options),
            growth=efield.Growth(
                tolerance=options.tolerance / 100,
                modes=options.modes,
                solves=_SOLVES_PER_MODE * options.modes,
            ),
            storage=options.storage,
            out=out,
        )

    @property
    def kept(self) -> Path:
        """Where solved fields are kept until the basis is written."""
        return self.out.with_name(f".{self.out.name}.solved")


def reduce(options: argparse.Namespace) -> dict:
    """Make a basis for a head and coils, and write it."""
    set_up()
    request = ReduceRequest.of(options)
    with owned_file(request.out):
        try:
            return _make(request, Provenance.of(options)).to_json()
        except ENDINGS as stop:
            if request.kept.is_dir():
                stop.args = (
                    f"solved fields are kept in {request.kept}; the same command goes on "
                    "there.",
                )
            raise


def _make(request: ReduceRequest, origin: Provenance) -> ReducedResult:
    progress = Progress()
    progress.stage("head", f"head {request.head}")
    head = read_head(request.head, progress, forced=request.force)
    progress.stage("assembly", "finite elements")
    conductor, tensors = request.conduction.assemble(head, request.head)
    progress.stage("modes", "modes of solved placements")
    field = _reduced(request, head, conductor, progress)
    progress.stage("output", "writing the basis")
    efield.write_reduced(request.out, field)
    shutil.rmtree(request.kept, ignore_errors=True)
    progress.close()
    size = request.out.stat().st_size
    result = ReducedResult.of(
        field, str(request.out), size, tensors, origin, progress.to_json()
    )
    result.show()
    return result


def _frame(options: argparse.Namespace) -> SurfaceFrame | None:
    if options.surface_frame is None:
        return None
    if options.at in (None, MESH):
        raise ValueError("--surface-frame is of a file that --at names.")
    return SurfaceFrame(options.surface_frame)


def _reduced(
    request: ReduceRequest, head: HeadMesh, conductor: Conductor, progress: Progress
) -> ReducedField:
    at, about = _places(request, head)
    around = None if request.around is None else np.array(request.around)
    coils = [read_coil(each) for each in request.coils]
    domain = optimize.placements(
        *(meshing.scalp(head), around, request.radius),
        distances=reachable_distances(coils),
    )
    field = efield.reduce(
        *(conductor, coils, domain, at),
        growth=request.growth,
        keep=request.kept,
        about={"head": request.head, **about},
        progress=progress,
    )
    kind = np.dtype(request.storage)
    return field if kind == np.float32 else field.stored(kind)


def _places(
    request: ReduceRequest, head: HeadMesh
) -> tuple[Region | AbstractReadout, dict[str, str]]:
    """Find where the field is wanted, and what the basis is to write down of it."""
    if request.surface is not None:
        try:
            return surface_places(head, request.surface, request.frame)
        except ValueError as error:
            raise ValueError(f"--at {request.surface}: {error}") from None
    tag = meshing.tissue_tag(request.tissue)
    inside = head.of(tag)
    if not inside.any():
        raise ValueError(
            f"--tissue {request.tissue}: {request.head} has no element of it."
        )
    return meshing.region(head, inside), {"tissue": meshing.TISSUE_NAMES[tag]}


def reachable_distances(coils: Sequence[Coil]) -> tuple[float, float]:
    """From the scalp to coils' centres, with contact, that a basis should know. [m]"""
    touching = []
    for coil in coils:
        points = np.asarray(coil.surface_points)
        near = np.hypot(points[:, 0], points[:, 1]) < _FACE
        depth = points[near, 2].max() if near.any() else 0.0
        touching.append(float(depth) + optimize.Face().covered(coil))
    return (
        max(min([_LEAST, *(x - _NEARER for x in touching)]), 0.0),
        max([_MOST, *(x + _FARTHER for x in touching)]),
    )
