"""Error of fields in layered spheres against time and unknowns, for each kind of element.

    python -m benchmarks accuracy --edges=8,6,4.5,3.5,2.85,2.4,2 --finest-p2=2.4

Edges are the mean of those compared, in the brain's outer shell. The same mesh is solved
with linear elements, with these and field recovery, and with quadratic elements. Time is
that of the process, all cores together: set-up and the first field after compilation. The
meshes are made by gmsh, or read from `--meshes=FOLDER`, where it is left by `--keep`.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record

from tmsgrad import efield, meshing
from tmsgrad.validation import catalogue
from tmsgrad.validation.problems import mean_edge
from tmsgrad.validation.quadrature import fifth_degree


# Mean edges are about a third longer than what gmsh is asked for.
_ASKED_FOR = 0.75
# So many elements, drawn at random, give the error of all within two per cent of it.
_COMPARED = 20_000
_METHODS = ("P1", "P1 + recovery", "P2")


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks accuracy")
    parser.add_argument("--edges", default="6,4.5,3.5,2.9", help="mm")
    parser.add_argument("--methods", default=",".join(_METHODS))
    parser.add_argument(
        "--finest-p2", type=float, default=0.0, help="P2 on no shorter edges, mm"
    )
    parser.add_argument("--meshes", type=Path, help="folder with accuracy-EDGE.npz")
    parser.add_argument("--keep", type=Path, help="folder to leave the meshes in")
    parser.add_argument("--solver", default="", help="Direct, HostMultigrid, Multigrid")
    options = parser.parse_args(words)
    problem = catalogue.figure_of_eight_problem()
    solver = getattr(efield, options.solver)() if options.solver else None
    rows = []
    for edge in map(float, options.edges.split(",")):
        head = _head(problem, edge, options.meshes, options.keep)
        for method in options.methods.split(","):
            if method == "P2" and edge < options.finest_p2:
                continue
            rows.append(_row(problem, head, method, solver))
            print(record.table(rows[-1:]), flush=True)
    print(record.table(rows))
    print("written to", record.write("accuracy", rows))


def _head(problem, edge: float, meshes: Path | None, keep: Path | None):
    if meshes is not None:
        return meshing.read_npz(meshes / f"accuracy-{edge:g}.npz")
    head = problem.head(_ASKED_FOR * edge * 1e-3)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        meshing.write_npz(keep / f"accuracy-{edge:g}.npz", head)
    return head


def _row(problem, head, method: str, solver) -> dict:
    order = 2 if method == "P2" else 1
    conductivity = problem.conductivity(head)

    def prepare():
        conductor = efield.assemble(head, conductivity, order=order)
        recovers = method == "P1 + recovery"
        return conductor, efield.patch_recovery(conductor, head) if recovers else None

    def place(conductor, recovery):
        """Find the field in every element, from a coil in memory."""
        rates = problem.rates(np.asarray(conductor.nodes))[None]
        field = efield.solve_rate(conductor, rates, solver=solver)
        if recovery is not None:
            field = replace(field, vectors=recovery(field, rates))
        return jax.block_until_ready(field), rates

    place(*prepare())  # Compiles.
    begin = time.perf_counter(), time.process_time()
    conductor, recovery = prepare()
    field, rates = place(conductor, recovery)
    first = time.perf_counter() - begin[0], time.process_time() - begin[1]
    begin = time.perf_counter()
    place(conductor, recovery)
    further = time.perf_counter() - begin
    chosen = problem.selected(head)
    some = np.sort(np.random.default_rng(0).permutation(chosen)[:_COMPARED])
    if recovery is None:
        found = problem.accuracy(head, field, some)
    else:
        rule = fifth_degree()
        points = rule.points(head, some)
        at_points = efield.patch_recovery(
            conductor, head, points.reshape(-1, 3), "gray matter"
        )
        values = np.asarray(at_points(field, rates)[0]).reshape(points.shape)
        found = problem.measure(head, values, rule, some)
    return {
        "method": method,
        "mean edge [mm]": mean_edge(head, chosen) * 1e3,
        "tetrahedra": len(head.tags),
        "unknowns": len(conductor.nodes),
        "relative error": found.relative_error,
        "RDM": found.rdm,
        "MAG": found.mag,
        "set-up and first field [s]": first[0],
        "the same, of all cores [s]": first[1],
        "further field [s]": further,
        "iterations": int(jnp.max(field.report.iterations)),
    }
