"""Products on the host, sums at nodes, and the numbering along a curve."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from efield_examples import (
    figure_of_eight,
    layered_sphere,
    pose_above,
    relative_error,
    several_poses,
)

from tmsgrad import efield
from tmsgrad.efield.linear import mkl, products, stiffness
from tmsgrad.efield.p1 import first_order
from tmsgrad.efield.p2 import second_order


@pytest.fixture(scope="module")
def head():
    return layered_sphere()


@pytest.fixture(params=["MKL", "SciPy"])
def library(request, monkeypatch):
    if request.param == "SciPy":
        monkeypatch.setattr(products, "pardiso_is_available", lambda: False)
    elif not mkl.pardiso_is_available():
        pytest.skip("MKL is not installed")
    return request.param


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3])
def test_products_are_those_of_the_dense_matrix(library, kind, width, rng):
    dense = rng.normal(size=(60, 40)) * (rng.random((60, 40)) < 0.2)
    rows = products.rows_of(sp.csr_matrix(dense.astype(kind)))
    assert isinstance(rows, products.MklRows) == (library == "MKL")
    x, b = rng.normal(size=(40, width)), rng.normal(size=(60, width))
    x, b = x.astype(kind), b.astype(kind)
    tolerance = 10 * np.finfo(kind).eps
    with products.one_thread():
        assert relative_error(rows.times(x, None), dense @ x) < tolerance
    kept = b.copy()
    assert relative_error(rows.residual(b, x, None), b - dense @ x) < tolerance
    np.testing.assert_array_equal(b, kept)


def test_mkl_promises_equal_results_whatever_it_does_first():
    if not mkl.pardiso_is_available():
        pytest.skip("MKL is not installed")
    code = (
        "import scipy.sparse as sp\n"
        "from tmsgrad.efield.linear import mkl, products\n"
        "products.rows_of(sp.csr_matrix([[1.0]]))\n"
        "raise SystemExit(mkl.mkl().MKL_CBWR_Get(-1))\n"
    )
    process = subprocess.run([sys.executable, "-c", code], check=False)
    assert process.returncode == 2  # MKL_CBWR_AUTO: 1 is without the promise.


def test_threads_that_share_rows_give_the_same(rng):
    count = 30_001
    matrix = sp.random_array((count, count), density=1e-4, rng=rng, format="csr")
    rows, x = products.Rows(sp.csr_matrix(matrix)), rng.normal(size=(count, 2))
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(rows.times(x, pool), matrix @ x)


def test_multigrid_needs_no_mkl(head, library):
    conductor = efield.assemble(head, efield.isotropic(head))
    coil, poses = figure_of_eight(), several_poses()
    solver = efield.HostMultigrid(rtol=1e-12)
    found = efield.solve(conductor, coil, poses, solver=solver)
    expected = efield.solve(conductor, coil, poses, solver=efield.Direct())
    assert relative_error(found.vectors, expected.vectors) < 1e-10, library


def test_blocks_are_solved_as_single_sides_are(head):
    # More than one block of right-hand sides, one of them zero, one far smaller.
    conductor = efield.assemble(head, efield.isotropic(head))
    mesh, solver = conductor.host.mesh, efield.HostMultigrid(rtol=1e-10)
    prepared = solver.prepare(mesh, np.asarray(conductor.conductivity))
    rhs = np.random.default_rng(1).normal(size=(19, mesh.nodes))
    rhs[:, mesh.ground] = 0
    rhs[3], rhs[7] = 0, 1e-9 * rhs[7]
    x, steps, residual = solver.apply(prepared, rhs)
    assert residual.max() < 1e-10
    assert steps[3] == 0
    np.testing.assert_array_equal(x[3], 0)
    for i in (0, 7, 18):
        alone, taken, _ = solver.apply(prepared, rhs[i : i + 1])
        assert taken[0] == steps[i]
        assert relative_error(alone[0], x[i]) < 1e-9


@pytest.mark.parametrize("elements_of", [first_order, second_order])
def test_ordered_sums_are_the_sums(elements_of, head, rng):
    plain = elements_of(head, ordered_sums=False)
    ordered = elements_of(head, ordered_sums=True)
    parts = jnp.asarray(rng.normal(size=plain.tetrahedra.shape))
    expected = plain.gathered(parts)
    assert relative_error(ordered.gathered(parts), expected) < 1e-14
    compiled = jax.jit(lambda x: ordered.gathered(x))
    np.testing.assert_array_equal(compiled(parts), compiled(parts))
    # The adjoint hands each element its node's value.
    back = jax.vjp(ordered.gathered, parts)[1](expected)[0]
    np.testing.assert_array_equal(back, expected[ordered.tetrahedra])


def test_many_fields_are_put_where_they_belong(head):
    conductor = efield.assemble(head, efield.isotropic(head))
    rate = efield.rates(conductor, figure_of_eight(), pose_above([0.2, 0.3, 1.0]))
    factors = jnp.arange(1.0, 21.0)
    many = efield.solve_rate(conductor, factors[:, None, None] * rate[None])
    one = efield.solve_rate(conductor, rate[None])
    expected = factors[:, None, None] * one.vectors
    assert many.potential.shape == (20, len(head.nodes))
    assert many.report.residual.shape == (20,)
    for i in range(20):
        assert relative_error(many.vectors[i], expected[i]) < 1e-11


def test_neighbours_on_the_curve_are_neighbours_in_space(rng):
    points = rng.uniform(size=(4096, 3))
    order = stiffness.along_curve(points)
    np.testing.assert_array_equal(np.sort(order), np.arange(4096))
    apart = lambda p: np.linalg.norm(np.diff(p, axis=0), axis=1).mean()
    # Sixteen points along each edge: neighbours are about 1/16 apart, others 0.66.
    assert apart(points[order]) < 2 / 16
    assert apart(points) > 0.6


def test_a_curve_through_one_place_is_no_error():
    np.testing.assert_array_equal(stiffness.along_curve(np.ones((3, 3))), [0, 1, 2])
