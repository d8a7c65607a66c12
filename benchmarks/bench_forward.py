"""Seconds from a mesh in memory to fields, for each solver and for SciPy with pyamg.

    python -m benchmarks forward --head=template --block=8 --solvers=Direct,HostMultigrid

All in one process and run, on the same mesh, coil and poses. `ratio` is the time of one
further placement against that of the peer, SciPy's conjugate gradients with pyamg's cycle.
"""

import argparse
import resource
import time

import jax
import jax.numpy as jnp
import numpy as np
import pyamg
from benchmarks import record

from tmsgrad import coils, efield, meshing
from tmsgrad.efield.linear.stiffness import assemble_upper, whole


_PEER = "scipy CG + pyamg"
_TURNS = 10
_ALL = ("Direct", "HostMultigrid", "Multigrid")


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks forward")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double")
    parser.add_argument("--block", type=int, default=8)
    parser.add_argument("--solvers", default=",".join(_ALL[:2]))
    options = parser.parse_args(words)
    head = head_of(options.head)
    coil = coils.read(options.coil)
    poses = _poses(head, options.block)
    rows = [_peer(head, coil, poses)]
    rows += [_ours(name, head, coil, poses) for name in options.solvers.split(",")]
    alone = rows[0]["further placement [s]"]
    for row in rows:
        row["ratio"] = row["further placement [s]"] / alone
        row["tetrahedra"] = len(head.tags)
    print(record.table(rows))
    name = f"forward-{len(head.tags) / 1e6:.1f}M"
    print("written to", record.write(name, rows))


def head_of(source: str) -> meshing.HeadMesh:
    name, _, size = source.partition(":")
    if name == "template":
        return meshing.template(int(size) if size else 1_000_000)
    return meshing.read_head(source)


def _poses(head: meshing.HeadMesh, count: int) -> coils.Pose:
    """Coils at 4 mm over the top of the head, turned by different angles."""
    scalp = meshing.scalp(head)
    top = scalp.surface.vertices[np.argmax(scalp.surface.vertices[:, 2])]
    normal = scalp.normal(top[None])[0]
    z = -normal
    poses = []
    for angle in np.linspace(0, np.pi, count, endpoint=False):
        y = np.array([np.sin(angle), np.cos(angle), 0.0])
        y -= (y @ z) * z
        y /= np.linalg.norm(y)
        rotation = np.stack([np.cross(y, z), y, z], axis=1)
        poses.append(
            coils.Pose(jnp.asarray(rotation), jnp.asarray(top + 4e-3 * normal))
        )
    return coils.stack_poses(poses)


def _first(poses: coils.Pose) -> coils.Pose:
    return jax.tree.map(lambda x: x[0], poses)


def _timed(function) -> float:
    begin = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - begin


def _ours(name: str, head, coil, poses) -> dict:
    solver = getattr(efield, name)()
    begin = time.perf_counter()
    conductor = efield.assemble(head, efield.isotropic(head))
    field = efield.solve(conductor, coil, _first(poses), solver=solver)
    jax.block_until_ready(field)
    ready = time.perf_counter() - begin
    one = lambda: efield.solve(conductor, coil, _first(poses), solver=solver)
    slopes = _value_and_gradient(head, coil, _first(poses), solver)
    alone, by_derivatives = _least(one, slopes)
    count = len(poses.translation)
    many = lambda: efield.solve(conductor, coil, poses, solver=solver)
    table = coils.interpolate(coil)
    tabulated = lambda: efield.solve(conductor, table, poses, solver=solver)
    _timed(tabulated)
    return {
        "solver": name,
        "mesh to first field, with compilation [s]": ready,
        "further placement [s]": alone,
        f"each in blocks of {count} [s]": _timed(many) / count,
        f"each in blocks of {count}, coil tabulated [s]": _timed(tabulated) / count,
        "value and gradient by pose and tensors [s]": by_derivatives,
        "the same, in further placements": by_derivatives / alone,
        "iterations": int(np.max(field.report.iterations)),
        "true relative residual": float(np.max(field.report.residual)),
        "peak memory [GB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def _least(*functions) -> list[float]:
    """The least seconds of each, in turn, so that what else runs slows all alike."""
    for function in functions:
        _timed(function)
    taken = [[_timed(function) for function in functions] for _ in range(_TURNS)]
    return np.min(taken, axis=0).tolist()


def _value_and_gradient(head, coil, pose, solver):
    """Make |mean E| in a ball, with slopes by six of pose and a tensor each."""
    scalar = np.asarray(efield.isotropic(head))
    tensors = jnp.asarray(scalar[:, None, None] * np.eye(3))
    conductor = efield.assemble(head, tensors)
    centre = np.asarray(pose.translation) + 30e-3 * np.asarray(pose.rotation)[:, 2]
    ball = meshing.ball(head, centre, 10e-3)

    def value(shift, turn, tensors):
        made, moved = conductor.with_conductivity(tensors), pose.moved(shift, turn)
        field = efield.solve(made, coil, moved, solver=solver)
        return jnp.linalg.norm(field.mean(ball))

    slopes = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2)))
    return lambda: slopes(jnp.zeros(3), jnp.zeros(3), tensors)


def _peer(head, coil, poses) -> dict:
    """The same field with SciPy's matrix and pyamg's own solver."""
    begin = time.perf_counter()
    conductor = efield.assemble(head, efield.isotropic(head))
    mesh = conductor.host.mesh
    matrix = whole(assemble_upper(mesh, np.asarray(conductor.conductivity)))
    strength = ("symmetric", {"theta": 0.08})
    hierarchy = pyamg.smoothed_aggregation_solver(
        matrix,
        strength=strength,  # pyright: ignore[reportArgumentType]
        max_coarse=400,
    )
    ready = time.perf_counter() - begin
    steps: list[float] = []

    def place():
        rate = 1e6 * coil.potential_at(conductor.nodes, _first(poses))
        elements, stiffness = conductor.elements, conductor.stiffness
        load = -np.array(
            elements.gradient_adjoint(stiffness.current(elements.projected(rate)))
        )
        load = mesh.ordered(load)
        load[mesh.ground] = 0
        steps.clear()
        x = hierarchy.solve(load, tol=1e-8, accel="cg", residuals=steps, maxiter=200)
        potential = jnp.asarray(mesh.restored(np.asarray(x)))
        return -(elements.projected(rate) + elements.gradient(potential)).T

    first = _timed(place)
    return {
        "solver": _PEER,
        "mesh to first field, with compilation [s]": ready + first,
        "further placement [s]": min(_timed(place) for _ in range(3)),
        "iterations": len(steps) - 1,
        "peak memory [GB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }
