"""What solvers keep between solves, and what they let go."""

import ctypes
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from efield_examples import (
    figure_of_eight,
    layered_sphere,
    pose_above,
    relative_error,
)

from tmsgrad import efield, meshing
from tmsgrad.efield.linear import direct, mkl, setups, stiffness


POSE = pose_above([0.2, 0.3, 1.0])
SOLVERS = [efield.Direct(), efield.HostMultigrid(1e-12), efield.Multigrid(1e-12)]
by_solver = pytest.mark.parametrize(
    "solver", SOLVERS, ids=lambda solver: type(solver).__name__
)


@pytest.fixture(scope="module")
def head():
    return layered_sphere(0.04)


@pytest.fixture
def conductor(head):
    return efield.assemble(head, efield.isotropic(head))


@pytest.fixture
def factors(monkeypatch):
    """Weak references to every factorisation that is made."""
    made, prepare = [], direct.Direct.prepare

    def recorded(solver, mesh, conductivity):
        factor = prepare(solver, mesh, conductivity)
        made.append(weakref.ref(factor))
        return factor

    monkeypatch.setattr(direct.Direct, "prepare", recorded)
    return made


def alive(factors) -> int:
    gc.collect()
    return sum(factor() is not None for factor in factors)


def solve(conductor, solver):
    return efield.solve(conductor, figure_of_eight(), POSE, solver=solver).vectors


# Memory.


def test_one_factor_is_kept_and_goes_with_its_head(head, factors):
    made = efield.assemble(head, efield.isotropic(head))
    for factor in (1.0, 2.0, 3.0, 3.0):
        solve(made.with_conductivity(factor * made.conductivity), efield.Direct())
    assert len(factors) == 3
    assert alive(factors) == 1
    del made
    assert alive(factors) == 0


@pytest.mark.skipif(
    jax.__version_info__ < (0, 12),
    reason="earlier JAX (seen: 0.8) keeps what a compiled function closed over; the next "
    "test bounds how many factors that can be",
)
def test_a_compiled_function_that_is_gone_keeps_no_factor(head, factors):
    made = efield.assemble(head, efield.isotropic(head))
    run = jax.jit(lambda x: solve(made.with_conductivity(x), efield.Direct()))
    run(made.conductivity).block_until_ready()
    assert alive(factors) == 1
    del run, made
    assert alive(factors) == 0


def test_a_compiled_function_that_stays_keeps_few_factors(head, factors):
    run = jax.jit(lambda made: solve(made, efield.Direct()))
    for radius in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5):
        scaled = meshing.HeadMesh(radius * head.nodes, head.tetrahedra, head.tags)
        run(efield.assemble(scaled, efield.isotropic(scaled))).block_until_ready()
    assert len(factors) == 6
    assert alive(factors) <= 4


class _Mesh(stiffness.HostMesh):
    def __init__(self):
        pass


class _Solver(setups.AbstractSolver):
    prepared: list = eqx.field(static=True, default_factory=list)

    def prepare(self, mesh, conductivity):
        self.prepared.append(conductivity)
        return object()


def test_setups_are_found_by_the_values_they_were_made_of():
    kept, solver, mesh = setups.Setups(), _Solver(), _Mesh()
    values = np.ones(3)
    first = kept.setup(solver, mesh, values)
    assert kept.setup(solver, mesh, np.ones(3)) is first
    values[0] = 2.0  # What is remembered is a copy.
    assert kept.setup(solver, mesh, np.ones(3)) is first
    assert kept.setup(solver, mesh, values) is not first
    assert len(solver.prepared) == 2


def test_the_oldest_setups_go():
    kept, solver = setups.Setups(most=2), _Solver()
    meshes = [_Mesh() for _ in range(3)]
    first = kept.setup(solver, meshes[0], np.ones(1))
    kept.setup(solver, meshes[1], np.ones(1))
    assert kept.setup(solver, meshes[0], np.ones(1)) is first
    kept.setup(solver, meshes[2], np.ones(1))
    assert len(kept) == 2
    assert kept.setup(solver, meshes[0], np.ones(1)) is first
    del meshes[0]
    gc.collect()
    assert len(kept) == 1


def test_a_setup_that_fails_is_tried_again():
    class Fails(_Solver):
        def prepare(self, mesh, conductivity):
            super().prepare(mesh, conductivity)
            raise RuntimeError("no memory")

    kept, solver, mesh = setups.Setups(), Fails(), _Mesh()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no memory"):
            kept.setup(solver, mesh, np.ones(1))
    assert len(solver.prepared) == 2


needs_pardiso = pytest.mark.skipif(
    not mkl.pardiso_is_available(), reason="PARDISO is not installed"
)


@needs_pardiso
def test_mkl_holds_no_more_after_many_conductivities():
    head = layered_sphere(0.01)  # Large enough for MKL to share among threads.
    made, library = efield.assemble(head, efield.isotropic(head)), mkl.mkl()
    assert library is not None
    library.MKL_Mem_Stat.restype = ctypes.c_int64
    counts = []
    for i in range(5):
        sigma = (1 + 0.01 * i) * made.conductivity
        solve(made.with_conductivity(sigma), efield.Direct()).block_until_ready()
        buffers = ctypes.c_int(0)
        held = library.MKL_Mem_Stat(ctypes.byref(buffers))
        counts.append((held, buffers.value))
    assert counts[4] == counts[1]


@needs_pardiso
def test_mkl_is_called_from_one_thread():
    callers = []

    def call():
        callers.append(mkl.on_one_thread(threading.get_ident))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(callers) == 3
    assert len(set(callers)) == 1


# Pickling.


