"""`tmsgrad optimize` and `tmsgrad demo`: read, call, print, write."""

import argparse
import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from .. import efield, meshing, optimize
from ..coils import Coil, Pose, PoseList, navigation
from ..efield import ElectricField
from ..meshing import HeadMesh, Region, Scalp
from .doses import (
    choose_dose,
    compare_rules,
    dose_report,
    sensitivity_report,
    tell_dose,
)
from .exports import export_fields, read_exports, write_coil_geo
from .fields import error_figures, field_figures, in_metres, write_field_msh
from .goals import Wishes, make_goal, named_positions, search_place
from .inputs import read_coil, read_conductivity, read_head, resolve_target
from .notices import listening, warn
from .outputs import FieldFile, output_folder, versions, write_json
from .picture import write_overview
from .progress import Progress
from .provenance import Provenance
from .regions import RegionTable
from .reporting import look_at, report_plan
from .setup import set_up
from .uncertain import Placed, best_pose_shift, tell_uncertainty, uncertainty_table


@dataclass(frozen=True)
class _Plan:
    """What `optimize` is asked for. Lengths in m."""

    head: str
    coil: str
    target: tuple[float, float, float]
    radius: float
    tissue: str
    wishes: Wishes
    efield: float | None
    distance: float
    search_radius: float
    tilt: float = 0.0  # [rad]
    anisotropy: str = "scalar"
    order: int = 1
    tensor: str | None = None
    tensor_coverage: float = 0.5
    mni: dict | None = None
    uncertainty: str | None = None
    draws: int = 1024
    placement_sd: tuple[float, ...] = (2.0, 1.0, 3.0, 3.0)
    nifti: str | None = None
    vtu: bool = False
    gifti: tuple[str, ...] = ()
    resample: tuple[tuple[str, str], ...] = ()
    thresholds: tuple[float, ...] = ()
    clearance: float = 0.0
    around: tuple[float, float, float] | str | None = None
    electrodes: str | None = None
    forbidden: tuple[tuple[tuple[float, float, float], float], ...] = ()
    obstacles: tuple[tuple[tuple[float, float, float], float], ...] = ()
    rules: bool = False
    report: bool = False

    @property
    def domain(self) -> dict:
        """Where the coil may be."""
        return {
            "distance": self.distance,
            "radius": self.search_radius,
            "clearance": self.clearance,
            "tilt": self.tilt,
            "forbidden": [(np.asarray(c), radius) for c, radius in self.forbidden],
            "obstacles": [(np.asarray(c), radius) for c, radius in self.obstacles],
        }


# Left dorsolateral prefrontal cortex: the site of Fox et al. 2012 (doi:10.1016/j.biopsych.
# 2012.04.028) with the best clinical response, MNI.
_DEEPEST = 0.03  # That targets usually lie below the scalp. [m]
_DEMO = _Plan(
    head="template",
    coil="magstim-70mm-double",
    target=(-0.044, 0.040, 0.029),
    radius=5e-3,
    tissue="gm",
    wishes=Wishes(),
    efield=60.0,
    distance=4e-3,
    search_radius=30e-3,
)


def demo(options: argparse.Namespace) -> dict:
    """Run the main job on the template head."""
    set_up()
    plan = dataclasses.replace(_DEMO, report=options.report)
    with listening():
        return _optimize(plan, options.out, Provenance.of(options))


def optimize_pose(options: argparse.Namespace) -> dict:
    """Find the best pose for a target."""
    set_up()
    resolve_target(options)
    wishes = Wishes.of(options)
    if options.uncertainty is not None and not (
        wishes.simple and options.around != "upper-head"
    ):
        raise ValueError(
            "--uncertainty is of the target's mean vector or its --direction, around one "
            "place: leave out --objective, --avoid and --around upper-head."
        )
    with listening():
        return _optimize(_plan(options, wishes), options.out, Provenance.of(options))


def _plan(options: argparse.Namespace, wishes: Wishes) -> _Plan:
    x, y, z = (value * 1e-3 for value in options.target)
    return _Plan(
        head=options.head,
        coil=options.coil,
        target=(x, y, z),
        radius=options.radius * 1e-3,
        tissue=options.tissue,
        wishes=wishes,
        efield=options.efield,
        distance=options.distance * 1e-3,
        search_radius=options.search_radius * 1e-3,
        tilt=np.radians(options.tilt).item(),
        anisotropy=options.anisotropy,
        order=options.order,
        tensor=options.tensor,
        tensor_coverage=options.tensor_coverage,
        mni=options.mni,
        uncertainty=options.uncertainty,
        draws=options.draws,
        placement_sd=options.placement_sd,
        nifti=options.nifti,
        vtu=options.vtu,
        gifti=tuple(options.gifti),
        resample=tuple(options.resample),
        thresholds=options.thresholds,
        clearance=options.hair * 1e-3,
        around=options.around,
        electrodes=options.electrodes,
        forbidden=tuple(options.forbid),
        obstacles=tuple(options.obstacle),
        rules=options.rules,
        report=options.report,
    )


