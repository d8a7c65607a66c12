"""`tmsgrad validate simnibs --simnibs-python`: the user's own SimNIBS beside us."""

import argparse
from pathlib import Path

import numpy as np

from ... import meshing
from ...coils import Pose
from ...validation import checks, report, suite
from ...validation.live import Simnibs
from ...validation.live_checks import LiveComparison
from ..inputs.coils import read_coil
from ..inputs.poses import poses_in
from ..results.checks import print_table, write_results
from ..runtime.progress import Progress


def validate_live(options: argparse.Namespace) -> dict:
    """Run SimNIBS and tmsgrad on one head, and compare."""
    if options.group != "simnibs":
        raise ValueError(
            f"--simnibs-python is of `tmsgrad validate simnibs`, got `{options.group}`."
        )
    for name in ("head", "coil"):
        if getattr(options, name) is None:
            raise ValueError(f"--simnibs-python needs a --{name}.")
    if options.poses is None and options.target is None:
        raise ValueError("--simnibs-python needs --poses, --target, or both.")
    folder = Path(options.report or "validation-simnibs")
    folder.mkdir(parents=True, exist_ok=True)
    mesh, coil_file = _mesh(options.head), Path(options.coil)
    if not coil_file.is_file():
        raise ValueError(f"--coil {coil_file}: SimNIBS needs a coil file.")
    progress = Progress()
    simnibs = Simnibs(options.simnibs_python, 60.0 * options.timeout)
    progress.stage("probe", "SimNIBS")
    version = _failing(lambda: simnibs.probe(folder))
    progress.stage("head", f"head {options.head}")
    compared = LiveComparison(
        simnibs=simnibs,
        folder=folder,
        mesh=mesh,
        head=meshing.read_msh(mesh),
        coil_file=coil_file,
        coil=read_coil(options.coil),
        poses=_poses(options),
        target=None if options.target is None else 1e-3 * np.asarray(options.target),
        radius=1e-3 * options.radius,
        methods=("direct", "ADM") if options.adm else ("direct",),
        progress=progress,
    )
    progress.stage("compare", f"SimNIBS {version} and tmsgrad")
    bench = checks.Workbench()
    outcomes = checks.run(compared.checks(), bench)
    progress.close()
    result = suite.record(outcomes, bench, "live", quick=False)
    result["live"] = compared.facts
    print(f"SimNIBS {version}; its files are in {folder}")
    print_table(result["checks"])
    for line in _facts(compared.facts):
        print(line)
    if options.results is not None:
        write_results(Path(options.results), result)
    if options.report is not None:
        print(f"report  {report.write_report(folder, result, bench.pictures)}")
    return {**result, "failed": not result["all_hold"]}


def _mesh(source: str) -> Path:
    path = Path(source)
    if path.is_dir():
        path = meshing.find_mesh(path)
    if path.suffix != ".msh" or not path.is_file():
        raise ValueError(
            f"--head {source}: SimNIBS needs a .msh file or an m2m_ folder that exists."
        )
    return path


def _poses(options: argparse.Namespace) -> Pose | None:
    if options.poses is None:
        return None
    return poses_in(options.poses, options.head).poses


def _failing(run):
    """A SimNIBS that cannot be run is bad input, not a failure of ours."""
    try:
        return run()
    except RuntimeError as error:
        raise ValueError(f"--simnibs-python: {error}") from None


def _facts(facts: dict) -> list[str]:
    lines = []
    if "fields" in facts:
        both = facts["fields"]
        lines.append(
            f"fields: SimNIBS {both['seconds_simnibs']:.1f} s, tmsgrad "
            f"{both['seconds_tmsgrad']:.1f} s; memory "
            f"{_gigabytes(both['peak_memory_simnibs_bytes'])}, "
            f"{_gigabytes(both['peak_memory_tmsgrad_bytes'])}"
        )
    for method, both in facts.get("searches", {}).items():
        lines.append(
            f"search ({method}): SimNIBS {both['value_simnibs']:.4f} V/m in "
            f"{both['seconds_simnibs']:.1f} s, tmsgrad {both['value_tmsgrad']:.4f} V/m in "
            f"{both['seconds_tmsgrad']:.1f} s; {both['apart_mm']:.1f} mm and "
            f"{both['apart_degrees']:.0f}° apart"
        )
    return lines


def _gigabytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e9:.1f} GB"
