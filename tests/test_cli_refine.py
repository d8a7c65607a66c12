"""Heads that are refined for the field in a target, by `head refine` and `optimize`."""

import json

import numpy as np
import pytest
from cli_examples import refused, run

from tmsgrad import meshing


pytestmark = pytest.mark.usefixtures("program_settings")

PLACE = ["--target", "30,-20,50", "--radius", "8"]


@pytest.fixture(scope="module")
def refined(case, tmp_path_factory):
    out = tmp_path_factory.mktemp("refined") / "finer.npz"
    words = ["head", "refine", case.head, *PLACE, "--coil", case.coil, "--out", out]
    result = run(*words, "--to", "0.15%", "--json")
    assert result.status == 0, result.err
    return out, result


@pytest.mark.long
def test_a_refined_head_is_as_exact_as_asked_for(refined, case):
    out, result = refined
    figures, before = result.json["refinement"], meshing.read_head(case.head)
    head = meshing.read_head(out)
    assert figures["relative_error"] <= 0.0015 < figures["relative_error_before"]
    assert figures["refinements"] > 0
    assert figures["tetrahedra_before"] == len(before.tags)
    assert figures["tetrahedra"] == result.json["tetrahedra"] == len(head.tags)
    assert len(before.tags) < len(head.tags) < 8 * len(before.tags)
    assert "of 0.15% asked: from " in result.out
    assert f"from {figures['relative_error_before']:.2%} by" in result.out
    for tag in before.tissues:
        volumes = [each.volumes[each.tags == tag].sum() for each in (before, head)]
        np.testing.assert_allclose(*volumes, rtol=1e-9)


@pytest.mark.long
def test_optimize_states_a_value_as_exact_as_asked_for(case, tmp_path):
    words = case.optimize(tmp_path / "out", accuracy="0.15%")
    result = run(*words, "--json")
    assert result.status == 0, result.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    error = summary["mesh_error"]
    assert summary["refinement"]["relative_error"] <= 0.0015
    assert summary["refinement"]["tetrahedra"] == summary["head"]["tetrahedra"]
    reached = next(iter(error.values())) / summary["value"]
    # The placement moves a little once the value is corrected.
    assert reached < 0.0017, error
    assert summary["refinement"]["relative_error_before"] > 0.0015
    assert "of 0.15% asked: from " in result.out


def test_a_mesh_that_is_exact_enough_stays_as_it_is(case, tmp_path):
    words = ["head", "refine", case.head, *PLACE, "--coil", case.coil]
    result = run(*words, "--to", "2%", "--out", tmp_path / "same.npz")
    assert result.status == 0, result.err
    assert "with the mesh as it is" in result.out
    same, before = (meshing.read_head(x) for x in (tmp_path / "same.npz", case.head))
    np.testing.assert_array_equal(same.tetrahedra, before.tetrahedra)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": "1"}, "'1' needs its sign: write 1%"),
        ({"accuracy": "0.01%"}, "'0.01%' must lie between 0.1% and 20%"),
        (
            {"accuracy": "1%", "order": "1"},
            "leave out --order, --objective and --avoid",
        ),
        ({"accuracy": "1%", "objective": "magn"}, "leave out --order, --objective"),
        ({"accuracy": "1%", "interactive": "a.h5"}, "write --interactive alone"),
    ],
)
def test_accuracies_that_cannot_be_are_refused(changes, message, case, tmp_path):
    refused(case.optimize(tmp_path / "out", **changes), tmp_path, message)
