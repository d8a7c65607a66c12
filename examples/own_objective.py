"""An objective of your own: a field along a direction, and little across it.

    python examples/own_objective.py m2m_ernie MagStim_D70.ccd --target=-41,-13,66

An objective is a function of what an adjoint solution gives for a placement, here of the
mean vector in the target. It is differentiated as it stands, so that every optimizer and
`optimize.find_pose` take it.
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from tmsgrad import coils, efield, meshing, optimize


class Along(optimize.AbstractObjective):
    """The component along a direction, less a share of the root of what lies across it.

    Attributes:
        reciprocal: Of the target, with the directions x, y and z.
        direction: A unit vector.
        price: Of a V/m across.
    """

    reciprocal: efield.Reciprocal
    direction: Float[Array, "3"]
    price: float = eqx.field(static=True, default=0.5)

    def value(self, mean: Float[Array, "direction"]) -> Float[Array, ""]:
        """Rate the mean vector. [V/m]"""
        along = jnp.dot(self.direction, mean)
        across = mean - along * self.direction
        # Smooth where nothing lies across.
        return along - self.price * jnp.sqrt(jnp.sum(across**2) + 1e-6)


def main(words: list[str] | None = None) -> float:
    """Search, and return the value found. [V/m]"""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description="An objective of your own.")
    parser.add_argument("head")
    parser.add_argument("coil")
    parser.add_argument("--target", default="-41,-13,66", help="mm")
    parser.add_argument("--radius", type=float, default=8.0, help="mm")
    parser.add_argument("--direction", default="0,1,0")
    options = parser.parse_args(words)

    head = meshing.read_head(options.head)
    coil, scalp = coils.read(options.coil), meshing.scalp(head)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, options.radius * 1e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    reciprocal = efield.reciprocal(conductor, target)
    direction = np.array([float(x) for x in options.direction.split(",")])
    objective = Along(reciprocal, jnp.asarray(direction / np.linalg.norm(direction)))

    found = optimize.find_pose(objective, coil, scalp)
    mean = reciprocal.mean_field(coil, found.pose)
    print(found)
    print("mean field in the target:", np.round(np.asarray(mean), 4), "V/m")
    return found.value


if __name__ == "__main__":
    main()
