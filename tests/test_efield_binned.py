"""Sparse products in bins: equal to SciPy's, in as few bytes and bins as can be."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, strategies as st

from tmsgrad.efield import BinnedRows, FusedRows
from tmsgrad.efield.binned import bin_widths


def cost(lengths, widths, start):
    """Entries with padding, and what starting each bin is worth."""
    at = np.searchsorted(widths, lengths)
    return float(np.asarray(widths)[at].sum() + start * len(widths))


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=40),
    st.floats(0.1, 60.0),
)
def test_bins_are_the_cheapest_of_all(lengths, start):
    lengths = np.array(lengths)
    found = bin_widths(lengths, start)
    every = sorted(set(lengths.tolist()))
    tried = [
        cost(lengths, [*some, every[-1]], start)
        for count in range(len(every))
        for some in itertools.combinations(every[:-1], count)
    ]
    np.testing.assert_allclose(cost(lengths, found, start), min(tried))


@pytest.mark.parametrize("count", [1, 3])
def test_the_fused_kernel_gives_the_same_sums(rng, count):
    matrix = sp.csr_matrix(sp.random_array((300, 40), density=0.05, rng=rng))
    fused = FusedRows.from_scipy(matrix, np.float32, start=16)
    plain = BinnedRows.from_scipy(matrix, np.float32, start=16)
    assert len(fused.values) == len(plain.values) > 2
    assert {value.shape[1] % FusedRows.together for value in fused.values} == {0}
    x = jnp.asarray(rng.normal(size=(40, count)), jnp.float32)
    np.testing.assert_allclose(fused.times(x), plain.times(x), rtol=0, atol=2e-6)
    mapped = jax.vmap(fused.times)(jnp.stack([x, 2 * x]))
    np.testing.assert_array_equal(mapped[1], 2 * fused.times(x))


def test_the_fused_kernel_becomes_a_program_of_triton(rng):
    matrix = sp.csr_matrix(sp.random_array((300, 40), density=0.05, rng=rng))
    fused = FusedRows.from_scipy(matrix, np.float32)
    x = jnp.ones((40, 3), jnp.float32)
    try:
        device = jax.sharding.AbstractDevice("NVIDIA H100 80GB HBM3", 132, "gpu")
        mesh = jax.sharding.AbstractMesh((), (), axis_types=(), abstract_device=device)
    except (AttributeError, TypeError) as error:
        pytest.skip(f"this version of JAX knows no device that is not there: {error}")
    with jax.sharding.use_abstract_mesh(mesh):
        traced = jax.jit(lambda x: fused.times(x)).trace(x)
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("xla.gpu.triton") == len(fused.values)
    assert "callback" not in text


@pytest.mark.parametrize("rows", [60, 60_000])
def test_products_are_those_of_the_matrix(rng, rows):
    matrix = sp.csr_matrix(sp.random_array((rows, 40), density=0.05, rng=rng))
    lengths = np.diff(matrix.indptr)
    assert (lengths == 0).any()
    binned = BinnedRows.from_scipy(sp.csr_matrix(matrix), np.float64)
    assert (len(binned.values) > 1) == (rows > 60)
    x = rng.normal(size=(40, 3))
    np.testing.assert_allclose(binned.times(jnp.asarray(x)), matrix @ x, atol=1e-14)


def test_bytes_are_counted_with_and_without_padding():
    matrix = sp.csr_matrix(np.array([[1.0, 0, 0], [1, 1, 1], [0, 0, 1]]))
    binned = BinnedRows.from_scipy(matrix, np.float64)
    (values,) = binned.values
    assert values.shape == (3, 3)  # So few entries are not worth a second bin.
    assert binned.bytes_moved == 9 * 12 + 3 * 4 + 8 * (3 * 3 + 3)
    assert binned.bytes_needed == 5 * 12 + 8 * (3 + 3)
