"""Forty cortical targets: the search against an exhaustive one, a grid, and DIRECT.

    python -m benchmarks targets --head=template:300000 --count=40

For each target the gradient search is compared with the best of all placements 1 mm and 1°
apart around the best of a sweep over the whole upper head, with a grid of 5 mm and 30°, and
with DIRECT followed by L-BFGS-B without gradients (scipy). All use the same adjoint
solution, distance and lift; values are those of exact reciprocity at the final placement,
set on the true scalp in the same way. The targets of the template are committed; those of
another head are drawn with the same seed.

    python -m benchmarks targets --handles --count=20

asks instead what the default rule for the handle (`optimize.Handle()`) costs each target,
and whether its handle keeps to it.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of
from scipy import optimize as so

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.coils import Pose
from tmsgrad.optimize.batches import near_poses
from tmsgrad.optimize.unknowns import ANGLE, LENGTH


_LIST = Path(__file__).parent / "targets_template.json"
RADIUS = 5e-3  # Of a target. [m]
_DEEPEST, _LOWEST = 35e-3, 0.105  # Below the scalp; below the top of the head. [m]
_APART = 20e-3
_DOMAIN = optimize.Domain(distance=4e-3)
_REACH = 12e-3  # Of the fine exhaustive search around the best of the sweep. [m]
_TURN = 20  # Of its angles, to either side. [°]
_GRID_REACH = 20e-3


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks targets")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument(
        "--draw", action="store_true", help="write the template's list anew, and stop"
    )
    parser.add_argument(
        "--handles", action="store_true", help="rate the rule for the handle instead"
    )
    options = parser.parse_args(words)
    head = head_of(options.head)
    scalp = meshing.scalp(head)
    if options.draw:
        centres = draw_targets(head, scalp, 40)
        text = json.dumps(np.round(centres * 1e3, 1).tolist())
        _LIST.write_text(text.replace("], ", "],\n ") + "\n", encoding="utf-8")
        return
    centres = centres_of(options.head, head, scalp)
    coil = coils.read(options.coil)
    conductor = efield.assemble(head, efield.isotropic(head))
    study = Handles(coil, scalp) if options.handles else Study(coil, scalp)
    rows = []
    for number, centre in enumerate(centres[: options.count]):
        target = meshing.ball(head, centre, RADIUS)
        reciprocal = jax.block_until_ready(efield.reciprocal(conductor, target))
        rows.append(study.row(number, optimize.MeanMagnitude(reciprocal)))
        print(json.dumps(rows[-1]), flush=True)
    print(record.table(rows))
    summed = handles_summary(rows) if options.handles else summary(rows)
    for name, value in summed.items():
        print(f"{name}: {value}")
    millions = len(head.tags) / 1e6
    name = Path(options.head.partition(":")[0]).stem
    kind = "handles" if options.handles else "targets"
    print("written to", record.write(f"{kind}-{name}-{millions:.1f}M", rows))


def centres_of(name: str, head, scalp) -> np.ndarray:
    """The forty targets of a head: those of the template are committed. [m]"""
    if name.startswith("template"):
        return np.array(json.loads(_LIST.read_text(encoding="utf-8"))) * 1e-3
    return draw_targets(head, scalp, 40)


def draw_targets(head, scalp, count: int) -> np.ndarray:
    """Draw places of gray matter near the upper scalp, far from each other. [m]"""
    gray = np.flatnonzero(head.of("gray matter"))
    places = head.centroids[gray]
    top = scalp.surface.vertices[:, 2].max()
    rng = np.random.default_rng(40)
    order = rng.permutation(len(places))
    chosen: list[np.ndarray] = []
    for place in places[order]:
        high = place[2] > top - _LOWEST
        apart = all(np.linalg.norm(place - other) > _APART for other in chosen)
        if high and apart:
            depth = -float(scalp.surface.signed_distance(place[None])[0])
            if depth < _DEEPEST:
                chosen.append(place)
        if len(chosen) == count:
            break
    return np.array(chosen)


def summary(rows: list[dict]) -> dict:
    """What a study comes to."""
    shares = np.array([row["share of exhaustive"] for row in rows])
    return {
        "targets": len(rows),
        "at least 99.9 %": int((shares >= 0.999).sum()),
        "least share": float(shares.min()),
        "median gradient evaluations": float(
            np.median([row["evaluations"] for row in rows])
        ),
        "median seconds": float(np.median([row["seconds"] for row in rows])),
        "least clearance, mm": min(row["clearance, mm"] for row in rows),
        "median share of grid": float(np.median([row["grid share"] for row in rows])),
        "median share of DIRECT": float(
            np.median([row["DIRECT share"] for row in rows])
        ),
    }


def handles_summary(rows: list[dict]) -> dict:
    """What a study of handles comes to."""
    costs = [row["cost, %"] for row in rows]
    return {
        "targets": len(rows),
        "within the rule": sum(row["beyond the rule, °"] == 0 for row in rows),
        "free ones within it": sum(row["free one beyond it, °"] == 0 for row in rows),
        "median cost, %": float(np.median(costs)),
        "largest cost, %": max(costs),
    }


class Handles:
    """The search without a rule for the handle, and with the default one."""

    def __init__(self, coil, scalp):
        self._coil, self._scalp = coil, scalp
        self._wheel, self._rule = coils.rings(coil), optimize.Handle()

    def row(self, number: int, objective) -> dict:
        """Search for one target both ways."""
        free, ruled = (
            optimize.prepare_search(
                self._coil,
                self._scalp,
                objective.centre,
                replace(_DOMAIN, handle=rule),
                wheel=self._wheel,
            ).run(objective)
            for rule in (None, self._rule)
        )
        beyond = lambda found: np.degrees(self._rule.deviation(found.pose)).item()
        return {
            "target": number,
            "free [V/m]": free.value,
            "ruled [V/m]": ruled.value,
            "cost, %": 100 * (1 - ruled.value / free.value),
            "beyond the rule, °": beyond(ruled),
            "free one beyond it, °": beyond(free),
            "evaluations": ruled.evaluations,
        }


class Study:
    """The searches on one head with one coil."""

    def __init__(self, coil, scalp):
        self._coil, self._scalp = coil, scalp
        self._wheel = coils.rings(coil)
        self._samples = optimize.casing_samples(coil)
        self._positions = optimize.spread(scalp, 8e-3)
        self._warm = False

    def row(self, number: int, objective) -> dict:
        """Search for one target by all methods."""
        coil, scalp = self._coil, self._scalp
        prepared = optimize.prepare_search(
            coil, scalp, objective.centre, _DOMAIN, wheel=self._wheel
        )
        if not self._warm:  # Compilation is no part of the search.
            prepared.run(objective)
            self._warm = True
        begin = time.perf_counter()
        found = prepared.run(objective)
        seconds = time.perf_counter() - begin
        few, _ = efield.equivalent(objective.reciprocal, scalp)
        problem = prepared.problem(objective, few)
        exhaustive, tried = self._exhaustive(objective)
        grid, grid_tried = self._grid(objective, problem)
        direct, direct_tried, direct_seconds = self._direct(objective, problem)
        best = max(exhaustive, found.value)
        return {
            "target": number,
            "value [V/m]": found.value,
            "share of exhaustive": found.value / exhaustive,
            "evaluations": found.evaluations,
            "seconds": seconds,
            "of these: climbing": found.seconds["climb"],
            "clearance, mm": found.best.clearance * 1e3,
            "at edge": found.best.at_edge,
            "exhaustive [V/m]": exhaustive,
            "placements tried": tried,
            "grid share": grid / best,
            "grid tried": grid_tried,
            "DIRECT share": direct / best,
            "DIRECT evaluations": direct_tried,
            "DIRECT seconds": direct_seconds,
        }

    def _exhaustive(self, objective) -> tuple[float, int]:
        """The best of 1 mm and 1° around the best places of a sweep over the head."""
        coarse = optimize.sweep(
            objective,
            self._coil,
            self._scalp,
            self._positions,
            _DOMAIN,
            angles=120,
        )
        place, _ = coarse.best
        middle = np.asarray(coarse.poses.translation)[place]
        patch = optimize.chart(self._scalp, middle, _REACH + 3e-3)
        steps = 1e-3 * np.arange(-12, 13)
        u, v = (x.ravel() for x in np.meshgrid(steps, steps))
        inside = np.hypot(u, v) <= _REACH
        spots = jnp.stack([jnp.asarray(u[inside]), jnp.asarray(v[inside])], axis=1)
        points = np.asarray(jax.vmap(lambda p: patch.scalp_point(p)[0])(spots))
        fine = optimize.sweep(
            objective,
            self._coil,
            self._scalp,
            points,
            _DOMAIN,
            angles=360,
        )
        # The map lifts for all angles: the best few are rated where they truly stand.
        order = np.argsort(-fine.values, axis=None)[:5]
        best = max(
            self._settled(objective, fine.pose(*np.unravel_index(i, fine.values.shape)))
            for i in order
        )
        return best, coarse.values.size + fine.values.size

    def _grid(self, objective, problem) -> tuple[float, int]:
        steps = 5e-3 * np.arange(-4, 5)
        u, v = (x.ravel() for x in np.meshgrid(steps, steps))
        inside = np.hypot(u, v) <= _GRID_REACH
        angles = np.radians(np.arange(0, 360, 30)) / ANGLE
        places = np.array(
            [
                (a / LENGTH, b / LENGTH, c)
                for a, b in zip(u[inside], v[inside], strict=True)
                for c in angles
            ]
        )
        values = np.asarray(_values(problem, jnp.asarray(places)))
        return self._placed(objective, problem, places[np.argmax(values)]), len(places)

    def _direct(self, objective, problem) -> tuple[float, int, float]:
        count = 0

        def negative(x: np.ndarray) -> float:
            nonlocal count
            count += 1
            return -float(_values(problem, jnp.asarray(x[None]))[0])

        reach = problem.chart.radius / LENGTH / np.sqrt(2)
        half = np.pi / ANGLE
        bounds = [(-reach, reach), (-reach, reach), (-half, half)]
        begin = time.perf_counter()
        rough = so.direct(negative, bounds, maxfun=1000)
        # Steps of the default 1e-8 drown in rounding.
        fine = so.minimize(
            negative, rough.x, method="L-BFGS-B", bounds=bounds, options={"eps": 1e-4}
        )
        seconds = time.perf_counter() - begin
        return self._placed(objective, problem, fine.x), count, seconds

    def _placed(self, objective, problem, x: np.ndarray) -> float:
        near = near_poses(problem, jnp.asarray(x)[None])
        return self._settled(objective, jax.tree.map(lambda leaf: leaf[0], near))

    def _settled(self, objective, near: Pose) -> float:
        axis = np.asarray(near.rotation)[:, 2]
        centre = np.asarray(near.translation)
        now = self._scalp.distance_along(centre, axis)
        pose = Pose(near.rotation, centre + (now - _DOMAIN.distance) * axis)
        pose, _ = optimize.lifted(pose, self._samples, self._scalp, 0.0)
        return float(objective.value(_mean(objective.reciprocal, self._coil, pose)))


@eqx.filter_jit
def _values(problem, points):
    return jax.lax.map(problem, points)


@eqx.filter_jit
def _mean(reciprocal, coil, pose):
    return reciprocal.mean_field(coil, pose)