def _optimize(plan: _Plan, out: str, origin: Provenance) -> dict:
    begin = time.perf_counter()
    progress = Progress()
    with output_folder(out) as folder:
        coil = read_coil(plan.coil)
        wanted = read_exports(plan.nifti, plan.vtu, plan.gifti, plan.resample)
        progress.stage("head", f"head {plan.head}")
        around = _DEEPEST + plan.search_radius
        head = read_head(plan.head, progress, (np.asarray(plan.target), around))
        target = meshing.ball(head, np.asarray(plan.target), plan.radius, plan.tissue)
        progress.stage("scalp", "scalp")
        scalp = meshing.scalp(head)
        _check_target(scalp, plan)
        around = search_place(plan.around, plan.head, plan.electrodes, scalp)
        search_for = _search(plan, coil, scalp, target, around, len(head.nodes))
        progress.stage("assembly", "finite elements")
        conductivity, tensors = read_conductivity(
            head, plan.head, plan.anisotropy, plan.tensor, plan.tensor_coverage
        )
        conductor = efield.assemble(head, conductivity, order=plan.order)
        progress.stage("adjoint", "adjoint solves")
        goal = make_goal(
            plan.wishes,
            head,
            scalp,
            coil,
            conductor,
            target,
            plan.tissue,
            plan.search_radius,
        )
        progress.stage("search", "search")
        search = search_for.run(goal.objective, progress)
        progress.stage("verification", "verification by a direct solve")
        rates = efield.rates(conductor, coil, search.pose)
        solved = efield.solve_rate(conductor, rates[None])
        field = jax.block_until_ready(jax.tree.map(lambda x: x[0], solved))
        progress.stage("error", "error estimate")
        estimate = efield.estimate_error(conductor, head, field, rates)
        errors = error_figures(estimate, head, target)[0]
        value = goal.value(field)
        dose = choose_dose(plan.wishes, plan.efield, goal, field, value)
        didt = 1e6 if dose is None else dose.current_rate
        progress.stage("output", "files and picture")
        scaled = field.scaled(didt / 1e6)
        report = _report(plan, head, target, coil, search, field, scaled, value, didt)
        _write_fields(folder, head, scaled, search.pose, didt)
        export_fields(folder, head, scaled, wanted)
        write_coil_geo(folder / "coil.geo", coil, search.pose)
        table = RegionTable(head, scalp, target, plan.thresholds)
        table.add(0, "best", scaled, search.pose)
        table.write(folder)
        best = PoseList.of_matrices(search.pose.to_matsimnibs(), ["best"])
        navigation.write_matsimnibs(folder / "pose.txt", best)
        _draw(folder, plan, head, coil, search.pose, scaled, report)
        if plan.uncertainty is not None and search_for.prepared is not None:
            options = argparse.Namespace(**vars(plan))
            placed = Placed(
                *(head, scalp, conductor, coil, search.pose, didt, target),
                goal.objective.value,
            )
            uncertain = uncertainty_table(
                placed, goal.objective.reciprocal, options, progress
            )
            uncertain["best_pose"] = best_pose_shift(
                *(placed, search_for.prepared, _simple_objective(plan.wishes)),
                *(options, progress),
            )
            report["uncertainty"] = uncertain
        view = None
        if plan.report:
            progress.stage("report", "report")
            aim = (np.asarray(plan.target), plan.radius)
            view = look_at(head, scaled.magnitude, search.pose, coil, aim)
        progress.close()
        report["provenance"] = origin.as_json()
        report["field"]["estimated_error"] = errors
        report["dose"] = dose_report(dose, goal, scaled)
        if plan.rules:
            report["rules"] = compare_rules(
                goal.objective,
                coil,
                scalp,
                target,
                search,
                named_positions(plan.head, plan.electrodes, scalp),
                plan.distance,
                plan.clearance,
            )
        report |= {
            "order": plan.order,
            "anisotropy": plan.anisotropy,
            "tensors": tensors,
        }
        report["seconds"] = {
            **{name: round(s, 3) for name, s in progress.seconds.items()},
            "total": round(time.perf_counter() - begin, 3),
        }
        report["search"]["seconds"] = {
            k: round(s, 3) for k, s in search.seconds.items()
        }
        write_json(folder / "summary.json", report)
        if view is not None:
            report_plan(folder, report, view)
    if tensors is not None:
        print(tensors)
    _tell_plan(report, coil, out)
    tell_dose(report, dose)
    keys = (
        "matsimnibs",
        "value",
        "reciprocal_value",
        "didt",
        "scalp_clearance_mm",
        "seconds",
    )
    return {key: report[key] for key in keys}


