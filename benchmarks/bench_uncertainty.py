"""Seconds for how uncertain conductivities make a field, and what that is worth.

    python -m benchmarks uncertainty --head=template:500000 --draws=1000

Conductivities are those of the literature. The surrogate takes all solves; the draws of the
target's value, with indices, and of |E| in every element take none. Some draws are solved
anew to measure the surrogate's error.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize


_CHECKED = 5  # Draws that are solved for.


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks uncertainty")
    parser.add_argument(
        "--head", default="template:500000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--target", default="-44,40,29", help="mm")
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args(words)
    head = head_of(options.head)
    coil = coils.read(options.coil)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, 8e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    pose = optimize.find_pose(
        optimize.MeanMagnitude(efield.reciprocal(conductor, target)),
        coil,
        meshing.scalp(head),
    ).pose
    rate = efield.rates(conductor, coil, pose, 1e6)
    tissues = efield.uncertain_tissues(
        head, conductor, efield.CONDUCTIVITY_DISTRIBUTIONS
    )
    rows = []

    def timed(what: str, compute):
        begin = time.perf_counter(), time.process_time()
        found = compute()
        wall = time.perf_counter() - begin[0]
        rows.append({"step": what, "wall [s]": wall, "tetrahedra": len(head.tags)})
        rows[-1]["processor [s]"] = time.process_time() - begin[1]
        print(rows[-1], flush=True)
        return found

    surrogate = timed(
        "surrogate: all solves",
        lambda: efield.field_surrogate(conductor, tissues, rate),
    )
    few, local = surrogate.within(target)
    mean = lambda field: field.magnitude @ jnp.asarray(local.weights)
    drawn = timed(
        f"target, {options.draws} draws, indices",
        lambda: efield.sample(few, mean, options.draws),
    )
    near = timed(
        "target, first order",
        lambda: efield.first_order(
            conductor,
            tissues,
            rate,
            lambda field: (
                field.magnitude[jnp.asarray(target.tetrahedra)]
                @ jnp.asarray(target.weights)
            ),
        ),
    )
    timed(
        f"|E| in every element, {options.draws} draws",
        lambda: efield.sample_magnitude(surrogate, options.draws),
    )
    errors = []
    for values in tissues.draws(_CHECKED, 99)[:_CHECKED]:
        here = conductor.with_conductivity(tissues.conductivity(values))
        exact = efield.solve_rate(here, rate[None]).vectors[0]
        guess = surrogate.field(values).vectors
        volumes = head.volumes[:, None]
        missed = np.sum(volumes * np.asarray(guess - exact) ** 2)
        errors.append(float(np.sqrt(missed / np.sum(volumes * np.asarray(exact) ** 2))))
    found = {
        "mean |E| in the target [V/m]": float(drawn.mean),
        "relative deviation, drawn": float(drawn.relative),
        "relative deviation, first order": float(near.relative),
        "error that the surrogate states": surrogate.error,
        "largest error at draws solved for": max(errors),
    }
    for row in rows:
        row |= found
    for name, value in found.items():
        print(f"{name}: {value:.4g}")
    print(record.table(rows))
    millions = len(head.tags) / 1e6
    print("written to", record.write(f"uncertainty-{millions:.1f}M", rows))
