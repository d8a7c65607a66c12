"""Optimizers on the same problems: ours, optax, SciPy, DIRECT, and one of your own.

    python -m benchmarks optimizers --head=template:100000 --count=40

Each gets the same `optimize.Problem`, simplified, around each of the forty targets, and
returns unknowns. These are set on the true scalp, the places around them tried there, and
rated by exact reciprocity, in the same way for all; the value is a share of the best that
any of them found for the target. Seconds are those of the optimizer alone, compiled before.

An optimizer of your own is a function of the simplified problem that returns the unknowns,
or an `optimize.Climbed`, whose evaluations are then shown. `--mine=module:function`
finds it by its name; the module must be importable, such as a file where you are.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks import record
from benchmarks.bench_forward import head_of
from benchmarks.bench_targets import RADIUS, centres_of
from scipy import optimize as so

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.optimize import Climbed, Problem


_DOMAIN = optimize.Domain(distance=4e-3)
_DRAWN, _CLIMBED, _STEPS = 64, 8, 50
_ADAM = optax.adam(optax.cosine_decay_schedule(0.3, _STEPS))  # Compiled for once.


Optimizer = Callable[[Problem], Climbed | np.ndarray]


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks optimizers")
    parser.add_argument(
        "--head", default="template:100000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--count", type=int, default=40, help="of targets")
    parser.add_argument("--mine", help="module:function, an optimizer of your own")
    options = parser.parse_args(words)
    optimizers: dict[str, Optimizer] = dict(OPTIMIZERS)
    if options.mine:
        optimizers[options.mine] = found(options.mine)
    head = head_of(options.head)
    scalp, coil = meshing.scalp(head), coils.read(options.coil)
    conductor = efield.assemble(head, efield.isotropic(head))
    contest = Contest(coil, scalp, optimizers)
    rows = []
    for number, centre in enumerate(centres_of(options.head, head, scalp)):
        if number == options.count:
            break
        target = meshing.ball(head, centre, RADIUS)
        reciprocal = jax.block_until_ready(efield.reciprocal(conductor, target))
        rows += contest.rows(number, optimize.MeanMagnitude(reciprocal))
        print(json.dumps(rows[-len(optimizers) - 1 :]), flush=True)
    print(record.table(summary(rows)))
    name = Path(options.head.partition(":")[0]).stem
    millions = len(head.tags) / 1e6
    name = f"optimizers-{name}-{millions:.1f}M"
    print("written to", record.write(name, rows))


def found(words: str) -> Optimizer:
    """Import an optimizer by `module:function`."""
    module, colon, name = words.partition(":")
    if not (module and colon and name):
        raise SystemExit(f"--mine must be module:function, got {words!r}.")
    sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SystemExit(f"--mine: {words!r} cannot be imported: {error}.") from error


def best_drawn(problem: Problem) -> np.ndarray:
    """The best of places drawn at random, to climb from."""
    drawn = problem.draw(jax.random.key(0), _DRAWN)
    values = np.asarray(problem.values(drawn))
    return np.asarray(drawn)[np.argsort(-values)[:_CLIMBED]]


def by_adam(problem: Problem) -> Climbed:
    starts = best_drawn(problem)
    climbed = optimize.with_optax(problem, _ADAM, starts, steps=_STEPS)
    return _plus(climbed, _DRAWN)


def by_scipy(problem: Problem) -> Climbed:
    every = [optimize.with_scipy(problem, start) for start in best_drawn(problem)]
    best = max(every, key=lambda each: each.value)
    return _plus(best, _DRAWN + sum(e.evaluations for e in every) - best.evaluations)


def by_evolution(problem: Problem) -> Climbed:
    return optimize.with_evolution(problem, maxiter=25, popsize=8, tol=1e-3, seed=0)


def by_direct(problem: Problem) -> Climbed:
    count = 0

    def negative(x: np.ndarray) -> float:
        nonlocal count
        count += 1
        return -float(problem.value(problem.project(jnp.asarray(x))))

    low, high = problem.bounds
    rough = so.direct(negative, list(zip(low, high, strict=True)), maxfun=1000)
    return _plus(optimize.with_scipy(problem, rough.x), count)


OPTIMIZERS: dict[str, Optimizer] = {
    f"optax: Adam, {_STEPS} steps from the best {_CLIMBED} of {_DRAWN} drawn": by_adam,
    f"SciPy: L-BFGS-B from the best {_CLIMBED} of {_DRAWN} drawn": by_scipy,
    "SciPy: differential evolution, then L-BFGS-B": by_evolution,
    "SciPy: DIRECT, then L-BFGS-B": by_direct,
}


def _plus(climbed: Climbed, evaluations: int) -> Climbed:
    return replace(climbed, evaluations=climbed.evaluations + evaluations)


def summary(rows: list[dict]) -> list[dict]:
    """What each optimizer comes to."""
    names = list(dict.fromkeys(row["optimizer"] for row in rows))
    found = []
    for name in names:
        mine = [row for row in rows if row["optimizer"] == name]
        shares = np.array([row["share of best"] for row in mine])
        counts = [row["evaluations"] for row in mine if row["evaluations"] is not None]
        found.append(
            {
                "optimizer": name,
                "targets": len(mine),
                "at least 99.9 %": int((shares >= 0.999).sum()),
                "least share": f"{shares.min():.3%}",
                "evaluations, median": float(np.median(counts)) if counts else None,
                "seconds, median": float(np.median([r["seconds"] for r in mine])),
            }
        )
    return found


class Contest:
    """All optimizers on one head with one coil."""

    def __init__(self, coil, scalp, optimizers: dict[str, Optimizer]):
        self._coil, self._scalp, self._optimizers = coil, scalp, optimizers
        self._wheel = coils.rings(coil)
        self._warm = False

    def rows(self, number: int, objective) -> list[dict]:
        """Let all search for one target."""
        coil, scalp = self._coil, self._scalp
        exact = optimize.problem(objective, coil, scalp, _DOMAIN)
        few = exact.simplified(scalp)
        prepared = optimize.prepare_search(
            coil, scalp, objective.centre, _DOMAIN, wheel=self._wheel
        )
        ours = lambda: prepared.run(objective)
        if not self._warm:  # Compilation is no part of the search.
            for optimizer in (ours, *(_of(o, few) for o in self._optimizers.values())):
                optimizer()
            self._warm = True
        found, seconds = _timed(ours)
        rows = [
            _row(number, "tmsgrad: find_pose", found.value, found.evaluations, seconds)
        ]
        for name, optimizer in self._optimizers.items():
            climbed, seconds = _timed(_of(optimizer, few))
            x = climbed.x if isinstance(climbed, Climbed) else np.asarray(climbed)
            count = climbed.evaluations if isinstance(climbed, Climbed) else None
            end = optimize.settle(exact, x, scalp, simplified=few)
            rows.append(_row(number, name, end.value, count, seconds))
        best = max(row["value [V/m]"] for row in rows)
        return [{**row, "share of best": row["value [V/m]"] / best} for row in rows]


def _of(optimizer: Optimizer, few: Problem) -> Callable:
    return lambda: optimizer(few)


def _row(number: int, name: str, value: float, count: int | None, seconds: float):
    return {
        "target": number,
        "optimizer": name,
        "value [V/m]": value,
        "evaluations": count,
        "seconds": seconds,
    }


def _timed(optimizer: Callable):
    begin = time.perf_counter()
    found = optimizer()
    return found, time.perf_counter() - begin
