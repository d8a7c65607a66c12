"""The benchmark for a GPU runs whole on a processor, so that it cannot rot."""

import json

import jax
import pytest
from benchmarks import bench_gpu
from heads import five_layers

from tmsgrad import meshing


@pytest.fixture
def words(tmp_path):
    meshing.write_npz(tmp_path / "head.npz", five_layers())
    return [
        *(f"--heads={tmp_path / 'head.npz'}", f"--out={tmp_path / 'found.json'}"),
        *("--target=20,-15,58", "--coil=magstim-70mm-double", "--placements=720"),
        *("--modes=4", "--draws=2"),
    ]


@pytest.mark.long
def test_every_step_is_measured(words, tmp_path):
    bench_gpu.main(words)
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["left_out"] == []
    assert found["machine"]["versions"]["jax"] == jax.__version__
    rows = {(row["step"], row["where"] == "host's cores"): row for row in found["rows"]}
    assert len(rows) == len(found["rows"]) == 21
    assert rows["against the host", False]["relative L2"] < 1e-7
    assert rows["against the host", False]["same bits again"]
    assert rows["an iteration", False]["of a perfect cycle"] < 2
    assert rows["sweep", False]["placements"] == 720
    for host in (False, True):
        row = rows["reciprocity and search", host]
        assert abs(row["value [V/m]"] / row["by a direct solve [V/m]"] - 1) < 1e-3


def test_what_there_is_no_time_for_is_named(words, tmp_path, capsys):
    bench_gpu.main([*words, "--minutes=0", "--no-host"])
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["rows"] == []
    assert len(found["left_out"]) == 14
    assert "left out: sweep" in capsys.readouterr().out
    bench_gpu.main([*words, "--minutes=0", "--only=adient"])
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [each.partition(",")[0] for each in found["left_out"]] == 2 * [
        "value and gradient"
    ]