@dataclass(frozen=True, eq=False)
class _Search:
    """How to search, once there is an objective.

    Attributes:
        run: Search with an objective.
        prepared: Made already, or None for the whole upper head.
    """

    run: Callable[[optimize.AbstractObjective, Progress], optimize.Search]
    prepared: optimize.PreparedSearch | None


def _search(
    plan: _Plan,
    coil: Coil,
    scalp: Scalp,
    target: Region,
    around: Float[ndarray, "3"] | optimize.UpperHead | None,
    nodes: int,
) -> _Search:
    """Prepare the search, and compile it while the solver leaves Python idle."""
    errors = plan.wishes.uncertainty
    if isinstance(around, optimize.UpperHead):

        def everywhere(
            objective: optimize.AbstractObjective, progress: Progress
        ) -> optimize.Search:
            return optimize.find_pose(
                objective,
                coil,
                scalp,
                around=around,
                uncertainty=errors,
                progress=progress,
                **plan.domain,
            )

        return _Search(everywhere, None)
    centre = target.centre if around is None else around
    prepared = optimize.prepare_search(coil, scalp, centre, **plan.domain)
    compiling = None
    if plan.wishes.simple:
        arguments = (prepared.compile, _simple_objective(plan.wishes), 3, nodes)
        compiling = Thread(target=_quietly, args=arguments, daemon=True)
        compiling.start()

    def search(
        objective: optimize.AbstractObjective, progress: Progress
    ) -> optimize.Search:
        if compiling is not None:
            compiling.join()
        return prepared.run(objective, uncertainty=errors, progress=progress)

    return _Search(search, prepared)


def _simple_objective(
    wishes: Wishes,
) -> Callable[[efield.Reciprocal], optimize.AbstractObjective]:
    if wishes.direction is None:
        return optimize.MeanMagnitude
    return functools.partial(
        optimize.MeanComponent, direction=np.asarray(wishes.direction)
    )


def _quietly(function: Callable[..., None], *arguments: object) -> None:
    """Call what only saves time: what is wrong will show again, where it matters."""
    with contextlib.suppress(Exception):
        function(*arguments)


def _check_target(scalp: Scalp, plan: _Plan) -> None:
    depth = -scalp.surface.signed_distance(np.asarray([plan.target]))[0]
    if depth < 0:
        at = ", ".join(f"{x * 1e3:g}" for x in plan.target)
        raise ValueError(
            f"--target: ({at}) mm lies {-depth * 1e3:.1f} mm outside the head. Coordinates "
            "are the head file's mm; MNI coordinates go to --target-mni."
        )


def _write_fields(
    folder: Path, head: HeadMesh, field: ElectricField, pose: Pose, didt: float
) -> None:
    every = jax.tree.map(lambda x: x[None], (field, pose))
    with FieldFile(
        folder / "field.h5", 1, len(head.tags), len(head.nodes), np.array([didt])
    ) as file:
        file.write(0, *every)
    write_field_msh(folder, head, field)


def _report(
    plan: _Plan,
    head: HeadMesh,
    target: Region,
    coil: Coil,
    search: optimize.Search,
    field: ElectricField,
    scaled: ElectricField,
    value: float,
    didt: float,
) -> dict:
    best = search.best
    return {
        "matsimnibs": best.pose.to_matsimnibs().tolist(),
        "value": value,
        "reciprocal_value": best.value,
        "value_unit": "V/m at dI/dt = 1e6 A/s",
        "didt": didt,
        "didt_unit": "A/s",
        "share_of_max_didt": None
        if coil.max_current_rate is None
        else didt / coil.max_current_rate,
        "wanted_efield": plan.efield,
        "scalp_clearance_mm": best.clearance * 1e3,
        "distance_mm": best.distance * 1e3,
        "distance_convention": "scalp to coil centre along the coil's z axis",
        "objective": plan.wishes.words,
        "target": {
            "centre_mm": [x * 1e3 for x in plan.target],
            "mni": plan.mni,
            "radius_mm": plan.radius * 1e3,
            "tissue": meshing.TISSUE_NAMES[meshing.tissue_tag(plan.tissue)],
            "tetrahedra": len(target.tetrahedra),
            "volume_mm3": float(head.volumes[target.tetrahedra].sum() * 1e9),
        },
        "field": field_figures(head, scaled, target),
        "optima": [
            {
                "matsimnibs": optimum.pose.to_matsimnibs().tolist(),
                "value": optimum.value,
                "scalp_clearance_mm": optimum.clearance * 1e3,
            }
            for optimum in search.optima
        ],
        "search": {
            "starts": search.starts,
            "converged": search.converged,
            "evaluations": search.evaluations,
            "simplification_error": search.simplification_error,
            "tilt_limit_degrees": np.degrees(plan.tilt).item(),
            "at_edge": best.at_edge,
            "stopped": search.stopped,
            "reasons": list(search.reasons),
            "history": search.history.tolist(),
            "value": search.value,
            "robust_value": search.robust_value,
            "sensitivity": sensitivity_report(search.sensitivity),
            "gradient_V_per_m_per_mm": best.gradient[0],
            "gradient_V_per_m_per_degree": best.gradient[1],
        },
        "solver": {"relative_residual": float(np.max(field.report.residual))},
        "head": {
            "source": plan.head,
            "nodes": len(head.nodes),
            "tetrahedra": len(head.tags),
        },
        "coil": {"source": plan.coil, "name": coil.name},
        "versions": versions(),
    }


