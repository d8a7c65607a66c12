"""An optimizer of one's own beside ours, on a small head."""

import sys

import numpy as np
import pytest
from benchmarks.__main__ import joined
from heads import boxed_coil, scalp_of_five_layers

from tmsgrad import efield, optimize


bench = pytest.importorskip(
    "benchmarks.bench_optimizers", reason="the extra [optimizers] is not installed"
)


def test_an_optimizer_of_ones_own_is_found_by_its_name(monkeypatch, tmp_path):
    (tmp_path / "climber.py").write_text(
        "def mine(problem):\n    return problem.start\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    assert bench.found("climber:mine").__name__ == "mine"
    words = joined(["optimizers", "--count=2", "--mine", "climber:mine"])
    assert words == ["optimizers", "--count=2", "--mine=climber:mine"]
    for wrong in ("climber", "climber:other", "no_such_module_here:mine"):
        with pytest.raises(SystemExit, match="--mine"):
            bench.found(wrong)


@pytest.mark.long
def test_all_are_rated_in_the_same_way(conductor, target):
    objective = optimize.MeanMagnitude(efield.reciprocal(conductor, target))
    optimizers = {
        "stays": lambda problem: np.asarray(problem.start),
        "climbs": lambda problem: optimize.with_scipy(problem),
    }
    contest = bench.Contest(boxed_coil(), scalp_of_five_layers(), optimizers)
    rows = contest.rows(0, objective)
    ours, stays, climbs = bench.summary(rows)
    assert ours["optimizer"] == "tmsgrad: find_pose"
    assert rows[0]["share of best"] > 0.998
    assert rows[2]["share of best"] > 0.998
    assert rows[1]["share of best"] < 0.998
    assert stays["evaluations, median"] is None
    assert climbs["evaluations, median"] > 3
