"""A search of your own: any optimizer, on exact values and gradients of a placement.

    python examples/custom_search.py m2m_ernie MagStim_D70.ccd --target=-41,-13,66

SciPy's L-BFGS-B maximises the mean field in the target over place and angle of the coil.
`optimize.Problem` gives it the function, its gradient, bounds and the poses;
`optimize.with_scipy` does the same in one call, and `optimize.find_pose` more.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from tmsgrad import coils, efield, meshing, optimize


def main(words: list[str] | None = None) -> float:
    """Search, and return the value found. [V/m]"""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description="A search of your own.")
    parser.add_argument("head")
    parser.add_argument("coil")
    parser.add_argument("--target", default="-41,-13,66", help="mm")
    parser.add_argument("--radius", type=float, default=8.0, help="mm")
    options = parser.parse_args(words)

    head = meshing.read_head(options.head)
    coil = coils.read(options.coil)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, options.radius * 1e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))

    domain = optimize.Domain(distance=6e-3)
    problem = optimize.problem(objective, coil, meshing.scalp(head), domain)
    low, high = problem.bounds

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = problem.value_and_grad(jnp.asarray(x))
        return -float(value), -np.asarray(gradient)

    found = minimize(
        loss,
        np.asarray(problem.start),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
    )
    print(f"{-loss(np.asarray(problem.start))[0]:.4f} V/m at the start")
    print(f"{-found.fun:.4f} V/m after {found.nfev} evaluations")
    x = problem.project(jnp.asarray(found.x))
    print(np.round(problem.pose(x).to_matsimnibs(), 3))
    return -float(found.fun)


if __name__ == "__main__":
    main()
