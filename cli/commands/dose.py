"""`tmsgrad dose`: the stimulator's output for a target, from a motor threshold."""

import argparse
from pathlib import Path

import numpy as np

from ... import meshing
from ...coils import PoseList, navigation
from ...disk.as_json import write_json
from ...optimize import dosing
from ..results.dose_extras import matched_interval, write_activation
from ..results.dose_result import Activated, DoseResult, TrainResult, draw_dose
from ..results.steps import dose_step
from ..runtime.naming import target_name
from ..runtime.notices import dispensable, listening
from ..runtime.outcome import Outcome
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from .dose_fields import Fields, rules_of
from .dose_prepare import Frame, prepare
from .dose_request import DoseRequest


def dose(options: argparse.Namespace) -> Outcome:
    """Compare rules for the output."""
    set_up()
    with listening():
        request = DoseRequest.of(options)
        motor = [1e3 * x for x in request.motor.centre]
        settled = {"motor": motor, **request.region.settled}
        found = find_dose(request, Provenance.of(options, settled))
    return Outcome(found.answer(), dose_step(found))


def find_dose(request: DoseRequest, origin: Provenance) -> DoseResult:
    """Compare rules for the output, write the files and print the outputs.

    Raises:
        ValueError: An input is malformed, or does not fit the others.
        FileNotFoundError: There is no such file.
    """
    grid = None if request.nifti is None else meshing.read_grid(request.nifti)
    progress = Progress()
    with output_folder(request.out) as folder:
        frame = prepare(request, progress)
        progress.stage("solve", "two fields")
        fields = Fields.of(request, frame)
        outputs = rules_of(request.threshold, frame, fields, request.metric.words)
        interval = None
        if request.uncertainties is not None:
            interval = matched_interval(
                *(frame.head, frame.conductor, frame.sites, request.metric),
                *(outputs[-1], request.uncertainties, progress),
            )
        progress.stage("activation", "activated tissue")
        # As in the field: what the mesh does to both changes their ratio little.
        (motor, target), limit = fields.first, request.activated * fields.first[0]
        matched, region = fields.target.scaled(motor / target), frame.sites[1].region
        active = dosing.activated(frame.head, matched, limit, region, request.tissue)
        write_activation(folder, frame.head, matched, motor, active, grid)
        several = dosing.activated_range(
            frame.head, matched, motor, region, request.tissue
        )
        most = frame.maxima[1]
        result = DoseResult(
            request.threshold,
            request.metric.words,
            *(fields.values, fields.mesh, fields.depths, outputs),
            TrainResult.of(request.trains, outputs),
            interval,
            Activated.of(request.activated, active, several),
            origin,
            None if most is None else outputs[-1].output * most,
            frame.machine.name,
            *(frame.found, frame.pulses, request.other_coil),
        )
        write_json(folder / "dose.json", result.to_json())
        _write_poses(folder, request, frame)
        with dispensable("dose.png"):
            draw_dose(folder, result)
        progress.close()
    result.describe(request.out)
    return result


def _write_poses(folder: Path, request: DoseRequest, frame: Frame) -> None:
    """Write the placements, found or given, for the navigation."""
    names = [f"{target_name(request.head, request.out)} {x}" for x in ("M1", "target")]
    matrices = [site.pose.to_matsimnibs() for site in frame.sites]
    poses = PoseList.of_matrices(np.stack(matrices), names)
    navigation.write_matsimnibs(folder / "pose.txt", poses)
