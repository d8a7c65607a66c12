"""Time of drawing conductivities on a head: reduced basis, draws in a target, whole field.

Run as `python -m benchmarks.bench_uncertainty HEAD [DRAWS]`.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from tmsgrad import coils, efield, meshing, optimize


def main(source: str, draws: int = 1000) -> None:
    jax.config.update("jax_enable_x64", True)
    head = meshing.read_head(source)
    conductor = efield.assemble(head, efield.isotropic(head))
    coil = coils.read("magstim-70mm-double")
    scalp = meshing.scalp(head)
    gray = head.centroids[head.tags == 2]
    # Beneath the coil, at the upper left.
    place = scalp.nearest(gray.mean(axis=0) + np.array([-0.05, 0.03, 0.08]))
    pose = jax.tree.map(lambda x: x[0], optimize.tangential(scalp, place[None]))
    nearest = gray[np.argmin(np.linalg.norm(gray - place, axis=1))]
    target = meshing.ball(head, nearest, 5e-3)
    tissues = efield.uncertain_tissues(
        head, conductor, efield.CONDUCTIVITY_DISTRIBUTIONS
    )
    rate = efield.rates(conductor, coil, pose)
    print(f"{len(head.nodes)} nodes, {len(head.tags)} tetrahedra, {tissues.names}")
    last = time.perf_counter()

    def lap(what: str) -> None:
        nonlocal last
        now = time.perf_counter()
        print(f"{what}: {now - last:.1f} s", flush=True)
        last = now

    strength = lambda where: lambda field: jnp.linalg.norm(field.mean(where))
    near = efield.first_order(conductor, tissues, rate, strength(target))
    lap(f"first order, {float(near.mean):.4f} ± {float(near.deviation):.4f} V/m")
    surrogate = efield.field_surrogate(
        conductor, tissues, rate, progress=lambda share, what: print(what, flush=True)
    )
    lap(f"basis, errors {[f'{e:.0e}' for e in surrogate.errors]}")
    few, local = surrogate.within(target)
    drawn = efield.sample(few, strength(local), draws)
    lap(f"{draws} draws in the target, {drawn.mean:.4f} ± {drawn.deviation:.4f} V/m")
    efield.sample_magnitude(surrogate, draws)
    lap(f"{draws} draws of |E| in every element")


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:3]))
