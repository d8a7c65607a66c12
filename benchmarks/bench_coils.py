"""Seconds for a coil's vector potential at the nodes of a head, by each way there is.

    python -m benchmarks coils --head=mesh.npz --coil=MagStim_D70.ccd --wires=H1.tcd

Direct sums of dipoles and of wires, the table of `coils.interpolate`, and a fast multipole
method (fmm3dpy) where that package is installed, with its errors. The coil is held 4 mm
from the top of the scalp.
"""

import argparse
import importlib.util
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from benchmarks import record
from benchmarks.bench_forward import head_of

from tmsgrad import coils, meshing


_ELEMENTS = 100_000
_EVERY = (
    20  # Many elements are summed directly at each twentieth node, and its time scaled.
)
_TOLERANCES = (1e-3, 1e-6)


def main(words: list[str]) -> None:
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(prog="python -m benchmarks coils")
    parser.add_argument(
        "--head", default="template:300000", help="a mesh, or template:N"
    )
    parser.add_argument("--coil", default="magstim-70mm-double", help="of dipoles")
    parser.add_argument("--wires", default="brainsway-h1")
    parser.add_argument("--runs", type=int, default=5, help="of which the best counts")
    options = parser.parse_args(words)
    head = head_of(options.head)
    nodes = np.asarray(_in_front(head))
    coil, wires = coils.read(options.coil), coils.read(options.wires)
    begin = time.perf_counter()
    table = coils.interpolate(coil)
    building = time.perf_counter() - begin
    many = _scattered(coil, _ELEMENTS)
    rows, exact = [], np.zeros((0, 3))
    for name, given in (
        (f"{coil.name}, direct", coil),
        (f"{coil.name}, table", table),
        (f"{wires.name}, direct", coils.joined(wires)),
        (f"{_ELEMENTS} dipoles, direct", many),
    ):
        small = given is coil or given is table
        runs = options.runs if small else 1
        every = 1 if small else _EVERY
        seconds, cpu, field = _timed(given, nodes[::every], runs)
        seconds, cpu = every * seconds, every * cpu
        rows.append({"way": name, "wall [s]": seconds, "processor [s]": cpu})
        print(rows[-1], flush=True)
        if given is coil:
            exact = field
        if given is table:
            size = np.linalg.norm(exact, axis=1).max()
            rows[-1]["error"] = np.linalg.norm(field - exact, axis=1).max() / size
            rows[-1]["built in [s]"] = building
        if given is not table:
            rows += _multipoles(given, nodes, field, every)
    for row in rows:
        row["points"] = len(nodes)
    print(record.table(rows))
    print("written to", record.write(f"coils-{len(nodes) / 1e6:.1f}M", rows))


def _in_front(head: meshing.HeadMesh):
    """The head's nodes in the frame of a coil above it. [m]"""
    scalp = meshing.scalp(head)
    top = scalp.surface.vertices[np.argmax(scalp.surface.vertices[:, 2])]
    z = -scalp.normal(top[None])[0]
    y = np.array([0.0, 1.0, 0.0]) - z[1] * z
    y /= np.linalg.norm(y)
    rotation = np.stack([np.cross(y, z), y, z], axis=1)
    pose = coils.Pose(jnp.asarray(rotation), jnp.asarray(top - 4e-3 * z))
    return pose.to_coil(jnp.asarray(head.nodes))


def _scattered(coil: coils.Coil, count: int) -> coils.MagneticDipoles:
    """So many dipoles where the coil's are, and around them."""
    rng = np.random.default_rng(0)
    places = np.asarray(coil.sources().dipole_positions)
    rows = rng.integers(0, len(places), count)
    jitter = rng.uniform(-2e-3, 0, (count, 3))
    return coils.MagneticDipoles(places[rows] + jitter, rng.normal(size=(count, 3)))


@eqx.filter_jit
def _potential(coil, points):
    return coil.vector_potential(points)


def _timed(coil, nodes: np.ndarray, runs: int):
    points = jnp.asarray(nodes)
    field = _potential(coil, points).block_until_ready()
    wall, cpu = [], []
    for _ in range(runs):
        begin, used = time.perf_counter(), time.process_time()
        _potential(coil, points).block_until_ready()
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - used)
    return min(wall), min(cpu), np.asarray(field)


def _multipoles(coil, nodes: np.ndarray, exact: np.ndarray, every: int) -> list[dict]:
    """The same by fmm3dpy: three sums of dipoles, or of charges for wires."""
    if importlib.util.find_spec("fmm3dpy") is None:
        return []
    import fmm3dpy  # pyright: ignore[reportMissingImports]

    sources = coil.sources()
    if len(sources.dipole_positions):
        x, y, z = np.asarray(sources.dipole_moments).T
        zero = np.zeros_like(x)
        # A_x = Σ (m_y r_z - m_z r_y) / r³ is a potential of dipoles (0, -m_z, m_y), etc.
        vectors = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]])
        places, strengths = sources.dipole_positions, {"dipvec": vectors}
    else:
        places = sources.current_positions
        strengths = {"charges": np.asarray(sources.current_vectors).T}
    strengths = {key: np.asfortranarray(each) for key, each in strengths.items()}
    rows = []
    for tolerance in _TOLERANCES:
        begin, used = time.perf_counter(), time.process_time()
        found = fmm3dpy.lfmm3d(
            eps=tolerance,
            sources=np.asfortranarray(np.asarray(places).T),
            targets=np.asfortranarray(nodes.T),
            pgt=1,
            nd=3,
            **strengths,
        )
        wall, cpu = time.perf_counter() - begin, time.process_time() - used
        error = np.linalg.norm(
            4e-7 * np.pi * found.pottarg.T[::every] - exact, axis=1
        ).max()
        error /= np.linalg.norm(exact, axis=1).max()
        name = f"the same by fmm3dpy, tolerance {tolerance:g}"
        rows.append(
            {"way": name, "wall [s]": wall, "processor [s]": cpu, "error": error}
        )
        print(rows[-1], flush=True)
    return rows
