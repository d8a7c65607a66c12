"""The table of what makes the field in a target uncertain."""

import json

import numpy as np
import pytest
from cli_examples import run


pytestmark = pytest.mark.usefixtures("program_settings", "undrawn")


def test_the_table_has_tissues_and_placement(case, tmp_path):
    words = ("--target", "30,-20,50", "--radius", "8", "--uncertainty", "0.1")
    draws = ("--draws", "64", "--placement-sd", "3,0,4,0")
    result = run(*case.simulate(tmp_path / "out"), *words, *draws)
    assert result.status == 0, result.err
    found = json.loads((tmp_path / "out" / "summary.json").read_text())["uncertainty"]
    rows = {row["input"]: row for row in found["inputs"]}
    assert list(rows)[:5] == ["white matter", "gray matter", "csf", "bone", "scalp"]
    assert list(rows)[5:] == ["position", "distance", "angle", "tilt"]
    np.testing.assert_allclose(rows["csf"]["sd"], 0.1654)
    assert (rows["position"]["sd"], rows["position"]["unit"]) == (3, "mm")
    assert rows["distance"]["effect"] == 0
    # In spheres conductivities hardly matter, and all is due to the placement.
    shares = {name: row["share_with_interactions"] for name, row in rows.items()}
    assert shares["position"] + shares["angle"] > 0.9
    total = np.hypot(
        found["conductivities"]["sd"] / found["conductivities"]["mean"],
        found["placement"]["sd"] / found["placement"]["mean"],
    )
    np.testing.assert_allclose(found["sd"] / found["value_mean"], total)
    assert "what makes the field in the target uncertain (1 sd each):" in result.out
    assert "± 3 mm" in result.out
    assert "64 draws" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--uncertainty",), "--uncertainty is of the value in a --target"),
        (("--uncertainty", "some"), "'some' is no number"),
        (("--uncertainty", "3"), "must be `literature` or a share above 0"),
        (("--placement-sd", "1,2"), "must be four numbers"),
    ],
)
def test_what_cannot_be_asked_is_refused(case, tmp_path, words, message):
    result = run(*case.simulate(tmp_path / "out"), *words)
    assert result.status == 2
    assert message in result.err
