"""Seconds and value of a search, against a grid of placements as SimNIBS tries them.

    python -m benchmarks search --head=template:300000 --target=-44,40,29

The grid has positions 5 mm apart within 20 mm and angles 30° apart, each rated by exact
reciprocity on the same adjoint solution.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks search")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--target", default="-44,40,29", help="mm")
    options = parser.parse_args(words)
    head = head_of(options.head)
    coil = coils.read(options.coil)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, centre, 5e-3)
    begin = time.perf_counter()
    scalp = meshing.scalp(head)
    surface = time.perf_counter() - begin
    begin = time.perf_counter()
    reciprocal = jax.block_until_ready(efield.reciprocal(conductor, target))
    adjoint = time.perf_counter() - begin
    objective = optimize.MeanMagnitude(reciprocal)
    rows = []
    for when in ("first, with compilation", "again"):
        begin = time.perf_counter()
        found = optimize.find_pose(objective, coil, scalp)
        seconds = time.perf_counter() - begin
        direct = efield.solve(conductor, coil, found.pose).mean(target)
        rows.append(
            {
                "search": f"gradients, {when}",
                "seconds": seconds,
                "of these: climbing": found.seconds["climb"],
                "value, direct solve [V/m]": float(jnp.linalg.norm(direct)),
                "evaluations": found.evaluations,
            }
        )
    rows.append(_grid(objective, coil, scalp))
    for row in rows:
        row |= {"scalp [s]": surface, "adjoint solves [s]": adjoint}
        row["tetrahedra"] = len(head.tags)
    print(record.table(rows))
    print("written to", record.write(f"search-{len(head.tags) / 1e6:.1f}M", rows))


def _grid(objective, coil, scalp) -> dict:
    patch = optimize.chart(scalp, objective.reciprocal.centre, 20e-3)
    steps = 5e-3 * np.arange(-4, 5)
    u, v = (x.ravel() for x in np.meshgrid(steps, steps))
    inside = np.hypot(u, v) <= 20e-3
    angles = np.radians(np.arange(0, 360, 30))
    places = [
        (a, b, c) for a, b in zip(u[inside], v[inside], strict=True) for c in angles
    ]
    poses = jax.vmap(lambda p: patch.pose(p[:2], p[2], 4e-3))(jnp.asarray(places))
    rate = jax.jit(
        lambda one: objective.value(objective.reciprocal.mean_field(coil, one, 1e6))
    )
    begin = time.perf_counter()
    values = [
        float(rate(jax.tree.map(lambda x, i=i: x[i], poses)))
        for i in range(len(places))
    ]
    return {
        "search": "grid of 5 mm and 30°, exact reciprocity",
        "seconds": time.perf_counter() - begin,
        "value, direct solve [V/m]": max(values),
        "evaluations": len(values),
    }
