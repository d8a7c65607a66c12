"""What `tmsgrad head info` gives."""

import numpy as np
import pytest
from cli_examples import run
from heads import five_layers

from tmsgrad import meshing


pytestmark = pytest.mark.usefixtures("program_settings")


def test_head_info_describes_the_mesh(case):
    result = run("head", "info", case.head, "--json")
    assert result.status == 0
    head = five_layers()
    found = result.json
    assert (found["nodes"], found["tetrahedra"]) == (len(head.nodes), len(head.tags))
    low, high = found["bounds_mm"]
    np.testing.assert_allclose(low, -86, atol=2)
    np.testing.assert_allclose(high, 86, atol=2)
    assert set(found["volumes_ml"]) == {
        "white matter",
        "gray matter",
        "csf",
        "bone",
        "scalp",
    }
    assert sum(found["volumes_ml"].values()) == pytest.approx(head.volumes.sum() * 1e6)
    assert 0 < found["radius_ratio_min"] < found["radius_ratio_mean"] < 1
    assert 0 < found["dihedral_min_degrees"] < found["dihedral_1_percent_degrees"] < 70
    assert f"{len(head.tags)} tetrahedra" in result.out


def test_heads_are_given_as_mesh_archive_or_folder(case, tmp_path):
    meshing.write_npz(tmp_path / "head.npz", five_layers())
    folder = tmp_path / "m2m_anna"
    folder.mkdir()
    (folder / "anna.msh").write_bytes(case.head.read_bytes())
    found = [
        run("head", "info", source, "--json").json
        for source in (case.head, tmp_path / "head.npz", folder)
    ]
    for other in found[1:]:
        assert other["tetrahedra"] == found[0]["tetrahedra"]
        assert other["volumes_ml"] == pytest.approx(found[0]["volumes_ml"])
