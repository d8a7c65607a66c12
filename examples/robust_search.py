"""A placement that is good for heads and hands as they are: stochastic gradients.

    python examples/robust_search.py m2m_ernie MagStim_D70.ccd --target=-41,-13,66

Each step draws conductivities, solves for the target anew, draws errors of placement, and
climbs along the mean gradient over these, by Adam. The last poses are averaged. What is
found is then rated with draws that the search has not seen, beside the pose that is best
without errors.
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tmsgrad import coils, efield, meshing, optimize


ERRORS = np.array([3e-3, 3e-3, np.radians(5)])  # Standard deviations. [m], [rad]
AT_ONCE = 8  # Errors of placement for each draw of conductivities.


def main(words: list[str] | None = None) -> tuple[float, float]:
    """Return the mean values of the robust pose and of the other one. [V/m]"""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description="A robust search.")
    parser.add_argument("head")
    parser.add_argument("coil")
    parser.add_argument("--target", default="-41,-13,66", help="mm")
    parser.add_argument("--radius", type=float, default=8.0, help="mm")
    parser.add_argument("--steps", type=int, default=24)
    options = parser.parse_args(words)

    head = meshing.read_head(options.head)
    coil, scalp = coils.read(options.coil), meshing.scalp(head)
    centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
    target = meshing.ball(head, centre, options.radius * 1e-3)
    conductor = efield.assemble(head, efield.isotropic(head))
    tissues = efield.uncertain_tissues(
        head, conductor, efield.CONDUCTIVITY_DISTRIBUTIONS
    )
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    problem = optimize.problem(objective, coil, scalp).simplified(scalp)
    simplify = efield.arrange(scalp, centre).fitted

    def drawn(values: np.ndarray) -> optimize.Problem:
        """The problem with other conductivities. [S/m]"""
        there = conductor.with_conductivity(tissues.conductivity(values))
        few = simplify(efield.reciprocal(there, target))
        return eqx.tree_at(lambda x: x.objective.reciprocal, problem, few)

    @eqx.filter_jit
    def mean(one: optimize.Problem, x: jax.Array, key: jax.Array):
        errors = jnp.asarray(ERRORS) / one.scales
        shifts = errors * jax.random.normal(key, (AT_ONCE, len(one)))
        value = lambda at: jnp.mean(jax.lax.map(one, at + shifts))
        return jax.value_and_grad(value)(x)

    planned = jnp.asarray(optimize.with_scipy(problem).x)
    x, tail = planned, []
    adam = optax.adam(optax.cosine_decay_schedule(0.1, options.steps))
    memory = adam.init(x)
    for step, values in enumerate(tissues.draws(options.steps, seed=1)):
        _, slope = mean(drawn(values), x, jax.random.key(step))
        change, memory = adam.update(-slope, memory)
        x = problem.project(jnp.asarray(optax.apply_updates(x, change)))
        tail.append(x)
    x = jnp.mean(jnp.stack(tail[len(tail) // 2 :]), axis=0)

    rated = np.zeros(2)
    for step, values in enumerate(tissues.draws(8, seed=2)):
        one, key = drawn(values), jax.random.key(1000 + step)
        rated += [float(mean(one, at, key)[0]) / 8 for at in (x, planned)]
    robust, plain = rated.tolist()
    print(f"{plain:.4f} V/m on average at the pose that is best without errors")
    print(f"{robust:.4f} V/m at the robust one")
    print(np.round(problem.pose(x).to_matsimnibs(), 3))
    return robust, plain


if __name__ == "__main__":
    main()
