"""`tmsgrad sweep`: the map of a target's field over all positions and angles."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import meshing, optimize
from ...coils import Pose
from ...disk.as_json import write_json
from ...meshing import Scalp
from ...meshing.field_file import write_origin
from ...optimize.pictures.sweep_map import write_map
from ..inputs.bases import Basis
from ..inputs.coils import read_coil
from ..inputs.conduction import Conduction
from ..inputs.distances import coil_distance
from ..inputs.frame import Frame
from ..inputs.goals import Wishes, make_goal
from ..inputs.heads import read_head
from ..inputs.targets import Target, TargetRequest
from ..results.fields import check_field
from ..results.figures import Subject
from ..results.sweep_result import MapError, SweepResult
from ..results.whole_brain import WholeBrain
from ..runtime.notices import dispensable
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .sweep_whole import WholeTissue


_RADIUS = 30e-3  # That the adjoint modes are good for, where all the head is swept. [m]


@dataclass(frozen=True)
class SweepRequest:
    """What `tmsgrad sweep` is asked for.

    Attributes:
        head: As the command line names it.
        force: Checks of the head whose errors do not stop.
        coil: As the command line names it.
        target: Where the field is wanted.
        wishes: Of what, and what else.
        conduction: Of the head.
        order: Of the elements, as asked for, or None.
        reduced: A file of a reduced field, for maps of the whole tissue, or None.
        domain: Distance and clearance of the coil.
        around: How far from the target positions are; None for all of the head. [m]
        spacing: Of positions. [m]
        angles: How many at each.
        forbidden: Balls without positions, as centre and radius. [m]
        out: Folder.
    """

    head: str
    force: tuple[str, ...]
    coil: str
    target: TargetRequest
    wishes: Wishes
    conduction: Conduction
    order: int | None
    reduced: str | None
    domain: optimize.Domain
    around: float | None
    spacing: float
    angles: int
    forbidden: tuple[tuple[tuple[float, float, float], float], ...]
    out: str

    @property
    def reach(self) -> float:
        """How far from the target the adjoint modes are good for. [m]"""
        return _RADIUS if self.around is None else self.around

    @classmethod
    def of(cls, options: argparse.Namespace) -> "SweepRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or the target is not known.
            FileNotFoundError: There is no such file.
        """
        around = options.search_radius
        return cls(
            head=options.head,
            force=tuple(options.force),
            coil=options.coil,
            target=TargetRequest.of(options),
            wishes=Wishes.of(options),
            conduction=Conduction.of(options),
            order=options.order,
            reduced=options.reduced,
            domain=optimize.Domain(
                distance=coil_distance(options), clearance=options.hair * 1e-3
            ),
            around=None if around is None else around * 1e-3,
            spacing=options.spacing * 1e-3,
            angles=options.angles,
            forbidden=tuple(options.forbid),
            out=options.out,
        )


def sweep(options: argparse.Namespace) -> dict:
    """Map a target's field."""
    set_up()
    request = SweepRequest.of(options)
    origin = Provenance.of(options, request.target.settled)
    return map_target(request, origin).answer()


