"""Values in a target for many recorded pulses, by reciprocity, a row for each."""

import argparse
import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy import ndarray

from ... import efield, meshing, optimize
from ...coils import Coil, PoseList, navigation
from ...efield import ElectricField
from ...meshing import HeadMesh, Region, Scalp
from ..inputs.coils import read_driven_coil, stimulator_rates
from ..inputs.files import conductivity_of, read_target
from ..inputs.heads import read_head
from ..inputs.poses import current_rates, pose_source, read_pose_list
from ..inputs.uncertainties import Uncertainties
from ..pictures.overview import write_overview
from ..report.reporting import look_at, report_session, shown_pose
from ..results.fields import check_field, in_metres
from ..results.placing import (
    PULSE_COLUMNS,
    Outline,
    Placer,
    Placing,
    describe_pulse,
    place_all,
)
from ..results.uncertainty import Placed, UncertaintyResult, find_uncertainty
from ..runtime.notices import dispensable, heard
from ..runtime.outputs import write_json
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.rows import (
    ROWS,
    fingerprint,
    open_rows,
    read_rows,
)
from ..runtime.versions import versions


_PULSES_AT_ONCE = 16
_SOURCES = 3200  # Of the fast evaluation: its error is a few 1e-4.
_COLUMNS = [
    *PULSE_COLUMNS,
    *("target_E_x", "target_E_y", "target_E_z", "target_E_norm", "target_E_component"),
]


@dataclass(frozen=True, eq=False)
class _Session:
    """What was stimulated, and where the field is wanted."""

    coil: Coil
    poses: PoseList
    rates: Float[ndarray, "pose"]
    places: list[Placing]
    head: HeadMesh
    scalp: Scalp
    target: Region
    direction: Float[ndarray, "3"] | None
    conductivity: Float[Array, "..."]
    tensors: str | None


def simulate_target(options: argparse.Namespace, origin: Provenance) -> dict:
    """Compute the mean field in a target for each pulse."""
    begin = time.perf_counter()
    progress = Progress()
    with output_folder(options.out) as folder:
        session = _read(options, progress)
        progress.stage("assembly", "finite elements")
        conductor = efield.assemble(
            session.head, session.conductivity, order=options.order
        )
        progress.stage("adjoint", "adjoint solves")
        reciprocal, error = efield.reciprocal(conductor, session.target), None
        if options.fast:
            reciprocal, error = efield.equivalent(reciprocal, session.scalp, _SOURCES)
        progress.stage("pulses", "pulses")
        out, count = Path(options.out), len(session.poses)
        with open_rows(out, _COLUMNS, _key(options, session), count) as rows:
            left, resumed = rows.missing(), len(rows.done)
            for start in range(0, len(left), _PULSES_AT_ONCE):
                part = left[start : start + _PULSES_AT_ONCE]
                rows.write(_pulses(session, reciprocal, part))
                progress(len(rows.done) / count, f"{len(rows.done)} pulses")
        progress.stage("output", "verification and picture")
        norms = np.array([float(row["target_E_norm"]) for row in read_rows(out)])
        check_field(norms, "the target", session.rates)
        best = int(np.argmax(norms))
        pose = jax.tree.map(lambda x: x[best], session.poses.poses)
        field = efield.solve(conductor, session.coil, pose, session.rates[best])
        navigation.write_matsimnibs(folder / "pose.txt", session.poses)
        with dispensable("overview.png"):
            _draw(folder, options, session, field, best)
        uncertain = None
        if (asked := Uncertainties.of(options)) is not None:
            rate = float(session.rates[best])
            placed = Placed(
                *(session.head, session.scalp, conductor, session.coil, pose, rate),
                *(session.target, _value(session)),
            )
            uncertain = find_uncertainty(placed, reciprocal, asked, progress)
        view = None
        if options.report:
            progress.stage("report", "report")
            aim = (np.asarray(options.target) * 1e-3, options.radius * 1e-3)
            with dispensable("report.html"):
                view = look_at(session.head, field.magnitude, pose, session.coil, aim)
        progress.close()
        direct = float(np.linalg.norm(field.mean(session.target)))
        report = _report(options, session, norms, best, direct) | {
            "resumed_at": resumed,
            "fast_error": error,
            "uncertainty": None if uncertain is None else uncertain.to_json(),
            "shown": shown_pose(session.poses.names[best], pose, session.rates[best]),
            "provenance": origin.as_json(),
            "warnings": heard(),
            "seconds": {
                **{name: round(s, 3) for name, s in progress.seconds.items()},
                "total": round(time.perf_counter() - begin, 3),
            },
        }
        write_json(folder / "summary.json", report)
        if view is not None:
            with dispensable("report.html"):
                report_session(folder, report, view, uncertain)
    rows.finish()
    _tell(report, session, options.out, uncertain)
    return report


def _read(options: argparse.Namespace, progress: Progress) -> _Session:
    coil = read_driven_coil(options)
    poses = read_pose_list(options.pose, options)
    rates = current_rates(options, poses)
    progress.stage("head", f"head {options.head}")
    head = read_head(options.head, progress, forced=options.force)
    target = read_target(head, options)
    progress.stage("scalp", "scalp")
    scalp = meshing.scalp(head)
    progress.stage("poses", "poses on the scalp")
    placer = Placer(scalp, Outline.of(coil), options.repair, pose_source(options))
    poses, places = place_all(placer, poses, progress)
    conductivity, tensors = conductivity_of(head, options)
    direction = None
    if options.direction is not None:
        direction = np.asarray(options.direction)
        if not direction.any():
            raise ValueError("--direction: (0, 0, 0) is none.")
        direction = direction / np.linalg.norm(direction)
    return _Session(
        coil,
        poses,
        rates,
        places,
        head,
        scalp,
        target,
        direction,
        conductivity,
        tensors,
    )


