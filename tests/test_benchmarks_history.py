import pytest
from benchmarks import history


MACHINE = {
    "date": "2026-01-01",
    "device": "cpu",
    "processor": "one",
    "cores": 2,
    "versions": {"tmsgrad": "0", "jax": "0"},
}


def row(seconds, solver="Direct", error=0.1):
    return {
        "solver": solver,
        "tetrahedra": 1000,
        "further [s]": seconds,
        "error": error,
    }


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "history.jsonl"
    for seconds in (1.0, 1.2, 1.1):
        history.append("forward", MACHINE, [row(seconds)], path)
    return path


def test_runs_come_back_in_order(path):
    found = history.runs(path)
    assert [run["rows"][0]["further [s]"] for run in found] == [1.0, 1.2, 1.1]
    assert history.runs(path.with_name("none")) == []


def test_a_run_that_takes_longer_is_reported(path):
    assert history.slower(history.runs(path)) == []
    rows = [row(1.6, error=0.2), row(9.0, "Multigrid")]
    history.append("forward", MACHINE, rows, path)
    (found,) = history.slower(history.runs(path))
    assert found["seconds"] == 1.6
    assert found["median before"] == 1.1
    assert found["runs before"] == 3
    assert "Direct" in found["what"]


def test_another_machine_or_benchmark_is_not_compared(path):
    history.append("forward", MACHINE | {"processor": "other"}, [row(9.0)], path)
    history.append("search", MACHINE, [row(9.0)], path)
    assert history.slower(history.runs(path)) == []
