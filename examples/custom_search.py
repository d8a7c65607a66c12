"""A search of your own: any optimizer, on exact values and gradients of a placement.

    python examples/custom_search.py m2m_ernie MagStim_D70.ccd --target=-41,-13,66

SciPy's L-BFGS-B maximises the mean field in the target over shifts along the scalp and the
turn of a pose that lies on it. `optimize.find_pose` does more (starts, curvature of the
scalp, clearance); this shows what it builds on.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from tmsgrad import coils, efield, meshing
from tmsgrad.coils import Pose


SCALE = np.array([10e-3, 10e-3, 0.5])  # Of the unknowns: metres and radians.


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
    reciprocal = efield.reciprocal(conductor, target)

    start = over(meshing.scalp(head), centre, distance=6e-3)
    step = lambda x: start.moved(
        jnp.append(SCALE[:2] * x[:2], 0.0), jnp.array([0.0, 0.0, SCALE[2]]) * x[2]
    )

    @jax.jit
    @jax.value_and_grad
    def loss(x):
        return -jnp.linalg.norm(reciprocal.mean_field(coil, step(x), 1e6))

    found = minimize(
        lambda x: [np.asarray(part, float) for part in loss(jnp.asarray(x))],
        np.zeros(3),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-1, 1), (-1, 1), (-3, 3)],
    )
    print(f"{-loss(jnp.zeros(3))[0]:.4f} V/m at the start")
    print(f"{-found.fun:.4f} V/m after {found.nfev} evaluations")
    print(np.round(np.asarray(step(jnp.asarray(found.x)).to_matsimnibs()), 3))
    return -float(found.fun)


def over(scalp: meshing.Scalp, centre: np.ndarray, distance: float) -> Pose:
    """Lay a coil on the scalp over a point, its handle towards the back."""
    place = scalp.nearest(centre)
    outward = scalp.normal(place[None])[0]
    y = np.array([0.0, 1.0, 0.0])
    y -= (y @ outward) * outward
    y /= np.linalg.norm(y)
    frame = np.stack([np.cross(y, -outward), y, -outward], axis=1)
    return Pose(frame, place + distance * outward)


if __name__ == "__main__":
    main()
