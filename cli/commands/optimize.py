"""`tmsgrad optimize` and `tmsgrad demo`: read, call, print, write."""

import argparse
import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import jax
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ... import efield, meshing, optimize
from ...coils import (
    Coil,
    Pose,
    PoseList,
    navigation,
)
from ...efield import ElectricField
from ...meshing import HeadMesh, Region, Scalp
from ..inputs.coils import read_coil
from ..inputs.files import read_conductivity, resolve_target, way_to_mni
from ..inputs.goals import (
    Wishes,
    make_goal,
    named_positions,
    position_named,
    search_place,
)
from ..inputs.heads import read_head
from ..inputs.maps import describe, extent, surface_frame, tell_map
from ..inputs.poses import one_pose
from ..report.reporting import look_at, report_plan
from ..results.best_placement import (
    Plan,
    draw_plan,
    plan_summary,
    tell_plan,
    warn_of_plan,
)
from ..results.doses import (
    choose_dose,
    compare_rules,
    dose_report,
    forward_rules,
    projected_rule,
    tell_dose,
    warn_of_dose,
)
from ..results.exports import export_fields, read_exports, write_coil_geo
from ..results.fields import check_field, error_figures, write_field_msh
from ..results.regions import RegionTable
from ..results.shaping import best_shape, check_shape, tell_shape
from ..results.uncertainty import Placed, best_pose_shift, uncertainty_table
from ..runtime.notices import dispensable, heard, listening, warn
from ..runtime.outputs import FieldFile, write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up


