"""The reduced field of a coil in all gray matter: error, set-up, and milliseconds per pose.

    python -m benchmarks reduced --sizes=300000 --domains=local,whole

`local` is within 45 mm of a place on the scalp, `whole` the upper head; the coil is turned
at random, tilted by up to 5° and 3 to 12 mm away. Errors are of placements that the basis
has not seen, against direct solves of the same order, and against elements of second order
on the same mesh beside what first order itself misses of these. A pose alone and in batches
is timed at `--places` places of the cortex, in float32 and in float16.
"""

import argparse
import resource
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize


_NEAR = [-0.05, 0.02, 0.09]
_BATCH = 64


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks reduced")
    parser.add_argument(
        "--sizes", default="300000", help="of templates, in tetrahedra, or meshes"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--domains", default="local,whole")
    parser.add_argument("--order", type=int, default=1)
    parser.add_argument(
        "--recovery", action="store_true", help="recover E at the centroids by patches"
    )
    parser.add_argument("--tolerance", type=float, default=4e-3)
    parser.add_argument("--places", type=int, default=30_000)
    parser.add_argument(
        "--second-order", type=int, default=6, help="placements compared with it"
    )
    options = parser.parse_args(words)
    coil = coils.read(options.coil)
    for size in options.sizes.split(","):
        head = head_of(f"template:{size}" if size.isdigit() else size)
        scalp = meshing.scalp(head)
        rows = [
            _row(head, scalp, coil, name, options)
            for name in options.domains.split(",")
        ]
        print(record.table(rows))
        name = f"reduced-{len(head.tags) / 1e6:.1f}M"
        name += "" if options.order == 1 else f"-order{options.order}"
        name += "-recovery" if options.recovery else ""
        print("written to", record.write(name, rows))


def _row(head, scalp, coil, name: str, options) -> dict:
    domain = optimize.placements(scalp, _NEAR if name == "local" else None)
    gray = meshing.region(head, head.of("gray matter"))
    wall, cpu = time.perf_counter(), time.process_time()
    conductor = efield.assemble(head, efield.isotropic(head), order=options.order)
    growth = efield.Growth(tolerance=options.tolerance)
    at = _recovered(conductor, head, gray) if options.recovery else gray
    made = efield.reduce(
        *(conductor, coil, domain, at), growth=growth, progress=_printed
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    stated, direct = made.accuracy, _direct_seconds(conductor, coil, domain)
    row = {
        "domain": name,
        "tetrahedra": len(head.tags),
        "order": options.order,
        "solves": stated.solves + len(stated.relative),
        "modes": made.modes.count,
        "set-up [s]": wall,
        "set-up, of all cores [s]": cpu,
        "the same, in direct solves": wall / direct,
        "worst error": stated.worst,
        "median error": stated.median,
        "worst error of |E| above half of the peak": float(stated.at_hot_spots.max()),
    }
    if options.order == 1 and options.second_order:
        row |= _against_second_order(head, coil, made, gray, options.second_order)
    half, quarter = made.stored(np.float16), made.stored(np.int8)
    row |= {
        "float32 [MB]": made.modes.bytes / 1e6,
        "float16 [MB]": half.modes.bytes / 1e6,
        "added error": half.accuracy.storage,
        "int8 [MB]": quarter.modes.bytes / 1e6,
        "added error ": quarter.accuracy.storage,
        "direct solve in blocks of 16 [s]": direct,
    }
    row |= _outside(made, domain)
    few = np.linspace(0, len(gray.weights) - 1, options.places).astype(int)
    for kind, field in (("", made), (", float16", half)):
        row |= _timed(field.subset(few), domain, kind)
    row["peak memory [GB]"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return row


def _recovered(conductor, head, gray) -> efield.AbstractReadout:
    recovery = efield.patch_recovery(conductor, head, None, "gray matter")
    return efield.at_points(recovery, head.centroids[gray.tetrahedra], gray.weights)


def _printed(share: float, what: str) -> None:
    print(f"{share:4.0%} {what}", flush=True)


def _direct_seconds(conductor, coil, domain) -> float:
    """Seconds of a direct solve, in blocks, with all that is set up once."""
    table, solver = coils.interpolate(coil), efield.Direct()
    if len(conductor.nodes) > 150_000:
        solver = efield.HostMultigrid()
    poses = domain(16, 7)
    solve = lambda: jax.block_until_ready(
        efield.solve(conductor, table, poses, solver=solver).vectors
    )
    solve()
    begin = time.perf_counter()
    solve()
    return (time.perf_counter() - begin) / 16


def _against_second_order(head, coil, made, gray, count: int) -> dict:
    """What the reduced field and first order itself miss of second order."""
    conductors = [
        efield.assemble(head, efield.isotropic(head), order=order) for order in (1, 2)
    ]
    root = np.sqrt(gray.weights)[:, None]
    poses = jax.tree.map(lambda x: x[:count], made.accuracy.poses)
    first, second = (
        np.asarray(efield.solve(each, coil, poses).vectors)[:, gray.tetrahedra] * root
        for each in conductors
    )
    ours = np.asarray(made.field(poses), np.float64) * root
    miss = lambda a: float(
        max(
            np.linalg.norm(x - y) / np.linalg.norm(y)
            for x, y in zip(a, second, strict=True)
        )
    )
    return {
        "worst error against second order": miss(ours),
        "the same, of direct solves of first order": miss(first),
    }


def _outside(made, domain) -> dict:
    """How many of 100 placements count as outside: of the domain, and far away."""
    inside = domain(100, 77)
    far = coils.Pose(
        inside.rotation, inside.translation - 30e-3 * inside.rotation[:, :, 2]
    )
    return {
        "outside, of 100 in the domain": int(jnp.sum(made.outside(inside))),
        "outside, of 100 lifted by 30 mm": int(jnp.sum(made.outside(far))),
    }


def _timed(made, domain, kind: str) -> dict:
    poses = domain(_BATCH, 5)
    one = jax.tree.map(lambda x: x[0], poses)
    weights = made.weights.astype(jnp.float32)

    @eqx.filter_jit
    def slope(made, pose):
        mean = lambda shift, turn: jnp.dot(
            weights, made.magnitude(pose.moved(shift, turn))
        )
        return jax.value_and_grad(mean, (0, 1))(jnp.zeros(3), jnp.zeros(3))

    return {
        f"one pose{kind} [ms]": _milliseconds(lambda: made.field(one)),
        f"each of {_BATCH}{kind} [ms]": _milliseconds(lambda: made.field(poses))
        / _BATCH,
        f"mean |E| and its slopes by pose{kind} [ms]": _milliseconds(
            lambda: slope(made, one)
        ),
    }


def _milliseconds(function) -> float:
    jax.block_until_ready(function())
    seconds = []
    for _ in range(20):
        begin = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - begin)
    return 1e3 * min(seconds)
