"""The example scripts, on spheres."""

import runpy
from pathlib import Path

import jax
import numpy as np
import pytest
from cli_examples import RADIUS, TARGET
from heads import boxed_coil, scalp_of_five_layers
from moving_coils import hinged

from tmsgrad import coils, efield, optimize


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


@pytest.mark.long
def test_adam_from_many_starts_finds_what_the_search_finds(case, capsys, searched):
    value = load("adam_from_many_starts")([*words(case), "--starts=8", "--steps=30"])
    assert "from 8 starts, 248 evaluations" in capsys.readouterr().out
    assert value > 0.998 * searched


def test_an_objective_of_ones_own_is_searched_for(case, searched):
    value = load("own_objective")([*words(case), "--direction=2,3,0"])
    # The direction is a tangential one: in a sphere the field turns there with the coil.
    assert 0.97 * searched < value < 1.0001 * searched


@pytest.mark.long
def test_pose_currents_and_shape_are_found_together(case, tmp_path, capsys):
    coils.write(tmp_path / "hinged.tcd", hinged())
    head, _, target, radius = words(case)
    value = load("pose_currents_shape")(
        [head, str(tmp_path / "hinged.tcd"), target, radius, "--steps=12"]
    )
    start, *_ = capsys.readouterr().out.split()
    assert value > 1.1 * float(start)


@pytest.mark.long
def test_a_robust_pose_is_no_worse_on_average(case):
    robust, plain = load("robust_search")([*words(case), "--steps=6"])
    assert robust > 0.995 * plain


@pytest.fixture(scope="module")
def searched(conductor, target):
    """What the search reaches with the same coil, head and target. [V/m]"""
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    found = optimize.find_pose(objective, boxed_coil(), scalp_of_five_layers())
    return found.value


@pytest.mark.long
def test_conductivities_matter_by_their_slopes(case, conductor, target):
    head, coil, *rest = words(case)
    found = load("tissue_sensitivity")([head, coil, str(case.pose), *rest])
    assert list(found) == ["white matter", "gray matter", "csf", "bone", "scalp"]
    # All conductivities times the same: the field stays.
    np.testing.assert_allclose(sum(found.values()), 0, atol=1e-9)
