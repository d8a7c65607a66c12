import os
from pathlib import Path

import jax
import numpy as np
import pytest


jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Keep the tests away from the user's cache folder."""
    if "TMSGRAD_CACHE" not in os.environ:
        monkeypatch.setenv(
            "TMSGRAD_CACHE", str(tmp_path_factory.getbasetemp() / "cache")
        )


@pytest.fixture(scope="session")
def test_data():
    """The folder with large data that is not part of the repository."""
    folder = os.environ.get("TMSGRAD_TEST_DATA")
    if not folder:
        pytest.skip("TMSGRAD_TEST_DATA is not set: large test data is not at hand")
    return Path(folder)


@pytest.fixture(scope="session")
def references():
    """Fields by SimNIBS 4.5 that are part of the repository."""
    return Path(__file__).parents[1] / "validation" / "references"
