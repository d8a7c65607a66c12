"""Libraries that solve the stiffness system of a head: set-up, solves, memory.

    python -m benchmarks solvers --head=template:300000

Each library runs in a process of its own on the same matrix and right-hand sides, so that
its peak memory is its own. Those that are not installed are left out and named: sparsax
(CHOLMOD), python-mumps (MUMPS), amjax (pyamg's hierarchies in JAX).
"""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pyamg
import scipy.sparse as sp
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import efield
from tmsgrad.efield.linear import direct, hierarchy, host_multigrid
from tmsgrad.efield.linear.stiffness import assemble_upper, whole


_BLOCK = 8
_RTOL = 1e-8

Solve = Callable[[np.ndarray], np.ndarray]  # (node, rhs) to (node, rhs)


class Library(NamedTuple):
    """A way to solve, and what must be installed for it."""

    set_up: Callable[[sp.csr_matrix], Solve]
    needs: str


def _pardiso(matrix: sp.csr_matrix) -> Solve:
    factor = direct._Pardiso(sp.csr_matrix(sp.triu(matrix)))
    return lambda b: factor.substitute(b.T).T


def _superlu(matrix: sp.csr_matrix) -> Solve:
    factor = direct._SuperLU(sp.csr_matrix(sp.triu(matrix)))
    return lambda b: factor.substitute(b.T).T


def _cholmod(matrix: sp.csr_matrix) -> Solve:
    import sparsax  # pyright: ignore[reportMissingImports]

    upper = sp.coo_matrix(sp.triu(matrix))
    factor = sparsax.factor(
        upper.row, upper.col, jnp.asarray(upper.data), len(matrix.indptr) - 1
    )

    def solve(b: np.ndarray) -> np.ndarray:
        return np.asarray(sparsax.solve_factor(factor, jnp.asarray(b)))

    return solve


def _mumps(matrix: sp.csr_matrix) -> Solve:
    import mumps  # pyright: ignore[reportMissingImports]

    context = mumps.Context()
    context.set_matrix(sp.coo_matrix(matrix), symmetric=True)
    context.factor(ordering="metis")
    return context.solve


def _ours_on_host(matrix: sp.csr_matrix) -> Solve:
    prepared = host_multigrid._Prepared(matrix, hierarchy.build_hierarchy(matrix))
    return lambda b: efield.HostMultigrid(rtol=_RTOL).apply(prepared, b.T)[0].T


def _scipy_and_pyamg(matrix: sp.csr_matrix) -> Solve:
    cycle = _pyamg(matrix)
    column = lambda b: cycle.solve(b, tol=_RTOL, accel="cg", maxiter=200)
    return lambda b: np.stack([np.asarray(column(each)) for each in b.T], axis=1)


def _amjax(matrix: sp.csr_matrix) -> Solve:
    import amjax  # pyright: ignore[reportMissingImports]
    from jax.experimental import sparse

    solver = amjax.MultilevelSolver.from_pyamg(_pyamg(matrix))
    operator = sparse.BCSR.from_scipy_sparse(matrix)
    cycle = solver.aspreconditioner(cycle="V")

    @jax.jit
    def solve(b):
        found = jax.scipy.sparse.linalg.cg(operator, b, M=cycle, tol=_RTOL, maxiter=200)
        return found[0]

    each = lambda b: np.asarray(solve(jnp.asarray(b)))
    return lambda b: np.stack([each(column) for column in b.T], axis=1)


def _pyamg(matrix: sp.csr_matrix):
    return pyamg.smoothed_aggregation_solver(
        matrix,
        strength=("symmetric", {"theta": 0.04}),  # pyright: ignore[reportArgumentType]
        max_coarse=400,
    )


