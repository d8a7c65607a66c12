"""`tmsgrad sweep`: the map of a target's field over all positions and angles."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from ... import efield, meshing, optimize
from ...meshing import HeadMesh, Scalp
from ..inputs.coils import read_coil
from ..inputs.files import read_conductivity, read_target, resolve_target
from ..inputs.goals import Wishes, make_goal
from ..inputs.heads import read_head
from ..pictures.target_map import write_map
from ..results.fields import check_field
from ..runtime.notices import dispensable
from ..runtime.outputs import write_json, write_origin
from ..runtime.ownership import output_folder
from ..runtime.progress import Progress
from ..runtime.provenance import Provenance
from ..runtime.setup import set_up
from ..runtime.versions import versions


def sweep(options: argparse.Namespace) -> dict:
    """Map a target's field."""
    set_up()
    begin = time.perf_counter()
    progress = Progress()
    resolve_target(options)
    origin = Provenance.of(options)
    wishes = Wishes.of(options)
    with output_folder(options.out) as folder:
        coil = read_coil(options.coil)
        progress.stage("head", f"head {options.head}")
        head = read_head(options.head, progress, forced=options.force)
        target = read_target(head, options)
        progress.stage("scalp", "scalp")
        scalp = meshing.scalp(head)
        positions = _positions(options, scalp)
        progress.stage("assembly", "finite elements")
        conductivity, _ = read_conductivity(
            head,
            options.head,
            options.anisotropy,
            options.tensor,
            options.tensor_coverage,
        )
        conductor = efield.assemble(head, conductivity, order=options.order)
        progress.stage("adjoint", "adjoint solves")
        radius = (
            30e-3 if options.search_radius is None else options.search_radius * 1e-3
        )
        goal = make_goal(
            wishes, head, scalp, coil, conductor, target, options.tissue, radius
        )
        progress.stage("sweep", f"{len(positions)} positions x {options.angles} angles")
        found = optimize.sweep(
            goal.objective,
            coil,
            scalp,
            positions,
            optimize.Domain(
                distance=options.distance * 1e-3, clearance=options.hair * 1e-3
            ),
            angles=options.angles,
        )
        check_field(found.values, "the target")
        best = found.pose(*found.best)
        mean = goal.objective.reciprocal.mean_field(coil, best)
        value = float(goal.objective.value(mean))
        progress.stage("output", "files and picture")
        write_sweep(folder / "sweep.h5", found, origin.as_json())
        with dispensable("overview.png"):
            _draw(
                folder, head, scalp, found, positions, options, coil.name, wishes.words
            )
        progress.close()
        report = {
            "matsimnibs": best.to_matsimnibs().tolist(),
            "value": value,
            "map_value": float(found.values.max()),
            "value_unit": "V/m at dI/dt = 1e6 A/s",
            "objective": wishes.words,
            "positions": len(positions),
            "angles": options.angles,
            "best": {"position": found.best[0], "angle": found.best[1]},
            "median": float(np.median(found.values)),
            "coil": {"source": options.coil, "name": coil.name},
            "head": {"source": options.head, "tetrahedra": len(head.tags)},
            "versions": versions(),
            "provenance": origin.as_json(),
            "seconds": {
                **{name: round(s, 3) for name, s in progress.seconds.items()},
                "total": round(time.perf_counter() - begin, 3),
            },
        }
        write_json(folder / "summary.json", report)
    print(
        f"{len(positions)} positions x {options.angles} angles; the best has "
        f"{value:.4f} V/m at 1e6 A/s ({wishes.words})"
    )
    print(f"coil centre      {np.round(best.to_matsimnibs()[:3, 3], 1).tolist()} mm")
    print(f"files            {Path(options.out)}/")
    return {key: report[key] for key in ("matsimnibs", "value", "positions", "seconds")}


def write_sweep(
    path: Path, found: optimize.Sweep, origin: Mapping[str, object]
) -> None:
    """Write a map as HDF5, with where it comes from as attributes.

    Datasets are `values` [position, angle] in V/m, `angles` in degrees, `matsimnibs`
    [position, 4, 4] in mm at the first angle, and `lifts` in mm, with units as attributes.
    """
    with h5py.File(path, "w") as file:
        write_origin(file, origin)
        for name, data, unit in (
            ("values", found.values, "V/m"),
            ("angles", np.degrees(found.angles), "degrees"),
            ("matsimnibs", found.poses.to_matsimnibs(), "mm"),
            ("lifts", found.lifts * 1e3, "mm"),
        ):
            file.create_dataset(name, data=data).attrs["units"] = unit
        file.attrs["dIdt"] = found.current_rate
        file.attrs["dIdt_units"] = "A/s"


def _positions(options: argparse.Namespace, scalp: Scalp) -> np.ndarray:
    around = options.search_radius
    zones = [(np.asarray(centre), radius) for centre, radius in options.forbid]
    if around is None:
        return optimize.spread(scalp, options.spacing * 1e-3, forbidden=zones)
    return optimize.spread(
        scalp,
        options.spacing * 1e-3,
        centre=scalp.nearest(np.asarray(options.target) * 1e-3),
        radius=around * 1e-3,
        forbidden=zones,
    )


def _draw(
    folder: Path,
    head: HeadMesh,
    scalp: Scalp,
    found: optimize.Sweep,
    positions: np.ndarray,
    options: argparse.Namespace,
    coil: str,
    words: str,
) -> None:
    at = ", ".join(f"{x:g}" for x in options.target)
    name = Path(options.head).name
    write_map(
        folder / "sweep.png",
        scalp,
        positions,
        found.values.max(axis=1),
        title=f"Where to place {coil} for ({at}) mm on {name}",
        subtitle=f"best of all angles: {words} at 1e6 A/s · tmsgrad · research use only",
    )