_DEEPEST = 0.03  # That targets usually lie below the scalp. [m]
_DEMO = Plan(
    head="template",
    coil="magstim-70mm-double",
    # Left dorsolateral prefrontal cortex: the site of Fox et al. 2012 (doi:10.1016/
    # j.biopsych.2012.04.028) with the best clinical response, MNI.
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
    if options.shape and (options.uncertainty or options.robust or options.rules):
        raise ValueError(
            "--shape is of one pose: leave out --uncertainty, --robust and --rules."
        )
    for name in ("motor", "motor_pose"):
        if getattr(options, name) is not None and not options.rules:
            name = name.replace("_", "-")
            raise ValueError(f"--{name} is for --rules, which are not asked for.")
    if options.uncertainty is not None and not (
        wishes.simple and options.around != "upper-head"
    ):
        raise ValueError(
            "--uncertainty is of the target's mean vector or its --direction, around one "
            "place: leave out --objective, --avoid and --around upper-head."
        )
    with listening():
        return _optimize(_plan(options, wishes), options.out, Provenance.of(options))


def _plan(options: argparse.Namespace, wishes: Wishes) -> Plan:
    x, y, z = (value * 1e-3 for value in options.target)
    return Plan(
        head=options.head,
        force=options.force,
        coil=options.coil,
        target=(x, y, z),
        radius=0.0 if options.radius is None else options.radius * 1e-3,
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
        surface_frame=surface_frame(options),
        thresholds=options.thresholds,
        clearance=options.hair * 1e-3,
        around=options.around,
        electrodes=options.electrodes,
        forbidden=tuple(options.forbid),
        obstacles=tuple(options.obstacle),
        rules=options.rules,
        shape=options.shape,
        motor=options.motor,
        motor_pose=options.motor_pose,
        report=options.report,
        target_map=options.target_choice,
    )


def _optimize(plan: Plan, out: str, origin: Provenance) -> dict:
    begin = time.perf_counter()
    progress = Progress()
    with output_folder(out) as folder:
        coil = read_coil(plan.coil)
        if plan.shape:
            check_shape(coil, plan.coil)
        wanted = read_exports(plan.nifti, plan.vtu, plan.gifti, plan.resample)
        progress.stage("head", f"head {plan.head}")
        head, target, plan, mapped = _aimed(plan, progress)
        wanted = wanted.placed(head, plan.surface_frame)
        progress.stage("scalp", "scalp")
        scalp = meshing.scalp(head)
        _check_target(scalp, plan)
        around = search_place(plan.around, plan.head, plan.electrodes, scalp)
        hotspot = _hotspot(plan, scalp)
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
        search, shape = search_for.run(goal.objective, progress), None
        if plan.shape:
            progress.stage("shape", "shape of the coil")
            coil, search, shape = best_shape(
                goal.objective, coil, scalp, search, plan.clearance
            )
        progress.stage("verification", "verification by a direct solve")
        rates = efield.rates(conductor, coil, search.pose)
        solved = efield.solve_rate(conductor, rates[None])
        field = jax.block_until_ready(jax.tree.map(lambda x: x[0], solved))
        progress.stage("error", "error estimate")
        estimate = efield.estimate_error(conductor, head, field, rates)
        errors = error_figures(estimate, head, target)[0]
        check_field(field.magnitude, "the head")
        check_field(field.mean_magnitude(target), "the target")
        value = goal.value(field)
        dose = choose_dose(plan.wishes, plan.efield, goal, field, value)
        didt = 1e6 if dose is None else dose.current_rate
        progress.stage("output", "files and picture")
        scaled = field.scaled(didt / 1e6)
        report = plan_summary(
            plan, head, target, coil, search, field, scaled, value, didt
        )
        _write_fields(folder, head, scaled, search.pose, didt, origin)
        export_fields(folder, head, scaled, wanted)
        write_coil_geo(folder / "coil.geo", coil, search.pose)
        table = RegionTable(head, scalp, target, plan.thresholds, way_to_mni(plan.head))
        table.add(0, "best", scaled, search.pose)
        table.write(folder)
        best = PoseList.of_matrices(search.pose.to_matsimnibs(), ["best"])
        navigation.write_matsimnibs(folder / "pose.txt", best)
        with dispensable("overview.png"):
            draw_plan(folder, plan, head, coil, search.pose, scaled, report)
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
            with dispensable("report.html"):
                view = look_at(head, scaled.magnitude, search.pose, coil, aim)
        progress.close()
        report["provenance"] = origin.as_json()
        report["field"]["estimated_error"] = errors
        report["target"]["map"] = mapped
        report["shape"] = shape
        report["dose"] = dose_report(dose, goal, scaled)
        if plan.rules:
            report["rules"] = compare_rules(
                goal.objective,
                coil,
                scalp,
                target,
                search,
                named_positions(plan.head, plan.electrodes, scalp),
                plan.domain,
                forward_rules(scalp, hotspot)
                | projected_rule(plan.head, scalp, target.centre),
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
        # Before the page is written, which tells them too.
        warn_of_plan(report, coil)
        warn_of_dose(dose)
        report["warnings"] = heard()
        write_json(folder / "summary.json", report)
        if view is not None:
            with dispensable("report.html"):
                report_plan(folder, report, view)
    if tensors is not None:
        print(tensors)
    tell_plan(report, out)
    if report["shape"] is not None:
        tell_shape(report)
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


def _hotspot(plan: Plan, scalp: Scalp) -> Float[ndarray, "3"] | None:
    if plan.motor_pose is not None:
        pose = one_pose(plan.motor_pose, plan.head)
        centre, axis = np.asarray(pose.translation), np.asarray(pose.rotation)[:, 2]
        distance = scalp.distance_along(centre, axis)
        if not np.isfinite(distance):
            raise ValueError(
                f"--motor-pose {plan.motor_pose}: the coil's axis misses the scalp."
            )
        return centre + distance * axis
    if plan.motor is None:
        return None
    if isinstance(plan.motor, str):
        return position_named(plan.motor, "motor", plan.head, plan.electrodes, scalp)
    return np.asarray(plan.motor)


def _aimed(
    plan: Plan, progress: Progress
) -> tuple[HeadMesh, Region, Plan, dict | None]:
    """Read the head and find the target, which for a map is known only then."""
    if plan.target_map is None:
        place = np.asarray(plan.target)
        head = read_head(
            plan.head, progress, (place, _DEEPEST + plan.search_radius), plan.force
        )
        return head, meshing.ball(head, place, plan.radius, plan.tissue), plan, None
    head = read_head(plan.head, progress, forced=plan.force)
    choice = plan.target_map
    found = choice.region(head, plan.tissue)
    (x, y, z), radius = extent(head, found.region)
    about = describe(head, choice, found)
    tell_map(about, (1e3 * x, 1e3 * y, 1e3 * z), meshing.tissue_tag(plan.tissue))
    aimed = dataclasses.replace(
        plan, target=(float(x), float(y), float(z)), radius=radius
    )
    return head, found.region, aimed, about


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
    plan: Plan,
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
                plan.domain,
                around=around,
                uncertainty=errors,
                progress=progress,
            )

        return _Search(everywhere, None)
    centre = target.centre if around is None else around
    prepared = optimize.prepare_search(coil, scalp, centre, plan.domain)
    compiling = None
    if plan.wishes.simple:
        arguments = (prepared.compile, _simple_objective(plan.wishes), 3, nodes)
        # No daemon: a process that ends amid a compilation is aborted by XLA.
        compiling = Thread(target=_quietly, args=arguments)
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


def _check_target(scalp: Scalp, plan: Plan) -> None:
    depth = -scalp.surface.signed_distance(np.asarray([plan.target]))[0]
    if depth < 0:
        at = ", ".join(f"{x * 1e3:g}" for x in plan.target)
        raise ValueError(
            f"--target: ({at}) mm lies {-depth * 1e3:.1f} mm outside the head. Coordinates "
            "are the head file's mm; MNI coordinates go to --target-mni."
        )
    if plan.target_map is None and depth < plan.radius:
        share = scalp.share_outside(np.asarray(plan.target), plan.radius)
        tissue = meshing.TISSUE_NAMES[meshing.tissue_tag(plan.tissue)]
        warn(
            f"{share:.0%} of the ball of {plan.radius * 1e3:g} mm around the target lies "
            f"outside the head; the target is the {tissue} in the rest of it."
        )


def _write_fields(
    folder: Path,
    head: HeadMesh,
    field: ElectricField,
    pose: Pose,
    didt: float,
    origin: Provenance,
) -> None:
    every = jax.tree.map(lambda x: x[None], (field, pose))
    with FieldFile(
        folder / "field.h5",
        1,
        len(head.tags),
        len(head.nodes),
        np.array([didt]),
        origin.as_json(),
    ) as file:
        file.write(0, *every)
    write_field_msh(folder, head, field)
