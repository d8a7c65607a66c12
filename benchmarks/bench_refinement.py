"""How many elements an accuracy takes: refined where it pays, and refined everywhere.

    python -m benchmarks refinement --head=template:100000 --to=0.5

For targets whose bar on the head's own mesh is wider than asked for: the nodes and
tetrahedra, the stated value with its bar, and the seconds, by `efield.refined_for` and by
cutting every tetrahedron in eight until the bar is as narrow.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.efield.cut_in_eight import cut_in_eight


_TARGETS = (  # In MNI space, of which the first, second, … are taken. [mm]
    (40, -60, 40),
    (-10, 60, 20),
    (0, -20, 70),
    (-37, -21, 58),
    (-44, 40, 29),
)
_RADIUS = 5e-3  # [m]
_DOMAIN = optimize.Domain(distance=4e-3)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks refinement")
    parser.add_argument("--head", default="template:100000")
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--to", type=float, default=0.5, help="per cent")
    parser.add_argument("--count", type=int, default=3)
    options = parser.parse_args(words)
    head, coil = head_of(options.head), coils.read(options.coil)
    scalp, to = meshing.scalp(head), options.to / 100
    rows = []
    for centre in _TARGETS[: options.count]:
        for row in _compare(head, coil, scalp, np.array(centre) * 1e-3, to):
            print(json.dumps(row), flush=True)
            rows.append({"target [mm]": " ".join(map(str, centre)), **row})
    print(record.table(rows))
    name = f"refinement-{Path(options.head.partition(':')[0]).stem}"
    print("written to", record.write(name, rows))


def _compare(head, coil, scalp, centre, to: float):
    target = meshing.ball(head, centre, _RADIUS)
    conductor = efield.assemble(head, efield.isotropic(head))
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    pose = optimize.find_pose(objective, coil, scalp, _DOMAIN).pose
    begin = time.perf_counter()
    for step in efield.refined_for(conductor, head, target, coil, pose, to=to):
        took = time.perf_counter() - begin
        yield _row("where it pays", step.head, step.error, took)
        if step.relative <= to:
            break
    begin = time.perf_counter()
    while True:
        conductor = efield.assemble(head, efield.isotropic(head))
        found = efield.target_field(conductor, head, target)
        error = found.mesh_error(jnp.linalg.norm, coil, pose)
        yield _row("everywhere", head, error, time.perf_counter() - begin)
        if error.error <= to * error.value:
            break
        head, _ = cut_in_eight(head)
        pieces = (8 * target.tetrahedra[:, None] + np.arange(8)).ravel()
        target = meshing.Region(pieces, np.repeat(target.weights / 8, 8), target.centre)


def _row(way: str, head, error, seconds: float) -> dict:
    return {
        "refined": way,
        "nodes": len(head.nodes),
        "tetrahedra": len(head.tags),
        "value [V/m]": error.value,
        "bar [%]": 100 * error.error / error.value,
        "seconds": seconds,
    }
