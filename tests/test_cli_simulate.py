"""What `tmsgrad simulate` leaves, on a head of five spheres."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cli_examples import (
    FILES,
    assert_fields,
    assert_mesh,
    matrix_with,
    nan_matrix,
    no_picture,
    one_line,
    refused,
    run,
    stored,
)
from heads import boxed_coil, five_layers, pose_over

from tmsgrad import efield
from tmsgrad.cli import simulation
from tmsgrad.coils import read_poses, stack_poses


pytestmark = pytest.mark.usefixtures("program_settings")


@pytest.fixture(scope="module")
def three(case, tmp_path_factory):
    poses = stack_poses(
        [
            pose_over([0.2, 0.3, 1.0]),
            pose_over([1.0, 0.1, 0.2], 1.0, 12e-3),
            pose_over([-0.5, 0.6, 0.3], 2.0),
        ]
    )
    file = case.folder / "three.json"
    file.write_text(json.dumps({"matsimnibs": poses.to_matsimnibs().tolist()}))
    folder = tmp_path_factory.mktemp("three") / "out"
    result = run(*case.simulate(folder, pose=file, didt="2e7"), "--json")
    assert result.status == 0, result.err
    return poses, folder, result


def test_simulate_solves_every_pose(three, conductor):
    poses, folder, _ = three
    fields = efield.solve(conductor, boxed_coil(), poses, 2e7)
    assert {path.name for path in folder.iterdir()} == FILES | {"pulses.csv"}
    found = stored(folder)
    assert found.arrays["E"].shape == (3, len(five_layers().tags), 3)
    assert found.didt == 2e7
    assert_fields(found.arrays, fields, poses.to_matsimnibs())
    assert_mesh(folder / "field.msh", jax.tree.map(lambda leaf: leaf[0], fields))


def test_simulate_reports_each_pose(three, conductor):
    poses, folder, result = three
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary == result.json
    assert summary["poses"] == len(summary["fields"]) == 3
    told = [line for line in result.out.splitlines() if line.startswith("pose ")]
    assert len(told) == 3
    assert all("clearance" in line for line in told)
    gaps = [field["scalp_clearance_mm"] for field in summary["fields"]]
    np.testing.assert_allclose(gaps, [4, 12, 4], atol=0.35)  # Flat triangles.
    again = read_poses(folder / "pose.txt")
    assert again.names == tuple(summary["names"])
    np.testing.assert_allclose(again.matrices(), poses.to_matsimnibs(), atol=1e-12)
    head = five_layers()
    gray = head.tags == 2
    magnitude = np.asarray(
        efield.solve(conductor, boxed_coil(), poses, 2e7).magnitude[1]
    )
    median = summary["fields"][1]["gray_matter_percentiles"]["50.0"]
    below = gray & (magnitude <= median * (1 + 1e-9))
    share = head.volumes[below].sum() / head.volumes[gray].sum()
    largest = head.volumes[gray].max() / head.volumes[gray].sum()
    assert 0.5 <= share <= 0.5 + largest


def test_another_run_replaces_the_files_of_the_first(case, tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "write_overview", no_picture)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "summary.json").write_text("old")
    assert run(*case.simulate(tmp_path)).status == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES | {
        "pulses.csv",
        "notes.txt",
    }
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert json.loads((tmp_path / "summary.json").read_text())["poses"] == 1


def test_a_casing_that_cuts_the_scalp_is_warned_of(case, tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "write_overview", no_picture)
    leaning = pose_over([0, 0, 1]).moved(jnp.zeros(3), jnp.array([0.4, 0.0, 0.0]))
    np.savetxt(tmp_path / "pose.txt", leaning.to_matsimnibs())
    result = run(*case.simulate(tmp_path / "out", pose=tmp_path / "pose.txt"), "--json")
    assert result.status == 0
    gap = result.json["fields"][0]["scalp_clearance_mm"]
    assert gap < 0
    assert f"casing cuts the scalp by {-gap:.1f} mm" in result.err


SHEAR = np.array([[1.0, 0.3, 0], [0, np.sqrt(0.91), 0], [0, 0, 1]])

BAD_POSES = {
    "shear": (matrix_with(SHEAR), ["shear"]),
    "reflection": (matrix_with(np.diag([-1.0, 1, 1])), ["reflection"]),
    "scale": (matrix_with(1.1 * np.eye(3)), ["scale"]),
    "transposed": (matrix_with().T, ["last row", "transposed"]),
    "nan": (nan_matrix(), ["not finite"]),
    "3x4": (matrix_with()[:3], ["(3, 4)", "4×4"]),
    "inside": (matrix_with(centre=[0, 0, 60]), ["inside the head", "mm beneath"]),
    "micrometres": (matrix_with(centre=[0, 0, 90e3]), ["mm"]),
}


@pytest.mark.parametrize("kind", BAD_POSES)
@pytest.mark.parametrize("ending", ["txt", "npy", "json"])
def test_a_bad_pose_is_refused(case, tmp_path, kind, ending):
    matrix, needed = BAD_POSES[kind]
    file = tmp_path / f"pose.{ending}"
    if ending == "npy":
        np.save(file, matrix)
    elif ending == "json":
        file.write_text(json.dumps(matrix.tolist()))
    else:
        np.savetxt(file, matrix)
    words = case.simulate(tmp_path / "out", pose=file)
    one_line(refused(words, tmp_path, str(file), *needed))


@pytest.mark.parametrize(
    ("ending", "content", "needed"),
    [
        ("txt", "", ["empty", "4×4"]),
        ("txt", "# only a comment\n", ["empty"]),
        ("txt", "Dear all,\nhere is the pose\n", ["Dear"]),
        ("txt", "1 0 0 0\n0 1 0 0\n0 0 1\n0 0 0 1\n", ["3, 4 numbers"]),
        ("csv", "x,y,z\n1,2,3\n", ["x"]),
        ("json", "", ["line 1", "4×4"]),
        ("json", "{", ["line 1", "4×4"]),
        ("json", '{"a": 1, "b": 2}', ["matsimnibs", "a, b"]),
        ("json", '"hello"', ["hello"]),
        ("json", "[]", ["4×4"]),
        ("json", "[[1, 2], [3]]", ["inhomogeneous", "4×4"]),
        ("npy", "", ["No data", "4×4"]),
        ("npy", "hello", ["cannot be read as poses"]),
        ("npz", "hello", ["cannot be read as poses"]),
        ("npz", "PK\3\4hello", ["cannot be read as poses"]),
        ("mat", "hello", [".mat", ".npz"]),
    ],
)
def test_a_file_that_holds_no_pose_is_refused(case, tmp_path, ending, content, needed):
    file = tmp_path / f"pose.{ending}"
    file.write_text(content)
    words = case.simulate(tmp_path / "out", pose=file)
    one_line(refused(words, tmp_path, str(file), *needed))


def test_the_pose_inside_the_head_is_counted_from_0(case, tmp_path):
    good, bad = matrix_with(), matrix_with(centre=[0, 0, 60])
    np.save(tmp_path / "poses.npy", np.stack([good, good, bad]))
    words = case.simulate(tmp_path / "out", pose=tmp_path / "poses.npy")
    refused(words, tmp_path, "pose 2 puts the coil inside the head")
