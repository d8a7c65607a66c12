"""`tmsgrad map motor`: the place in the cortex that moves a muscle, from many pulses."""

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing
from ...coils import Pose, navigation
from ...disk.as_json import write_json
from ...disk.tables import write_table
from ...meshing import HeadMesh
from ...optimize import mapping
from ...optimize.mapping import PulseFields, ResponseMap
from ...optimize.pictures.response_map import write_response_map
from ..inputs.sites import SiteRequest, pose_of
from ..report.motor_page import report_motor
from ..report.reporting import look_at, try_view
from ..results.motor_result import MotorResult
from ..results.muscle_result import MuscleResult, Placed, alternatives
from ..runtime.notices import dispensable, heard, listening
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .map_next import propose
from .map_request import CURVES, MotorRequest
from .map_session import Session, prepare


_SPOT = 3e-3  # Of gray matter around the optimum, for the pose that stimulates it. [m]


def map_motor(options: argparse.Namespace) -> Outcome:
    """Map muscles, write and print what was found."""
    set_up()
    with listening():
        found = find_map(MotorRequest.of(options), Provenance.of(options))
    return Outcome(found.answer(), found.step())


def find_map(request: MotorRequest, origin: Provenance) -> MotorResult:
    """Map muscles, write the files and print what was found.

    Raises:
        ValueError: An input is malformed, does not fit the others, or makes no map.
        FileNotFoundError: There is no such file.
    """
    progress = Progress()
    with output_folder(request.out) as folder:
        session = prepare(request, origin, progress)
        progress.stage("regression", "curves at all places")
        muscles, maps = [], []
        for number, name in enumerate(session.responses.names):
            muscle, found = _muscle(request, session, number)
            muscles.append(muscle)
            maps.append(found)
            progress((number + 1) / len(session.responses.names), name)
        proposed = propose(request, session, maps) if request.proposed else None
        view = None
        if any(each.placed is not None for each in muscles):
            view = try_view(
                request.report, progress, lambda: _view(request, session, muscles)
            )
        progress.stage("output", "files and picture")
        result = MotorResult.of(
            *(session.matched.words, muscles, maps, session.patch),
            *(request.criterion, request.component, CURVES[request.curve].name),
            *(proposed, session.basis.accuracy, request.head, request.coil),
            *(origin, tuple(heard()), progress.to_json()),
        )
        _write(folder, request, session, result, maps)
        progress.close()
        write_json(folder / "summary.json", result.to_json())
        if view is not None:
            with dispensable("report.html"):
                report_motor(folder, result, view)
    result.describe(request.out)
    return result


def _muscle(
    request: MotorRequest, session: Session, number: int
) -> tuple[MuscleResult, ResponseMap]:
    """Map one muscle, and find the pose that stimulates it best."""
    values = session.responses.values[:, number]
    there = np.isfinite(values)
    patch = session.patch
    fields = getattr(session.fields, request.component)[:, there]
    found = mapping.respond(
        *(CURVES[request.curve], fields, values[there], patch.positions, patch.areas),
        response=request.criterion,
        resolution=patch.resolution,
        draws=request.draws,
        tail=request.tail,
    )
    name = session.responses.names[number]
    others = alternatives(
        session.fields, CURVES, values, request.criterion, patch.positions
    )
    muscle = MuscleResult.of(name, found, patch, fields, values[there], others)
    if muscle.found:
        placed = _best_pose(request, session, found)
        muscle = muscle.stimulated(placed, session.maximum)
    return muscle, found


def _best_pose(request: MotorRequest, session: Session, found: ResponseMap) -> Placed:
    """Find the pose that gives the optimum the strongest field."""
    frame, at = session.frame, session.patch.points[found.optimum]
    region = meshing.ball(frame.head, at, _radius(frame.head, at), "gm")
    site = SiteRequest(tuple(at.tolist()), None, request.coil, session.maximum)
    pose = pose_of(site, request.head, frame.coil, frame.scalp, frame.conductor, region)
    solved = efield.solve(frame.conductor, frame.coil, pose, 1e6)
    sampler = efield.sampler(frame.head, at[None], "gray matter")
    field = PulseFields(
        np.asarray(sampler(solved))[None], session.patch.normals[found.optimum][None]
    )
    strength = float(getattr(field, request.component)[0, 0])
    return Placed(pose.to_matsimnibs(), strength)


def _radius(head: HeadMesh, at: Float[ndarray, "3"]) -> float:
    """So large that an element of gray matter lies within, however coarse the mesh. [m]"""
    gray = head.centroids[head.of("gray matter")]
    nearest = float(np.linalg.norm(gray - at, axis=1).min())
    return max(_SPOT, 1.1 * nearest)


def _view(request: MotorRequest, session: Session, muscles: list[MuscleResult]) -> dict:
    """Look at the field of the first muscle's best pose, at its threshold."""
    frame = session.frame
    shown = next(each for each in muscles if each.placed is not None)
    assert shown.placed is not None
    pose = Pose.from_matsimnibs(shown.placed.matrix)
    rate = shown.motor_threshold or request.rate or float(session.rates.mean())
    solved = efield.solve(frame.conductor, frame.coil, pose, rate)
    aim = (np.asarray(shown.optimum) * 1e-3, _SPOT)
    return look_at(frame.head, solved.magnitude, pose, frame.coil, aim)


def _write(
    folder: Path,
    request: MotorRequest,
    session: Session,
    result: MotorResult,
    maps: list[ResponseMap],
) -> None:
    patch = session.patch
    meshing.write_surface(folder / "map.surf.gii", patch.surface)
    meshing.write_surface_values(
        folder / "map.func.gii",
        result.columns(maps),
        {"Software": "tmsgrad", "Component": request.component},
    )
    meshing.write_msh_surface(folder / "map.msh", patch.surface, result.columns(maps))
    fields = getattr(session.fields, request.component)
    rows = result.rows(session.poses, session.rates, session.responses, fields, maps)
    write_table(folder / "pulses.csv", result.pulse_columns, rows)
    if result.poses:
        navigation.write_matsimnibs(folder / "pose.txt", result.pose_list())
    if result.proposed is not None:
        result.proposed.write(folder)
    for muscle, found in zip(result.muscles, maps, strict=True):
        with dispensable("a picture"):
            write_response_map(
                folder / f"{muscle.file_name}.png",
                patch,
                found.fit.explained,
                found.region,
                muscle.scatter,
                title=muscle.title,
                subtitle="tmsgrad · for research use only",
            )
