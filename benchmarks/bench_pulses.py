"""The field of many recorded pulses: in all gray matter by a basis, and in a target.

    python -m benchmarks pulses --head=template:493000 --pulses=1000

Placements are spread at random over the left half of the upper head, 4 to 10 mm away and
tilted by up to 5°. One way makes a basis of these placements themselves, as `tmsgrad
simulate` does for more than 500; the other solves a target's adjoint problems and evaluates
them by few currents, as `tmsgrad simulate --target` does. Both are compared with direct
solves of the same order: mean |E| in balls of gray matter, or the norm of the mean vector.
"""

import argparse
import time

import jax
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize


_RADIUS = 10e-3  # Of targets. [m]
_AT_ONCE = 16


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks pulses")
    parser.add_argument(
        "--head", default="template:493000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--pulses", type=int, default=1000)
    parser.add_argument(
        "--solves", type=int, default=1000, help="pulses compared with direct solves"
    )
    options = parser.parse_args(words)
    head, coil = head_of(options.head), coils.read(options.coil)
    scalp, gray = meshing.scalp(head), meshing.region(head, head.of("gray matter"))
    poses = _hemisphere(scalp, options.pulses)
    conductor = efield.assemble(head, efield.isotropic(head))
    balls = _beneath(head, gray, scalp, poses)
    made, of_basis = _by_basis(conductor, coil, poses, gray)
    means, of_target = _in_target(conductor, coil, scalp, poses, balls[0])
    few = np.linspace(0, options.pulses - 1, options.solves).astype(int)
    begin, cpu = time.perf_counter(), time.process_time()
    by_basis, hot, norms = _errors(conductor, coil, poses, gray, balls, made, few)
    solved = {
        "seconds": time.perf_counter() - begin,
        "of all cores [s]": time.process_time() - cpu,
    }
    rows = [
        {
            "way": "a basis, all gray matter",
            "tetrahedra": len(head.tags),
            "pulses": options.pulses,
            **of_basis,
            "worst error of mean |E| in a ball beneath": by_basis.max(),
            "median": np.median(by_basis),
            "worst of the peak": hot.max(),
        },
        {
            "way": "reciprocity, one target",
            "tetrahedra": len(head.tags),
            "pulses": options.pulses,
            **of_target,
            "worst error of mean |E| in a ball beneath": (
                abs(means[few] / norms - 1).max()
            ),
            "median": np.median(abs(means[few] / norms - 1)),
        },
        {
            "way": "direct solves, of which the others are compared",
            "tetrahedra": len(head.tags),
            "pulses": options.solves,
            **solved,
        },
    ]
    print(record.table(rows))
    print("written to", record.write(f"pulses-{len(head.tags) / 1e6:.1f}M", rows))


def _hemisphere(scalp, count: int) -> coils.Pose:
    domain = optimize.placements(scalp, distances=(4e-3, 10e-3))
    poses = domain(3 * count, 11)
    left = np.flatnonzero(np.asarray(poses.translation)[:, 0] < 0)[:count]
    return jax.tree.map(lambda x: np.asarray(x)[left], poses)


def _beneath(head, gray, scalp, poses) -> list[meshing.Region]:
    """The first is of the target; those of all pulses follow, a few for all."""
    centroids = head.centroids[gray.tetrahedra]
    found = []
    for place in optimize.spread(scalp, 25e-3):
        if place[0] < 0:
            inwards = place - 15e-3 * scalp.normal(place[None])[0]
            nearest = np.argmin(np.linalg.norm(centroids - inwards, axis=1))
            found.append(meshing.ball(head, centroids[nearest], _RADIUS))
    return found


def _by_basis(conductor, coil, poses, gray) -> tuple[efield.ReducedField, dict]:
    begin, cpu = time.perf_counter(), time.process_time()
    mixed = np.random.default_rng(0).permutation(len(poses.translation))
    made = efield.reduce(
        *(conductor, coil, jax.tree.map(lambda x: x[mixed], poses), gray),
        growth=efield.Growth(solves=len(mixed)),
    ).stored(np.float16)
    for start in range(0, len(mixed), _AT_ONCE):
        part = jax.tree.map(lambda x, i=start: x[i : i + _AT_ONCE], poses)
        jax.block_until_ready(made.magnitude(part))
    estimated = np.asarray(made.estimated_error(poses))
    return made, {
        "seconds": time.perf_counter() - begin,
        "of all cores [s]": time.process_time() - cpu,
        "solves": made.accuracy.solves + len(made.accuracy.relative),
        "modes": made.modes.count,
        "stated error": made.accuracy.worst,
        "largest estimate": estimated.max(),
        "above 0.5%": int((estimated > 5e-3).sum()),
    }


def _in_target(conductor, coil, scalp, poses, ball) -> tuple[np.ndarray, dict]:
    begin, cpu = time.perf_counter(), time.process_time()
    full = efield.reciprocal(conductor, ball)
    few, _ = efield.equivalent(full, scalp, 1600, everywhere=True)
    rates = np.full(len(poses.translation), 1e6)
    means = efield.mean_fields(few, coil, poses, rates, _AT_ONCE)
    return np.linalg.norm(means, axis=1), {
        "seconds": time.perf_counter() - begin,
        "of all cores [s]": time.process_time() - cpu,
    }


def _errors(conductor, coil, poses, gray, balls, made, few):
    """Errors of mean |E| in the nearest ball and of the peak; norms in the first ball."""
    quick = coils.interpolate(coil)
    place = np.full(conductor.elements.tetrahedra.shape[1], -1)
    place[gray.tetrahedra] = np.arange(len(gray.tetrahedra))
    columns = [place[ball.tetrahedra] for ball in balls]
    centres = np.array([ball.centre for ball in balls])
    means, peaks, norms = [], [], []
    for start in range(0, len(few), _AT_ONCE):
        some = jax.tree.map(lambda x, i=start: x[few[i : i + _AT_ONCE]], poses)
        vectors = np.asarray(efield.solve(conductor, quick, some).vectors)
        ours = np.asarray(made.magnitude(some), np.float64)
        inside = vectors[:, gray.tetrahedra]
        right = np.linalg.norm(inside, axis=2)
        norms += np.linalg.norm(
            np.einsum("t,ptc->pc", balls[0].weights, vectors[:, balls[0].tetrahedra]),
            axis=1,
        ).tolist()
        for row, centre in enumerate(np.asarray(some.translation)):
            near = int(np.argmin(np.linalg.norm(centres - centre, axis=1)))
            mean = lambda x, n=near: x[columns[n]] @ balls[n].weights
            means.append(mean(ours[row]) / mean(right[row]) - 1)
            top = [
                meshing.volume_percentiles(x[row], gray.weights, [99.9])[0]
                for x in (ours, right)
            ]
            peaks.append(top[0] / top[1] - 1)
    return abs(np.array(means)), abs(np.array(peaks)), np.array(norms)