def _draw(
    folder: Path,
    plan: _Plan,
    head: HeadMesh,
    coil: Coil,
    pose: Pose,
    field: ElectricField,
    report: dict,
) -> None:
    at = ", ".join(f"{x * 1e3:.0f}" for x in plan.target)
    output = report["share_of_max_didt"]
    facts = [
        (
            "target",
            f"({at}) mm, radius {plan.radius * 1e3:g} mm, {report['target']['tissue']}",
        ),
        ("field in target", f"{report['value'] * report['didt'] / 1e6:.1f} V/m"),
        (
            "dI/dt",
            f"{report['didt'] / 1e6:.1f} A/µs"
            + ("" if output is None else f" ({output:.0%} of this coil's maximum)"),
        ),
        ("coil", coil.name),
        ("distance to scalp", f"{report['distance_mm']:.1f} mm along the coil's axis"),
        ("clearance of the casing", f"{report['scalp_clearance_mm']:.1f} mm"),
    ]
    write_overview(
        folder / "overview.png",
        head,
        np.asarray(field.magnitude),
        in_metres(pose),
        optimize.casing_samples(coil),
        target_centre=np.asarray(plan.target),
        target_radius=plan.radius,
        title=f"Best placement of {coil.name} on {Path(plan.head).name}",
        subtitle=f"{report['objective']} in the target · tmsgrad · for research use only",
        facts=facts,
    )


def _tell_plan(report: dict, coil: Coil, out: str) -> None:
    matrix = np.asarray(report["matsimnibs"])
    share = report["share_of_max_didt"]
    print(f"coil centre      {np.round(matrix[:3, 3], 1).tolist()} mm")
    print(f"handle towards   {np.round(-matrix[:3, 1], 3).tolist()}")
    print(
        f"field in target  {report['value']:.4f} V/m at 1e6 A/s ({report['objective']}; "
        "by a direct solve)"
    )
    error = report["field"]["estimated_error"]
    print(
        f"estimated error  {error['relative_l2_target']:.1%} of the field in the target, "
        f"{error['relative_l2_head']:.1%} in the whole head (of the mesh alone)"
    )
    of_maximum = "" if share is None else f", {share:.0%} of the coil's maximum"
    if report["wanted_efield"] is not None:
        print(
            f"drive it with    {report['didt']:.4g} A/s for {report['wanted_efield']:g} V/m"
            f"{of_maximum}"
        )
    if share is not None and share > 1:
        warn(
            f"{report['didt']:.4g} A/s is more than {coil.name} is made "
            f"for ({coil.max_current_rate:.4g} A/s); there the target gets "
            f"{report['value'] * coil.max_current_rate / 1e6:.1f} V/m."
        )
    print(
        f"scalp            {report['distance_mm']:.2f} mm from the coil's centre, "
        f"{report['scalp_clearance_mm']:.2f} mm from its casing"
    )
    if report["search"]["at_edge"]:
        warn(
            "the best pose lies at the border of what was searched; a "
            "better one may lie beyond. Take a larger --search-radius."
        )
    if "uncertainty" in report:
        tell_uncertainty(report["uncertainty"])
    for other in report["optima"][1:3]:
        print(
            f"another optimum  {other['value']:.4f} V/m, centre "
            f"{np.round(np.asarray(other['matsimnibs'])[:3, 3], 1).tolist()} mm, handle "
            f"{np.round(-np.asarray(other['matsimnibs'])[:3, 1], 2).tolist()}"
        )
    print(f"files            {Path(out)}{os.sep}")
    print(f"time             {report['seconds']['total']:.1f} s")