@by_solver
@pytest.mark.parametrize("order", [1, 2])
def test_a_conductor_can_be_pickled_before_and_after_a_solve(head, solver, order):
    made = efield.assemble(head, efield.isotropic(head), order=order)
    before = pickle.loads(pickle.dumps(made))
    expected = np.asarray(solve(made, solver))
    after = pickle.loads(pickle.dumps(made))
    for copy in (before, after):
        assert copy.host == made.host
        assert hash(copy.host) == hash(made.host)
        np.testing.assert_array_equal(solve(copy, solver), expected)
    scaled = made.with_conductivity(2 * made.conductivity)
    copy = pickle.loads(pickle.dumps(scaled))
    np.testing.assert_array_equal(copy.conductivity, scaled.conductivity)


def test_a_copy_is_not_compiled_for_again(conductor):
    count = 0

    @jax.jit
    def run(made):
        nonlocal count
        count += 1
        return solve(made, efield.Direct())

    first = run(conductor)
    second = run(pickle.loads(pickle.dumps(conductor)))
    run(conductor.with_conductivity(2 * conductor.conductivity))
    assert count == 1
    np.testing.assert_array_equal(first, second)


def test_heads_that_differ_are_not_equal(head, conductor):
    turned = meshing.HeadMesh(head.nodes[:, [1, 2, 0]], head.tetrahedra, head.tags)
    other = efield.assemble(turned, efield.isotropic(turned))
    assert other.host != conductor.host
    assert other.host.mesh != conductor.host.mesh
    assert conductor.host != "a head"


_CHILD = """
import pickle, sys
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from tmsgrad import efield
conductor, rates, solvers = pickle.load(open(sys.argv[1], "rb"))
fields = [efield.solve_rate(conductor, rates, solver=s).vectors for s in solvers]
np.save(sys.argv[2], np.stack(fields))
"""


def test_another_process_computes_the_same_field(conductor, tmp_path):
    rates = efield.rates(conductor, figure_of_eight(), POSE)[None]
    expected = [
        np.asarray(efield.solve_rate(conductor, rates, solver=s).vectors)
        for s in SOLVERS
    ]
    source, result = tmp_path / "conductor.pkl", tmp_path / "fields.npy"
    source.write_bytes(pickle.dumps((conductor, rates, SOLVERS)))
    words = [sys.executable, "-c", _CHILD, str(source), str(result)]
    subprocess.run(words, check=True, timeout=300, env=dict(os.environ))
    assert relative_error(np.load(result), np.stack(expected)) < 1e-12


# What hardly conducts.


@by_solver
@pytest.mark.parametrize("kind", ["scalar", "tensor"])
@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
def test_what_is_no_conductivity_is_refused_by_all_solvers_when_compiled(
    conductor, solver, kind, bad
):
    sigma = conductor.conductivity
    if kind == "tensor":
        sigma = sigma[:, None, None] * jnp.eye(3)[None]
    run = eqx.filter_jit(lambda x: solve(conductor.with_conductivity(x), solver))
    with pytest.raises(Exception, match="not finite, or not positive definite"):
        jax.block_until_ready(run(sigma.at[7].multiply(bad)))


@by_solver
def test_air_in_a_cavity_may_conduct_nothing(solver):
    # The field in a sphere does not depend on the conductivity of its layers.
    head = layered_sphere()
    fields = []
    for air in (1e-6, 1e-15):
        sigma = efield.isotropic(head, {"gray matter": air})
        fields.append(solve(efield.assemble(head, sigma), solver))
    for tag in (2, 4, 5):
        chosen = head.tags == tag
        assert relative_error(fields[1][chosen], fields[0][chosen]) < 5e-5


@pytest.mark.parametrize("solver", SOLVERS[1:], ids=["HostMultigrid", "Multigrid"])
@pytest.mark.parametrize("tissue", ["bone", "scalp"])
def test_a_layer_that_hardly_conducts_has_the_field_of_a_factorisation(solver, tissue):
    head = layered_sphere()
    made = efield.assemble(head, efield.isotropic(head, {tissue: 1e-7}))
    found, expected = solve(made, solver), solve(made, efield.Direct())
    for tag in (2, 4, 5):
        chosen = head.tags == tag
        assert relative_error(found[chosen], expected[chosen]) < 1e-6


@pytest.mark.parametrize("solver", SOLVERS, ids=["Direct", "Host", "Device"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_layer_that_rounding_would_decide_is_refused(head, solver, compiled):
    made = efield.assemble(head, efield.isotropic(head))
    sigma = efield.isotropic(head, {"bone": 1e-14})
    run = lambda x: solve(made.with_conductivity(x), solver)
    run = eqx.filter_jit(run) if compiled else run
    with pytest.raises(Exception, match="Take 1e-6 S/m for what hardly conducts"):
        jax.block_until_ready(run(sigma))


def test_the_value_that_is_recommended_serves_as_an_insulator(head):
    air = lambda value: efield.isotropic(head, {"bone": value})
    field = lambda value: solve(efield.assemble(head, air(value)), efield.Direct())
    others = head.tags != 4
    assert relative_error(field(1e-6)[others], field(1e-9)[others]) < 1e-5


# Heads that are hardly heads.


@by_solver
@pytest.mark.parametrize("order", [1, 2])
def test_a_head_of_few_tetrahedra_is_solved(solver, order):
    head = meshing.spheres([0.09], ["gray matter"], 0.09)
    assert len(head.tags) < 200
    made = efield.assemble(head, efield.isotropic(head), order=order)
    assert relative_error(solve(made, solver), solve(made, efield.Direct())) < 1e-10