def map_target(request: SweepRequest, origin: Provenance) -> SweepResult:
    """Map a target's field, write the files and print the best placement.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    with output_folder(request.out) as folder:
        basis = None
        if request.reduced is not None:
            basis = Basis.read(request.reduced, request.order)
            order = basis.field.origin.order
            conduction = replace(request.conduction, order=order, corrected=False)
            request = replace(request, conduction=conduction)
        frame, target, positions = _prepare(request, origin, progress)
        tissue = basis and WholeTissue.of(basis, frame, target.region)
        by = basis if request.wishes.ratio else None
        found, goal = _compute(request, frame, target, positions, by)
        best = found.pose(*found.best)
        value, mesh = _value(request, frame, target, goal, best)
        whole = tissue and tissue.maps(frame, found, positions, request.domain)
        progress.stage("output", "files and picture")
        unit = "1" if request.wishes.ratio else "V/m"
        write_sweep(folder / "sweep.h5", found, origin.as_json(), whole, unit)
        with dispensable("overview.png"):
            _draw(folder, request, frame, target, found, positions)
        progress.close()
        result = SweepResult(
            *(best, value, float(found.values.max()), unit, request.wishes.what),
            *(len(positions), request.angles, found.best),
            *(float(np.median(found.values)), Subject.of(frame), origin),
            *(progress.to_json(), whole, mesh),
        )
        write_json(folder / "summary.json", result.to_json())
    result.describe(request.out)
    return result


def _prepare(
    request: SweepRequest, origin: Provenance, progress: Progress
) -> tuple[Frame, Target, Float[ndarray, "position 3"]]:
    coil = read_coil(request.coil)
    progress.stage("head", f"head {request.head}")
    head = read_head(request.head, progress, None, request.force, request.target.places)
    target = request.target.find(head)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    positions = _positions(request, scalp, target)
    frame = Frame.assembled(
        request.conduction,
        *(request.head, head, scalp, request.coil, coil),
        *(progress, origin),
    )
    return frame, target, positions


def _compute(
    request: SweepRequest,
    frame: Frame,
    target: Target,
    positions: Float[ndarray, "position 3"],
    basis: Basis | None,
) -> tuple[optimize.Sweep, optimize.Goal]:
    """The map, and what it is of."""
    progress, coil, scalp = frame.progress, frame.coil, frame.scalp
    progress.stage("adjoint", "adjoint solves")
    goal = make_goal(
        *(request.wishes, frame.head, scalp, coil, frame.conductor, target.region),
        *(request.target.tissue, request.reach),
        corrected=request.conduction.corrected,
        basis=basis,
    )
    progress.stage("sweep", f"{len(positions)} positions x {request.angles} angles")
    found = optimize.sweep(
        *(goal.objective, coil, scalp, positions, request.domain),
        angles=request.angles,
        progress=progress,
    )
    check_field(found.values, "the target")
    return found, goal


def _value(
    request: SweepRequest, frame: Frame, target: Target, goal: optimize.Goal, pose: Pose
) -> tuple[float, MapError | None]:
    """The objective at the best pose, by direct summation, and what the mesh leaves."""
    if goal.second is None:
        mean = goal.objective.reciprocal.mean_field(frame.coil, pose)
        return float(goal.objective.value(mean)), None
    if goal.corrected is not None:
        rate = goal.objective.value
        value, bar = goal.corrected.mesh_error(rate, frame.coil, pose)
        return value, MapError(bar, order=2)
    frame.progress.stage("correction", "correction of the best for the mesh")
    aim = optimize.Aim(
        *(frame.head, frame.scalp, frame.conductor, frame.coil, target.region),
        request.reach,
    )
    value, bar = optimize.corrected_rating(goal, aim, pose)
    return value, MapError(bar, order=1)


def write_sweep(
    path: Path,
    found: optimize.Sweep,
    origin: Mapping[str, object],
    whole: WholeBrain | None = None,
    unit: str = "V/m",
) -> None:
    """Write a map as HDF5, with where it comes from as attributes.

    Datasets are `values` [position, angle], in V/m or 1, `angles` in degrees, `matsimnibs`
    [position, 4, 4] in mm at the first angle, and `lifts` in mm, with units as attributes;
    and those of the whole tissue, if there are any, in a group of their own.
    """
    with h5py.File(path, "w") as file:
        write_origin(file, origin)
        for name, data, units in (
            ("values", found.values, unit),
            ("angles", np.degrees(found.angles), "degrees"),
            ("matsimnibs", found.poses.to_matsimnibs(), "mm"),
            ("lifts", found.lifts * 1e3, "mm"),
        ):
            file.create_dataset(name, data=data).attrs["units"] = units
        if whole is not None:
            whole.write(file)
        file.attrs["dIdt"] = found.current_rate
        file.attrs["dIdt_units"] = "A/s"


def _positions(
    request: SweepRequest, scalp: Scalp, target: Target
) -> Float[ndarray, "position 3"]:
    zones = [(np.asarray(centre), radius) for centre, radius in request.forbidden]
    if request.around is None:
        return optimize.spread(scalp, request.spacing, forbidden=zones)
    return optimize.spread(
        scalp,
        request.spacing,
        centre=scalp.nearest(np.asarray(target.centre)),
        radius=request.around,
        forbidden=zones,
    )


def _draw(
    folder: Path,
    request: SweepRequest,
    frame: Frame,
    target: Target,
    found: optimize.Sweep,
    positions: Float[ndarray, "position 3"],
) -> None:
    name, words = Path(request.head).name, request.wishes.what
    at = ", ".join(f"{x:g}" for x in 1e3 * np.asarray(target.centre))
    write_map(
        folder / "sweep.png",
        frame.scalp,
        positions,
        found.values.max(axis=1),
        title=f"Where to place {frame.coil.name} for ({at}) mm on {name}",
        subtitle=f"best of all angles: {words} at 1 A/µs · tmsgrad · research use only",
    )
