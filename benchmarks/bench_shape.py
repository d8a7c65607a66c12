"""What a coil whose parts move gains over its rigid shape.

    python -m benchmarks shape --head=template:300000 --coil=MagVenture_MST-Twin.tcd

Both are pressed on the head with the same clearance and searched from the same starts; the
values are those of exact reciprocity on the true scalp.
"""

import argparse
import time

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks shape")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", required=True, help="with parts that move (.tcd)")
    parser.add_argument("--target", default="-10,-20,60", help="mm")
    parser.add_argument("--clearance", type=float, default=2.0, help="mm")
    options = parser.parse_args(words)
    head = head_of(options.head)
    coil = coils.read(options.coil)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    conductor = efield.assemble(head, efield.isotropic(head))
    target = meshing.ball(head, centre, 8e-3)
    scalp = meshing.scalp(head)
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    clear = options.clearance * 1e-3
    start = optimize.find_pose(
        objective, coil, scalp, optimize.Domain(clearance=clear, tilt=np.radians(20))
    )
    rows = []
    for rigid in (True, False):
        begin = time.perf_counter()
        found = optimize.find_shape(
            objective,
            coil,
            scalp,
            start.pose,
            optimize.Domain(clearance=clear),
            rigid=rigid,
        )
        rows.append(
            {
                "shape": "rigid" if rigid else "free",
                "value [V/m]": found.value,
                "gain": found.value / rows[0]["value [V/m]"] - 1 if rows else 0.0,
                "clearance, mm": found.clearance * 1e3,
                "between parts, mm": None if rigid else found.self_clearance * 1e3,
                "settings": np.degrees(np.asarray(found.coil.settings))
                .round(2)
                .tolist(),
                "evaluations": found.evaluations,
                "seconds": time.perf_counter() - begin,
            }
        )
    print(record.table(rows))
    print("written to", record.write(f"shape-{len(head.tags) / 1e6:.1f}M", rows))