def _pulses(
    session: _Session, reciprocal: efield.Reciprocal, part: ndarray
) -> list[dict]:
    chosen = jax.tree.map(lambda x: x[part], session.poses.poses)
    means = efield.mean_fields(
        reciprocal, session.coil, chosen, session.rates[part], _PULSES_AT_ONCE
    )
    if not np.isfinite(means).all():
        check_field(means, f"the target, in pulses from {part[0]} on")
    return [
        describe_pulse(index, session.poses, session.rates, session.places[index])
        | {
            "target_E_x": mean[0],
            "target_E_y": mean[1],
            "target_E_z": mean[2],
            "target_E_norm": np.linalg.norm(mean),
            "target_E_component": np.nan
            if session.direction is None
            else mean @ session.direction,
        }
        for index, mean in zip(part.tolist(), means, strict=True)
    ]


def _value(session: _Session) -> Callable:
    if session.direction is None:
        return jnp.linalg.norm
    return functools.partial(jnp.dot, jnp.asarray(session.direction))


def _key(options: argparse.Namespace, session: _Session) -> str:
    """Digest all that the rows depend on."""
    head, sources = session.head, jax.tree.leaves(session.coil)
    return fingerprint(
        *(head.nodes, head.tetrahedra, head.tags),
        *(np.asarray(x) for x in sources if isinstance(x, jax.Array | ndarray)),
        *(np.asarray(session.conductivity), session.poses.matrices(), session.rates),
        *(session.target.tetrahedra, session.target.weights),
        *(session.direction, session.poses.names),
        *(options.fast, options.order, versions()),
    )


def _report(
    options: argparse.Namespace,
    session: _Session,
    norms: Float[ndarray, "pose"],
    best: int,
    direct: float,
) -> dict:
    shares = (0, 5, 50, 95, 100)
    rates = session.rates
    return {
        "poses": len(norms),
        "table": ROWS,
        "didt": float(rates[0]) if (rates == rates[0]).all() else None,
        "didt_unit": "A/s",
        "target": {
            "centre_mm": list(options.target),
            "mni": options.mni,
            "radius_mm": options.radius,
            "map": options.map,
            "tissue": meshing.TISSUE_NAMES[meshing.tissue_tag(options.tissue)],
            "tetrahedra": len(session.target.tetrahedra),
        },
        "target_E_norm_percentiles": {
            str(share): float(np.percentile(norms, share)) for share in shares
        },
        "unit": "V/m, norm of the mean vector",
        "strongest": {
            "pose": best,
            "name": session.poses.names[best],
            "value": float(norms[best]),
            "direct_solve": direct,
        },
        "lifted_poses": sum(place.lifted > 0 for place in session.places),
        "order": options.order,
        "anisotropy": options.anisotropy,
        "tensors": session.tensors,
        "head": {
            "source": options.head,
            "nodes": len(session.head.nodes),
            "tetrahedra": len(session.head.tags),
        },
        "coil": {
            "source": options.coil,
            "name": session.coil.name,
            "stimulators": stimulator_rates(session.coil, float(rates[0])),
        },
        "versions": versions(),
    }


def _draw(
    folder: Path,
    options: argparse.Namespace,
    session: _Session,
    field: ElectricField,
    best: int,
) -> None:
    coil, name = session.coil, session.poses.names[best]
    write_overview(
        folder / "overview.png",
        session.head,
        np.asarray(field.magnitude),
        in_metres(jax.tree.map(lambda x: x[best], session.poses.poses)),
        optimize.casing_samples(coil),
        target_centre=session.target.centre,
        target_radius=options.radius * 1e-3,
        title=f"{coil.name} on {Path(options.head).name}: the strongest of "
        f"{len(session.poses)} pulses",
        subtitle=f"{name} · tmsgrad · for research use only",
        facts=[
            ("dI/dt", f"{session.rates[best] / 1e6:g} A/µs"),
            ("coil", coil.name),
        ],
    )


def _tell(
    report: dict, session: _Session, out: str, uncertain: UncertaintyResult | None
) -> None:
    found = report["target_E_norm_percentiles"]
    if report["resumed_at"]:
        print(f"went on at pulse {report['resumed_at']}")
    print(f"pulses           {report['poses']}")
    print(
        f"field in target  median {found['50']:.4g} V/m, 5 to 95 % of pulses "
        f"{found['5']:.4g} to {found['95']:.4g} V/m (norm of the mean vector)"
    )
    best = report["strongest"]
    print(
        f"strongest        {best['name']}: {best['value']:.4g} V/m "
        f"({best['direct_solve']:.4g} V/m by a direct solve)"
    )
    if report["lifted_poses"]:
        print(f"lifted           {report['lifted_poses']} coils off the scalp")
    if session.tensors is not None:
        print(session.tensors)
    if uncertain is not None:
        print(f"pose {best['pose']} ({best['name']}):")
        uncertain.tell()
    print(f"files            {Path(out)}{os.sep}")
    print(f"time             {report['seconds']['total']:.1f} s")
