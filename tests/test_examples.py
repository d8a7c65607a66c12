"""The example scripts, on spheres."""

import runpy
from pathlib import Path

import jax
import numpy as np
import pytest
from cli_examples import RADIUS, TARGET


FOLDER = Path(__file__).parents[1] / "examples"


def load(name):
    return runpy.run_path(str(FOLDER / f"{name}.py"))["main"]


@pytest.fixture(autouse=True)
def _as_users_have_it():
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


def words(case):
    millimetres = ",".join(f"{x * 1e3:g}" for x in TARGET)
    return [
        *(str(case.head), str(case.coil)),
        *(f"--target={millimetres}", f"--radius={RADIUS * 1e3:g}"),
    ]


def test_a_search_of_ones_own_gains(case, capsys):
    value = load("custom_search")(words(case))
    start = float(capsys.readouterr().out.split()[0])
    assert value > 1.01 * start


def test_conductivities_matter_by_their_slopes(case, conductor, target):
    head, coil, *rest = words(case)
    found = load("tissue_sensitivity")([head, coil, str(case.pose), *rest])
    assert list(found) == ["white matter", "gray matter", "csf", "bone", "scalp"]
    # All conductivities times the same: the field stays.
    np.testing.assert_allclose(sum(found.values()), 0, atol=1e-9)