LIBRARIES = {
    "PARDISO (MKL)": Library(_pardiso, "pypardiso"),
    "CHOLMOD (sparsax)": Library(_cholmod, "sparsax"),
    "MUMPS (python-mumps)": Library(_mumps, "mumps"),
    "SuperLU (scipy)": Library(_superlu, "scipy"),
    "HostMultigrid": Library(_ours_on_host, "tmsgrad"),
    "pyamg, conjugate gradients": Library(_scipy_and_pyamg, "pyamg"),
    "amjax, conjugate gradients": Library(_amjax, "amjax"),
}


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks solvers")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh or template:N"
    )
    parser.add_argument(
        "--leave-out", default="", help="names, separated by semicolons"
    )
    parser.add_argument("--system", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.one:
        print(json.dumps(_measured(options.one, options.system)))
        return
    with tempfile.TemporaryDirectory() as folder:
        system = Path(folder) / "system.npz"
        elements = _write_system(head_of(options.head), system)
        rows = []
        for name in LIBRARIES:
            if name not in options.leave_out.split(";"):
                rows.append({"library": name} | _in_own_process(name, system))
                print(record.table(rows[-1:]), flush=True)
    print(record.table(rows))
    written = record.write(
        f"solvers-{elements / 1e6:.1f}M",
        [row | {"tetrahedra": elements} for row in rows],
    )
    print("written to", written)


def _write_system(head, path: Path) -> int:
    """Write the matrix and the loads of dipoles in different places."""
    conductor = efield.assemble(head, efield.isotropic(head))
    mesh = conductor.host.mesh
    matrix = whole(assemble_upper(mesh, np.asarray(conductor.conductivity)))
    rng = np.random.default_rng(0)
    loads = []
    for _ in range(_BLOCK):
        tangent = jnp.asarray(rng.normal(size=3))
        rate = jnp.cross(tangent[None], conductor.nodes) + 0.1 * tangent[None]
        elements, stiffness = conductor.elements, conductor.stiffness
        load = elements.gradient_adjoint(stiffness.current(elements.projected(rate)))
        load = mesh.ordered(np.asarray(load))
        load[mesh.ground] = 0
        loads.append(load)
    np.savez(
        path, data=matrix.data, indices=matrix.indices, indptr=matrix.indptr,
        loads=np.stack(loads, axis=1),
    )  # fmt: skip
    return len(head.tags)


def _in_own_process(name: str, system: Path) -> dict:
    needs = LIBRARIES[name].needs
    try:
        importlib.import_module(needs)
    except ImportError as error:
        return {"note": f"{needs} cannot be imported: {error}"[:80]}
    command = [sys.executable, "-m", "benchmarks", "solvers", f"--one={name}"]
    done = subprocess.run(
        [*command, f"--system={system}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {
            "note": "failed: " + (done.stderr.strip().splitlines() or ["?"])[-1][:80]
        }
    return json.loads(done.stdout.strip().splitlines()[-1])


def _measured(name: str, system: Path) -> dict:
    with np.load(system) as stored:
        parts = (stored["data"], stored["indices"], stored["indptr"])
        loads = stored["loads"]
    matrix = sp.csr_matrix(parts)
    before = _peak_memory()
    begin = time.perf_counter()
    solve = LIBRARIES[name].set_up(matrix)
    first = solve(loads[:, :1])
    ready = time.perf_counter() - begin
    alone = min(_seconds(lambda i=i: solve(loads[:, i : i + 1])) for i in (1, 2))
    begin = time.perf_counter()
    found = solve(loads)
    block = time.perf_counter() - begin
    missed = np.linalg.norm(loads - matrix @ found, axis=0)
    size = np.linalg.norm(loads, axis=0)
    return {
        "set-up and first solve [s]": ready,
        "further solve [s]": alone,
        f"each of {_BLOCK} [s]": block / _BLOCK,
        "memory [GB]": _peak_memory() - before,
        "true relative residual": float(np.max(missed / size)),
        "differs when repeated": bool(np.any(first[:, 0] != solve(loads[:, :1])[:, 0])),
    }


def _peak_memory() -> float:
    """The largest memory of this process. [GB]"""
    # On Linux `ru_maxrss` begins with that of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if "VmHWM" in x)
        return int(line.split()[1]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9


def _seconds(function) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin
