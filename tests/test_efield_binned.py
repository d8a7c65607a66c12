"""Sparse products in bins: equal to SciPy's, in as few bytes and bins as can be."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, strategies as st

from tmsgrad.efield.binned import BinnedRows, bin_widths


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
