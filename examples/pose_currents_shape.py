"""Pose, currents and shape of a coil together, with constraints.

    python examples/pose_currents_shape.py m2m_ernie MST-Twin.tcd --target=-41,-13,66

All that the coil has is free: its place, angle, tilt and distance, the settings of parts
that move, and dI/dt of each of several stimulators. SciPy's SLSQP keeps the casing clear
of the scalp and the parts clear of each other.
"""

import argparse
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from tmsgrad import coils, efield, meshing, optimize


def main(words: list[str] | None = None) -> float:
    """Search, and return the value found. [V/m]"""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description="Pose, currents and shape together.")
    parser.add_argument("head")
    parser.add_argument("coil")
    parser.add_argument("--target", default="-41,-13,66", help="mm")
    parser.add_argument("--radius", type=float, default=8.0, help="mm")
    parser.add_argument("--highest", type=float, default=1e6, help="dI/dt, A/s")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args(words)

    head = meshing.read_head(options.head)
    coil, scalp = coils.read(options.coil), meshing.scalp(head)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, options.radius * 1e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))

    domain = optimize.Domain(tilt=np.radians(15), clearance=1e-3)
    free = optimize.Free(
        distance=(2e-3, 12e-3),
        settings=bool(coil.ranges),
        currents=options.highest,
    )
    exact = optimize.problem(objective, coil, scalp, domain, free=free)
    quick = exact.simplified(scalp)
    constraints = [
        constraint(lambda x: quick.clearance(x) - domain.clearance),
        *([constraint(quick.self_clearance)] if quick.moving else []),
    ]
    climbed = optimize.with_scipy(
        quick,
        method="SLSQP",
        constraints=constraints,
        options={"maxiter": options.steps},
    )
    best = optimize.settle(exact, climbed.x, scalp)
    now = exact.variables(jnp.asarray(climbed.x))
    print(f"{exact.value(exact.start):.4f} V/m at the start")
    print(best)
    print("dI/dt:", np.round(np.asarray(now.currents) * 1e-6, 3), "A/µs")
    print("settings:", np.round(np.asarray(now.settings), 4), "m or rad")
    print(
        f"casing {exact.clearance(jnp.asarray(climbed.x)) * 1e3:.2f} mm from the scalp"
    )
    return best.value


def constraint(function: Callable[[jax.Array], jax.Array]) -> dict:
    """What SciPy wants: a function that is not to be negative, here in mm."""
    scaled = jax.jit(jax.value_and_grad(lambda x: 1e3 * function(x)))
    return {
        "type": "ineq",
        "fun": lambda x: float(scaled(jnp.asarray(x))[0]),
        "jac": lambda x: np.asarray(scaled(jnp.asarray(x))[1]),
    }


if __name__ == "__main__":
    main()
