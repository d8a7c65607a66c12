"""All figures of a GPU by one command, and the same on the cores beside it.

    python -m benchmarks gpu --heads=template:300000,template:1000000,template:3000000

For each head: fields against the host's, then seconds of what users wait for, memory, and
the share of the device's bandwidth that an iteration uses. Whatever was measured is written
after each step, so that nothing is lost where the command is cut off; steps that no longer
fit into `--minutes` are left out, and named. Without a GPU the same runs on the processor.

Products of sparse matrices are tried in all ways that `efield.tuned` chooses among. What
XLA's command buffers change is seen by a second run without them:

    XLA_FLAGS=--xla_gpu_enable_command_buffer= python -m benchmarks gpu --only=further

The machine needs no network: `--heads` takes files such as `head.npz`, which another
machine wrote by `tmsgrad head convert`.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field as attribute
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, efield, meshing, optimize
from tmsgrad.efield.tuning import variants


_COPIED = 2**28  # Bytes read and written to measure the bandwidth.
_REPEATED = 5


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu")
    parser.add_argument(
        "--heads",
        default="template:300000,template:1000000,template:3000000",
        help="meshes, or template:N",
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--target", default="-44,40,29", help="mm")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument(
        "--placements", type=int, default=2_100_000, help="of the sweep"
    )
    parser.add_argument("--modes", type=int, default=100, help="of the reduced field")
    parser.add_argument("--draws", type=int, default=16, help="of conductivities")
    parser.add_argument(
        "--only", default="", help="steps whose names have this in them"
    )
    parser.add_argument("--no-host", action="store_true", help="leave out the cores")
    parser.add_argument("--out", help="file (results/gpu-DEVICE.json)")
    options = parser.parse_args(words)
    run = Run(time.monotonic() + 60 * options.minutes, options.out)
    for source in options.heads.split(","):
        case = Case.of(source, options)
        solvers = {
            _device(): efield.Multigrid(),
            "host's cores": efield.HostMultigrid(),
        }
        for where, solver in list(solvers.items())[: 1 if options.no_host else 2]:
            for name, step in steps(case, solver):
                if options.only in name:
                    run.take(case, where, name, step)
    run.close()


def _device() -> str:
    return str(jax.devices()[0].device_kind)


@dataclass
class Run:
    """What was measured so far.

    Attributes:
        deadline: By the clock of `time.monotonic`. [s]
        out: File, or None for that of all results.
        rows: Of the table.
        left_out: Steps for which there was no time, or which failed.
    """

    deadline: float
    out: str | None
    rows: list[dict] = attribute(default_factory=list)
    left_out: list[str] = attribute(default_factory=list)

    def take(
        self, case: "Case", where: str, name: str, step: Callable[[], dict]
    ) -> None:
        """Measure one step and write all down."""
        label = f"{name}, {case.size} tetrahedra, {where}"
        if time.monotonic() > self.deadline:
            self.left_out.append(f"{label}: no time left")
            return
        try:
            found = step()
        except Exception as error:  # The other figures are worth having.
            self.left_out.append(f"{label}: {type(error).__name__}: {error}")
            print(f"{label}: {type(error).__name__}: {error}", flush=True)
            return
        row = {"step": name, "tetrahedra": case.size, "where": where, **found}
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        if self.out is not None:
            self._write(Path(self.out))

    def close(self) -> None:
        """Write the results where they belong, and print them."""
        print(record.table(self.rows))
        for each in self.left_out:
            print(f"left out: {each}")
        if self.out is None:
            print("written to", record.write("gpu", self.rows))
        else:
            self._write(Path(self.out))
            print("written to", self.out)

    def _write(self, path: Path) -> None:
        content = {
            "machine": record.machine(),
            "flags": os.environ.get("XLA_FLAGS", ""),
            "rows": self.rows,
            "left_out": self.left_out,
        }
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Case:
    """A head, a coil over it and a target in it.

    Attributes:
        head: The head.
        scalp: Of it.
        coil: The coil.
        target: Of 5 mm.
        options: Of the command.
    """

    head: meshing.HeadMesh
    scalp: meshing.Scalp
    coil: coils.AbstractCoil
    target: meshing.Region
    options: argparse.Namespace

    @classmethod
    def of(cls, source: str, options: argparse.Namespace) -> "Case":
        head = head_of(source)
        centre = np.array([float(x) for x in options.target.split(",")]) * 1e-3
        return cls(
            *(head, meshing.scalp(head), coils.read(options.coil)),
            *(meshing.ball(head, centre, 5e-3), options),
        )

    @property
    def size(self) -> int:
        """How many tetrahedra there are."""
        return len(self.head.tags)

    @cached_property
    def conductivity(self) -> jax.Array:
        """Of SimNIBS. [S/m]"""
        return efield.isotropic(self.head)

    @cached_property
    def conductor(self) -> efield.Conductor:
        """Assembled once."""
        return efield.assemble(self.head, self.conductivity)

    @cached_property
    def poses(self) -> coils.Pose:
        """Near the target, as many as the largest block."""
        near = optimize.placements(self.scalp, self.target.centre, 20e-3)
        return near(16, 0)

    def some(self, count: int) -> coils.Pose:
        """One pose, or the first ones as a batch."""
        rows = 0 if count == 1 else slice(count)
        return jax.tree.map(lambda x: x[rows], self.poses)

    def solved(self, solver, count: int = 1) -> jax.Array:
        """Solve for some poses. [V/m]"""
        pose = self.some(count)
        return efield.solve(self.conductor, self.coil, pose, solver=solver).vectors


def steps(case: Case, solver) -> Iterator[tuple[str, Callable[[], dict]]]:
    """All that is measured with one solver, the most important first."""
    on_device = isinstance(solver, efield.Multigrid)
    yield "assembly and first field", lambda: _first(case, solver)
    if on_device:
        yield "against the host", lambda: _agreement(case, solver)
    for count in (1, 8, 16):
        yield f"further fields, {count} at once", partial(_further, case, solver, count)
    if on_device:
        yield "an iteration", lambda: _iteration(case, solver)
    yield "value and gradient", lambda: _value_and_gradient(case, solver)
    yield "reciprocity and search", lambda: _search(case, solver)
    if on_device:
        yield "sweep", lambda: _sweep(case, solver)
        yield "reduced field", lambda: _reduced(case, solver)
    yield "uncertain conductivities", lambda: _uncertain(case, solver)
    if on_device:
        for each in variants():
            yield f"further fields by {each}", partial(_further, case, each, 1)


@contextmanager
def _clock() -> Iterator[list[float]]:
    taken = [0.0]
    begin = time.perf_counter()
    yield taken
    taken[0] = time.perf_counter() - begin


def _least(call: Callable[[], object], times: int = _REPEATED) -> float:
    jax.block_until_ready(call())
    taken = []
    for _ in range(times):
        with _clock() as clock:
            jax.block_until_ready(call())
        taken.append(clock[0])
    return min(taken)


def _first(case: Case, solver) -> dict:
    with _clock() as assembled:
        conductor = efield.assemble(case.head, case.conductivity)
        jax.block_until_ready(conductor)
    with _clock() as first:
        field = efield.solve(conductor, case.coil, case.some(1), solver=solver)
        jax.block_until_ready(field)
    return {
        "assembly [s]": assembled[0],
        "first field, with set-up and compilation [s]": first[0],
        "iterations": int(np.max(field.report.iterations)),
        "true relative residual": float(np.max(field.report.residual)),
        "memory of the device [GB]": _memory(),
    }


def _memory() -> float | None:
    known = jax.devices()[0].memory_stats()
    return None if known is None else known.get("peak_bytes_in_use", 0) / 1e9


def _agreement(case: Case, solver) -> dict:
    here = np.asarray(case.solved(efield.HostMultigrid(rtol=1e-10)))
    there = np.asarray(case.solved(solver))
    root = np.sqrt(case.head.volumes)[:, None]
    missed = np.linalg.norm((there - here) * root) / np.linalg.norm(here * root)
    again = np.asarray(case.solved(solver))
    return {
        "relative L2": float(missed),
        "same bits again": bool((again == there).all()),
    }


def _further(case: Case, solver, count: int) -> dict:
    taken = _least(lambda: case.solved(solver, count))
    return {"each [s]": taken / count, "all [s]": taken}


def _iteration(case: Case, solver) -> dict:
    """What an iteration costs: pieces of program, bytes, and the share of the bandwidth."""
    values = np.asarray(case.conductor.conductivity, dtype=np.float64)
    setup = case.conductor.host.setup(solver, values)
    cost = setup.cost
    field = efield.solve(case.conductor, case.coil, case.some(1), solver=solver)
    steps = int(np.max(field.report.iterations))
    # One pass more stands before the loop; all else of a solve is in the time, too.
    seconds = _least(lambda: case.solved(solver)) / (steps + 1)
    bandwidth = _bandwidth()
    return {
        "iteration [s]": seconds,
        "pieces of program": cost.starts,
        "bytes moved [MB]": cost.bytes_moved / 1e6,
        "of a perfect cycle": cost.bytes_moved / cost.bytes_needed,
        "bandwidth of a copy [GB/s]": bandwidth / 1e9,
        "share of it": cost.bytes_moved / seconds / bandwidth,
    }


def _bandwidth() -> float:
    """Bytes that the device reads and writes in a second while it copies."""
    data = jnp.zeros(_COPIED // 8)
    copy = jax.jit(lambda x: x + 1)
    return 2 * data.nbytes / _least(lambda: copy(data))


def _value_and_gradient(case: Case, solver) -> dict:
    def value(shift, turn, sigma):
        made = case.conductor.with_conductivity(sigma)
        moved = case.some(1).moved(shift, turn)
        field = efield.solve(made, case.coil, moved, solver=solver)
        return jnp.linalg.norm(field.mean(case.target))

    slopes = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2)))
    zero = jnp.zeros(3)
    taken = _least(lambda: slopes(zero, zero, case.conductivity), 3)
    return {"seconds": taken}


def _search(case: Case, solver) -> dict:
    solve = lambda: efield.reciprocal(case.conductor, case.target, solver=solver)
    adjoint = _least(lambda: solve().currents, 2)
    objective = optimize.MeanMagnitude(solve())
    search = lambda: optimize.find_pose(objective, case.coil, case.scalp)
    search()
    with _clock() as found:
        best = search()
    field = efield.solve(case.conductor, case.coil, best.pose, solver=solver)
    direct = float(jnp.linalg.norm(field.mean(case.target)))
    return {
        "three adjoint solves [s]": adjoint,
        "search after them [s]": found[0],
        "value [V/m]": best.value,
        "by a direct solve [V/m]": direct,
    }


def _sweep(case: Case, solver) -> dict:
    objective = optimize.MeanMagnitude(
        efield.reciprocal(case.conductor, case.target, solver=solver)
    )
    angles, spacing = 360, 4e-3
    wanted = max(case.options.placements // angles, 1)
    points = optimize.spread(case.scalp, spacing)
    points = np.resize(points, (wanted, 3))
    rate = lambda: (
        optimize.sweep(objective, case.coil, case.scalp, points, angles=angles).values
    )
    return {"placements": wanted * angles, "seconds": _least(rate, 1)}


def _reduced(case: Case, solver) -> dict:
    domain = optimize.placements(case.scalp, case.target.centre, 20e-3)
    gray = meshing.region(case.head, case.head.of("gray matter"))
    growth = efield.Growth(
        tolerance=1e-4, modes=case.options.modes, solves=case.options.modes, unseen=4
    )
    with _clock() as made:
        basis = efield.reduce(
            *(case.conductor, case.coil, domain, gray), growth=growth, solver=solver
        )
    few = np.linspace(0, len(gray.weights) - 1, min(30_000, len(gray.weights)))
    basis = basis.subset(few.astype(int))
    alone, batch = domain(1, 5), domain(64, 5)
    one = jax.tree.map(lambda x: x[0], alone)
    return {
        "modes": basis.modes.count,
        "set-up [s]": made[0],
        "one pose at 30,000 places [s]": _least(lambda: basis.magnitude(one)),
        "each of 64 [s]": _least(lambda: basis.magnitude(batch)) / 64,
        "worst error": basis.accuracy.worst,
    }


def _uncertain(case: Case, solver) -> dict:
    tissues = efield.uncertain_tissues(
        case.head, case.conductor, efield.CONDUCTIVITY_DISTRIBUTIONS
    )
    draws = tissues.draws(case.options.draws, 0)[: case.options.draws]
    rate = efield.rates(case.conductor, case.coil, case.some(1))

    def once(values) -> jax.Array:
        made = case.conductor.with_conductivity(tissues.conductivity(values))
        return efield.solve_rate(made, rate[None], solver=solver).vectors

    with _clock() as taken:
        for values in draws:
            jax.block_until_ready(once(values))
    return {"draws, each set up anew": len(draws), "each [s]": taken[0] / len(draws)}
