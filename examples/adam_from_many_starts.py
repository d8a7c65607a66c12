"""Adam of optax from 64 starts at once, on a target of few sources.

    python examples/adam_from_many_starts.py m2m_ernie MagStim_D70.ccd --target=-41,-13,66

All starts climb together under `jax.vmap`, with a step length that decays. The simplified
problem makes a gradient take milliseconds; the best place is set on the true scalp and
rated exactly in the end.
"""

import argparse

import jax
import numpy as np
import optax

from tmsgrad import coils, efield, meshing, optimize


def main(words: list[str] | None = None) -> float:
    """Search, and return the value found. [V/m]"""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description="Adam from many starts at once.")
    parser.add_argument("head")
    parser.add_argument("coil")
    parser.add_argument("--target", default="-41,-13,66", help="mm")
    parser.add_argument("--radius", type=float, default=8.0, help="mm")
    parser.add_argument("--starts", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args(words)

    head = meshing.read_head(options.head)
    coil, scalp = coils.read(options.coil), meshing.scalp(head)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, options.radius * 1e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))

    exact = optimize.problem(objective, coil, scalp)
    quick = exact.simplified(scalp)
    starts = quick.draw(jax.random.key(0), options.starts)
    adam = optax.adam(optax.cosine_decay_schedule(0.3, options.steps))
    climbed = optimize.with_optax(quick, adam, starts, steps=options.steps)
    best = optimize.settle(exact, climbed.x, scalp)

    within = (climbed.values > 0.99 * climbed.value).mean()
    print(climbed)
    print(f"{within:.0%} of the starts came within 1% of the best")
    print(best)
    return best.value


if __name__ == "__main__":
    main()
