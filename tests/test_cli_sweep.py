"""What `tmsgrad sweep` leaves, and what limits do to `tmsgrad optimize`."""

import json

import h5py
import numpy as np
import pytest
from cli_examples import refused, run
from heads import boxed_coil, five_layers, scalp_of_five_layers
from PIL import Image

from tmsgrad import efield, optimize
from tmsgrad.coils import Pose


pytestmark = pytest.mark.usefixtures("program_settings")


def sweep_words(case, out, *more):
    words = ["sweep", case.head, f"--coil={case.coil}", "--target=30,-20,50"]
    return [*words, "--radius=8", "--spacing=20", "--angles=72", *more, "--out", out]


def test_a_map_is_written_with_its_best_placement(case, conductor, target, tmp_path):
    words = sweep_words(case, tmp_path / "map", "--forbid=0,0,86,20", "--order=1")
    result = run(*words, "--json")
    assert result.status == 0, result.err
    folder = tmp_path / "map"
    assert {path.name for path in folder.iterdir()} == {
        "summary.json",
        "sweep.h5",
        "sweep.png",
    }
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["schema"] == 1
    with h5py.File(folder / "sweep.h5") as file:
        values, angles = np.asarray(file["values"]), np.asarray(file["angles"])
        matrices = np.asarray(file["matsimnibs"])
        assert file["values"].attrs["units"] == "V/m"
    assert values.shape == (len(matrices), 72)
    np.testing.assert_allclose(angles, 5.0 * np.arange(72))
    i, j = np.unravel_index(np.argmax(values), values.shape)
    assert summary["best"] == {"position": i, "angle": j}
    pose = Pose.from_matsimnibs(summary["matsimnibs"])
    mean = efield.solve(conductor, boxed_coil(), pose).mean(target)
    np.testing.assert_allclose(summary["value"], np.linalg.norm(mean), rtol=1e-9)
    np.testing.assert_allclose(summary["map_value"], summary["value"], rtol=2e-3)
    feet = matrices[:, :3, 3] - np.array([0, 0, 86.0])
    assert np.linalg.norm(feet, axis=1).min() > 17
    assert summary["mesh_error"] is None
    with Image.open(folder / "sweep.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert (np.ptp(pixels, axis=2) > 60).mean() > 0.03


def test_a_map_is_corrected_for_the_mesh(case, conductor, target, tmp_path, undrawn):
    out = tmp_path / "map"
    result = run(*sweep_words(case, out, "--search-radius=20"))
    assert result.status == 0, result.err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    pose = Pose.from_matsimnibs(summary["matsimnibs"])
    head = five_layers()
    found = efield.target_field(conductor, head, target)
    value, bar = found.mesh_error(np.linalg.norm, boxed_coil(), pose)
    assert summary["value"] == pytest.approx(value, rel=1e-4)
    assert summary["mesh_error"] == {"bar": pytest.approx(bar, rel=1e-2), "order": 2}
    assert summary["map_value"] == pytest.approx(value, rel=2e-3)
    assert f"{summary['value']:.4f} ± " in result.out


def test_the_best_of_a_map_of_first_order_is_corrected(
    case, conductor, target, tmp_path, undrawn
):
    out = tmp_path / "map"
    words = sweep_words(case, out, "--search-radius=20", "--objective=magn")
    result = run(*words)
    assert result.status == 0, result.err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    pose = Pose.from_matsimnibs(summary["matsimnibs"])
    second = efield.enriched(conductor, five_layers())
    field = efield.solve(second, boxed_coil(), pose)
    bar = summary["mesh_error"]["bar"]
    assert summary["mesh_error"]["order"] == 1
    assert 0 < bar < 0.2 * summary["value"]
    # Elements near the target change it by about three times the bar at most.
    direct = float(field.mean_magnitude(target))
    assert abs(summary["value"] - direct) < 5 * bar
    assert "map              of first order" in result.out


@pytest.mark.long
def test_limits_are_respected_and_what_is_reached_is_reported(
    case, conductor, target, tmp_path, undrawn
):
    words = case.optimize(
        tmp_path / "out",
        **{"efield": 100, "avoid": "-30,20,50,8,5", "max-didt": 200, "order": 1},
    )
    result = run(*words, "--json")
    assert result.status == 0, result.err
    assert "100 V/m cannot be reached" in result.err
    assert "the limit of 5 V/m in the ball around (-30, 20, 50) mm" in result.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    dose = summary["dose"]
    assert not dose["reachable"]
    assert dose["avoided"][0]["mean"] == pytest.approx(5.0)
    assert dose["reached"] == pytest.approx(summary["value"] * summary["didt"] / 1e6)
    assert dose["stimulator_output"] == pytest.approx(summary["didt"] / 2e8)
    pose = Pose.from_matsimnibs(summary["matsimnibs"])
    mean = efield.solve(conductor, boxed_coil(), pose).mean(target)
    np.testing.assert_allclose(summary["value"], np.linalg.norm(mean), rtol=1e-9)
    assert summary["search"]["sensitivity"]["position_mm"] > 1


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"avoid": "-30,20,50,8"}, "without a limit need --objective focality"),
        ({"around": "F3"}, "this head has no such position"),
        ({"avoid": "-30,20,50,1,20"}, "no gray matter lies within 1 mm"),
        ({"position-error": "3"}, "needs --robust"),
        ({"objective": "magn", "direction": "1,0,0"}, "exclude each other"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(case, tmp_path, changes, needed):
    refused(case.optimize(tmp_path / "out", **changes), tmp_path, needed)


def test_positions_of_a_head_are_where_rules_take_them(case):
    found = optimize.handle_back(
        scalp_of_five_layers(), 0.09 * np.array([0.6, 0.0, 0.8]), boxed_coil()
    )
    centre = np.asarray(found.translation)
    np.testing.assert_allclose(
        centre / np.linalg.norm(centre), [0.6, 0, 0.8], atol=0.05
    )
