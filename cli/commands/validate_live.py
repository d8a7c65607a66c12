"""`tmsgrad validate simnibs --simnibs-python`: the user's own SimNIBS beside us."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ... import meshing
from ...coils import Pose
from ...validation import checks, report, suite
from ...validation.live import Simnibs
from ...validation.live_checks import LiveComparison
from ..inputs.coils import read_coil
from ..inputs.poses import poses_in
from ..inputs.targets import Point
from ..results.checks import ValidationResult
from ..runtime.progress import Progress


T = TypeVar("T")


@dataclass(frozen=True)
class LiveRequest:
    """What a run of the user's own SimNIBS is asked for.

    Attributes:
        python: Its interpreter.
        timeout: For each of its runs. [s]
        head: As the command line names it.
        mesh: The file of the head.
        coil: A coil file.
        poses: A file of poses whose fields are compared, or None.
        target: Whose searches are compared, or None. [m]
        radius: Of it. [m]
        adm: Whether its search by ADM is compared as well.
        folder: Of its files.
        report: Whether a page is wanted there.
        results: A JSON file to write, or None.
    """

    python: str
    timeout: float
    head: str
    mesh: Path
    coil: str
    poses: str | None
    target: Point | None
    radius: float
    adm: bool
    folder: Path
    report: bool
    results: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "LiveRequest":
        """Take it from the options.

        Raises:
            ValueError: They do not fit each other, or head or coil is no file for SimNIBS.
        """
        if options.group != "simnibs":
            raise ValueError(
                f"--simnibs-python is of `tmsgrad validate simnibs`, got `{options.group}`."
            )
        for name in ("head", "coil"):
            if getattr(options, name) is None:
                raise ValueError(f"--simnibs-python needs a --{name}.")
        if options.poses is None and options.target is None:
            raise ValueError("--simnibs-python needs --poses, --target, or both.")
        if not Path(options.coil).is_file():
            raise ValueError(f"--coil {options.coil}: SimNIBS needs a coil file.")
        target = None
        if options.target is not None:
            x, y, z = options.target
            target = (x * 1e-3, y * 1e-3, z * 1e-3)
        return cls(
            *(options.simnibs_python, 60.0 * options.timeout, options.head),
            *(_mesh(options.head), options.coil, options.poses),
            *(target, 1e-3 * options.radius, options.adm),
            folder=Path(options.report or "validation-simnibs"),
            report=options.report is not None,
            results=None if options.results is None else Path(options.results),
        )


def validate_live(request: LiveRequest) -> ValidationResult:
    """Run SimNIBS and tmsgrad on one head, and compare."""
    folder, progress = request.folder, Progress()
    folder.mkdir(parents=True, exist_ok=True)
    simnibs = Simnibs(request.python, request.timeout)
    progress.stage("probe", "SimNIBS")
    version = _failing(lambda: simnibs.probe(folder))
    progress.stage("head", f"head {request.head}")
    compared = _comparison(request, simnibs, progress)
    progress.stage("compare", f"SimNIBS {version} and tmsgrad")
    bench = checks.Workbench()
    outcomes = checks.run(compared.checks(), bench)
    progress.close()
    record = suite.record(outcomes, bench, "live", quick=False)
    result = ValidationResult(record, compared.facts)
    print(f"SimNIBS {version}; its files are in {folder}")
    result.describe()
    if request.results is not None:
        result.write(request.results)
    if request.report:
        print(f"report  {report.write_report(folder, record, bench.pictures)}")
    return result


def _comparison(
    request: LiveRequest, simnibs: Simnibs, progress: Progress
) -> LiveComparison:
    return LiveComparison(
        simnibs=simnibs,
        folder=request.folder,
        mesh=request.mesh,
        head=meshing.read_msh(request.mesh),
        coil_file=Path(request.coil),
        coil=read_coil(request.coil),
        poses=_poses(request),
        target=None if request.target is None else np.asarray(request.target),
        radius=request.radius,
        methods=("direct", "ADM") if request.adm else ("direct",),
        progress=progress,
    )


def _mesh(source: str) -> Path:
    path = Path(source)
    if path.is_dir():
        path = meshing.find_mesh(path)
    if path.suffix != ".msh" or not path.is_file():
        raise ValueError(
            f"--head {source}: SimNIBS needs a .msh file or an m2m_ folder that exists."
        )
    return path


def _poses(request: LiveRequest) -> Pose | None:
    return (
        None if request.poses is None else poses_in(request.poses, request.head).poses
    )


def _failing(run: Callable[[], T]) -> T:
    """A SimNIBS that cannot be run is bad input, not a failure of ours."""
    try:
        return run()
    except RuntimeError as error:
        raise ValueError(f"--simnibs-python: {error}") from None
